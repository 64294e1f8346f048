"""The processes that are measured, as their parent sees them: started, asked, and always ended."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Self

from benchmarks.contestants import ADD, Work

ROOT = Path(__file__).resolve().parent.parent


class ChildFailed(Exception):
    """A process ended or did not answer in time; it has told why on its standard error."""


@dataclass(frozen=True)
class Side:
    """One module of `benchmarks.contestants`, and how it runs.

    Attributes:
        module: Its name.
        loop: ``asyncio``, ``uvloop``, ``trio``, ``simpy``, or empty for blocking code.
        options: Keyword arguments for its ``serve`` or ``connect``.
    """

    module: str
    loop: str = ""
    options: dict[str, Any] = field(default_factory=dict)


def environment() -> dict[str, str]:
    """Make the environment in which a child finds this package, and whatever we find."""
    given = os.environ.get("PYTHONPATH", "")
    paths = [str(ROOT), *(str(Path(path).resolve()) for path in given.split(os.pathsep) if path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@dataclass(frozen=True)
class Placement:
    """Which processors the two processes may use; empty for any.

    Left to itself, the system now puts both on one processor, where they hand over to each other
    quickly, and now on two, where each wakes the other; for calls one after the other that is a
    factor of three, and no property of a library.
    """

    server: tuple[int, ...] = ()
    client: tuple[int, ...] = ()

    @classmethod
    def choose(cls, name: str) -> Placement:
        """Make the placement ``split``, ``same`` or ``free``, if the system can do that."""
        usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if name == "same" and usable:
            return cls((usable[0],), (usable[0],))
        if name == "split" and len(usable) > 1:
            half = len(usable) // 2
            return cls(tuple(usable[:half]), tuple(usable[half:]))
        return cls()


class Child:
    """One process; a context manager that ends it."""

    def __init__(self, role: str, side: Side, cpus: tuple[int, ...], **more: Any) -> None:
        order = {"role": role, "cpus": cpus, **asdict(side), **more}
        self._side = side
        self._received = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            bufsize=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            raise ChildFailed(f"{self._side.module} has ended") from None

    def hear(self, timeout: float) -> dict[str, Any]:
        """Wait for the next answer.

        Raises:
            ChildFailed: The process ended, or did not answer within *timeout* seconds.
        """
        assert self._process.stdout is not None
        deadline = monotonic() + timeout
        while b"\n" not in self._received:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - monotonic()))
            if not ready:
                raise ChildFailed(f"{self._side.module} did not answer within {timeout:g} seconds")
            data = os.read(self._process.stdout.fileno(), 65_536)
            if not data:
                raise ChildFailed(f"{self._side.module} has ended")
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, line: str, timeout: float = 10.0) -> dict[str, Any]:
        self.tell(line)
        return self.hear(timeout)


class Server(Child):
    def __init__(self, side: Side, placement: Placement) -> None:
        super().__init__("server", side, placement.server)

    def port(self) -> int:
        """Wait until it listens, and tell where; once."""
        return int(self.hear(20)["port"])

    def usage(self, *, collect: bool = False) -> dict[str, Any]:
        """Tell its processor time and memory; *collect* frees garbage and begins a new peak."""
        return self.ask("collect" if collect else "usage")


class Client(Child):
    def __init__(self, side: Side, placement: Placement, *, work: Work = ADD, connections: int = 1) -> None:
        super().__init__("client", side, placement.client, work=work, connections=connections)

    def connect(self, port: int, *, timeout: float = 20.0) -> None:
        """Let it open its connections, and make one call on each."""
        self.ask(str(port), timeout)


@dataclass(frozen=True)
class Measured:
    """One timed run.

    Attributes:
        rate: Completed calls per second.
        client_cpu: Processor time of the client, in seconds per call.
        server_cpu: The server's.
    """

    rate: float
    client_cpu: float
    server_cpu: float


class Pair:
    """A server and a client that is connected to it."""

    def __init__(
        self, stack: ExitStack, server: Side, client: Side, placement: Placement, work: Work, connections: int
    ) -> None:
        """Start both; *stack* ends them."""
        self._server = stack.enter_context(Server(server, placement))
        self._client = stack.enter_context(Client(client, placement, work=work, connections=connections))
        self._client.connect(self._server.port())

    def measure(self, driver: str, *, warm_up: float, seconds: float) -> Measured:
        order = {"driver": driver, "warm_up": warm_up, "seconds": seconds}
        self._client.ask(json.dumps(order), timeout=20 + warm_up)
        before = self._server.usage()["cpu"]
        answer = self._client.ask("go", timeout=20 + seconds)
        server_cpu = self._server.usage()["cpu"] - before
        count = max(1, answer["count"])
        return Measured(answer["count"] / answer["elapsed"], answer["cpu"] / count, server_cpu / count)
