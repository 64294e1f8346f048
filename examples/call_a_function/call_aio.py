from junto import aio


async def main() -> None:
    async with aio.connect("tcp://127.0.0.1:5555") as peer:
        print(await peer.remote.temperature("tomatoes"))
        print(await peer.remote.set_shade(percent=40))


if __name__ == "__main__":
    aio.run(main())
