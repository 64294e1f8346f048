from concurrent.futures import ThreadPoolExecutor

from junto import expose, sync


class Math:
    @expose
    def square(self, x: int) -> int:
        return x * x


def main() -> None:
    with sync.serve(Math(), "tcp://127.0.0.1:0") as server:
        server.start_thread()
        with sync.connect(server.addresses[0]) as peer, ThreadPoolExecutor(8) as pool:
            print(sum(pool.map(peer.remote.square, range(1000))))


if __name__ == "__main__":
    main()
