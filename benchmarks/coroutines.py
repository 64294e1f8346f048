"""Protocols without I/O as generator functions, beside parsers written by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn, Protocol

from benchmarks.by_hand import LengthEcho, LineEcho
from benchmarks.plan import Plan
from benchmarks.report import Progress
from benchmarks.results import Bar, Figures, Outcome
from junto.protocols import Steps, protocol, put, read, readline, write

KIB = 1024
FEED = 64 * KIB
LEAST_ROUNDS = 7


class Echo(Protocol):
    def send(self, data: bytes, /) -> None: ...
    def read(self) -> bytes: ...


@protocol
def line_echo() -> Steps[NoReturn]:
    while True:
        line = yield from readline()
        yield from put(line)


@protocol
def flushing_line_echo() -> Steps[NoReturn]:
    while True:
        line = yield from readline()
        yield from write(line)


@protocol
def length_echo() -> Steps[NoReturn]:
    while True:
        head = yield from read(4)
        body = yield from read(int.from_bytes(head, "big"))
        yield from put(head + body)


@dataclass(frozen=True)
class Case:
    """Some input, in pieces, and who echoes it.

    Attributes:
        limit: What part of the baseline's speed is asked for.
    """

    name: str
    pieces: list[bytes]
    messages: int
    base: Callable[[], Echo]
    own: Callable[[], Echo]
    limit: float
    names: tuple[str, str] = ("by hand", "junto")

    def figures(self) -> tuple[Figures, Figures]:
        base, own = (f"{self.name}: {name}" for name in self.names)
        return Figures(base), Figures(own, (Bar((base,), self.limit),))


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def framed(size: int) -> bytes:
    return size.to_bytes(4, "big") + b"x" * size


def cases() -> Iterator[Case]:
    line = b"x" * 63 + b"\n"
    lines = cut(line * (4 * FEED // len(line)), FEED)
    for names, base, own, limit in (
        (("by hand", "junto"), LineEcho, line_echo, 0.40),
        (("junto, put", "junto, write"), line_echo, flushing_line_echo, 0.50),
    ):
        yield Case("lines, one by one", [line], 1, base, own, limit, names)
        yield Case("lines in 64 KiB", lines, 4 * FEED // len(line), base, own, limit, names)
    for size, alone, together in ((64, 0.30, 0.25), (KIB, 0.40, 0.30)):
        message = framed(size)
        count = 4 * FEED // len(message)
        name = f"bodies of {size} B"
        yield Case(f"{name}, one by one", [message], 1, LengthEcho, length_echo, alone)
        yield Case(f"{name} in 64 KiB", cut(message * count, FEED), count, LengthEcho, length_echo, together)
    pieces = cut(framed(64 * KIB) * 4, 4 * KIB)
    yield Case("bodies of 64 KiB in 4 KiB", pieces, 4, LengthEcho, length_echo, 0.80)


def _echo(make: Callable[[], Echo], case: Case, seconds: float) -> float:
    """Echo for some time; return how many messages that were per second of processor time."""
    echo = make()
    send, take = echo.send, echo.read
    pieces = case.pieces * max(1, 100 // len(case.pieces))
    # One that was not run yet is slower than it will be.
    for timed in (0.2 * seconds, seconds):
        turns = 0
        start = now = time.process_time()
        while now - start < timed:
            for piece in pieces:
                send(piece)
                take()
            turns += 1
            now = time.process_time()
    return turns * len(pieces) / len(case.pieces) * case.messages / (now - start)


def measure_coroutines(plan: Plan, progress: Progress) -> Outcome:
    """Let parsers and protocols echo the same input in turns, in this process."""
    outcome = Outcome("coroutines", "protocols as generators, beside parsers by hand", "messages/s")
    rounds = max(LEAST_ROUNDS, plan.rounds)
    for case in cases():
        base, own = case.figures()
        outcome.figures += [base, own]
        for lap in range(rounds):
            progress.tell(f"coroutines: round {lap + 1} of {rounds}: {case.name}")
            for figures, make in ((base, case.base), (own, case.own)):
                figures.values.append(_echo(make, case, plan.seconds / 10))
    return outcome
