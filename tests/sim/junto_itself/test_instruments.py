"""Simulated instruments, and clients that block or wait, on simulated hosts."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from junto import aio, sim, sync
from junto.instrument.errors import ConnectionTimeoutError
from junto.instrument.script import Pause
from junto.instrument.simulated import SimulatedInstrument
from junto.sim.world import World

ANSWERS = {
    "*IDN?": "ACME,Box,1,0",
    "volt?": "1.5",
    "slow?": [Pause(3.0), "late"],
    "echo *": lambda rest: rest,
}


def be_an_instrument() -> None:
    with SimulatedInstrument(ANSWERS, host="0.0.0.0", port=5025):
        time.sleep(1000)


def measure() -> list[Any]:
    with sync.TCP("bench", 5025, timeout=5) as client:
        return [client.query("volt?"), client.query("slow?"), client.query("echo hello")]


async def measure_later() -> list[Any]:
    client = aio.TCP("bench", 5025, timeout=5)
    async with client:
        return [await client.query("volt?"), await client.query("slow?"), await client.query("echo hello")]


@pytest.mark.parametrize("seed", range(5))
def test_an_instrument_is_asked_by_programs_that_block_and_that_wait(seed: int) -> None:
    world = sim.World(seed, chunking=0.4)
    bench, desk, table = world.hosts("bench", "desk", "table")

    async def main() -> Any:
        bench.program(be_an_instrument)
        await world.sleep(1)
        begun = world.now
        programs = [desk.program(measure), table.run(measure_later)]
        found = [await program.wait() for program in programs]
        assert 3 < world.now - begun < 3.5
        return found

    assert world.run(main) == [["1.5", "late", "hello"]] * 2


def test_an_instrument_that_cannot_be_reached_is_found_again() -> None:
    async def ask(world: World) -> list[Any]:
        seen: list[Any] = []
        async with aio.TCP("bench", 5025, timeout=1) as client:
            seen.append(await client.query("volt?"))
            partition = world.net.partition("bench")
            with pytest.raises(ConnectionTimeoutError):
                await client.query("volt?")
            partition.heal()
            await asyncio.sleep(5)
            seen.append(await client.query("echo again"))
        return seen

    async def main(world: World) -> Any:
        bench, desk = world.hosts("bench", "desk")
        bench.program(be_an_instrument)
        await world.sleep(1)
        return await desk.run(ask, world).wait()

    for seed in range(10):
        world = sim.World(seed, chunking=0.4)
        assert world.run(main, world) == ["1.5", "again"]
