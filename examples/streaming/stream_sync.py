import time
from collections.abc import Iterator

from junto import expose, sync


class Scale:
    @expose
    def weights(self, count: int) -> Iterator[float]:
        """Weigh some parcels."""
        for number in range(count):
            time.sleep(0.01)
            yield 1.5 * number


def main() -> None:
    with sync.serve(Scale(), "tcp://127.0.0.1:0", workers=1) as server:
        server.start_thread()
        with sync.connect(server.addresses[0]) as peer:
            for weight in peer.remote.weights(3):
                print(weight, "kg")


if __name__ == "__main__":
    main()
