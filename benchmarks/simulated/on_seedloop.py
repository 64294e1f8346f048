"""The package seedloop. It has no streams: its network carries whole Python objects between endpoints."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import seedloop

from benchmarks.simulated import programs
from benchmarks.simulated.stopwatch import Stopwatch


class Echo:
    """Sends each message back."""

    def __init__(self, endpoint: Any) -> None:
        self.endpoint = endpoint

    async def run(self) -> None:
        while True:
            sender, message = await self.endpoint.recv()
            await self.endpoint.send(sender, message)


def messages(ahead: int, count: int, watch: Stopwatch) -> int:
    async def scenario(world: Any) -> None:
        here = world.net.bind(0, reliable=True)
        world.start(Echo(world.net.bind(1, reliable=True)))
        first = min(ahead, programs.LINES)
        for _ in range(first):
            await here.send(1, programs.LINE)
        for number in range(programs.LINES):
            await here.recv()
            if number + first < programs.LINES:
                await here.send(1, programs.LINE)

    seedloop.check(scenario, seeds=count)
    return 2 * count * programs.LINES


def tiny(count: int, watch: Stopwatch) -> int:
    async def scenario(world: Any) -> None:
        await programs.three_tasks()

    seedloop.check(scenario, seeds=count)
    return count


class Node:
    """Asks its peers and answers them; an address of its own for each of both."""

    def __init__(self, world: Any, number: int, done: Callable[[], None]) -> None:
        self.asking = world.net.bind(number, reliable=True)
        self.peers = [10 + other for other in range(len(programs.NODES)) if other != number]
        self.done = done

    async def run(self) -> None:
        for peer in self.peers:
            await self.asking.send(peer, programs.LINE)
        left = dict.fromkeys(self.peers, programs.REQUESTS)
        while any(left.values()):
            peer, _message = await self.asking.recv()
            left[peer] -= 1
            if left[peer]:
                await self.asking.send(peer, programs.LINE)
        self.done()


def cluster(count: int, watch: Stopwatch) -> int:
    async def scenario(world: Any) -> None:
        ended: list[None] = []
        for number in range(len(programs.NODES)):
            world.start(Echo(world.net.bind(10 + number, reliable=True)))
        for number in range(len(programs.NODES)):
            world.start(Node(world, number, lambda: ended.append(None)))
        await world.run_until(lambda: len(ended) == len(programs.NODES), deadline=3600)

    seedloop.check(scenario, seeds=count)
    return count


WORKLOADS: dict[str, Callable[[int, Stopwatch], int]] = {
    "stream": functools.partial(messages, 1),
    "flow": functools.partial(messages, programs.IN_FLIGHT),
    "tiny": tiny,
    "cluster": cluster,
}
