"""The instrument client beside what it replaces: bare sockets, bare protocols, streams, and sockio.

The peer is a process of its own. Contestants keep their connections, and take turns in short batches, so that
what else the machine does hits all alike.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.instrument_clients import (
    Batch,
    asynchronous,
    bare_bulk,
    bare_protocol,
    bare_socket,
    bare_splitting,
    blocking,
    bulk,
    in_loop,
    pushed,
    streams,
)
from benchmarks.plan import Plan
from benchmarks.report import Progress
from benchmarks.results import LEFT_OUT, Bar, Figures, Outcome
from junto import aio, sync

HOST = "127.0.0.1"
WITHOUT_LIMIT = "junto"
WITH_LIMIT = "junto, timeout=1"

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


@dataclass(frozen=True)
class Case:
    """Contestants who do the same.

    Attributes:
        size: How much a batch is: round trips, lines, bytes.
        rounds: How often each has its turn, for each round that the user asked for.
        contestants: By name; what makes each, or ``None`` for one that is not installed.
        bars: Name, baseline, limit.
    """

    title: str
    size: int
    rounds: int
    contestants: dict[str, Callable[[], Batch] | None]
    bars: tuple[tuple[str, str, float], ...]

    def name(self, contestant: str) -> str:
        return f"{self.title}: {contestant}"

    def figures(self) -> dict[str, Figures]:
        return {
            name: Figures(
                self.name(name),
                tuple(Bar((self.name(base),), limit) for own, base, limit in self.bars if own == name),
                note="" if make else f"{LEFT_OUT}: not installed",
            )
            for name, make in self.contestants.items()
        }


def cases(port: int) -> Iterator[Case]:
    yield Case(
        "ask, blocking",
        200,
        13,
        {
            "bare socket": lambda: bare_socket(port),
            WITHOUT_LIMIT: lambda: blocking(sync.TCP(HOST, port)),
            WITH_LIMIT: lambda: blocking(sync.TCP(HOST, port), timeout=1),
            "sockio": _blocking_sockio(port),
        },
        (
            (WITHOUT_LIMIT, "bare socket", 0.75),
            (WITHOUT_LIMIT, "sockio", 1.0),
            (WITH_LIMIT, WITHOUT_LIMIT, 0.9),
        ),
    )
    loops = {"asyncio": asyncio.new_event_loop()}
    try:
        import uvloop
    except ImportError:
        pass
    else:
        loops["uvloop"] = uvloop.new_event_loop()
    for name, loop in loops.items():
        yield asking(port, name, loop)
    for name, loop in loops.items():
        yield large(port, name, loop)
    # When a large block was freed, glibc keeps what is freed later. Until then, each chunk of lines may cost
    # 64 page faults or none, by chance.
    bytes(16 << 20)
    for name, loop in loops.items():
        yield pushing(port, name, loop)


def asking(port: int, name: str, loop: asyncio.AbstractEventLoop) -> Case:
    return Case(
        f"ask, {name}",
        200,
        13,
        {
            "bare protocol": lambda: in_loop(loop, bare_protocol(port)),
            "asyncio.streams": lambda: in_loop(loop, streams(port)),
            WITHOUT_LIMIT: lambda: in_loop(loop, asynchronous(aio.TCP(HOST, port))),
            WITH_LIMIT: lambda: in_loop(loop, asynchronous(aio.TCP(HOST, port), timeout=1)),
            "sockio": _sockio(loop, port),
        },
        (
            (WITHOUT_LIMIT, "asyncio.streams", 1.0),
            (WITHOUT_LIMIT, "bare protocol", 0.9),
            (WITHOUT_LIMIT, "sockio", 1.0),
            (WITH_LIMIT, WITHOUT_LIMIT, 0.9),
        ),
    )


def pushing(port: int, name: str, loop: asyncio.AbstractEventLoop) -> Case:
    return Case(
        f"lines, {name}",
        50_000,
        13,
        {
            "bare protocol, each": lambda: in_loop(loop, bare_splitting(port, each=True)),
            "bare protocol, lists": lambda: in_loop(loop, bare_splitting(port, each=False)),
            "async for": lambda: in_loop(loop, pushed(port, batches=False)),
            "batch()": lambda: in_loop(loop, pushed(port, batches=True)),
        },
        (("async for", "bare protocol, each", 0.4), ("batch()", "bare protocol, lists", 0.8)),
    )


def large(port: int, name: str, loop: asyncio.AbstractEventLoop) -> Case:
    return Case(
        f"64 MB, {name}",
        64_000_000,
        5,
        {
            "bare protocol": lambda: in_loop(loop, bare_bulk(port)),
            "readexactly": lambda: in_loop(loop, bulk(port, into=False)),
            "readexactly_into": lambda: in_loop(loop, bulk(port, into=True)),
        },
        (("readexactly", "bare protocol", 0.9), ("readexactly_into", "bare protocol", 0.9)),
    )


def _blocking_sockio(port: int) -> Callable[[], Batch] | None:
    try:
        import sockio.sio
    except ImportError:
        return None
    return lambda: blocking(sockio.sio.TCP(HOST, port))


def _sockio(loop: asyncio.AbstractEventLoop, port: int) -> Callable[[], Batch] | None:
    try:
        import sockio.aio
    except ImportError:
        return None
    return lambda: in_loop(loop, asynchronous(sockio.aio.TCP(HOST, port)))


@contextmanager
def _peer(plan: Plan) -> Iterator[int]:
    """Run the peer, as far from us as the plan says; give its port."""
    with subprocess.Popen([sys.executable, "-c", PEER], stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdout is not None
        port = int(peer.stdout.readline())
        ours = os.sched_getaffinity(0) if plan.placement.server else None
        if ours is not None:
            os.sched_setaffinity(peer.pid, plan.placement.server)
            os.sched_setaffinity(0, plan.placement.client)
        try:
            yield port
        finally:
            if ours is not None:
                os.sched_setaffinity(0, ours)
            peer.kill()


def measure_instruments(plan: Plan, progress: Progress) -> Outcome:
    """Let all clients take turns, in this process."""
    outcome = Outcome("instruments", "the client for instruments, beside what it replaces", "per second")
    with _peer(plan) as port:
        for case in cases(port):
            figures = case.figures()
            outcome.figures += figures.values()
            wanted = {
                name: make
                for name, make in case.contestants.items()
                if make is not None and plan.wants(case.name(name))
            }
            batches = {name: make() for name, make in wanted.items()}
            for batch in batches.values():
                batch(case.size // 4 + 1)
            for lap in range(case.rounds * plan.rounds):
                progress.tell(f"instruments: {case.title}: {lap}")
                for name in list(batches) if lap % 2 else reversed(batches):
                    used = time.process_time()
                    figures[name].values.append(case.size / batches[name](case.size))
                    figures[name].client_cpu.append((time.process_time() - used) / case.size)
                    figures[name].server_cpu.append(0.0)  # the peer is the same for all
    return outcome
