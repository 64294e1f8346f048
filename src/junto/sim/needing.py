"""What a shrunk run needs, in words: the neutral run, except for a few faults and decisions."""

from __future__ import annotations

from junto.sim.operations import LABEL
from junto.sim.plans import Plan
from junto.sim.showing import seconds
from junto.sim.summaries import Order, Summary

__all__ = ["needs"]

_WORDS = {
    "net.latency": "the latencies of {}",
    "net.chunk": "the chunk borders of {}",
    "net.loss": "what is lost on {}",
    "net.duplicate": "what is doubled on {}",
    "net.reorder": "what is overtaken on {}",
    "net.dns": "the answers of DNS for {}",
    "net.port": "the ports of {}",
    "coincidence": "what is drawn together",
    "cpu": "the speed of {}",
    "thread": "the order of threads of {}",
    "ready": "the order of ready sockets of {}",
    "tie": "the order of hosts in the same instant",
    "clock": "the clocks of {}",
    "random": "the random numbers of {}",
    "entropy": "the random bytes of {}",
}
_SHOWN = 3  # so many things of a kind are named


def needs(order: Order, summary: Summary) -> tuple[str, ...]:
    """Tell what a shrunk run needs, in lines: the faults as lines of a plan, then what is not neutral.

    Args:
        order: The run.
        summary: What came of it.

    Returns:
        No line if the neutral run fails without any fault.
    """
    lines = [*str(Plan.of(order.plan or summary.plan)).splitlines(), *_decisions(order, summary)]
    done, all_of = _operations(order, summary)
    if done < all_of:
        lines.append(f"{done} of {all_of} operations")
    if lines:
        lines[-1] += "; everything else neutral"
    return tuple(lines)


def _decisions(order: Order, summary: Summary) -> list[str]:
    always = {one[:2] for one in order.neutral if len(one) == 2}
    groups: dict[tuple[str, str], list[str]] = {}
    for label, entity in summary.choices:
        # Faults and operations are told otherwise.
        if (
            label.startswith("fault.")
            or label == LABEL
            or (label, "*") in always
            or (label, entity) in always
        ):
            continue
        groups.setdefault((label, _span(order, label, entity)), []).append(entity)
    return [_sentence(label, entities) + span for (label, span), entities in groups.items()]


def _sentence(label: str, entities: list[str]) -> str:
    names = ", ".join(entities[:_SHOWN])
    if len(entities) > _SHOWN:
        names += f" and {len(entities) - _SHOWN} others"
    return _WORDS.get(label, f"the decisions {label!r} of {{}}").format(names)


def _span(order: Order, label: str, entity: str) -> str:
    """Tell between which times the decisions of one thing matter."""
    begin, end = 0, None
    for one in order.neutral:
        if len(one) == 4 and one[:2] == (label, entity):
            if one[2] == 0:
                begin = one[3]
            else:
                end = one[2]
    after = f" after {seconds(begin, 3)} s" if begin else ""
    before = "" if end is None else f" before {seconds(end, 3)} s"
    return f"{after} and{before}" if after and before else after or before


def _operations(order: Order, summary: Summary) -> tuple[int, int]:
    known = {entity for label, entity in summary.choices if label == LABEL}
    left_out = {entity for label, entity, *_ in order.neutral if label == LABEL}
    return len(known - left_out), len(known)
