"""Channels with large contents, slow receivers, notices and callers that give up, while connections fail."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from junto import aio, sim
from junto.errors import JuntoError
from junto.sim.world import World

from .promises import BLOCK, MANY, QUICK, Promises, answer_to, hold, pause, this_host

URL = "tcp://server:5555"
TIMEOUT = 2.0
LARGE = "x" * 150_000

FAULTS = sim.Faults(
    latency=(0.0005, 0.02),
    bandwidth=2e6,
    loss=0.01,
    partition=True,
    reset=True,
    crash=True,
    pause=True,
    slow=True,
    duration=4.0,
    every=3.0,
    lasting=(0.02, 1.0),
)
LIMITS: Any = {"max_pending": 6, "max_queued": 4, "max_handlers": 2}


class Receiver:
    """Takes requests from a channel, slowly, and answers, fails or drops them."""

    def __init__(self, promises: Promises) -> None:
        self._promises = promises

    async def receive(self, channel: aio.Channel) -> None:
        noticed = 0
        async for request in channel:
            kind, number, load = request.content
            if kind == "notice":
                if number <= noticed:  # some are lost: more than the limit wait
                    self._promises.broken(f"notice {number} came after {noticed}")
                noticed = number
            elif kind == "drop":
                del request
            elif kind == "fail":
                request.fail(ValueError(number))
            else:
                await pause(0.05)
                request.reply([self._promises.carry_out(number), load])
            if random.random() < 0.1:
                await pause(0.5)


async def serve(promises: Promises) -> None:
    receiver = Receiver(promises)

    async def take(channel: aio.Channel) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(receiver.receive(channel))
            group.create_task(_ask_back(promises, channel))

    server = await aio.serve_channels(None, "tcp://0.0.0.0:5555", connected=take, **LIMITS)
    await promises.until_over()
    await promises.within(this_host(), 6.0, "close", server.close())


async def _ask_back(promises: Promises, channel: aio.Channel) -> None:
    while not promises.over and not channel.is_closing():
        await promises.ask(this_host(), TIMEOUT, lambda number: channel.request(number, timeout=TIMEOUT))
        await pause(0.5)


async def use(promises: Promises) -> None:
    host = this_host()

    async def handle(number: int) -> Any:
        answer = promises.carry_out(number)
        await pause(0.05)
        return answer

    while not promises.over:
        try:
            channel = await aio.open_channel(URL, handler=handle, timeout=3.0, **LIMITS)
        except JuntoError:
            await asyncio.sleep(0.2)
            continue
        noticed = 0
        while not promises.over and not channel.is_closing():
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(_ask(promises, channel))
            for _ in range(3):
                try:
                    channel.notify(["notice", noticed + 1, ""])
                    noticed += 1
                except JuntoError as error:
                    promises.done[f"notice: {type(error).__name__}"] += 1
            await pause(0.2)
        if random.random() < 0.5:
            channel.abort()
        await promises.within(host, 6.0, "close", channel.close())


async def _ask(promises: Promises, channel: aio.Channel) -> None:
    host = this_host()
    kind = random.choice(["answer", "answer", "large", "large", "fail", "drop", "give up"])
    load = LARGE if kind == "large" else ""

    async def request(number: int) -> Any:
        # Always with a time: nothing tells of a peer whose last word, a reset, was lost.
        answer, echoed = await channel.request([kind, number, load], timeout=TIMEOUT)
        if echoed != load:
            promises.broken(f"request {number} got another load back")
        return answer

    asking = asyncio.ensure_future(promises.ask(host, TIMEOUT, request, kind))
    if kind == "give up":
        await pause(0.1)
        asking.cancel()
        await asyncio.wait([asking])
    elif await asking and kind in ("fail", "drop"):
        promises.broken(f"a request to {kind} was answered")


async def channels_under_load(world: World) -> Any:
    hosts = server, *clients = world.hosts("server", "one", "other")
    promises = Promises(world)
    server.run(serve, promises)
    for client in clients:
        client.run(use, promises)
    await world.sleep(4)
    await promises.come_to_an_end(hosts)
    return promises.done


def test_channels_keep_their_promises_with_slow_receivers_and_large_contents() -> None:
    assert answer_to(3) == [3, -3]
    happened = hold(channels_under_load, QUICK, FAULTS)
    for name in ("answered", "RequestTimeout", "ConnectionLost", "RemoteError"):
        assert happened[name] > 10, happened


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, MANY, BLOCK))
def test_channels_keep_their_promises_with_slow_receivers_in_many_runs(first: int) -> None:
    hold(channels_under_load, range(first, first + BLOCK), FAULTS)
