from junto import ConnectionFailed, sync


def main() -> None:
    try:
        # Nobody listens there.
        with sync.connect("tcp://127.0.0.1:1", timeout=0.3):
            print("connected")
    except ConnectionFailed:
        print("nobody is there")


if __name__ == "__main__":
    main()
