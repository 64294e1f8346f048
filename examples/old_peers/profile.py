from junto import MOSAIK, SIMPYIO, RemoteError, expose, sync


class Math:
    @expose
    def divide(self, a: float, b: float) -> float:
        return a / b


def main() -> None:
    for profile in (SIMPYIO, MOSAIK):
        with sync.serve(Math(), "tcp://127.0.0.1:0", **profile) as server:
            server.start_thread()
            with sync.connect(server.addresses[0], **profile) as peer:
                try:
                    peer.remote.divide(1, 0)
                except RemoteError as error:
                    print(type(error.content).__name__, "|", error)


if __name__ == "__main__":
    main()
