"""Servers that close in order while they are called, on a network that is slow and loses packets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from junto import aio, expose, sim
from junto.errors import ConnectionLost, JuntoError
from junto.sim.world import World

from .promises import BLOCK, MANY, QUICK, Promises, answer_to, hold, pause, this_host

URL = "tcp://server:5555"
TIMEOUT = 10.0

FAULTS = sim.Faults(
    latency=(0.0005, 0.03), loss=0.02, slow=True, pause=["one"], duration=4.0, every=2.0, lasting=(0.02, 0.3)
)


class Service:
    def __init__(self, promises: Promises) -> None:
        self._promises = promises

    @expose
    def at_once(self, number: int) -> Any:
        return self._promises.carry_out(number)

    @expose
    async def later(self, number: int) -> Any:
        await pause(0.05)
        return self._promises.carry_out(number)


async def serve(promises: Promises) -> None:
    """Serve for a while, close, and begin anew."""
    host = this_host()
    while not promises.over:
        server = await aio.serve(Service(promises), "tcp://0.0.0.0:5555")
        await pause(2.0)
        await promises.within(host, 6.0, "close", server.close())
        if server.connections:
            promises.broken("a closed server has connections")


async def use(promises: Promises) -> None:
    while not promises.over:
        try:
            async with aio.connect(URL, timeout=3.0) as peer:
                async with asyncio.TaskGroup() as group:
                    for name in ("at_once", "later", "at_once"):
                        group.create_task(_go_on_calling(promises, peer, name))
        except JuntoError:
            await asyncio.sleep(0.05)


async def _go_on_calling(promises: Promises, peer: aio.Peer, name: str) -> None:
    while not promises.over and not peer.channel.is_closing():
        await _call(promises, peer, name)
        await pause(0.1)


async def _call(promises: Promises, peer: aio.Peer, name: str) -> None:
    asked: list[int] = []

    async def request(number: int) -> Any:
        asked.append(number)
        try:
            return await peer.remote[name](number, timeout=TIMEOUT if number % 2 else None)
        except ConnectionLost:
            # Before the answer, that is: a server that closes in order answers what it has carried out.
            if promises.carried[number]:
                promises.broken(f"{name} {number} was carried out, and nobody was told {answer_to(number)}")
            raise

    await promises.ask(this_host(), TIMEOUT, request)


async def orderly_shutdown(world: World) -> Any:
    hosts = server, *clients = world.hosts("server", "one", "other")
    promises = Promises(world)
    server.run(serve, promises)
    for client in clients:
        client.run(use, promises)
    await world.sleep(4)
    await promises.come_to_an_end(hosts)
    return promises.done


def test_what_a_closing_server_carried_out_is_answered() -> None:
    happened = hold(orderly_shutdown, QUICK, FAULTS)
    assert min(happened[name] for name in ("answered", "ConnectionLost", "RemoteError")) > 10


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, MANY, BLOCK))
def test_what_a_closing_server_carried_out_is_answered_in_many_runs(first: int) -> None:
    hold(orderly_shutdown, range(first, first + BLOCK), FAULTS)
