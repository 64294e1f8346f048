"""What lasts: a host that is down, paused or slow, a clock that is wrong, a network that is cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from junto.sim.disturbances import CLOCK_FAULTS, HOST_FAULTS, LIFE_FAULTS, Disturbance
from junto.sim.showing import visible
from junto.sim.trace import Event

__all__ = ["Band", "Bar", "find_bands", "find_bars"]


class Bar(NamedTuple):
    """A time in which a host is ``dead``, ``paused`` or ``slow``, or has a ``clock`` or other ``fault``."""

    lane: int
    first: int
    last: int
    style: str
    label: str


class Band(NamedTuple):
    """A time in which the network between some lanes has a fault."""

    lanes: tuple[int, ...]
    first: int
    last: int
    label: str


def find_bars(
    events: Sequence[Event],
    order: Sequence[int],
    disturbances: Sequence[Disturbance],
    rows: Mapping[int, int],
    lanes: Mapping[str, int],
) -> list[Bar]:
    """Find what lasts on one lane.

    Args:
        events: All events.
        order: Their numbers in the order of time.
        disturbances: The faults in them.
        rows: The row of each time.
        lanes: The lane of each host.
    """
    bars: list[Bar] = []
    begun: dict[tuple[str, str], tuple[int, str]] = {}
    last_row = len(rows) - 1

    def end(host: str, style: str, row: int) -> None:
        first = begun.pop((host, style), None)
        if first is not None and host in lanes:
            bars.append(Bar(lanes[host], first[0], row, style, visible(first[1])))

    for number in order:
        time, host, kind, _, _, _, _, detail = events[number]
        row = rows[time]
        match kind:
            case "kill":
                end(host, "paused", row)
                begun[host, "dead"] = (row, detail or "killed")
            case "start":
                end(host, "dead", row)
            case "pause":
                begun[host, "paused"] = (row, "paused")
            case "resume":
                end(host, "paused", row)
            case "clock":
                end(host, "clock", row)
                begun[host, "clock"] = (row, detail or "clock")
            case _:
                pass
    for host, style in list(begun):
        end(host, style, last_row)
    for fault in disturbances:
        # A death and a pause are seen already.
        if fault.kind in HOST_FAULTS - LIFE_FAULTS:
            style = "slow" if fault.kind == "slow" else "clock" if fault.kind in CLOCK_FAULTS else "fault"
            first, last = _rows(fault, events, rows)
            bars += [Bar(lane, first, last, style, fault.text) for lane in _lanes(fault, lanes)]
    return sorted(bars, key=lambda bar: (bar.first, bar.lane))


def find_bands(
    events: Sequence[Event],
    disturbances: Sequence[Disturbance],
    rows: Mapping[int, int],
    lanes: Mapping[str, int],
) -> list[Band]:
    """Find the faults of the network; the arguments are as in `find_bars`.

    What is so everywhere and all the time is no band: nothing would stand out against it.
    """
    bands: list[Band] = []
    for fault in disturbances:
        named = _lanes(fault, lanes)
        first, last = _rows(fault, events, rows)
        always = not fault.hosts and first == 0 and last == len(rows) - 1
        if fault.kind not in HOST_FAULTS and named and not always:
            bands.append(Band(named, first, last, fault.text))
    return bands


def _rows(fault: Disturbance, events: Sequence[Event], rows: Mapping[int, int]) -> tuple[int, int]:
    last = len(rows) - 1 if fault.end is None else rows[events[fault.end][0]]
    return rows[events[fault.begin][0]], last


def _lanes(fault: Disturbance, lanes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(lanes[name] for name in fault.hosts if name in lanes) or tuple(lanes.values())
