"""What a timeline shows, before anything is drawn: lanes, rows, marks, arrows, bars and bands.

A row is one instant: times that are close stay apart, times that are far do not make the page long. A lane
is a host. What is drawn refers to rows and lanes only; the page's script draws the same model again when
something is filtered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from junto.sim.flights import Flight
from junto.sim.showing import visible
from junto.sim.telling import Story
from junto.sim.trace import Event, Trace, escape

__all__ = ["GROUPS", "Arrow", "Band", "Bar", "Diagram", "Mark", "make_diagram"]

GROUPS: Final = {
    "messages": ("send", "recv", "dgram", "dup", "hold", "drop"),
    "connections": ("connect", "accept", "refuse", "fin", "reset", "dns"),
    "faults": ("fault", "fault_end", "kill", "start", "pause", "resume", "clock"),
    "notes": ("note", "error", "oracle", "log"),
    "turns": ("turn", "task", "task_end", "thread", "simpy"),
}
"""What can be shown and hidden together; turns are hidden at first."""

_GROUP_OF = {kind: group for group, kinds in GROUPS.items() for kind in kinds}
WINDOW: Final = 200
"""How many rows are shown at first."""
_LEAD = 4  # rows shown before the first fault
_LIFE_FAULTS = frozenset({"kill", "power_off", "restart", "restart_loop", "pause"})
_CLOCK_FAULTS = frozenset({"skew", "jump", "drift", "clock"})
# Faults of one host: drawn on its lane. All others are drawn across the lanes.
_HOST_FAULTS = (
    _LIFE_FAULTS | _CLOCK_FAULTS | {"slow", "signal", "stop", "disk_full", "disk_slow", "torn_write"}
)
_EVERYWHERE = -1


class Mark(NamedTuple):
    """One event.

    Attributes:
        number: Its number in the trace.
        row: Its instant.
        lane: Its host's; -1 goes across all lanes.
        kind: As in the trace.
        label: What happened, in a few words.
        peer: The other host's lane, or -1.
        length: How many bytes, or -1.
        about: The number of its connection, datagram or fault, or -1.
        excerpt: The first bytes as text, if they say more than the label.
        protocol: As what it was read, or nothing.
    """

    number: int
    row: int
    lane: int
    kind: str
    label: str
    peer: int
    length: int
    about: int
    excerpt: str
    protocol: str

    @property
    def group(self) -> str:
        return _GROUP_OF.get(self.kind, "notes")


class Arrow(NamedTuple):
    """A message on its way; marks are named by their place in `Diagram.marks`.

    Attributes:
        start: The mark of its sending.
        end: That of its arrival, or loss; -1 if there is none.
        lane: The lane where it goes.
        style: ``sent``, ``held``, ``lost``, ``refused``, ``unread``, ``opening`` or ``ending``.
        first: Whether it has the label: only the first piece of a message has.
    """

    start: int
    end: int
    lane: int
    style: str
    first: bool


class Bar(NamedTuple):
    """A time in which a host is ``dead``, ``paused``, ``slow``, or has a ``clock`` or other ``fault``."""

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


@dataclass(slots=True)
class Diagram:
    """All that a page shows.

    Attributes:
        lanes: The hosts' names.
        times: The instants of the rows, in nanoseconds.
        marks: By row, then in the order of the trace.
        first: The first row that is shown at first.
        last: The last one.
        failure: The place of the failing oracle in `marks`, or -1.
    """

    lanes: list[str]
    times: list[int]
    marks: list[Mark] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    first: int = 0
    last: int = 0
    failure: int = -1


def make_diagram(trace: Trace) -> Diagram:
    """Find out what is to be drawn of *trace*."""
    events = trace.events
    story = Story(events)
    diagram = Diagram(_find_lanes(trace), sorted({event[0] for event in events}))
    lane_of = {name: lane for lane, name in enumerate(diagram.lanes)}
    row_of = {time: row for row, time in enumerate(diagram.times)}
    # The clock of a host in its turn is ahead of the world's: events are not recorded in order of time.
    order = sorted(range(len(events)), key=lambda number: events[number][0])
    place_of: dict[int, int] = {}
    for number in order:
        event = events[number]
        if event[2] == "hold" and _is_moot(story, number):
            continue
        place_of[number] = len(diagram.marks)
        diagram.marks.append(_mark(story, number, row_of[event[0]], lane_of))
        if event[2] == "oracle":
            diagram.failure = place_of[number]
    for flight in story.flights:
        _add_arrows(diagram, events, flight, place_of, lane_of)
    diagram.arrows.sort(key=lambda arrow: arrow.start)
    _add_spans(diagram, events, order, row_of, lane_of)
    _choose_window(diagram)
    diagram.lanes = [visible(name) for name in diagram.lanes]
    return diagram


def _find_lanes(trace: Trace) -> list[str]:
    """Name the hosts that something happened on, in the order of their making, the world last."""
    seen: dict[str, None] = {}
    for event in trace.events:
        if event[2] in ("fault", "fault_end") or (event[1] == "world" and event[2] == "oracle"):
            continue  # of the network or the plan: drawn across the lanes
        seen[event[1]] = None
        if event[4] is not None:
            seen[event[4]] = None
    known = [name for name in trace.hosts if name in seen]
    others = [name for name in seen if name not in trace.hosts]
    return sorted([*known, *others], key=lambda name: name == "world")


def _is_moot(story: Story, number: int) -> bool:
    """Tell whether a message was held as soon as it was sent: its broken line says all."""
    flight = story.delayed.get(number)
    return flight is not None and story.events[flight.start][0] == story.events[number][0]


def _mark(story: Story, number: int, row: int, lane_of: dict[str, int]) -> Mark:
    _, host, kind, about, peer, length, excerpt, _ = story.events[number]
    lane = lane_of.get(host, _EVERYWHERE)
    if kind in ("fault", "fault_end"):
        lane = _host_of_fault(story, number, lane_of)
    content = story.contents.get(number)
    more = excerpt is not None and content is not None and content.protocol != "text"
    return Mark(
        number,
        row,
        lane,
        kind,
        story.label(number),
        -1 if peer is None else lane_of.get(peer, -1),
        -1 if length is None else length,
        -1 if about is None else about,
        escape(excerpt or b"") if more else "",
        "" if content is None else content.protocol + (", cut in the trace" if content.cut else ""),
    )


def _host_of_fault(story: Story, number: int, lane_of: dict[str, int]) -> int:
    _, host, kind, about, peer, _, _, detail = story.events[number]
    words = (detail or "").split()
    if kind == "fault_end":
        words = (story.fault(about) or detail or "").split()
    if host in lane_of and host != "world":
        return lane_of[host]
    if words and words[0] in _HOST_FAULTS:
        named = next((name for name in ([peer] if peer else words[1:]) if name in lane_of), None)
        return _EVERYWHERE if named is None else lane_of[named]
    return _EVERYWHERE


def _add_arrows(
    diagram: Diagram,
    events: Sequence[Event],
    flight: Flight,
    place_of: dict[int, int],
    lane_of: dict[str, int],
) -> None:
    kind, peer = events[flight.start][2], events[flight.start][4]
    if peer not in lane_of:
        return
    if flight.fate != "arrived":
        style: str = flight.fate
    elif flight.holds:
        style = "held"
    else:
        style = "opening" if kind == "connect" else "ending" if kind in ("fin", "reset") else "sent"
    start, lane = place_of[flight.start], lane_of[peer]
    ends = [place_of[end] for end in flight.ends] or [-1]
    for index, end in enumerate(ends):
        diagram.arrows.append(Arrow(start, end, lane, style, index == 0))


def _add_spans(
    diagram: Diagram,
    events: Sequence[Event],
    order: Sequence[int],
    row_of: dict[int, int],
    lane_of: dict[str, int],
) -> None:
    """Pair what begins with what ends: deaths, pauses, faults."""
    last_row = len(diagram.times) - 1
    lives: dict[tuple[str, str], tuple[int, str]] = {}
    faults: dict[int | str, tuple[int, int, str, str | None]] = {}

    def end_life(host: str, style: str, row: int) -> None:
        begun = lives.pop((host, style), None)
        if begun is not None and host in lane_of:
            diagram.bars.append(Bar(lane_of[host], begun[0], row, style, begun[1]))

    def end_fault(key: int | str, row: int) -> None:
        begun = faults.pop(key, None)
        if begun is None:
            return
        first, lane, text, peer = begun
        word = text.split(" ", 1)[0]
        if lane != _EVERYWHERE:
            # A death or a pause has marks and a bar of its own.
            if word not in _LIFE_FAULTS:
                style = "slow" if word == "slow" else "clock" if word in _CLOCK_FAULTS else "fault"
                diagram.bars.append(Bar(lane, first, row, style, visible(text)))
            return
        named = tuple(lane_of[name] for name in (peer or "").split(",") if name in lane_of)
        diagram.bands.append(Band(named or tuple(range(len(diagram.lanes))), first, row, visible(text)))

    lanes = {mark.number: mark.lane for mark in diagram.marks if mark.kind == "fault"}
    for number in order:
        time, host, kind, about, peer, _, _, detail = events[number]
        row = row_of[time]
        key: int | str = about if about is not None else (detail or "")
        match kind:
            case "kill":
                lives[host, "dead"] = (row, visible(detail or "killed"))
                end_life(host, "paused", row)
            case "start":
                end_life(host, "dead", row)
            case "pause":
                lives[host, "paused"] = (row, "paused")
            case "resume":
                end_life(host, "paused", row)
            case "clock":
                end_life(host, "clock", row)
                lives[host, "clock"] = (row, visible(detail or "clock"))
            case "fault":
                faults[key] = (row, lanes[number], detail or "fault", peer)
            case "fault_end":
                end_fault(key, row)
            case _:
                pass
    for host, style in list(lives):
        end_life(host, style, last_row)
    for key in list(faults):
        end_fault(key, last_row)
    diagram.bars.sort(key=lambda bar: (bar.first, bar.lane))
    diagram.bands.sort(key=lambda band: band.first)


def _choose_window(diagram: Diagram) -> None:
    """Show from the first fault on, and the failure in any case, but not too much."""
    if not diagram.times:
        diagram.last = -1
        return
    marks = diagram.marks
    begin = next(
        (
            mark.row
            for mark in marks
            if mark.group == "faults" and not (mark.kind == "start" and mark.row == 0)
        ),
        0,
    )
    end = len(diagram.times) - 1
    if diagram.failure >= 0:
        end = min(end, marks[diagram.failure].row + 2)
    first = max(begin - _LEAD, 0)
    if end - first >= WINDOW and diagram.failure < 0:
        end = first + WINDOW - 1
    diagram.first = max(first, end - WINDOW + 1)
    diagram.last = end
