"""How a run ends for what its programs have left."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from junto import aio, expose
from junto.sim import World, run
from junto.sim.interception import borrowing
from junto.sim.interception.numbering import tasks_by_loop
from junto.sim.loop import HostLoop


def test_code_that_awaits_while_its_run_ends_is_ended_without_complaint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # R9, trap 23
    complaints: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", complaints.append)
    log: list[str] = []

    async def inner() -> None:
        never = asyncio.get_running_loop().create_future()
        try:
            await never
        finally:
            try:
                await never
            finally:
                await never

    async def outer() -> None:
        try:
            await inner()
        finally:
            log.append("outer")

    async def scenario(world: World) -> None:
        world.host("a").run(outer)
        await world.sleep(1)

    world = World(1)
    world.run(scenario, world)
    assert log == ["outer"]
    assert complaints == []


class Clock:
    @expose
    def tell(self) -> float:
        return asyncio.get_running_loop().time()


async def served_and_called(world: World) -> None:
    async def serve() -> None:
        async with aio.serve(Clock(), "tcp://0.0.0.0:5555"):
            await asyncio.Event().wait()

    async def call() -> None:
        async with aio.connect("tcp://server:5555", timeout=None) as peer:
            while True:
                await peer.remote.tell()
                await asyncio.sleep(0.1)

    server, client = world.hosts("server", "client")
    server.run(serve)
    client.run(call)
    await world.sleep(0.5)
    client.kill()
    client.restart()
    await world.sleep(0.5)


def test_nothing_of_a_run_is_left_when_all_is_collected() -> None:  # R9
    loops: list[weakref.ref[HostLoop]] = []

    async def scenario(world: World) -> None:
        await served_and_called(world)
        loops.extend(weakref.ref(host.loop) for host in world.hosts())

    for seed in range(3):
        run(scenario, seed)
    gc.collect()
    assert len(loops) == 6
    assert [loop() for loop in loops] == [None] * 6


def test_tasks_of_runs_that_are_over_do_not_stand_among_those_of_the_next() -> None:
    before = {loop for loop in tasks_by_loop() if isinstance(loop, HostLoop)}
    kept = run(served_and_called, 1)  # nothing of it can be collected
    assert {loop for loop in tasks_by_loop() if isinstance(loop, HostLoop)} <= before
    assert kept.error is None


def test_now_and_then_all_that_runs_have_left_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(borrowing, "BETWEEN_COLLECTIONS", 10**9)
    monkeypatch.setattr(borrowing, "BETWEEN_WHOLE_ONES", 5_000)
    worlds: list[weakref.ref[World]] = []

    async def scenario(world: World) -> None:
        worlds.append(weakref.ref(world))
        await served_and_called(world)

    for seed in range(30):
        run(scenario, seed)
    assert sum(world() is not None for world in worlds) < 10


def test_tasks_of_many_hosts_have_numbers_that_differ() -> None:
    numbers: set[int] = set()

    async def work() -> None:
        numbers.add(hash(asyncio.current_task()))

    async def scenario(world: World) -> None:
        for host in world.hosts(*map(str, range(50))):
            host.run(work)
        await world.sleep(1)

    assert run(scenario).error is None
    assert len(numbers) == 50
