"""Every decision of the simulator, each a function of seed, label, entity and its number.

A stream belongs to one kind of decision of one thing, such as the latency of one link. So a link that is
never used, or a fault that is taken away, shifts no decision of another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from random import Random

__all__ = ["Choices", "Stream"]


class Stream:
    """The decisions of one kind of one entity, in their order.

    Attributes:
        random: Draws a float in [0, 1).
    """

    __slots__ = ("_bits", "random")

    def __init__(self, seed: bytes) -> None:
        source = Random()  # seeded at once below, by an integer: no draw on the system
        source.seed(int.from_bytes(seed, "little"))
        self.random = source.random
        self._bits = source.getrandbits

    def uniform(self, low: float, high: float) -> float:
        """Draw a float between two."""
        return low + (high - low) * self.random()

    def below(self, end: int) -> int:
        """Draw an integer of 0 to `end` - 1."""
        return int(self.random() * end)

    def bytes(self, count: int) -> bytes:
        """Draw `count` bytes."""
        return self._bits(8 * count).to_bytes(count, "little") if count else b""


class _Neutral(Stream):
    """A stream that decides nothing: the middle of every range, the first of every list.

    Bytes are drawn all the same: they stand for what a program takes from the system, not for a decision.
    """

    __slots__ = ()

    def __init__(self, seed: bytes) -> None:
        super().__init__(seed)
        self.random = lambda: 0.5

    def below(self, end: int) -> int:
        return 0


class Choices:
    """All streams of one run.

    Args:
        seed: The run's seed, any integer.
        neutral: The (label, entity) pairs whose decisions are not taken; an
            entity "*" stands for all.
    """

    def __init__(self, seed: int, neutral: Iterable[tuple[str, str]] = ()) -> None:
        self.seed = seed
        self.neutral = frozenset(neutral)
        self._streams: dict[tuple[str, str], Stream] = {}

    def stream(self, label: str, entity: str) -> Stream:
        """Find the stream of one kind of decision of one thing."""
        key = (label, entity)
        stream = self._streams.get(key)
        if stream is None:
            digest = blake2b(f"{self.seed}\0{label}\0{entity}".encode(), digest_size=16).digest()
            kind = (
                _Neutral if self.neutral and (key in self.neutral or (label, "*") in self.neutral) else Stream
            )
            stream = self._streams[key] = kind(digest)
        return stream
