import asyncio

from junto import expose, sim
from junto.agents import aio

BIDDERS = ("ann", "bob", "cyd", "dan")


class Auction(aio.Agent):
    def __init__(self, container: aio.Container) -> None:
        super().__init__(container)
        self.bids: list[str] = []
        self.is_over = asyncio.Event()

    @expose
    def bid(self, name: str) -> None:
        self.bids.append(name)
        if len(self.bids) == len(BIDDERS):
            self.is_over.set()


async def hold(url: str) -> str:
    async with aio.open_container(url) as container:
        auction = Auction(container)
        await auction.is_over.wait()
        return " ".join(auction.bids)


async def take_part(name: str, url: str) -> None:
    async with aio.open_container() as container:
        auction = await container.connect(f"{url}/0", timeout=5)
        await auction.bid(name)


async def in_one_program() -> str:
    url = "local://hall"
    order, *_ = await asyncio.gather(hold(url), *(take_part(name, url) for name in BIDDERS))
    return order


def on_computers(seed: int) -> str:
    world = sim.World(seed=seed)

    async def auction() -> str:
        hall = world.host("hall").run(hold, "tcp://hall:5555")
        for name in BIDDERS:
            world.host(name).run(take_part, name, "tcp://hall:5555")
        order: str = await hall.wait()
        return order

    return world.run(auction)


def main() -> None:
    for _ in range(2):
        print("in one program:", asyncio.run(in_one_program()))
    for seed in (3, 4, 3, 4):
        print(f"seed {seed}:", on_computers(seed))


if __name__ == "__main__":
    main()
