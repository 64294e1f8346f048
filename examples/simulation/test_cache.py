from collections.abc import Awaitable, Callable

import cache_checked
from cache import Table, read, serve, write

from junto import sim

FAULTS = sim.Faults(latency=(0.001, 0.05))


async def sell_bread(world: sim.World, cache: Table, reading: Callable[[str, int], Awaitable[None]]) -> None:
    database = Table()
    database.put("bread", "3.00")
    right = 0.0  # when it was last seen to be

    def cache_is_right() -> bool:
        nonlocal right
        if database.get("bread") == cache.get("bread") or cache.get("bread") is None:
            right = world.now
        assert world.now < right + 0.5, f"it has {cache.get('bread')} for {database.get('bread')}"
        return True

    world.host("database").run(serve, database)
    world.host("cache").run(serve, cache)
    await world.sleep(1)
    world.host("shop").run(reading, "bread", 20)
    world.host("baker").run(write, "bread", ["3.10", "3.20", "3.30", "3.40"])
    world.always("the cache is right again half a second after a change", cache_is_right)
    await world.sleep(20)


@sim.test(faults=FAULTS)
async def test_cache(world: sim.World) -> None:
    await sell_bread(world, Table(), read)


@sim.test(faults=FAULTS)
async def test_cache_checked(world: sim.World) -> None:
    await sell_bread(world, cache_checked.Cache(), cache_checked.read)
