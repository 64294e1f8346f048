"""The package simloom: one simulated loop for all hosts."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

import simloom

from benchmarks.simulated import programs
from benchmarks.simulated.stopwatch import Stopwatch

PORT = 7000


def stream(client: Callable[[str, int, int], Coroutine[Any, Any, None]], count: int, watch: Stopwatch) -> int:
    async def main(world: Any) -> None:
        a, b = world.host("a"), world.host("b")

        async def serve() -> None:
            server = await asyncio.start_server(programs.echo, "b", PORT)
            await server.serve_forever()

        b.spawn(serve)
        await world.sleep(1)
        await a.spawn(lambda: client("b", PORT, programs.LINES))
        await world.sleep(1)

    for seed in range(count):
        simloom.run(main, seed=seed)
    return 2 * count * programs.LINES


def tiny(count: int, watch: Stopwatch) -> int:
    for seed in range(count):
        simloom.run(programs.three_tasks, seed=seed, world=False)
    return count


def cluster(count: int, watch: Stopwatch) -> int:
    async def main(world: Any) -> None:
        ended: list[None] = []

        def run(name: str) -> Callable[[], Coroutine[Any, Any, None]]:
            async def serve() -> None:
                server = await asyncio.start_server(programs.echo, name, PORT)
                await asyncio.sleep(0.1)
                peers = [(other, PORT) for other in programs.NODES if other != name]
                await programs.node(peers, lambda: ended.append(None))
                await server.serve_forever()

            return serve

        for name in programs.NODES:
            world.host(name).spawn(run(name))
        while len(ended) < len(programs.NODES):
            await world.sleep(1)
        await world.sleep(1)

    for seed in range(count):
        simloom.run(main, seed=seed)
    return count


WORKLOADS: dict[str, Callable[[int, Stopwatch], int]] = {
    **{name: functools.partial(stream, client) for name, client in programs.CLIENTS.items()},
    "tiny": tiny,
    "cluster": cluster,
}
