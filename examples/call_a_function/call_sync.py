from junto import sync


def main() -> None:
    with sync.connect("tcp://127.0.0.1:5555") as peer:
        print(peer.remote.temperature("tomatoes"))
        print(peer.remote.set_shade(percent=40))


if __name__ == "__main__":
    main()
