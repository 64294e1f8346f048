import trio

import junto.trio


async def main() -> None:
    async with junto.trio.connect("tcp://127.0.0.1:5555") as peer:
        print(await peer.remote.temperature("tomatoes"))
        print(await peer.remote.set_shade(percent=40))


if __name__ == "__main__":
    trio.run(main)
