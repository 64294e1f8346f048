import asyncio

from junto import RemoteError, expose
from junto.agents import aio


class Seller(aio.Agent):
    def __init__(self, container: aio.Container, price: float) -> None:
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


class Broker(aio.Agent):
    @expose
    async def cheapest(self, sellers: list) -> aio.AgentProxy:
        prices = [(await seller.price(), number) for number, seller in enumerate(sellers)]
        return sellers[min(prices)[1]]


async def main() -> None:
    async with (
        aio.open_container("tcp://127.0.0.1:0") as shop,
        aio.open_container("tcp://127.0.0.1:0") as exchange,
        aio.open_container("tcp://127.0.0.1:0") as home,
    ):
        urls = [Seller(shop, price).url for price in (3.5, 2.5)]
        broker = await home.connect(Broker(exchange).url)
        sellers = [await home.connect(url) for url in urls]
        best = await broker.cheapest(sellers)
        print("the second is cheapest:", best == sellers[1])
        try:
            await best.buy(2.0)
        except RemoteError as error:
            print("refused:", error.message)
        print(await best.buy(2.5))


if __name__ == "__main__":
    asyncio.run(main())
