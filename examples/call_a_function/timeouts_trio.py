import trio

import junto.trio
from junto import RequestTimeout


async def main() -> None:
    async with junto.trio.connect("tcp://127.0.0.1:5555", timeout=5.0) as peer:
        try:
            await peer.remote.measure_soil("basil", timeout=0.1)
        except RequestTimeout as error:
            print(error)
        print(await peer.remote.temperature("basil", timeout=5.0))


if __name__ == "__main__":
    trio.run(main)
