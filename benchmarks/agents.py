"""Agents: what a call, a message, an agent and a search cost; beside bare asyncio, and beside aiomas.

    python -m benchmarks.agents [--agents 1000] [--rounds 7] [--aiomas python3.9]

The ring: each agent calls the next and awaits its answer, so that one message goes all round and an answer
back. "Bare" is the same chain made of asyncio tasks alone, measured in the same run; figures are the best of
the rounds. ``--aiomas`` names a Python in which ``aiomas==2.0.1`` with ``arrow<0.14`` and ``msgpack<1`` is
installed; without one aiomas is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from junto import expose
from junto.agents import aio

RING = Path(__file__).parent / "contestants" / "aiomas_ring.py"
# What aiomas 2.0.1 took on the machine on which the bars were set, in seconds for 1,000 agents.
BARS = {"local": 0.062 / 5, "tcp": 0.092 / 2.5}


class Node(aio.Agent):
    __slots__ = ("done", "next")

    next: Any
    done: asyncio.Future[None]

    @expose
    async def pass_on(self, left: int) -> int:
        return 1 + int(await self.next.pass_on(left - 1)) if left else 0

    @expose
    def token(self, left: int) -> None:
        if left:
            self.container.tell(self.next, "token", left - 1)
        elif not self.done.done():
            self.done.set_result(None)


async def bare(left: int) -> int:
    return 1 + await asyncio.ensure_future(bare(left - 1)) if left else 0


def link(container: aio.Container, nodes: list[Node]) -> None:
    done = asyncio.get_running_loop().create_future()
    for number, node in enumerate(nodes):
        node.next = container.proxy(
            nodes[(number + 1) % len(nodes)].url if container.urls else nodes[number - 1]
        )
        node.done = done


async def best(flow: Callable[[], Awaitable[Any]], rounds: int) -> float:
    least = float("inf")
    for _ in range(rounds):
        gc.collect()
        start = time.perf_counter()
        await flow()
        least = min(least, time.perf_counter() - start)
    return least


async def rings(agents: int, rounds: int, theirs: dict[str, float]) -> None:
    base = await best(lambda: bare(agents - 1), rounds)
    print(f"one message round a ring of {agents:,} agents, and its answer back")
    print(f"  {'bare tasks':32} {base * 1e3:8.2f} ms")
    for name, url in (("local", "local://ring"), ("tcp", "tcp://127.0.0.1:0")):
        for shortcut in (True, False):
            async with aio.open_container(url, shortcut=shortcut) as container:
                nodes = [Node(container) for _ in range(agents)]
                link(container, nodes)
                taken = await best(lambda: nodes[0].next.pass_on(agents - 1), rounds)  # noqa: B023
            way = f"{name}, the short way" if shortcut else f"{name}, over a connection"
            remark = f"{taken / base:.1f} of bare"
            if agents == 1000:
                remark += f"; {BARS[name] / taken:.2f} of the bar in speed"
            if name in theirs:
                remark += f"; {theirs[name] / taken:.1f} times as fast as aiomas"
            print(f"  {way:32} {taken * 1e3:8.2f} ms, {remark}")
    for name, taken in theirs.items():
        print(f"  {'aiomas, ' + name:32} {taken * 1e3:8.2f} ms")


async def messages(rounds: int) -> None:
    async with aio.open_container() as container:
        nodes = [Node(container) for _ in range(1000)]
        each = 1000

        async def all_round() -> None:
            link(container, nodes)
            for node in nodes:
                container.tell(node, "token", each - 1)
            await nodes[0].done

        taken = await best(all_round, min(rounds, 3))
        print(
            f"told: {len(nodes) * each / taken:12,.0f} messages/s among 1,000 agents, each sent by a handler"
        )


async def many(count: int) -> None:
    async with aio.open_container() as container:
        gc.collect()
        gc.disable()
        start = time.perf_counter()
        nodes = [Node(container) for _ in range(count)]
        taken = time.perf_counter() - start
        gc.enable()
        print(f"made: {count:,} agents in {taken:.2f} s")
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        more = [Node(container) for _ in range(10_000)]
        size = (tracemalloc.get_traced_memory()[0] - before) / len(more)
        tracemalloc.stop()
        print(f"held: {size:.0f} bytes for each agent beyond its own attributes")
        del nodes
    for known in (100, count):
        async with aio.open_container() as container:
            for number in range(known):
                Node(container, name=f"agent {number}", tags=[f"tag {number % 1000}"])
            taken = await best(lambda: find(container, known), 3)  # noqa: B023
            print(f"found: one by its name among {known:7,} in {taken * 1e6 / 1000:.2f} us")


async def find(container: aio.Container, known: int) -> None:
    for number in range(1000):
        await container.find(f"agent {number * 7919 % known}")


async def run(options: argparse.Namespace, theirs: dict[str, float]) -> None:
    print(f"\non {type(asyncio.get_running_loop()).__module__.partition('.')[0]}")
    await rings(options.agents, options.rounds, theirs)
    await messages(options.rounds)
    await many(100_000)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--aiomas", help="a Python that has aiomas")
    options = parser.parse_args()
    theirs: dict[str, float] = {}
    if options.aiomas:
        command = [options.aiomas, str(RING), str(options.agents), str(options.rounds)]
        theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"aiomas ran beside bare tasks of {theirs.pop('bare') * 1e3:.2f} ms")
    asyncio.run(run(options, theirs))
    try:
        import uvloop
    except ImportError:
        return
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(options, theirs))


if __name__ == "__main__":
    main()
