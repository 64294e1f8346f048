from gevent import monkey

monkey.patch_all()

import time

import gevent

from junto import expose, sync


class Mill:
    @expose
    def grind(self, corn: str) -> str:
        time.sleep(0.05)
        return f"{corn} flour"


def main() -> None:
    with sync.serve(Mill(), "tcp://127.0.0.1:0", workers=4) as server:
        server.start_thread()
        with sync.connect(server.addresses[0]) as peer:
            mills = [gevent.spawn(peer.remote.grind, corn) for corn in ("oat", "rye", "wheat")]
            for mill in mills:
                print(mill.get(timeout=5.0))


if __name__ == "__main__":
    main()
