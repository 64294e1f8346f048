"""Calls both ways between three hosts while connections, processes, time and the network fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from junto import aio, expose, sim
from junto.errors import JuntoError
from junto.sim.world import World

from .promises import BLOCK, MANY, QUICK, Promises, hold, pause, this_host

URL = "tcp://server:5555"
TIMEOUT = 1.0

FAULTS = sim.Faults(
    latency=(0.0005, 0.02),
    loss=0.02,
    partition=True,
    reset=True,
    crash=True,
    power_off=["server"],
    restart=["server"],
    pause=True,
    slow=True,
    drift=True,
    gray=True,
    bursts=True,
    duration=6.0,
    every=3.0,
    lasting=(0.02, 2.0),
)


class Service:
    """What each side offers the other."""

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

    @expose
    async def too_late(self, number: int) -> Any:
        answer = self._promises.carry_out(number)
        await asyncio.sleep(TIMEOUT + 0.01)
        return answer


NAMES = ["at_once", "later", "too_late"]


async def call(promises: Promises, peer: aio.Peer, count: int) -> None:
    """Make some calls at a time, and wait for all of them."""
    host = this_host()
    async with asyncio.TaskGroup() as group:
        for index in range(count):
            function = peer.remote[NAMES[index % len(NAMES)]]

            async def request(number: int, function: Any = function) -> Any:
                return await function(number, timeout=TIMEOUT)

            group.create_task(promises.ask(host, TIMEOUT, request))


async def serve(promises: Promises) -> None:
    async def talk(peer: aio.Peer) -> None:
        while not promises.over and not peer.channel.is_closing():
            await call(promises, peer, 2)
            await pause(2.0)

    server = await aio.serve(Service(promises), "tcp://0.0.0.0:5555", connected=talk)
    await promises.until_over()
    await promises.within(this_host(), 6.0, "close", server.close())


async def use(promises: Promises) -> None:
    host = this_host()
    while not promises.over:
        try:
            peer = await promises.within(host, 3.0, "connect", _connect(promises))
        except JuntoError:
            await asyncio.sleep(0.2)
            continue
        while not promises.over and not peer.channel.is_closing():
            await call(promises, peer, 3)
            await pause(1.0)
        await promises.within(host, 6.0, "close", peer.close())


async def _connect(promises: Promises) -> aio.Peer:
    return await aio.connect(URL, service=Service(promises), timeout=3.0)


async def calls_both_ways(world: World) -> Any:
    hosts = world.hosts("server", "one", "other")
    promises = Promises(world)
    server, *clients = hosts
    server.run(serve, promises)
    for client in clients:
        client.run(use, promises)
    await world.sleep(6)
    await promises.come_to_an_end(hosts)
    return promises.done


def test_calls_both_ways_are_answered_or_fail_once_and_in_time() -> None:
    happened = hold(calls_both_ways, QUICK, FAULTS)
    assert min(happened[name] for name in ("answered", "RequestTimeout", "ConnectionLost")) > 10


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, MANY, BLOCK))
def test_calls_both_ways_are_answered_or_fail_once_and_in_time_in_many_runs(first: int) -> None:
    hold(calls_both_ways, range(first, first + BLOCK), FAULTS)
