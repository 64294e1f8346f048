from junto import RemoteError, expose, simpy
from junto.agents import simpy as agents


class Seller(agents.Agent):
    def __init__(self, container: agents.Container, price: float) -> None:
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


class Broker(agents.Agent):
    @expose
    def cheapest(self, sellers: list):
        prices = []
        for number, seller in enumerate(sellers):
            price = yield seller.price()
            prices.append((price, number))
        return sellers[min(prices)[1]]


def trade(env):
    shop = yield agents.open_container(env, "tcp://127.0.0.1:0")
    exchange = yield agents.open_container(env, "tcp://127.0.0.1:0")
    home = yield agents.open_container(env, "tcp://127.0.0.1:0")
    urls = [Seller(shop, price).url for price in (3.5, 2.5)]
    broker = yield home.connect(Broker(exchange).url)
    sellers = []
    for url in urls:
        seller = yield home.connect(url)
        sellers.append(seller)
    best = yield broker.cheapest(sellers)
    print("the second is cheapest:", best == sellers[1])
    try:
        yield best.buy(2.0)
    except RemoteError as error:
        print("refused:", error.message)
    print((yield best.buy(2.5)))
    for container in (home, exchange, shop):
        yield container.close()


def main() -> None:
    env = simpy.Environment()
    env.run(until=env.process(trade(env)))


if __name__ == "__main__":
    main()
