"""Small programs with a real bug each, and some without, for the search to find."""

from __future__ import annotations

import asyncio
import os
import random
from asyncio import StreamReader, StreamWriter

from junto import sim
from junto.sim import Faults, World


async def lost_update(world: World) -> None:
    """Two clients read a value, think, and write it back."""
    server, a, b = world.hosts("server", "a", "b")
    value = wanted = 0

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal value
        while words := (await reader.readline()).split():
            if words[0] == b"set":
                value = int(words[1])
            writer.write(b"%d\n" % value)
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(talk, "0.0.0.0", 80) as listener:
            await listener.serve_forever()

    async def increment() -> None:
        nonlocal wanted
        reader, writer = await asyncio.open_connection("server", 80)
        for _ in sim.ops(range(5)):
            wanted += 1
            writer.write(b"get\n")
            seen = int(await reader.readline())
            await asyncio.sleep(0.001 * sim.choose(20, "think"))
            writer.write(b"set %d\n" % (seen + 1))
            await reader.readline()
            await asyncio.sleep(0.1 + 0.001 * sim.choose(900, "rest"))
        writer.close()

    server.run(serve)
    await world.sleep(0.1)
    first = a.run(increment)
    await world.sleep(0.02)
    second = b.run(increment)
    await first.wait()
    await second.wait()
    print(f"the value is {value}")  # noqa: T201  # it is captured
    assert value == wanted, f"{value} instead of {wanted}"


class Beats(asyncio.DatagramProtocol):
    def __init__(self, node: Node) -> None:
        self.node = node

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.node.heard_of(data.decode())


class Node:
    """Leads as long as it hears of nobody before it: so there are two as soon as they do not hear each other."""

    def __init__(self, name: str, others: list[str]) -> None:
        self.name = name
        self.others = others
        self.leads = False
        self.heard = 0.0

    def heard_of(self, name: str) -> None:
        if name < self.name:
            self.leads = False
            self.heard = asyncio.get_running_loop().time()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self.heard = loop.time()
        transport, _ = await loop.create_datagram_endpoint(lambda: Beats(self), local_addr=("0.0.0.0", 9))
        while True:
            await asyncio.sleep(0.1)
            if loop.time() - self.heard > 1.0:
                self.leads = True
            if self.leads:
                for name in self.others:
                    address = await loop.getaddrinfo(name, 9)
                    transport.sendto(self.name.encode(), address[0][4])


LEADER_FAULTS = Faults(partition=True, pause=True, slow=True, skew=True, dns=True, every=4.0)


async def two_leaders(world: World) -> None:
    names = ["n0", "n1", "n2"]
    nodes = {name: Node(name, [other for other in names if other != name]) for name in names}
    for host in world.hosts(*names):
        host.run(nodes[host.name].run)
    await world.sleep(3)
    world.always("one leader", lambda: sum(node.leads for node in nodes.values()) <= 1)
    await world.sleep(20)


RETRY_FAULTS = Faults(partition=True, bursts=True, slow=["a"], pause=["server"], every=3.0, duration=15)


async def applied_twice(world: World) -> None:
    """The client cannot know whether what it asked for was done, and asks again."""
    server, a = world.hosts("server", "a")
    done: list[bytes] = []

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            done.append(await reader.readline())
            await asyncio.sleep(0.05)
            writer.write(b"ok\n")
            writer.close()
        except ConnectionError:
            pass

    async def serve() -> None:
        async with await asyncio.start_server(talk, "0.0.0.0", 80) as listener:
            await listener.serve_forever()

    async def ask(what: bytes) -> None:
        reader, writer = await asyncio.open_connection("server", 80)
        try:
            writer.write(what)
            if await reader.readline() != b"ok\n":
                raise ConnectionError("no answer")
        finally:
            writer.close()

    async def pay() -> None:
        for number in sim.ops(range(20)):
            while True:
                try:
                    # Not wait_for, which takes another number of callbacks on Python 3.11.
                    async with asyncio.timeout(0.5):
                        await ask(b"pay %d\n" % number)
                    break
                except (TimeoutError, OSError):
                    await asyncio.sleep(0.2)
            await asyncio.sleep(0.5)

    server.run(serve)
    await world.sleep(0.1)
    paying = a.run(pay)
    world.always("nothing is paid twice", lambda: len(done) == len(set(done)))
    await paying.wait()
    await world.sleep(1)


async def correct(world: World) -> None:
    """Draws, sends and waits, and fails never."""
    a, b = world.hosts("a", "b")

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        async for line in reader:
            writer.write(line)
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(talk, "0.0.0.0", 80) as listener:
            await listener.serve_forever()

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("a", 80)
        for _ in range(5):
            line = os.urandom(random.randrange(1, 9)).hex().encode() + b"\n"
            writer.write(line)
            assert await reader.readline() == line
            await asyncio.sleep(random.random())
        sim.reached("all answered")
        sim.reached("all lost", False)
        writer.close()

    a.run(serve)
    await world.sleep(0.1)
    await b.run(ask).wait()


async def an_hour() -> None:
    await asyncio.sleep(3600)


async def fails_from_30(world: World) -> None:
    if world.seed in (30, 31, 77):
        raise ValueError(f"seed {world.seed}")
    await world.sleep(0.001)


_runs = 0


async def depends_on_earlier_runs(world: World) -> None:
    """Fails because of what the process remembers of runs before."""
    global _runs
    _runs += 1
    host = world.host("a")
    host.run(asyncio.sleep, 0.001 * _runs)
    await world.sleep(1)
    assert _runs < 3


async def counts_its_runs(world: World) -> None:
    """Does in each run something else than in the one before."""
    global _runs
    _runs += 1
    sim.note(f"run {_runs}")
    await world.sleep(1)


async def order_of_a_set(world: World) -> None:
    """Does what the order of a set of texts has it, which is another one in each process."""
    host = world.host("a")
    first = min(enumerate({"alpha", "beta", "gamma", "delta"}))[1]

    async def connect() -> None:
        try:
            await asyncio.open_connection("127.0.0.1", len(first))
        except OSError:
            sim.note(first)

    await host.run(connect).wait()


async def reads_an_address(world: World) -> None:
    """Does what no seed decides: where objects lie in memory."""
    sim.note(f"{id(object()) ^ os.getpid()}")
    await world.sleep(1)


def own_loop(world: World) -> int:
    return world.run(_sleep, world)


async def _sleep(world: World) -> int:
    await world.sleep(5)
    return 7


@sim.test(seeds=12, faults=LEADER_FAULTS, timeout=60, chunking=0.2)
async def decorated(world: World) -> None:
    await two_leaders(world)
