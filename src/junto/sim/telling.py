"""Events told to people, one line each: who, to whom, and what was said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from junto.sim.decoding import Content, decode
from junto.sim.disturbances import find_disturbances
from junto.sim.flights import Flight, find_flights
from junto.sim.showing import digits_for, seconds, shorten, visible
from junto.sim.trace import CAUSED, KINDS, Event

__all__ = ["Story", "last_lines", "select", "trace_lines"]

# What the report tells of: all but what is only the other end of it, and the inner life of the hosts.
_TOLD = KINDS - {
    *("accept", "dns", "dup", "log", "oracle", "recv", "simpy", "task", "task_end", "thread", "turn")
}
_SENDING = frozenset({"connect", "dgram", "drop", "fin", "hold", "reset", "send"})


class Story:
    """What is known of the events of one trace beyond what each says itself.

    Attributes:
        events: The events.
        flights: What was sent, and what became of it.
        sent: A flight, by the number of the event that sent it.
        arrived: The flights that end in an event, by its number.
        delayed: The flight that was held or lost on its way, by the number of the event that says so.
        repeated: The flight that was sent again, by the number of the event that did it.
        contents: What was said, by the number of the event with which its flight begins.
        disturbances: The faults.
        faults: Each of them, by the numbers of its begin and its end.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.flights = find_flights(events)
        self.sent = {flight.start: flight for flight in self.flights}
        arrived: defaultdict[int, list[Flight]] = defaultdict(list)
        self.delayed: dict[int, Flight] = {}
        for flight in self.flights:
            for end in flight.ends:
                arrived[end].append(flight)
            for hold in flight.holds:
                self.delayed[hold] = flight
        self.arrived = dict(arrived)
        self.repeated = {number: flight for flight in self.flights for number in flight.again}
        self.contents: dict[int, Content] = decode(events, self.flights)
        self.disturbances = find_disturbances(events)
        self.faults = {fault.begin: fault for fault in self.disturbances}
        self.faults |= {fault.end: fault for fault in self.disturbances if fault.end is not None}
        self._dead: set[str] = set()
        self._restarts: set[int] = set()
        for number, event in enumerate(events):
            if event[2] == "kill":
                self._dead.add(event[1])
            elif event[2] == "start" and event[1] in self._dead:
                self._restarts.add(number)

    def label(self, number: int) -> str:
        """Tell in a few words what happened in event *number*; all its characters can be seen."""
        _, _, kind, _, peer, length, _, detail = self.events[number]
        text = "" if detail is None else visible(detail)
        match kind:
            case "send" | "dgram":
                return self._said(number)
            case "recv":
                return self._received(number)
            case "connect":
                return f"connect to {text or visible(peer or '')}"
            case "fault" | "fault_end" if number in self.faults:
                return self._fault(number)
            case "hold" if number in self.sent:
                return self._said(number)
            case "drop" | "hold" | "dup":
                return self._disturbed(number)
            case "start":
                return text or ("restarted" if number in self._restarts else "started")
            case "turn":
                return "turn" if length is None else f"turn of {length:,} callback{'s' * (length != 1)}"
            case "task" | "task_end":
                return f"task {text}" + (" ends" if kind == "task_end" else "")
            case _:
                return text or _WORDS.get(kind, kind)

    def _said(self, number: int) -> str:
        again = self.repeated.get(number)
        if again is not None:
            return f"sent again: {self._said(again.start)}"
        content = self.contents.get(number)
        if content is not None:
            return content.label
        length = self.events[number][5]
        return f"{length:,} bytes" if length else _WORDS["fin"]

    def _fault(self, number: int) -> str:
        fault = self.faults[number]
        if number == fault.begin:
            return fault.text
        return f"over: {fault.text}" + (f" ({fault.hit})" if fault.hit else "")

    def _received(self, number: int) -> str:
        length, detail = self.events[number][5], self.events[number][7]
        if not length:
            return visible(detail) if detail else "end of stream"
        flights = self.arrived.get(number)
        if not flights:
            return f"{length:,} bytes"
        return " · ".join(self.label(flight.start) for flight in flights)

    def _disturbed(self, number: int) -> str:
        kind, detail = self.events[number][2], self.events[number][7]
        flight = self.delayed.get(number) or next(iter(self.arrived.get(number, ())), None)
        what = "" if flight is None else f": {self.label(flight.start)}"
        word, why = _WORDS[kind], visible(detail or "")
        return (f"{word} ({why})" if why and word not in why else why or word) + what

    def line(self, number: int, digits: int = 9, width: int = 0) -> str:
        """Tell of event *number* in a line: time, who and to whom in *width* columns, what."""
        time, host, kind, _, peer, _, _, _ = self.events[number]
        arrow = "" if peer is None else " <- " if kind in ("accept", "recv") else " -> "
        who = visible(f"{host}{arrow}{peer or ''}" if kind in _SENDING or arrow == " <- " else host)
        held = "held: " if kind == "hold" and number in self.sent else ""
        return f"{seconds(time, digits)}  {who:<{width}}  {held}{self.label(number)}"

    def lines(self, numbers: Iterable[int]) -> list[str]:
        """Tell of several events, in columns."""
        chosen = list(numbers)
        digits = digits_for((self.events[number][0] for number in chosen), 4)
        hosts = [(event[1], event[4] or "", event[2]) for event in map(self.events.__getitem__, chosen)]
        width = max(
            (len(visible(host)) + (4 + len(visible(peer)) if peer else 0) for host, peer, _ in hosts),
            default=0,
        )
        return [self.line(number, digits, min(width, 40)) for number in chosen]


_WORDS = {
    "accept": "accepted",
    "clock": "clock",
    "drop": "lost",
    "dup": "doubled",
    "fin": "end of stream",
    "hold": "held",
    "kill": "killed",
    "pause": "paused",
    "refuse": "refused",
    "reset": "reset",
    "resume": "resumed",
}


def last_lines(events: Sequence[Event], count: int = 12, *, width: int = 110) -> list[str]:
    """Tell the last of what matters in a run: what was sent, lost and refused, faults, notes and errors.

    Args:
        events: All events of the run; those before the last ones are needed to read the streams.
        count: How many lines at most.
        width: How long they are at most.
    """
    story = Story(events)
    numbers: list[int] = []
    for number in range(len(events) - 1, -1, -1):
        kind = events[number][2]
        if kind not in _TOLD:
            continue
        if (
            kind == "hold"
            and story.delayed.get(number) is not None
            and number != story.delayed[number].holds[0]
        ):
            continue  # the same thing once more
        numbers.append(number)
        if len(numbers) == count:
            break
    return [shorten(line, width) for line in story.lines(reversed(numbers))]


def select(
    events: Sequence[Event],
    *,
    hosts: Collection[str] = (),
    kinds: Collection[str] = (),
    around: int | None = None,
    context: int = 10,
) -> list[int]:
    """Choose events by host, kind and place.

    Args:
        events: All events.
        hosts: Those to which they happened, or whose peer they were; empty for all.
        kinds: Their kinds; empty for all.
        around: The number of one that is chosen in any case.
        context: How many of the others before it and after it.

    Returns:
        Their numbers, in order.

    Raises:
        ValueError: There is no event *around*.
    """
    if around is not None and not 0 <= around < len(events):
        raise ValueError(f"there is no event {around}; the last one is {len(events) - 1}")
    chosen = [
        number
        for number, event in enumerate(events)
        if (not hosts or event[1] in hosts or event[4] in hosts) and (not kinds or event[2] in kinds)
    ]
    if around is None:
        return chosen
    before = [number for number in chosen if number < around]
    after = [number for number in chosen if number > around]
    return [*before[max(len(before) - context, 0) :], around, *after[:context]]


def trace_lines(events: Sequence[Event], numbers: Iterable[int], around: int | None = None) -> list[str]:
    """Tell of the events with these *numbers*, each with its number and kind; *around* is marked."""
    chosen = list(numbers)
    story = Story(events)
    lines: list[str] = []
    wide = len(str(max(chosen, default=0)))
    for number, line in zip(chosen, story.lines(chosen), strict=True):
        event = events[number]
        about = "" if event[3] is None else f"  #{event[3]}"
        cause = f"  (because of {event[3]})" if event[2] in CAUSED and event[3] is not None else ""
        mark = ">" if number == around else " "
        lines.append(f"{mark}{number:>{wide}}  {event[2]:<9}  {line}{cause or about}")
    return lines
