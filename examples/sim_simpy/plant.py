import asyncio

import simpy

from junto import aio, expose
from junto import simpy as junto_simpy
from junto.sim import World


class Plant:
    """One machine, which takes two seconds for a part."""

    def __init__(self, env):
        self.env = env
        self.machine = simpy.Resource(env, capacity=1)

    @expose
    def make(self, part: str):
        with self.machine.request() as turn:
            yield turn
            yield self.env.timeout(2)
        return f"{part} at {self.env.now:.2f}"


async def order():
    async with aio.connect("tcp://plant:5555", timeout=5) as peer:
        calls = [peer.remote.make(part) for part in ("wheel", "door", "roof")]
        for made in await asyncio.gather(*calls):
            print(made)


def main():
    world = World(seed=1, latency=0.01)
    plant, office = world.hosts("plant", "office")
    env = plant.simpy()
    junto_simpy.serve(env, Plant(env), "tcp://:5555")

    async def control():
        await office.run(order).wait()

    world.run(control)


if __name__ == "__main__":
    main()
