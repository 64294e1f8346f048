"""What a timeline shows, before anything is drawn: lanes, rows, marks, arrows, bars and bands.

A row is one instant: times that are close stay apart, times that are far do not make the page long. A lane
is a host. What is drawn refers to rows and lanes only; the page's script draws the same model again when
something is filtered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from junto.sim.disturbances import HOST_FAULTS
from junto.sim.flights import Flight
from junto.sim.showing import visible
from junto.sim.telling import Story
from junto.sim.timeline.spans import Band, Bar, find_bands, find_bars
from junto.sim.trace import Event, Trace, escape

__all__ = ["GROUPS", "WINDOW", "Arrow", "Diagram", "Mark", "make_diagram"]

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
_EVERYWHERE = -1
# What the controlling program records of the run as a whole: it is drawn across the lanes, or not at all.
_CONTROL = frozenset({"fault", "fault_end", "kill", "oracle", "start"})


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


@dataclass(slots=True)
class Diagram:
    """All that a page shows.

    Attributes:
        lanes: The hosts' names.
        times: The instants of the rows, in nanoseconds.
        marks: By row, then in the order of the trace.
        first: The first row that is shown at first.
        last: The last one.
        failure: The place of what failed in `marks`, or -1.
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


def make_diagram(trace: Trace, failed: tuple[int, str, str] | None = None) -> Diagram:
    """Find out what is to be drawn of *trace*.

    Args:
        trace: What happened.
        failed: When, in nanoseconds, on which host and with which words the run failed; for one that was
            ended by no oracle, which the trace would tell itself.
    """
    events, failure = _with_failure(trace.events, failed)
    story = Story(events)
    diagram = Diagram(_find_lanes(trace), sorted({event[0] for event in events}))
    lane_of = {name: lane for lane, name in enumerate(diagram.lanes)}
    row_of = {time: row for row, time in enumerate(diagram.times)}
    # The clock of a host in its turn is ahead of the world's: events are not recorded in order of time.
    order = sorted(range(len(events)), key=lambda number: events[number][0])
    place_of: dict[int, int] = {}
    for number in order:
        event = events[number]
        if _is_moot(story, number):
            continue
        place_of[number] = len(diagram.marks)
        diagram.marks.append(_mark(story, number, row_of[event[0]], lane_of))
        if number == failure:
            diagram.failure = place_of[number]
    for flight in story.flights:
        _add_arrows(diagram, events, flight, place_of, lane_of)
    diagram.arrows.sort(key=lambda arrow: arrow.start)
    diagram.bars = find_bars(events, order, story.disturbances, row_of, lane_of)
    diagram.bands = find_bands(events, story.disturbances, row_of, lane_of)
    _choose_window(diagram)
    diagram.lanes = [visible(name) for name in diagram.lanes]
    return diagram


def _with_failure(
    events: Sequence[Event], failed: tuple[int, str, str] | None
) -> tuple[Sequence[Event], int]:
    """Find the event that is the failure, or add one; -1 if there is none."""
    oracles = [number for number, event in enumerate(events) if event[2] == "oracle"]
    if oracles or failed is None:
        return events, oracles[-1] if oracles else -1
    when, host, text = failed
    errors = [number for number, event in enumerate(events) if event[1:3] == (host, "error")]
    if errors:
        return events, min(errors, key=lambda number: abs(events[number][0] - when))
    return [*events, (when, host, "oracle", None, None, None, None, text)], len(events)


def _find_lanes(trace: Trace) -> list[str]:
    """Name the hosts that something happened on, in the order of their making, the world last."""
    acting = {event[1] for event in trace.events} | trace.hosts.keys()
    seen: dict[str, None] = {}
    for event in trace.events:
        if event[1] == "world" and event[2] in _CONTROL:
            continue
        seen[event[1]] = None
        if event[4] in acting:  # else an address where nobody is
            seen[event[4]] = None
    known = [name for name in trace.hosts if name in seen]
    others = [name for name in seen if name not in trace.hosts]
    return sorted([*known, *others], key=lambda name: name == "world")


def _is_moot(story: Story, number: int) -> bool:
    """Tell whether an event says nothing that is not seen already.

    A message that was held as soon as it was sent has a broken line; and the controlling program is no host.
    """
    _, host, kind, *_ = story.events[number]
    if kind != "hold":
        return host == "world" and kind in ("kill", "start")
    flight = story.delayed.get(number)
    return (
        flight is not None
        and flight.start != number
        and story.events[flight.start][0] == story.events[number][0]
    )


def _mark(story: Story, number: int, row: int, lane_of: dict[str, int]) -> Mark:
    _, _, kind, about, peer, length, excerpt, _ = story.events[number]
    content = story.contents.get(number)
    more = excerpt is not None and content is not None and content.protocol != "text"
    return Mark(
        number,
        row,
        _lane(story, number, lane_of),
        kind,
        story.label(number),
        -1 if peer is None else lane_of.get(peer, -1),
        -1 if length is None else length,
        -1 if about is None else about,
        escape(excerpt or b"") if more else "",
        "" if content is None else content.protocol + (", cut in the trace" if content.cut else ""),
    )


def _lane(story: Story, number: int, lane_of: dict[str, int]) -> int:
    """Tell on which lane an event is: a fault is on that of its host, if it is of one host."""
    host, kind = story.events[number][1:3]
    if kind not in ("fault", "fault_end"):
        return lane_of.get(host, _EVERYWHERE)
    fault = story.faults.get(number)
    if fault is None or fault.kind not in HOST_FAULTS or len(fault.hosts) != 1:
        return _EVERYWHERE
    return lane_of.get(fault.hosts[0], _EVERYWHERE)


def _add_arrows(
    diagram: Diagram,
    events: Sequence[Event],
    flight: Flight,
    place_of: dict[int, int],
    lane_of: dict[str, int],
) -> None:
    peer = events[flight.start][4]
    if peer not in lane_of:
        return
    if flight.kind in ("fin", "reset") and not flight.holds:
        style = "ending"  # whose arrival need not be recorded
    elif flight.fate in ("lost", "refused"):
        style = flight.fate
    elif flight.holds or flight.again or flight.waiting:
        style = "held"
    elif flight.fate == "unread":
        style = "unread"
    else:
        style = "opening" if flight.kind == "connect" else "sent"
    start, lane = place_of[flight.start], lane_of[peer]
    ends = [place_of[end] for end in flight.ends] or [-1]
    for index, end in enumerate(ends):
        diagram.arrows.append(Arrow(start, end, lane, style, index == 0))


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
            if mark.kind in ("drop", "hold")
            or (mark.group == "faults" and not (mark.kind == "start" and mark.row == 0))
        ),
        0,
    )
    end = len(diagram.times) - 1
    if diagram.failure >= 0:
        end = min(end, marks[diagram.failure].row + 2)
    first = max(begin - _LEAD, 0)
    if diagram.failure < 0 and end < WINDOW:
        first = 0  # nothing to lead the eye to
    if end - first >= WINDOW and diagram.failure < 0:
        end = first + WINDOW - 1
    diagram.first = max(first, end - WINDOW + 1)
    diagram.last = end
