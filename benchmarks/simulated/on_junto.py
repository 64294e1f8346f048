"""junto.sim: hosts with loops of their own, a network below the sockets."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.simulated import models, programs
from benchmarks.simulated.stopwatch import Stopwatch
from junto import sim

PORT = 7000


async def _serve() -> None:
    server = await asyncio.start_server(programs.echo, None, PORT)
    await server.serve_forever()


def stream(
    client: Callable[[str, int, int], Coroutine[Any, Any, None]], trace: str, count: int, watch: Stopwatch
) -> int:
    for seed in range(count):
        _one_stream(client, trace, seed)
    return 2 * count * programs.LINES


def _one_stream(client: Callable[[str, int, int], Coroutine[Any, Any, None]], trace: str, seed: int) -> None:
    ended: list[None] = []

    async def ask() -> None:
        await asyncio.sleep(1)
        await client("b", PORT, programs.LINES)
        ended.append(None)

    async def controller() -> None:
        while not ended:
            await world.sleep(1)
        await world.sleep(1)

    world = sim.World(seed=seed, trace=trace)
    a, b = world.hosts("a", "b")
    b.run(_serve)
    a.run(ask)
    world.run(controller)


def tiny(count: int, watch: Stopwatch) -> int:
    for seed in range(count):
        sim.run(programs.three_tasks, seed)
    return count


async def _node(name: str, requests: int, done: Callable[[], None]) -> None:
    server = await asyncio.start_server(programs.echo, None, PORT)
    await asyncio.sleep(0.1)
    await programs.node([(other, PORT) for other in programs.NODES if other != name], done, requests)
    await server.serve_forever()


def cluster(requests: int, count: int, watch: Stopwatch) -> int:
    for seed in range(count):
        _one_cluster(requests, seed)
    return count


def _one_cluster(requests: int, seed: int) -> None:
    ended: list[None] = []

    async def controller() -> None:
        while len(ended) < len(programs.NODES):
            await world.sleep(1)
        await world.sleep(1)

    world = sim.World(seed=seed, trace="off")
    for host in world.hosts(*programs.NODES):
        host.run(_node, host.name, requests, lambda: ended.append(None))
    world.run(controller)


def bridged(model: Callable[[Any, int], int], duration: float, rounds: int, watch: Stopwatch) -> int:
    """Run a model to its end, which is at *duration* for each of its rounds."""
    world = sim.World(seed=1, trace="off")
    env = world.host("a").simpy(unit=1.0)
    count = model(env, rounds)

    async def controller() -> None:
        watch.start()
        await world.sleep(duration * rounds + 1)
        watch.stop()

    world.run(controller)
    return count


def alone(program: Callable[..., Coroutine[Any, Any, int]], *arguments: Any) -> int:
    """Run *program* on the only host there is, and give its result."""
    results: list[int] = []

    async def run() -> None:
        results.append(await program(*arguments))

    async def controller() -> None:
        while not results:
            await world.sleep(1)

    world = sim.World(seed=1, trace="off")
    world.host("a").run(run)
    world.run(controller)
    return results[0]


def acting(
    program: Callable[[int, Stopwatch], Coroutine[Any, Any, int]], units: int, watch: Stopwatch
) -> int:
    return alone(program, units * programs.HOPS, watch)


def idle(program: Callable[[], Coroutine[Any, Any, int]], units: int, watch: Stopwatch) -> int:
    watch.start()
    watch.cpu = watch.wall = float(programs.ACTORS)
    return alone(program)


WORKLOADS: dict[str, Callable[[int, Stopwatch], int]] = {
    **{name: functools.partial(stream, client, "off") for name, client in programs.CLIENTS.items()},
    **{
        f"{name}, recorded": functools.partial(stream, client, "net")
        for name, client in programs.CLIENTS.items()
    },
    "tiny": tiny,
    "cluster": functools.partial(cluster, programs.REQUESTS),
    "cluster, 300 events": functools.partial(cluster, programs.FEW_REQUESTS),
    **{name: functools.partial(bridged, model, models.DURATION) for name, model in models.MODELS.items()},
    "handlers": functools.partial(acting, programs.handlers),
    "timers": functools.partial(acting, programs.timers),
    "tasks": functools.partial(acting, programs.tasks),
    "idle handlers": functools.partial(idle, programs.idle_handlers),
    "idle sleepers": functools.partial(idle, programs.idle_sleepers),
    "idle tasks": functools.partial(idle, programs.idle_tasks),
}
