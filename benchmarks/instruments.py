"""The instrument client beside what it replaces: bare sockets, bare protocols, streams, and sockio.

The peer is a process of its own. Contestants keep their connections, and take turns in short batches, so that
what else the machine does hits all alike; a ratio is the median of the ratios of neighbouring batches.
Bars are those that the client has to reach.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from junto import aio, sync

LINE = b"0123456789abcde\n"
STREAMED = b"x" * 63 + b"\n"
Batch = Callable[[int], float]

PEER = r"""
import socket, sys, threading
def serve(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        data = sock.recv(1 << 18)
        if not data:
            return
        if data[:5] == b"PUSH ":
            size = int(data[5:])
            lines = (b"x" * 63 + b"\n") * 1024
            while size > 0:
                sock.sendall(lines[:size])
                size -= len(lines)
        else:
            sock.sendall(data)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


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
    batch = loop.run_until_complete(make)
    return lambda count: loop.run_until_complete(batch(count))


def compare(
    title: str, contestants: dict[str, Batch], count: int, rounds: int, bars: list[tuple[str, str, float]]
) -> None:
    """Let all take turns; print rates, and ratios beside their bars."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for batch in contestants.values():
        batch(count // 4 + 1)
    for number in range(rounds):
        names = list(contestants)
        for name in names if number % 2 else reversed(names):
            times[name].append(contestants[name](count))
    print(f"\n{title}")
    for name, seconds in times.items():
        print(f"  {name:28} {count / statistics.median(seconds):14,.0f} /s")
    for name, reference, bar in bars:
        ratio = statistics.median(b / a for a, b in zip(times[name], times[reference], strict=True))
        mark = "" if ratio >= bar else "   below"
        print(f"  {name} : {reference} = {ratio:.2f} (bar {bar}){mark}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--batch", type=int, default=200, help="round trips in a batch")
    parser.add_argument("--only", default="", help="a part of a title")
    arguments = parser.parse_args()
    with subprocess.Popen([sys.executable, "-c", PEER], stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdout is not None
        port = int(peer.stdout.readline())
        place_apart(peer.pid)
        try:
            for title, run in (
                ("blocking", run_blocking),
                ("asyncio", lambda *args: run_async(asyncio.new_event_loop(), "asyncio", *args)),
                ("uvloop", lambda *args: run_async(uvloop.new_event_loop(), "uvloop", *args)),
            ):
                if arguments.only in title:
                    run(port, arguments.batch, arguments.rounds)
        finally:
            peer.kill()
            os._exit(0)  # open connections are no matter here


def place_apart(pid: int) -> None:
    """Give the peer a processor of its own, for whether it shares ours changes all figures."""
    if hasattr(os, "sched_setaffinity"):
        processors = sorted(os.sched_getaffinity(0))
        if len(processors) > 1:
            os.sched_setaffinity(0, processors[:1])
            os.sched_setaffinity(pid, processors[1:2])


def run_blocking(port: int, count: int, rounds: int) -> None:
    contestants = {
        "bare socket": bare_socket(port),
        "junto.sync": blocking(sync.TCP("127.0.0.1", port)),
        "junto.sync, timeout=1": blocking(sync.TCP("127.0.0.1", port), timeout=1),
    }
    bars = [("junto.sync", "bare socket", 0.75), ("junto.sync, timeout=1", "junto.sync", 0.9)]
    try:
        import sockio.sio
    except ImportError:
        pass
    else:
        contestants["sockio.sio"] = blocking(sockio.sio.TCP("127.0.0.1", port))
        bars.append(("junto.sync", "sockio.sio", 1.0))
    compare("Round trips of 16-byte lines, blocking", contestants, count, rounds, bars)


def run_async(loop: asyncio.AbstractEventLoop, name: str, port: int, count: int, rounds: int) -> None:
    contestants = {
        "bare protocol": in_loop(loop, bare_protocol(port)),
        "asyncio.streams": in_loop(loop, streams(port)),
        "junto.aio": in_loop(loop, asynchronous(aio.TCP("127.0.0.1", port))),
        "junto.aio, timeout=1": in_loop(loop, asynchronous(aio.TCP("127.0.0.1", port), timeout=1)),
    }
    bars = [
        ("junto.aio", "asyncio.streams", 1.0),
        ("junto.aio", "bare protocol", 0.9),
        ("junto.aio, timeout=1", "junto.aio", 0.9),
    ]
    try:
        import sockio.aio
    except ImportError:
        pass
    else:
        contestants["sockio.aio"] = in_loop(loop, asynchronous(sockio.aio.TCP("127.0.0.1", port)))
        bars.append(("junto.aio", "sockio.aio", 1.0))
    compare(f"Round trips of 16-byte lines, {name}", contestants, count, rounds, bars)
    contestants = {
        "bare protocol, each line": in_loop(loop, bare_splitting(port, each=True)),
        "bare protocol, lists": in_loop(loop, bare_splitting(port, each=False)),
        "async for": in_loop(loop, pushed(port, batches=False)),
        "batch()": in_loop(loop, pushed(port, batches=True)),
    }
    bars = [("async for", "bare protocol, each line", 0.5), ("batch()", "bare protocol, lists", 0.8)]
    compare(f"Pushed lines of 64 bytes, {name}", contestants, 50_000, max(7, rounds // 4), bars)
    contestants = {
        "bare protocol, one buffer": in_loop(loop, bare_bulk(port)),
        "readexactly": in_loop(loop, bulk(port, into=False)),
        "readexactly_into": in_loop(loop, bulk(port, into=True)),
    }
    bars = [
        ("readexactly", "bare protocol, one buffer", 0.9),
        ("readexactly_into", "bare protocol, one buffer", 0.9),
    ]
    compare(f"Bytes of 64 MB reads, {name}", contestants, 64_000_000, 7, bars)


if __name__ == "__main__":
    main()
