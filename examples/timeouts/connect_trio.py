import trio

import junto.trio
from junto import ConnectionFailed


async def main() -> None:
    try:
        # Nobody listens there.
        async with junto.trio.connect("tcp://127.0.0.1:1", timeout=0.3):
            print("connected")
    except ConnectionFailed:
        print("nobody is there")


if __name__ == "__main__":
    trio.run(main)
