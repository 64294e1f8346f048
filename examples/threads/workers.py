import time

from junto import RemoteError, expose, sync


class Shop:
    @expose
    def order(self, thing: str, customer: sync.Proxy) -> str:
        return f"{thing} for {customer.name()}"


class Customer:
    @expose
    def name(self) -> str:
        return "Ann"


class Oven:
    @expose
    def bake(self) -> None:
        time.sleep(0.3)


def main() -> None:
    customer = Customer()
    for workers in (0, 1):
        with sync.serve(Shop(), "tcp://127.0.0.1:0", workers=workers) as server:
            server.start_thread()
            with sync.connect(server.addresses[0], service=customer) as peer:
                try:
                    print(workers, "workers:", peer.remote.order("bread", customer))
                except RemoteError as error:
                    print(workers, "workers:", error)

    with sync.serve(Oven(), "tcp://127.0.0.1:0", workers=2) as server:
        server.start_thread()
        with sync.connect(server.addresses[0]) as peer:
            peer.start_thread()
            start = time.monotonic()
            for call in [peer.futures.bake(), peer.futures.bake()]:
                call.result()
            print("two at once:", time.monotonic() - start < 0.55)


if __name__ == "__main__":
    main()
