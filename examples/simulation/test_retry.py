from retry import Shop, buy
from retry_once import CarefulShop

from junto import sim


async def sell(world: sim.World, shop: Shop) -> None:
    world.host("shop").run(shop.serve)
    for customer in world.hosts("anne", "bert"):
        customer.run(buy, customer.name, 20)
    world.always("nothing is sold twice", lambda: len(shop.sold) == len(set(shop.sold)))
    world.eventually("all is sold", lambda: len(set(shop.sold)) == 40)
    await world.sleep(20)


async def test_nothing_is_sold_twice(world: sim.World) -> None:
    await sell(world, Shop())


async def test_nothing_is_sold_twice_if_orders_are_known(world: sim.World) -> None:
    await sell(world, CarefulShop())
