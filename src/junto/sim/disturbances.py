"""The faults in a trace: from when to when, of what kind, and whom they concern.

What is recorded of a fault is its line of the plan, and that line again, with what it hit, when it is over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from junto.sim.showing import visible
from junto.sim.trace import Event

__all__ = ["CLOCK_FAULTS", "HOST_FAULTS", "LIFE_FAULTS", "Disturbance", "find_disturbances"]

LIFE_FAULTS: Final = frozenset({"kill", "pause", "power_off", "restart", "restart_loop", "signal"})
"""What a host's own events tell of too."""
CLOCK_FAULTS: Final = frozenset({"clock", "drift", "jump", "skew"})
HOST_FAULTS: Final = (
    LIFE_FAULTS | CLOCK_FAULTS | {"disk_full", "disk_slow", "dns", "slow", "stop", "torn_write"}
)
"""What befalls hosts; everything else is between them."""

_BETWEEN = re.compile(r"[|>,]")


class Disturbance(NamedTuple):
    """One fault.

    Attributes:
        begin: The number of the event with which it begins.
        end: That of the event with which it ends; ``None`` if it lasts.
        kind: The first word of its line.
        hosts: Those it names; none stands for all.
        text: Its line without the time, as it can be shown.
        hit: What it hit, in words; perhaps nothing.
    """

    begin: int
    end: int | None
    kind: str
    hosts: tuple[str, ...]
    text: str
    hit: str


def find_disturbances(events: Sequence[Event]) -> list[Disturbance]:
    """Find the faults in *events*, in the order of their beginning."""
    found: list[Disturbance] = []
    lasting: dict[int, int] = {}  # places in what was found, by the number of the event
    for number, event in enumerate(events):
        if event[2] == "fault":
            lasting[number] = len(found)
            found.append(_read(number, event))
        elif event[2] == "fault_end":
            begin = next((begin for begin in lasting if _belongs(events[begin], event)), None)
            if begin is not None:
                place = lasting.pop(begin)
                line, told = events[begin][7] or "", event[7] or ""
                hit = visible(told.removeprefix(line).strip().removeprefix("(").removesuffix(")"))
                found[place] = found[place]._replace(end=number, hit=hit)
    return found


def _belongs(begin: Event, end: Event) -> bool:
    if begin[3] is not None or end[3] is not None:
        return begin[3] == end[3]
    return (end[7] or "").startswith(begin[7] or "")


def _read(number: int, event: Event) -> Disturbance:
    _, host, _, _, peer, _, _, detail = event
    words = (detail or "fault").split()
    if len(words) > 1 and words[0][0].isdigit():  # the time of the plan, which is that of the event
        words = words[1:]
    kind, targets = words[0], words[1] if len(words) > 1 else "*"
    if peer:
        targets = peer
    elif host != "world":
        targets = host
    hosts = () if targets == "*" else tuple(name for name in _BETWEEN.split(targets) if name)
    return Disturbance(number, None, kind, hosts, visible(" ".join(words)), "")
