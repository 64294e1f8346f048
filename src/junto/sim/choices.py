"""Every decision of the simulator, each a function of seed, label, entity and its number.

A stream belongs to one kind of decision of one thing, such as the latency of one link. So a link that is
never used, or a fault that is taken away, shifts no decision of another one.
"""

from __future__ import annotations

from _random import Random  # its own seed, that runs replace and set back, is another matter
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TypeAlias

__all__ = ["DRAWN", "Choices", "Neutral", "Stream"]

DRAWN = ("random", "entropy")
"""The labels of what programs draw by themselves, from generators and from the system."""

Neutral: TypeAlias = tuple[str, str] | tuple[str, str, int, int]
"""A label and an entity, and between which world times, in nanoseconds, if not always."""


class Stream:
    """The decisions of one kind of one entity, in their order.

    Most of those that are asked for never decide anything. So the generator is made at the first draw:
    to seed it takes longer than all else that is done for a link.

    Attributes:
        random: Draws a float in [0, 1).
    """

    __slots__ = ("_generator", "_name", "random")

    def __init__(self, name: str) -> None:
        self._name = name
        self._generator: Random | None = None
        self.random: Callable[[], float] = self._first

    def drawing(self) -> Callable[[], float]:
        """Give what draws a float, for who draws so often that it keeps it."""
        if self.random == self._first:
            self.random = self._begin().random
        return self.random

    def uniform(self, low: float, high: float) -> float:
        """Draw a float between two."""
        return low + (high - low) * self.random()

    def below(self, end: int) -> int:
        """Draw an integer of 0 to `end` - 1."""
        return int(self.random() * end)

    def bytes(self, count: int) -> bytes:
        """Draw `count` bytes."""
        return self._begin().getrandbits(8 * count).to_bytes(count, "little") if count else b""

    def _first(self) -> float:
        self.random = self._begin().random
        return self.random()

    def _begin(self) -> Random:
        """Find the generator, made now if nothing was drawn before."""
        if self._generator is None:
            digest = blake2b(self._name.encode(), digest_size=16).digest()
            self._generator = Random(int.from_bytes(digest, "little"))
        return self._generator


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
        self._drawn = self.drawing()
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
        self._streams: dict[tuple[str, str], Stream] = {}

    def stream(self, label: str, entity: str) -> Stream:
        """Find the stream of one kind of decision of one thing."""
        key = (label, entity)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = self._make(key)
        return stream

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
