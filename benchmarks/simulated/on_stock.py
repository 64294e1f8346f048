"""The standard library's loop, as it is: real sockets on 127.0.0.1, real time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.simulated import memory, programs
from benchmarks.simulated.stopwatch import Stopwatch

HERE = "127.0.0.1"


def stream(client: Callable[[str, int, int], Coroutine[Any, Any, None]], count: int, watch: Stopwatch) -> int:
    async def main() -> None:
        async with await asyncio.start_server(programs.echo, HERE, 0) as server:
            await client(HERE, server.sockets[0].getsockname()[1], programs.LINES)
            await asyncio.sleep(0.001)

    for _ in range(count):
        asyncio.run(main())
    return 2 * count * programs.LINES


def tiny(count: int, watch: Stopwatch) -> int:
    for _ in range(count):
        asyncio.run(programs.three_tasks())
    return count


def cluster(count: int, watch: Stopwatch) -> int:
    async def main() -> None:
        servers = [await asyncio.start_server(programs.echo, HERE, 0) for _ in programs.NODES]
        ports = [server.sockets[0].getsockname()[1] for server in servers]
        await asyncio.gather(
            *(programs.node([(HERE, other) for other in ports if other != own], int) for own in ports)
        )
        await asyncio.sleep(0.001)
        for server in servers:
            server.close()

    for _ in range(count):
        asyncio.run(main())
    return count


def acting(
    program: Callable[[int, Stopwatch], Coroutine[Any, Any, int]], units: int, watch: Stopwatch
) -> int:
    return asyncio.run(program(units * programs.HOPS, watch))


def idle(program: Callable[[], Coroutine[Any, Any, int]], units: int, watch: Stopwatch) -> int:
    watch.start()
    watch.cpu = watch.wall = float(programs.ACTORS)
    return asyncio.run(program())


# --- what the pieces cost, of which everything is made ---


async def callbacks(count: int) -> None:
    """Run callbacks that each make the next one."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def step(left: int) -> None:
        if left:
            loop.call_soon(step, left - 1)
        else:
            done.set_result(None)

    step(count)
    await done


async def many_callbacks(count: int) -> None:
    """Run callbacks a thousand to a turn, so that what a turn costs does not count."""
    loop = asyncio.get_running_loop()
    while count > 0:
        for _ in range(1000):
            loop.call_soon(int)
        count -= 1000
        await asyncio.sleep(0)


async def due_timers(count: int) -> None:
    loop = asyncio.get_running_loop()
    while count > 0:
        for _ in range(1000):
            loop.call_later(-1, int)
        count -= 1000
        await asyncio.sleep(0)


async def steps(count: int) -> None:
    """Let a hundred tasks give way."""

    async def task() -> None:
        for _ in range(count // 100 + 1):
            await asyncio.sleep(0)

    await asyncio.gather(*(task() for _ in range(100)))


async def new_tasks(count: int) -> None:
    async def task() -> None:
        pass

    for _ in range(count):
        await asyncio.create_task(task())


async def memory_streams(count: int) -> None:
    """Send lines there and back by streams over transports without a network."""
    loop = asyncio.get_running_loop()
    readers = [asyncio.StreamReader(), asyncio.StreamReader()]
    protocols = [asyncio.StreamReaderProtocol(reader) for reader in readers]
    ends = memory.connect(*protocols)
    here, there = (
        asyncio.StreamWriter(end, protocol, reader, loop)
        for end, protocol, reader in zip(ends, protocols, readers, strict=True)
    )
    server = asyncio.create_task(programs.echo(readers[1], there))
    for _ in range(count):
        here.write(programs.LINE)
        await here.drain()
        assert await readers[0].readline() == programs.LINE
    here.close()
    await server


class _Echo(asyncio.Protocol):
    """Sends back what it gets, as often as told."""

    def __init__(self, count: int, done: asyncio.Future[None]) -> None:
        self.left, self.done = count, done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.left:
            self.left -= 1
            self.transport.write(data)
        elif not self.done.done():
            self.done.set_result(None)


async def memory_protocols(count: int) -> None:
    """Send bytes there and back by bare protocols over transports without a network."""
    done = asyncio.get_running_loop().create_future()
    first, second = _Echo(count, done), _Echo(count, done)
    memory.connect(first, second)
    first.transport.write(programs.LINE)
    await done


def piece(
    program: Callable[[int], Coroutine[Any, Any, None]], counted: int, count: int, watch: Stopwatch
) -> int:
    asyncio.run(program(count))
    return counted * count


WORKLOADS: dict[str, Callable[[int, Stopwatch], int]] = {
    **{name: functools.partial(stream, client) for name, client in programs.CLIENTS.items()},
    "tiny": tiny,
    "cluster": cluster,
    "handlers": functools.partial(acting, programs.handlers),
    "timers": functools.partial(acting, programs.timers),
    "tasks": functools.partial(acting, programs.tasks),
    "idle handlers": functools.partial(idle, programs.idle_handlers),
    "idle sleepers": functools.partial(idle, programs.idle_sleepers),
    "idle tasks": functools.partial(idle, programs.idle_tasks),
    "callback": functools.partial(piece, callbacks, 1),
    "callbacks": functools.partial(piece, many_callbacks, 1),
    "due timers": functools.partial(piece, due_timers, 1),
    "steps": functools.partial(piece, steps, 1),
    "new tasks": functools.partial(piece, new_tasks, 1),
    "memory streams": functools.partial(piece, memory_streams, 2),
    "memory protocols": functools.partial(piece, memory_protocols, 2),
}
