"""What many hosts and agents cost, and that a world can be led from outside."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tracemalloc
from typing import Any

from junto import expose
from junto.agents import aio
from junto.sim import World

KIB = 1024


class Counter(aio.Agent):
    __slots__ = ("count",)

    def __init__(self, container: aio.Container) -> None:
        super().__init__(container)
        self.count = 0

    @expose
    def add(self, number: int) -> None:
        self.count += number


IDLE_HOSTS = """
import gc, socket, tracemalloc
from junto.sim import World

kept = []

async def idle():
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("", 9))
    kept.append(sock)

async def control(world):
    async def add(first, count):
        for number in range(first, first + count):
            world.host(f"n{number}").run(idle)
        await world.sleep(1)

    await add(0, 20)
    gc.collect()
    tracemalloc.start(1)
    before = tracemalloc.get_traced_memory()[0]
    await add(20, 400)
    gc.collect()
    assert len(kept) == 420
    return (tracemalloc.get_traced_memory()[0] - before) / 400

world = World(1)
print(world.run(control, world))
"""


def test_an_idle_host_with_a_loop_and_a_socket_takes_at_most_8_kibibytes() -> None:  # G1
    # In a process of its own: how large objects are depends on what was made of their classes before.
    done = subprocess.run([sys.executable, "-c", IDLE_HOSTS], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 8 * KIB


def test_an_idle_agent_of_a_host_takes_at_most_4_kibibytes() -> None:  # G1
    async def program() -> float:
        async with aio.open_container("local://many") as container:
            Counter(container)
            gc.collect()
            tracemalloc.start(1)
            try:
                before = tracemalloc.get_traced_memory()[0]
                agents = [Counter(container) for _ in range(2000)]
                for agent in agents:
                    container.tell(agent, "add", 1)
                await asyncio.sleep(1)
                gc.collect()
                assert sum(agent.count for agent in agents) == 2000
                return (tracemalloc.get_traced_memory()[0] - before) / len(agents)
            finally:
                tracemalloc.stop()

    async def control(world: World) -> float:
        result: float = await world.host("n1").run(program).wait()
        return result

    world = World(1)
    assert world.run(control, world) < 4 * KIB


def test_a_message_to_a_plain_function_is_one_event_and_no_task() -> None:  # G1
    async def program(world: World) -> tuple[int, int]:
        async with aio.open_container("local://many") as container:
            agents = [Counter(container) for _ in range(10)]
            await asyncio.sleep(1)
            before, task = world.kernel.events, asyncio.create_task(asyncio.sleep(0)).get_name()
            for number in range(500):
                container.tell(agents[number % 10], "add", 1)
                await asyncio.sleep(0.01)
            name = asyncio.create_task(asyncio.sleep(0)).get_name()
            assert sum(agent.count for agent in agents) == 500
            return world.kernel.events - before, int(name[5:]) - int(task[5:])

    async def control(world: World) -> Any:
        return await world.host("n1").run(program, world).wait()

    world = World(1)
    events, tasks = world.run(control, world)
    assert events <= 500 * 3 + 1  # one for the message, and two for the pause after it
    assert tasks == 1


def calls_for_messages(others: int) -> int:
    """Count the calls that 200 messages between two hosts take, with other hosts around."""
    calls = 0

    def count(frame: Any, event: str, arg: Any) -> None:
        nonlocal calls
        calls += 1

    class Ping(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            if data:
                self.transport.sendto(data[1:], addr)

    async def ping(peer: str) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Ping, local_addr=("0.0.0.0", 9)
        )
        for _ in range(2 if peer else 0):  # the first time for what is made only once
            await asyncio.sleep(1)
            transport.sendto(bytes(200), (peer, 9))

    async def control(world: World) -> None:
        one, other = world.hosts("one", "other")
        one.run(ping, other.ip)
        other.run(ping, "")
        for host in world.hosts(*[f"n{number}" for number in range(others)]):
            host.run(asyncio.sleep, 1000)
        await world.sleep(1.9)
        sys.setprofile(count)
        await world.sleep(1)
        sys.setprofile(None)

    world = World(1)
    try:
        world.run(control, world)
    finally:
        sys.setprofile(None)
    return calls


def test_an_event_costs_the_same_with_many_hosts_around() -> None:  # G3
    assert calls_for_messages(1) == calls_for_messages(300) > 2000
