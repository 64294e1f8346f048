"""Containers on simulated computers: each is a program of its own, and the seed decides what comes first."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from junto import expose, sim
from junto.agents import aio
from junto.errors import ConnectionFailed, ConnectionLost

SENDERS = 4


class Log(aio.Agent):
    def __init__(self, container: aio.Container, log: list[Any]) -> None:
        super().__init__(container)
        self.log = log

        self.full = asyncio.Event()

    @expose
    def keep(self, value: Any) -> None:
        self.log.append(value)
        if len(self.log) == 3 * SENDERS:
            self.full.set()


def test_each_computer_has_local_names_of_its_own_which_a_crash_frees() -> None:
    async def serve(log: list[str], name: str) -> None:
        async with aio.open_container("local://here") as there, aio.open_container() as here:
            Log(there, log)
            await (await here.connect("local://here/0")).keep(name)
            await asyncio.Event().wait()

    async def visit() -> None:
        async with aio.open_container() as container:
            with pytest.raises(ConnectionFailed, match="refused"):
                await container.connect("local://here/0")

    def run() -> list[str]:
        log: list[str] = []
        world = sim.World(seed=1)
        a, b, c = world.hosts("a", "b", "c")
        a.run(serve, log, "a")
        b.run(serve, log, "b")

        async def control() -> None:
            await world.sleep(0.1)
            await c.run(visit).wait()
            a.kill()
            a.restart()
            await world.sleep(0.1)

        world.run(control)
        return log

    gc.disable()  # what a world leaves must not hinder the next one
    try:
        for _ in range(2):
            log = run()
            assert log[-1] == "a"
            assert sorted(log) == ["a", "a", "b"]
    finally:
        gc.enable()


async def send(container: aio.Container, url: str, name: int) -> None:
    log = await container.connect(url, timeout=5)
    for number in range(3):
        container.tell(log, "keep", [name, number])
        await asyncio.sleep(0.001)


async def in_one_program() -> list[Any]:
    log: list[Any] = []
    async with aio.open_container("local://log") as container:
        keeper = Log(container, log)
        async with asyncio.TaskGroup() as group:
            for name in range(SENDERS):
                group.create_task(from_a_container(name))
        await keeper.full.wait()
    return log


async def from_a_container(name: int) -> None:
    async with aio.open_container() as container:
        await send(container, "local://log/0", name)


def order_in_one_program(seed: int, **settings: Any) -> list[Any]:
    world = sim.World(seed=seed, **settings)
    found: list[Any] = world.run(lambda: world.host("one").run(in_one_program).wait())
    return found


def order_on_a_network(seed: int) -> list[Any]:
    world = sim.World(seed=seed)

    async def keep(log: list[Any]) -> list[Any]:
        async with aio.open_container("tcp://log:5555") as container:
            await Log(container, log).full.wait()
        return log

    async def one(name: int) -> None:
        async with aio.open_container() as container:
            await send(container, "tcp://log:5555/0", name)
            await asyncio.sleep(1)

    async def control() -> list[Any]:
        keeping = world.host("log").run(keep, [])
        for name in range(SENDERS):
            world.host(f"sender-{name}").run(one, name)
        log: list[Any] = await keeping.wait()
        await world.sleep(2)
        return log

    found: list[Any] = world.run(control)
    return found


def test_local_connections_have_one_order_whatever_the_seed() -> None:
    orders = [order_in_one_program(seed) for seed in range(4)]
    assert orders == [orders[0]] * 4
    assert orders[0][:SENDERS] == [[name, 0] for name in range(SENDERS)]


def test_tasks_that_are_permuted_give_local_connections_another_order_by_the_seed() -> None:
    orders = [order_in_one_program(seed, mode="adversarial") for seed in range(6)]
    assert len({str(order) for order in orders}) > 1
    assert orders[3] == order_in_one_program(3, mode="adversarial")
    for order in orders:  # and what one sends comes in order
        for name in range(SENDERS):
            assert [number for whose, number in order if whose == name] == [0, 1, 2]


def test_on_a_network_the_seed_decides_the_order_and_repeats_it() -> None:
    orders = [order_on_a_network(seed) for seed in range(6)]
    assert len({str(order) for order in orders}) > 1
    assert orders == [order_on_a_network(seed) for seed in range(6)]


def test_a_computer_that_loses_its_power_is_noticed_by_its_heartbeat() -> None:
    world = sim.World(seed=1)
    lost: list[float] = []
    failures: list[str] = []

    async def serve() -> None:
        async with aio.open_container("tcp://there:5555") as container:
            Log(container, [])
            await asyncio.Event().wait()

    async def watch() -> float:
        def report(failure: aio.Failure) -> None:
            failures.append(str(failure.error))

        async with aio.open_container(heartbeat=2.0, on_failure=report) as container:
            log = await container.connect("tcp://there:5555/0", timeout=5)
            await container.watch(log, lambda: lost.append(asyncio.get_running_loop().time()))
            await asyncio.sleep(60)
            assert lost == []
            world.host("there").power_off()
            start = asyncio.get_running_loop().time()
            with pytest.raises(ConnectionLost, match="no sign of life"):
                await log.keep(1)
            await asyncio.sleep(0.01)
            return lost[0] - start

    world.host("there").run(serve)
    assert 2.0 <= world.run(lambda: world.host("here").run(watch).wait()) <= 4.1
    assert len(failures) == 1
