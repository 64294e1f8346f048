import time

from junto import ConnectionLost, expose, sync


class Slow:
    @expose
    def answer(self, after: float) -> str:
        time.sleep(after)
        return "done"


def main() -> None:
    server = sync.serve(Slow(), "tcp://127.0.0.1:0", workers=4)
    server.start_thread()
    url = server.addresses[0]
    with sync.connect(url, reconnect=True) as peer:
        peer.start_thread()
        print(peer.remote.answer(0))

        in_flight = peer.futures.answer(1)
        server.abort()
        server.close()
        try:
            in_flight.result()
        except ConnectionLost:
            print("lost; whether it was done, nobody knows")

        waiting = peer.futures.answer(0, timeout=10.0)
        with sync.serve(Slow(), url, workers=4) as server:
            server.start_thread()
            print(waiting.result())


if __name__ == "__main__":
    main()
