"""A message round a ring of agents of aiomas, for a Python that runs it; see `benchmarks.agents`.

python benchmarks/contestants/aiomas_ring.py AGENTS ROUNDS
"""

import asyncio
import json
import socket
import sys
import time

import aiomas

__all__ = []


class Node(aiomas.Agent):
    @aiomas.expose
    async def pass_on(self, left):
        return 1 + await self.next.pass_on(left - 1) if left else 0


async def bare(left):
    return 1 + await asyncio.ensure_future(bare(left - 1)) if left else 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def best(flow, agents, rounds):
    least = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        assert await flow(agents - 1) == agents - 1
        least = min(least, time.perf_counter() - start)
    return least


async def main(agents, rounds):
    found = {"bare": await best(bare, agents, rounds)}
    for name, address in (
        ("local", aiomas.local_queue.get_queue("ring")),
        ("tcp", ("127.0.0.1", free_port())),
    ):
        container = await aiomas.Container.create(address, as_coro=True)
        nodes = [Node(container) for _ in range(agents)]
        for number, node in enumerate(nodes):
            node.next = await container.connect(nodes[(number + 1) % agents].addr)
        found[name] = await best(nodes[0].next.pass_on, agents, rounds)
        await container.shutdown(as_coro=True)
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.get_event_loop().run_until_complete(main(int(sys.argv[1]), int(sys.argv[2])))
