from junto import RequestTimeout, sync


def main() -> None:
    with sync.connect("tcp://127.0.0.1:5555", timeout=5.0) as peer:
        try:
            peer.remote.measure_soil("basil", timeout=0.1)
        except RequestTimeout as error:
            print(error)
        print(peer.remote.temperature("basil", timeout=5.0))


if __name__ == "__main__":
    main()
