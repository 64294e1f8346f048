"""Every decision of the simulator, each a function of seed, label, entity and its number.

A stream belongs to one kind of decision of one thing, such as the latency of one link. So a link that is
never used, or a fault that is taken away, shifts no decision of another one.
"""

from __future__ import annotations

from _random import Random  # its own seed, that runs replace and set back, is another matter
from collections.abc import Callable, Generator, Iterable
from hashlib import blake2b
from typing import TypeAlias

__all__ = ["DRAWN", "Choices", "Neutral", "Stream"]

DRAWN = ("random", "entropy")
"""The labels of what programs draw by themselves, from generators and from the system."""

Neutral: TypeAlias = tuple[str, str] | tuple[str, str, int, int]
"""A label and an entity, and between which world times, in nanoseconds, if not always."""
EARLY = 8  # so many decisions are all that most streams take


def _source(name: str) -> Random:
    return Random(int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "little"))


def _draws(name: str) -> Generator[float]:
    """Draw what one generator draws; between the first few of them there is none."""
    source = _source(name)
    early = [source.random() for _ in range(EARLY)]
    del source
    yield from early
    draw = _source(name).random
    for _ in early:
        draw()
    while True:
        yield draw()


class Stream:
    """The decisions of one kind of one entity, in their order.

    Most of those that are asked for never decide anything, and most others only a few times. So a generator,
    which takes long to seed and then 2.5 KiB, is made at the first draw, and again when its first few are
    used up.

    Attributes:
        random: Draws a float in [0, 1).
    """

    __slots__ = ("_bits", "_name", "random")

    def __init__(self, name: str) -> None:
        self._name = name
        self._bits: Callable[[int], int] | None = None
        self.random: Callable[[], float] = _draws(name).__next__

    def uniform(self, low: float, high: float) -> float:
        """Draw a float between two."""
        return low + (high - low) * self.random()

    def below(self, end: int) -> int:
        """Draw an integer of 0 to `end` - 1."""
        return int(self.random() * end)

    def bytes(self, count: int) -> bytes:
        """Draw `count` bytes."""
        if self._bits is None:
            self._bits = _source(self._name).getrandbits
        return self._bits(8 * count).to_bytes(count, "little") if count else b""


class _Neutral(Stream):
    """A stream that decides nothing: the middle of every range, the first of every list.

    Bytes are drawn all the same, for they stand for what a program takes from the system; but they are the
    same ones whatever the run's seed is.
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.random = lambda: 0.5

    def below(self, end: int) -> int:
        return 0


class _NeutralForATime(Stream):
    """A stream that decides nothing in some times.

    What it would have decided then is drawn and thrown away: the decisions after it are those of a run
    without such a time, as far as their number is the same.
    """

    __slots__ = ("_drawn", "_now", "_times")

    def __init__(self, name: str, now: Callable[[], int], times: Iterable[tuple[int, int]]) -> None:
        super().__init__(name)
        self._now = now
        self._times = tuple(times)
        self._drawn = self.random
        self.random = self._random

    def below(self, end: int) -> int:
        drawn = self._drawn()
        return 0 if self._neutral() else int(drawn * end)

    def _random(self) -> float:
        drawn = self._drawn()
        return 0.5 if self._neutral() else drawn

    def _neutral(self) -> bool:
        now = self._now()
        return any(begin <= now < end for begin, end in self._times)


class Choices:
    """All streams of one run.

    Args:
        seed: The run's seed, any integer.
        neutral: The decisions that are not taken: of a label, of an entity or "*"
            for all, and, if two times in nanoseconds are given too, from the
            first to before the second.
        now: Tells the world's time, for these.
    """

    def __init__(
        self, seed: int, neutral: Iterable[Neutral] = (), now: Callable[[], int] = lambda: 0
    ) -> None:
        self.seed = seed
        self.neutral = tuple(neutral)
        self._now = now
        self._times: dict[tuple[str, str], list[tuple[int, int]] | None] = {}
        for one in self.neutral:
            found = self._times.setdefault(one[:2], [])
            if len(one) == 2:
                self._times[one] = None  # always
            elif found is not None:
                found.append(one[2:])
        self._streams: dict[tuple[str, str], Stream | None] = {}

    def stream(self, label: str, entity: str) -> Stream:
        """Find the stream of one kind of decision of one thing."""
        key = (label, entity)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = self._make(key)
        return stream

    def once(self, label: str, entity: str) -> Stream:
        """Make the stream of a decision that is taken once: it is known of, and not kept."""
        key = (label, entity)
        self._streams.setdefault(key)
        return self._make(key)

    def at(self, label: str, entity: str, when: int) -> float:
        """Draw a float in [0, 1) by a time of the world instead of a number.

        So whatever else is decided at that time, and whatever was before, does not shift it. A neutral
        decision is 0.
        """
        self._streams.setdefault((label, entity))
        for key in ((label, entity), (label, "*")):
            times = self._times.get(key, ())
            if times is None or any(begin <= when < end for begin, end in times):
                return 0.0
        digest = blake2b(f"{self.seed}\0{label}\0{entity}\0{when}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") / (1 << 64)

    def used(self) -> tuple[tuple[str, str], ...]:
        """List the label and entity of each stream that was asked for, in the order of their first use."""
        return tuple(self._streams)

    def _make(self, key: tuple[str, str]) -> Stream:
        label, entity = key
        name = f"{self.seed}\0{label}\0{entity}"
        if not self._times:
            return Stream(name)
        times: list[tuple[int, int]] = []
        for found in (self._times.get(key, []), self._times.get((label, "*"), [])):
            if found is None:
                return _Neutral(f"neutral\0{label}\0{entity}")
            times += found
        return _NeutralForATime(name, self._now, times) if times else Stream(name)
