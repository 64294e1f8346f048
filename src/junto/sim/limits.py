"""What a plan of faults keeps to: times without any, and a majority that stays up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf

from junto.sim.kernel import SECOND
from junto.sim.plans import Fault

__all__ = ["Limits"]

AWAY = frozenset({"kill", "power_off", "restart", "restart_loop", "pause", "signal"})
LINGERS = frozenset({"kill", "power_off", "signal"})  # without a duration a host stays away


class Limits:
    """What faults may be drawn.

    Args:
        quiet: Times without faults, in seconds.
        quorum: Hosts, and how many of them may be down or cut off at a time.
        hosts: All hosts.
    """

    def __init__(
        self,
        quiet: Iterable[tuple[float, float]],
        quorum: tuple[tuple[str, ...], int],
        hosts: Sequence[str],
    ) -> None:
        self._quiet = [(round(begin * SECOND), round(end * SECOND)) for begin, end in quiet]
        self._members, self._spare = frozenset(quorum[0]), quorum[1]
        self._hosts = hosts
        self._away: list[tuple[float, float, frozenset[str]]] = []

    def kept(self, faults: Iterable[Fault]) -> list[Fault]:
        """Keep what may be, shorten what must end before a quiet time; in the order of their times."""
        kept = []
        for fault in faults:
            found = self._shortened(fault)
            if found is not None and self._leaves_quorum(found):
                kept.append(found)
        return kept

    def _shortened(self, fault: Fault) -> Fault | None:
        for begin, end in self._quiet:
            if begin <= fault.at_ns < end:
                return None
            if fault.at_ns < begin and fault.duration_ns is not None:
                fault = replace(fault, duration_ns=min(fault.duration_ns, begin - fault.at_ns))
        return fault

    def _leaves_quorum(self, fault: Fault) -> bool:
        lost = self._lost(fault)
        if not lost:
            return True
        begin = fault.at_ns
        end = fault.end_ns if fault.end_ns is not None else (inf if fault.kind in LINGERS else begin)
        others = [(first, last, hosts) for first, last, hosts in self._away if first <= end and begin <= last]
        # What is away at any time in between is counted as a whole: on the safe side.
        away = lost.union(*(hosts for _, _, hosts in others))
        if len(away) > self._spare:
            return False
        self._away.append((begin, end, lost))
        return True

    def _lost(self, fault: Fault) -> frozenset[str]:
        """Tell which of the members are no use to the others."""
        if fault.kind in AWAY:
            names = self._hosts if fault.hosts == ("*",) else fault.hosts
            return self._members.intersection(names)
        if fault.kind == "partition":
            sides = [self._members.intersection(side) for side in fault.sides]
            return self._members.intersection(*[fault.hosts]) - max(sides, key=len)
        return frozenset()
