"""A host that only has what replaced functions ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from junto.sim.choices import Choices, Stream
from junto.sim.here import here
from junto.sim.host import Host

EPOCH = 1_800_000_000 * 10**9
START = 5_000 * 10**9


class FakeHost:
    def __init__(self, name: str = "n1", seed: int = 1) -> None:
        self.name = name
        self.pid = 1101
        self.elapsed = 0
        self.process: dict[str, Any] = {}
        self._choices = Choices(seed)

    def monotonic_ns(self) -> int:
        return START + self.elapsed

    def time_ns(self) -> int:
        return EPOCH + self.elapsed

    def block(self, duration: int) -> None:
        self.elapsed += duration

    def choices(self, label: str) -> Stream:
        return self._choices.stream(label, self.name)


@contextmanager
def on(host: FakeHost | None) -> Iterator[FakeHost | None]:
    """Run the block as code of the host, or of none."""
    here.host = cast(Host, host)
    try:
        yield host
    finally:
        here.host = None
