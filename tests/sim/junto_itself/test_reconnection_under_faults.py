"""Clients that connect again by themselves, to a server that crashes, restarts, or cannot be reached."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from junto import aio, expose, sim
from junto.errors import JuntoError
from junto.sim.world import World

from .promises import BLOCK, MANY, QUICK, RECOVERY, Promises, hold, pause, this_host

URL = "tcp://server:5555"
TIMEOUT = 1.0

FAULTS = sim.Faults(
    latency=(0.0005, 0.02),
    loss=0.02,
    partition=True,
    reset=True,
    crash=["server"],
    power_off=["server"],
    restart=["server"],
    pause=True,
    dns=True,
    gray=True,
    duration=8.0,
    every=5.0,
    lasting=(0.02, 3.0),
)


class Service:
    def __init__(self, promises: Promises) -> None:
        self._promises = promises

    @expose
    def at_once(self, number: int) -> Any:
        return self._promises.carry_out(number)

    @expose
    async def later(self, number: int) -> Any:
        answer = self._promises.carry_out(number)
        await pause(0.05)
        return answer


async def serve(promises: Promises) -> None:
    server = await aio.serve(Service(promises), "tcp://0.0.0.0:5555")
    await promises.until_over()
    await promises.within(this_host(), 6.0, "close", server.close())


async def insist(promises: Promises, working: dict[str, bool]) -> None:
    """Make calls on one connection for ever."""
    host = this_host()
    seen = 0

    async def greet(peer: aio.Peer) -> None:
        nonlocal seen
        seen += 1
        await promises.ask(host, TIMEOUT, lambda number: peer.remote.at_once(number, timeout=TIMEOUT))

    while True:
        try:
            peer = await aio.connect(URL, reconnect=True, timeout=20.0, connected=greet)
        except JuntoError:
            continue
        break

    async def call() -> bool:
        names = ["at_once", "later"]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    promises.ask(
                        host,
                        TIMEOUT,
                        lambda number, name=name: peer.remote[name](number, timeout=TIMEOUT),
                    )
                )
                for name in names
            ]
        return all(task.result() for task in tasks)

    while not promises.over:
        working[host.name] = await call()
        await pause(0.5)
    await promises.within(host, 6.0, "close", peer.close())
    promises.done["connections"] += seen


async def clients_that_insist(world: World) -> Any:
    hosts = server, *clients = world.hosts("server", "one", "other")
    promises = Promises(world)
    working: dict[str, bool] = {}
    server.run(serve, promises)
    for client in clients:
        client.run(insist, promises, working)
    await world.sleep(8)
    end = world.now + RECOVERY
    while not (len(working) == len(clients) and all(working.values())):
        assert world.now < end, f"without faults, calls still fail: {working}"
        await asyncio.sleep(0.5)
    await promises.come_to_an_end(hosts)
    return promises.done


def test_clients_that_insist_are_served_again_when_faults_are_over() -> None:
    happened = hold(clients_that_insist, QUICK, FAULTS)
    assert min(happened[name] for name in ("answered", "RequestTimeout", "ConnectionLost")) > 10
    assert happened["connections"] > 2.5 * len(QUICK)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, MANY, BLOCK))
def test_clients_that_insist_are_served_again_when_faults_are_over_in_many_runs(first: int) -> None:
    hold(clients_that_insist, range(first, first + BLOCK), FAULTS)
