import threading
from collections.abc import Iterator
from contextlib import closing

from junto import RemoteError, expose, sync


class Scale:
    def __init__(self) -> None:
        self.off = threading.Event()

    @expose
    def weights(self) -> Iterator[float]:
        try:
            for number in range(1000):
                yield 1.5 * number
        finally:
            self.off.set()

    @expose
    def broken(self) -> Iterator[float]:
        yield 1.5
        raise OSError("the cable is out")


def main() -> None:
    scale = Scale()
    with sync.serve(scale, "tcp://127.0.0.1:0") as server:
        server.start_thread()
        with sync.connect(server.addresses[0]) as peer:
            with closing(peer.remote.weights()) as weights:
                for weight in weights:
                    if weight > 2:
                        break
            print(weight, "kg is enough")
            scale.off.wait(5.0)
            print("the scale is off")

            try:
                for weight in peer.remote.broken():
                    print(weight, "kg")
            except RemoteError as error:
                print(error)


if __name__ == "__main__":
    main()
