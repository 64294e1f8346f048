"""Where two traces begin to differ, and what led there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from junto.sim.telling import Story, trace_lines
from junto.sim.trace import CAUSED, Event, Trace

__all__ = ["Difference", "describe_difference", "find_causes", "find_difference"]

_NAMES = ("time", "host", "kind", "number", "peer", "length", "excerpt", "detail")
# After these a host's code runs: they are what the next thing that it does may come from.
_INPUT = frozenset({"accept", "dns", "recv", "refuse", "resume", "start", "task", "turn"})


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference of two traces.

    Attributes:
        number: That of the first event that differs.
        left: It in the one trace; ``None`` if that ended before.
        right: It in the other one.
        fields: The names of what differs in it, if it is in both.
    """

    number: int
    left: Event | None
    right: Event | None
    fields: tuple[str, ...]


def find_difference(left: Trace, right: Trace) -> Difference | None:
    """Find the first event that is not the same in both; ``None`` if all are."""
    a, b = left.events, right.events
    shared = min(len(a), len(b))
    for number in range(shared):
        if a[number] != b[number]:
            names = [
                name for name, one, other in zip(_NAMES, a[number], b[number], strict=True) if one != other
            ]
            return Difference(number, a[number], b[number], tuple(names))
    if len(a) == len(b):
        return None
    return Difference(
        shared, a[shared] if shared < len(a) else None, b[shared] if shared < len(b) else None, ()
    )


def find_causes(story: Story, number: int, count: int = 8) -> list[int]:
    """Follow an event back to what made it happen.

    A turn or a task names its cause; what was received comes from what was sent; and what a host does comes
    after the last that reached it, which is all that a trace without turns can tell.

    Returns:
        Up to *count* numbers of events, the oldest first, without *number* itself.
    """
    causes: list[int] = []
    while len(causes) < count:
        cause = _find_cause(story, number)
        if cause is None:
            break
        causes.append(cause)
        number = cause
    return causes[::-1]


def _find_cause(story: Story, number: int) -> int | None:
    _, host, kind, about = story.events[number][:4]
    if kind in CAUSED:
        return about if about is not None and 0 <= about < number else None
    if number in story.arrived:
        return story.arrived[number][-1].start
    for earlier in range(number - 1, -1, -1):
        event = story.events[earlier]
        if event[1] == host and event[2] in _INPUT:
            return earlier
    return None


def describe_difference(left: Trace, right: Trace, names: Sequence[str] = ("A", "B")) -> list[str]:
    """Tell the first difference of two traces and what led to it, in lines; none if they are equal.

    Args:
        left: The one trace.
        right: The other one.
        names: What they are called.
    """
    difference = find_difference(left, right)
    if difference is None:
        return []
    lines = [
        f"{names[0]} was made with {what} {one!r}, {names[1]} with {other!r}"
        for what, one, other in (
            ("seed", left.seed, right.seed),
            ("level", left.level, right.level),
            ("options", left.options, right.options),
            ("hosts", left.hosts, right.hosts),
        )
        if one != other
    ]
    number = difference.number
    if number:
        lines.append(f"{number:,} event{'s are' if number > 1 else ' is'} the same; then")
    width = max(map(len, names))
    for name, trace in zip(names, (left, right), strict=True):
        if number < len(trace.events):
            lines.append(f"  {name:<{width}} {trace_lines(trace.events, [number])[0].lstrip()}")
        else:
            lines.append(f"  {name:<{width}} ends")
    for field in difference.fields:
        one, other = (event[_NAMES.index(field)] for event in (left.events[number], right.events[number]))
        lines.append(f"  {field}: {one!r} in {names[0]}, {other!r} in {names[1]}")
    traces: tuple[Trace, ...] = (left, right)
    both = [
        find_causes(Story(trace.events), number) if number < len(trace.events) else [] for trace in traces
    ]
    if both[0] == both[1]:  # all of them are before the difference, and so the same
        names, traces, both = ["both"], (left,), both[:1]
    for name, trace, causes in zip(names, traces, both, strict=True):
        if causes:
            lines.append(f"what led to it in {name}:")
            lines += [f"  {line.lstrip()}" for line in trace_lines(trace.events, causes)]
    return lines
