from collections.abc import Awaitable, Callable

import cache_checked
from cache import Table, read, serve, write

from junto import sim


async def change_a_price(
    world: sim.World, cache: Table, reading: Callable[[str, int], Awaitable[None]]
) -> None:
    database = Table()
    database.put("bread", "3.00")
    world.host("database").run(serve, database)
    world.host("cache").run(serve, cache)
    await world.sleep(1)
    shop, baker = world.hosts("shop", "baker")
    shop.run(reading, "bread", 20)
    baker.run(write, "bread", ["3.10", "3.20", "3.30", "3.40"])
    await world.sleep(20)
    found, right = cache.get("bread"), database.get("bread")
    assert found in (right, None), f"the cache has {found}, the database {right}"


async def test_the_cache_is_right_in_the_end(world: sim.World) -> None:
    await change_a_price(world, Table(), read)


async def test_a_checked_cache_is_right_in_the_end(world: sim.World) -> None:
    await change_a_price(world, cache_checked.Cache(), cache_checked.read)
