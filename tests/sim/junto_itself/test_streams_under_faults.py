"""Streams of results with fast and slow readers, while connections, processes, time and the network fail."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from junto import aio, expose, sim
from junto.errors import JuntoError
from junto.sim.host import Host
from junto.sim.world import World
from junto.streaming import WINDOW

from .promises import BLOCK, MANY, QUICK, Promises, hold, pause, this_host

URL = "tcp://server:5555"
LENGTH = 2 * WINDOW + 10
TIMEOUT = 1.0

FAULTS = sim.Faults(
    latency=(0.0005, 0.02),
    loss=0.02,
    partition=True,
    reset=True,
    crash=True,
    power_off=["reader"],
    pause=True,
    slow=True,
    gray=True,
    duration=4.0,
    every=3.0,
    lasting=(0.02, 2.0),
)


class Made:
    """A stream, as both sides have it."""

    def __init__(self) -> None:
        self.made = 0
        self.read = 0
        self.begun: tuple[Host, int] | None = None
        self.closed = False

    def is_left(self) -> bool:
        """Tell whether the process that makes it lives, and has not closed it."""
        return (
            self.begun is not None
            and not self.closed
            and self.begun[0].alive
            and self.begun[0].boot == self.begun[1]
        )


class Source:
    """Gives streams, and knows how far each of them is."""

    def __init__(self, streams: list[Made]) -> None:
        self._streams = streams

    def _begin(self, number: int) -> Made:
        stream = self._streams[number]
        host = this_host()
        stream.begun = host, host.boot
        return stream

    @expose
    def plain(self, number: int) -> Iterator[Any]:
        stream = self._begin(number)
        try:
            for index in range(LENGTH):
                stream.made += 1
                yield [number, index]
        finally:
            stream.closed = True

    @expose
    async def paced(self, number: int) -> AsyncIterator[Any]:
        stream = self._begin(number)
        try:
            for index in range(LENGTH):
                if index % 8 == 0:
                    await pause(0.1)
                stream.made += 1
                yield [number, index]
        finally:
            stream.closed = True

    @expose
    def broken(self, number: int) -> Iterator[Any]:
        stream = self._begin(number)
        try:
            for index in range(LENGTH // 2):
                stream.made += 1
                yield [number, index]
            raise ValueError("after the items")
        finally:
            stream.closed = True


async def serve(promises: Promises, streams: list[Made]) -> None:
    server = await aio.serve(Source(streams), "tcp://0.0.0.0:5555")
    await promises.until_over()
    await promises.within(this_host(), 6.0, "close", server.close())


async def read(promises: Promises, streams: list[Made]) -> None:
    while not promises.over:
        try:
            async with aio.connect(URL, timeout=3.0) as peer:
                while not promises.over and not peer.channel.is_closing():
                    async with asyncio.TaskGroup() as group:
                        for _ in range(2):
                            group.create_task(_read_one(promises, peer, streams))
                    await pause(0.5)
        except JuntoError:
            await asyncio.sleep(0.2)


async def _read_one(promises: Promises, peer: aio.Peer, streams: list[Made]) -> None:
    number = len(streams)
    stream = Made()
    streams.append(stream)
    kind = random.choice(["plain", "paced", "broken"])
    until = random.choice([LENGTH, LENGTH, LENGTH // 3])
    pace = random.choice([0.0, 0.001, 0.05])
    host = this_host()
    try:
        request = peer.remote[kind](number, timeout=TIMEOUT)
        items = await promises.within(host, TIMEOUT, "stream", request)
        try:
            # Nothing tells of a peer whose last word, a reset, was lost.
            async with asyncio.timeout(2 * TIMEOUT):
                async for item in items:
                    if item != [number, stream.read]:
                        promises.broken(f"stream {number} gave {item} after {stream.read} items")
                    stream.read += 1
                    if stream.read == until:
                        break
                    if pace and stream.read % 4 == 0:
                        await pause(pace)
        finally:
            await items.aclose()
    except (JuntoError, TimeoutError) as error:
        promises.done[type(error).__name__] += 1
        if kind == "broken" and stream.read == LENGTH // 2:
            promises.done["broken"] += 1
    else:
        promises.done["left" if stream.read < LENGTH else "read"] += 1
        if stream.read != until:
            promises.broken(f"stream {number} ended after {stream.read} of {until} items")


async def streams_to_readers(world: World) -> Any:
    hosts = server, *readers = world.hosts("server", "reader", "other")
    promises = Promises(world)
    streams: list[Made] = []
    world.always(
        "no producer is further ahead than its window",
        lambda: all(stream.made <= stream.read + WINDOW + 1 for stream in streams),
        every=0.25,
    )
    server.run(serve, promises, streams)
    for reader in readers:
        reader.run(read, promises, streams)
    await world.sleep(4)
    await promises.come_to_an_end(hosts)
    left = [stream for stream in streams if stream.is_left()]
    assert not left, f"{len(left)} generators were never closed"
    return promises.done


def test_streams_are_read_in_order_to_their_end_or_an_error_and_are_closed() -> None:
    happened = hold(streams_to_readers, QUICK, FAULTS)
    assert min(happened[name] for name in ("read", "left", "broken", "ConnectionLost")) > 10


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, MANY, BLOCK))
def test_streams_are_read_in_order_to_their_end_or_an_error_and_are_closed_in_many_runs(first: int) -> None:
    hold(streams_to_readers, range(first, first + BLOCK), FAULTS)
