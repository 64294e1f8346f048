from asyncio import sleep
from random import uniform

from junto import aio, expose, sim


class Counter:
    value = 0

    @expose
    def get(self) -> int:
        return self.value

    @expose
    def put(self, value: int) -> None:
        self.value = value


async def serve(counter: Counter) -> None:
    await aio.serve(counter, "tcp://0.0.0.0:5555")


async def add_one() -> None:
    await sleep(uniform(0.1, 1))
    async with aio.connect("tcp://server:5555") as peer:
        await peer.remote.put(await peer.remote.get() + 1)


@sim.test(seeds=300)
async def test_both_are_counted(world: sim.World) -> None:
    server, anne, bert = world.hosts("server", "anne", "bert")
    counter = Counter()
    server.run(serve, counter)
    for program in anne.run(add_one), bert.run(add_one):
        await program.wait()
    assert counter.value == 2
