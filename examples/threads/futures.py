import time
from concurrent.futures import as_completed

from junto import expose, sync


class Mill:
    @expose
    def grind(self, what: str, seconds: float) -> str:
        time.sleep(seconds)
        return f"{what}: ground"


def main() -> None:
    with sync.serve(Mill(), "tcp://127.0.0.1:0", workers=4) as server:
        server.start_thread()
        with sync.connect(server.addresses[0]) as peer:
            peer.start_thread()
            calls = [
                peer.futures.grind("wheat", 0.4),
                peer.futures.grind("rye", 0.2, timeout=5.0),
                peer.futures.grind("oat", 0.0),
            ]
            for call in as_completed(calls):
                print(call.result())


if __name__ == "__main__":
    main()
