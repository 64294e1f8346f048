"""Ordinary asyncio programs: nothing in them knows whether it runs in a simulated world."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from benchmarks.simulated.stopwatch import Stopwatch, resident_bytes

LINE = b"x" * 31 + b"\n"
IN_FLIGHT = 100
LINES = 2_000
"""How many go there and back in a world. A simulator that keeps all that happened gets slower in time."""
ACTORS = 100_000
HOPS = 5
"""How often each actor's message is passed on, for each unit of work."""

# A run of the cluster: 3 nodes, 2 peers each, a request and a reply for each: 300 messages.
NODES = ("a", "b", "c")
PEERS = len(NODES) - 1
REQUESTS = 25
FEW_REQUESTS = 3
"""With so many the world has 300 events, connections and the end among them: 36 messages."""


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send each line back, until the peer has no more."""
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def one_by_one(host: str, port: int, count: int) -> None:
    """Send a line and wait for it, *count* times."""
    reader, writer = await asyncio.open_connection(host, port)
    for _ in range(count):
        writer.write(LINE)
        await writer.drain()
        assert await reader.readline() == LINE
    writer.close()


async def in_flight(host: str, port: int, count: int) -> None:
    """Have many lines on their way, and send one for each that comes back."""
    reader, writer = await asyncio.open_connection(host, port)
    ahead = min(IN_FLIGHT, count)
    for _ in range(ahead):
        writer.write(LINE)
    for number in range(count):
        await writer.drain()
        assert await reader.readline() == LINE
        if number + ahead < count:
            writer.write(LINE)
    writer.close()


CLIENTS = {"stream": one_by_one, "flow": in_flight}


async def three_tasks() -> None:
    """Count with three tasks that read, give way and write."""
    value = 0

    async def worker() -> None:
        nonlocal value
        for _ in range(3):
            current = value
            await asyncio.sleep(0)
            value = current + 1

    await asyncio.gather(*(worker() for _ in range(3)))
    assert 3 <= value <= 9


async def node(peers: list[tuple[str, int]], done: Callable[[], object], requests: int = REQUESTS) -> None:
    """Ask each peer, one request after the other, beside a server that the caller has started."""

    async def ask(host: str, port: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for _ in range(requests):
            writer.write(LINE)
            await writer.drain()
            assert await reader.readline() == LINE
        writer.close()

    await asyncio.gather(*(ask(host, port) for host, port in peers))
    done()


class Actor:
    """Passes what it gets on to its neighbour, as often as the message says."""

    __slots__ = ("at_end", "call_soon", "neighbour")

    def __init__(self, call_soon: Callable[..., object], at_end: Callable[[], object]) -> None:
        self.call_soon = call_soon
        self.at_end = at_end
        self.neighbour = self

    def receive(self, hops: int) -> None:
        if hops:
            self.call_soon(self.neighbour.receive, hops - 1)
        else:
            self.at_end()


class DelayedActor(Actor):
    """Passes messages on through a network that takes its time."""

    __slots__ = ()

    def receive(self, hops: int) -> None:
        if hops:
            self.call_soon(0.001 * (1 + hops % 7), self.neighbour.receive, hops - 1)
        else:
            self.at_end()


def ring(actors: list[Actor]) -> None:
    for number, actor in enumerate(actors):
        actor.neighbour = actors[number - 1]


async def _pass_around(kind: type[Actor], call: Callable[..., object], hops: int, watch: Stopwatch) -> int:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    left = ACTORS

    def at_end() -> None:
        nonlocal left
        left -= 1
        if not left:
            ended.set_result(None)

    actors = [kind(call, at_end) for _ in range(ACTORS)]
    ring(actors)
    watch.start()
    for actor in actors:
        loop.call_soon(actor.receive, hops - 1)
    await ended
    watch.stop()
    return ACTORS * hops


async def handlers(hops: int, watch: Stopwatch) -> int:
    """Let 100,000 actors with plain functions pass messages on; each message is one callback of the loop."""
    return await _pass_around(Actor, asyncio.get_running_loop().call_soon, hops, watch)


async def timers(hops: int, watch: Stopwatch) -> int:
    """Let the messages of 100,000 actors take 1 to 7 ms; each is one timer of the loop."""
    return await _pass_around(DelayedActor, asyncio.get_running_loop().call_later, hops, watch)


async def _actor(inbox: asyncio.Queue[int], outbox: asyncio.Queue[int]) -> None:
    while hops := await inbox.get():
        outbox.put_nowait(hops - 1)


async def tasks(hops: int, watch: Stopwatch) -> int:
    """Let 100,000 tasks pass messages on by queues."""
    inboxes: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(ACTORS)]
    running = [asyncio.create_task(_actor(inboxes[n], inboxes[n - 1])) for n in range(ACTORS)]
    await asyncio.sleep(0)
    watch.start()
    for inbox in inboxes:
        inbox.put_nowait(hops - 1)
    for task in running:
        await task
    watch.stop()
    return ACTORS * hops


async def idle_handlers() -> int:
    """Tell how many bytes 100,000 actors with plain functions take."""
    loop = asyncio.get_running_loop()
    gc.collect()
    before = resident_bytes()
    actors = [Actor(loop.call_soon, gc.collect) for _ in range(ACTORS)]
    ring(actors)
    return resident_bytes() - before


async def idle_sleepers() -> int:
    """Tell how many bytes 100,000 tasks take that sleep."""
    gc.collect()
    before = resident_bytes()
    running = [asyncio.create_task(asyncio.sleep(1_000_000)) for _ in range(ACTORS)]
    await asyncio.sleep(0)
    after = resident_bytes()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return after - before


async def idle_tasks() -> int:
    """Tell how many bytes 100,000 tasks take that wait at their queues."""
    gc.collect()
    before = resident_bytes()
    inboxes: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(ACTORS)]
    running = [asyncio.create_task(_actor(inboxes[n], inboxes[n - 1])) for n in range(ACTORS)]
    for _ in range(3):
        await asyncio.sleep(0)
    after = resident_bytes()
    for inbox in inboxes:
        inbox.put_nowait(0)
    await asyncio.gather(*running)
    return after - before
