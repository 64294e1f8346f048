from junto import RemoteError, expose
from junto.agents import sync


class Seller(sync.Agent):
    def __init__(self, container: sync.Container, price: float) -> None:
        super().__init__(container)
        self.asked = price

    @expose
    def price(self) -> float:
        return self.asked

    @expose
    def buy(self, offer: float) -> str:
        if offer < self.asked:
            raise ValueError(f"{offer} is not enough")
        return "sold"


class Broker(sync.Agent):
    @expose
    def cheapest(self, sellers: list) -> sync.AgentProxy:
        prices = [(seller.price(), number) for number, seller in enumerate(sellers)]
        return sellers[min(prices)[1]]


def main() -> None:
    with (
        sync.open_container("tcp://127.0.0.1:0") as shop,
        sync.open_container("tcp://127.0.0.1:0", workers=1) as exchange,
        sync.open_container("tcp://127.0.0.1:0") as home,
    ):
        shop.start_thread()
        exchange.start_thread()
        urls = [Seller(shop, price).url for price in (3.5, 2.5)]
        broker = home.connect(Broker(exchange).url)
        sellers = [home.connect(url) for url in urls]
        best = broker.cheapest(sellers)
        print("the second is cheapest:", best == sellers[1])
        try:
            best.buy(2.0)
        except RemoteError as error:
            print("refused:", error.message)
        print(best.buy(2.5))


if __name__ == "__main__":
    main()
