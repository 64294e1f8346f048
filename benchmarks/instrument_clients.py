"""Clients of instruments, each as a function that does so much and tells how many seconds that took."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

from junto import aio

LINE = b"0123456789abcde\n"
STREAMED = b"x" * 63 + b"\n"
Batch = Callable[[int], float]


class LineProtocol(asyncio.Protocol):
    """A bare protocol with one future for each request."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.future: asyncio.Future[Any] | None = None
        self.wanted = 0
        self.lines: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.wanted:
            if len(self.buffer) >= self.wanted and self.future is not None:
                self.future.set_result(None)
            return
        end = self.buffer.find(b"\n")
        if end >= 0 and self.future is not None:
            line = bytes(self.buffer[: end + 1])
            del self.buffer[: end + 1]
            self.future.set_result(line)


class SplittingProtocol(asyncio.Protocol):
    """A bare protocol that cuts lines apart in its callback, and looks at each or only counts them."""

    def __init__(self, handles_each: bool) -> None:
        self.handles_each = handles_each
        self.rest = b""
        self.count = 0
        self.wanted = 0
        self.future: asyncio.Future[Any] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        lines = data.splitlines(keepends=True)
        self.rest = b"" if data.endswith(b"\n") else lines.pop()
        if self.handles_each:
            for _line in lines:
                self.count += 1
        else:
            self.count += len(lines)
        if self.count >= self.wanted and self.future is not None and not self.future.done():
            self.future.set_result(None)


def bare_socket(port: int) -> Batch:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = b""

    def read_line() -> bytes:
        nonlocal buffer
        while (end := buffer.find(b"\n")) < 0:
            data = sock.recv(1 << 16)
            if not data:
                raise EOFError
            buffer += data
        line, buffer = buffer[: end + 1], buffer[end + 1 :]
        return line

    def batch(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            sock.sendall(LINE)
            read_line()
        return time.perf_counter() - begin

    return batch


def blocking(client: Any, **options: Any) -> Batch:
    client.open()

    def batch(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            client.write_readline(LINE, **options)
        return time.perf_counter() - begin

    return batch


async def asynchronous(client: Any, **options: Any) -> Any:
    await client.open()

    async def batch(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            await client.write_readline(LINE, **options)
        return time.perf_counter() - begin

    return batch


async def bare_protocol(port: int) -> Any:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(LineProtocol, "127.0.0.1", port)

    async def batch(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            protocol.future = loop.create_future()
            protocol.transport.write(LINE)
            await protocol.future
        return time.perf_counter() - begin

    return batch


async def streams(port: int) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def batch(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            writer.write(LINE)
            await reader.readline()
        return time.perf_counter() - begin

    return batch


async def bare_splitting(port: int, *, each: bool) -> Any:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: SplittingProtocol(each), "127.0.0.1", port)

    async def batch(count: int) -> float:
        begin = time.perf_counter()
        protocol.count, protocol.wanted, protocol.future = 0, count, loop.create_future()
        protocol.transport.write(b"PUSH %d" % (count * len(STREAMED)))
        await protocol.future
        return time.perf_counter() - begin

    return batch


async def pushed(port: int, *, batches: bool) -> Any:
    client = aio.TCP("127.0.0.1", port)
    stream = aio.LineStream(client)
    await client.open()

    async def batch(count: int) -> float:
        begin = time.perf_counter()
        await client.write(b"PUSH %d" % (count * len(STREAMED)))
        if batches:
            async for lines in stream.batch():
                count -= len(lines)
                if not count:
                    break
        else:
            async for _ in stream:
                count -= 1
                if not count:
                    break
        return time.perf_counter() - begin

    return batch


async def bare_bulk(port: int) -> Any:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(LineProtocol, "127.0.0.1", port)

    async def batch(size: int) -> float:
        begin = time.perf_counter()
        protocol.buffer.clear()
        protocol.wanted, protocol.future = size, loop.create_future()
        protocol.transport.write(b"PUSH %d" % size)
        await protocol.future
        return time.perf_counter() - begin

    return batch


async def bulk(port: int, *, into: bool) -> Any:
    client = aio.TCP("127.0.0.1", port)
    await client.open()
    target = bytearray(0)

    async def batch(size: int) -> float:
        nonlocal target
        if into and len(target) != size:
            target = bytearray(size)
        begin = time.perf_counter()
        await client.write(b"PUSH %d" % size)
        if into:
            await client.readexactly_into(target)
        else:
            await client.readexactly(size)
        return time.perf_counter() - begin

    return batch


def in_loop(loop: asyncio.AbstractEventLoop, make: Coroutine[Any, Any, Any]) -> Batch:
    """Make the contestant in *loop*, and run its batches there."""
    batch = loop.run_until_complete(make)
    return lambda count: loop.run_until_complete(batch(count))
