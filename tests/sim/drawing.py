"""Programs whose failures come from what they draw, or from faults that they bring about themselves."""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from typing import Any

from junto import sim


async def drawing(world: sim.World, draw: Any) -> Any:
    async def main() -> Any:
        await asyncio.sleep(0.001)
        return draw()

    return await world.host("a").run(main).wait()


async def draws_a_number(world: sim.World) -> None:
    assert await drawing(world, random.random) < 0.9


async def draws_bytes(world: sim.World) -> None:
    assert await drawing(world, lambda: os.urandom(1)[0]) < 230


async def draws_for_nothing(world: sim.World) -> None:
    await drawing(world, lambda: (random.random(), uuid.uuid4()))
    raise ValueError("always")


async def draws_on_one_of_two(world: sim.World) -> None:
    async def other() -> float:
        return random.random()

    await world.host("b").run(other).wait()
    assert await drawing(world, random.random) < 0.9


async def chooses(world: sim.World) -> None:
    assert await drawing(world, lambda: sim.choose(10, "random walk")) < 9


async def is_cut_off(world: sim.World, inject: Any) -> None:
    async def listen() -> None:
        async with await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0", 1) as server:
            await server.serve_forever()

    async def talk() -> None:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection("server", 1)
            await reader.read()
            writer.close()

    server, client = world.hosts("server", "client")
    server.run(listen)
    await world.sleep(0.1)
    inject()
    for _ in range(5):
        await world.sleep(1)
        await client.run(talk).wait()


async def draws_its_faults(world: sim.World) -> None:
    await is_cut_off(world, lambda: world.inject(sim.Faults(partition=True, pause=True, duration=5)))


async def writes_its_faults(world: sim.World) -> None:
    await is_cut_off(
        world, lambda: world.inject("0s pause client for 10ms; 0.5s partition server|client for 9s")
    )
