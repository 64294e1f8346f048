import redis.asyncio as redis

from junto import sim
from junto.sim.standins import RespServer


async def visit(times: int) -> None:
    async with redis.Redis(host="store", port=6379) as store:
        for _ in range(times):
            await store.incr("visits")


@sim.test(faults=sim.Faults(latency=(0.001, 0.05), chunking=0.2))
async def test_every_visit_counts(world: sim.World) -> None:
    server = RespServer()
    world.host("store").run(server.serve_forever)
    await world.sleep(1)
    visitors = [host.run(visit, 10) for host in world.hosts("anne", "bert")]
    for visitor in visitors:
        await visitor.wait()
    async with redis.Redis(host="store", port=6379) as store:
        assert await store.get("visits") == b"20"
