"""How to measure: how long, how often, where, and whom."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.processes import Placement


@dataclass(frozen=True)
class Plan:
    """What the user asked for.

    Attributes:
        rounds: How often each contestant has its turn.
        few: How often where the figures hardly vary and a turn is long.
        seconds: How long a turn is.
        warm_up: How long the same is done before each turn, without counting.
        fresh: Whether each round starts new processes. What a process is lucky with, as the layout of
            its memory and the seed of its hashes, is then averaged too.
        idle: How many idle connections to open.
        placement: Which processors to use.
        wanted: Parts of contestants' names; empty for all.
    """

    rounds: int
    few: int
    seconds: float
    warm_up: float
    fresh: bool
    idle: int
    placement: Placement
    wanted: tuple[str, ...]

    @classmethod
    def make(cls, *, quick: bool, rounds: int | None, placement: str, wanted: list[str] | None) -> Plan:
        where, whom = Placement.choose(placement), tuple(wanted or ())
        if quick:
            return cls(rounds or 3, 1, 0.2, 0.05, False, 2_000, where, whom)
        return cls(rounds or 5, min(3, rounds or 3), 1.0, 0.3, True, 10_000, where, whom)

    def wants(self, name: str) -> bool:
        return not self.wanted or any(part in name for part in self.wanted)
