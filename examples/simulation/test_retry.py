from retry import Shop, buy
from retry_once import CarefulShop

from junto import sim

FAULTS = sim.Faults(partition=True, every=5)


async def sell(world: sim.World, shop: Shop) -> None:
    def nothing_is_sold_twice() -> bool:
        twice = {order for order in shop.sold if shop.sold.count(order) > 1}
        assert not twice, f"{', '.join(sorted(twice))} was sold twice"
        return True

    world.host("shop").run(shop.serve)
    for customer in world.hosts("anne", "bert"):
        customer.run(buy, customer.name, 20)
    world.always("nothing is sold twice", nothing_is_sold_twice)
    world.eventually("all is sold", lambda: len(set(shop.sold)) == 40)
    await world.sleep(20)


@sim.test(faults=FAULTS)
async def test_retry(world: sim.World) -> None:
    await sell(world, Shop())


@sim.test(faults=FAULTS)
async def test_retry_once(world: sim.World) -> None:
    await sell(world, CarefulShop())
