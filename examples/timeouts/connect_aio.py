from junto import ConnectionFailed, aio


async def main() -> None:
    try:
        # Nobody listens there.
        async with aio.connect("tcp://127.0.0.1:1", timeout=0.3):
            print("connected")
    except ConnectionFailed:
        print("nobody is there")


if __name__ == "__main__":
    aio.run(main())
