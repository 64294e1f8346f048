from junto import RemoteError, sync


def main() -> None:
    with sync.connect("tcp://127.0.0.1:5555") as peer:
        try:
            peer.remote.set_shade(140)
        except RemoteError as error:
            print(error)
            print("its type over there:", error.type_name)
        try:
            peer.remote.set_shade("half")
        except RemoteError as error:
            print(error)
        try:
            peer.remote.sing()
        except RemoteError as error:
            print(error)
        print(peer.remote.set_shade(100))


if __name__ == "__main__":
    main()
