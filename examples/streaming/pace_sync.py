from collections.abc import Iterator

from junto import expose, sync


class Scale:
    def __init__(self) -> None:
        self.weighed = 0

    @expose
    def weights(self) -> Iterator[float]:
        for number in range(1000):
            self.weighed += 1
            yield 1.5 * number


def settle(peer: sync.Peer) -> None:
    # Questions are taken in their order, so what was sent before the first of two is done at the second.
    peer.ping()
    peer.ping()


def main() -> None:
    scale = Scale()
    with sync.serve(scale, "tcp://127.0.0.1:0") as server:
        server.start_thread()
        with sync.connect(server.addresses[0]) as peer:
            weights = peer.remote.weights()
            settle(peer)
            print("read: 0, weighed:", scale.weighed)
            for _ in range(16):
                next(weights)
            settle(peer)
            print("read: 16, weighed:", scale.weighed)
            weights.close()


if __name__ == "__main__":
    main()
