"""Making a failing run smaller, by what it means: fewer and shorter faults, fewer decisions, less to do.

The failure stays the same one, as its signature says. Each step that is accepted is the run that has just
been made, so what is left at any time is a run that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import monotonic
from typing import TypeVar

from junto.sim.choices import DRAWN, Neutral
from junto.sim.kernel import SECOND
from junto.sim.operations import LABEL
from junto.sim.plans import Plan
from junto.sim.running_here import Runner
from junto.sim.summaries import Order, Summary
from junto.sim.workers import WorkerLost

__all__ = ["RUNS", "SECONDS", "Shrunk", "minimize", "shrink"]

RUNS = 300
SECONDS = 30.0

T = TypeVar("T")

_GRAIN = SECOND // 1000  # a time is not made out more exactly than this

# Decisions in the order in which they are given up; the label ends at a point, if it is the first part only.
_GROUPS = ("net.", "coincidence", "cpu", "thread", "ready", "tie", "clock")


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A run that was made smaller.

    Attributes:
        order: What is to be run.
        summary: What came of it when it was run last.
        runs: How many runs that took.
        faults_before: How many faults there were.
        complete: Whether it was not broken off.
    """

    order: Order
    summary: Summary
    runs: int
    faults_before: int
    complete: bool

    @property
    def text(self) -> str:
        """How far it was shrunk, in a few words."""
        faults = len(Plan.of(self.order.plan or ""))
        runs = f"{self.runs} run{'s' * (self.runs != 1)}" + ("" if self.complete else ", broken off")
        return f"{self.faults_before} fault{'s' * (self.faults_before != 1)} -> {faults}, {runs}"


class _Spent(Exception):
    """There is no more time, or there are no more runs."""


def shrink(
    runner: Runner,
    failed: Summary,
    order: Order,
    *,
    runs: int = RUNS,
    seconds: float = SECONDS,
    tell: Callable[[int, Order], object] | None = None,
) -> Shrunk:
    """Make a failing run smaller.

    Args:
        runner: Makes the runs.
        failed: What came of the run.
        order: What was run.
        runs: How many runs may be made.
        seconds: How many real seconds it may take; with a `KeyboardInterrupt` it ends too.
        tell: Is told, after each step, how many runs were made and what is left.

    Returns:
        The smallest run that was found; the given one if none is smaller.
    """
    work = _Shrinking(runner, failed, order, runs, monotonic() + seconds, tell)
    complete = True
    try:
        work.all()
    except (_Spent, WorkerLost, KeyboardInterrupt):
        complete = False
    return Shrunk(work.order, work.summary, work.runs, len(Plan.of(failed.plan)), complete)


class _Shrinking:
    def __init__(
        self,
        runner: Runner,
        failed: Summary,
        order: Order,
        most: int,
        end: float,
        tell: Callable[[int, Order], object] | None,
    ) -> None:
        self._runner = runner
        self._signature = failed.signature
        self._most = most
        self._end = end
        self._tell = tell
        self._tried: set[Order] = set()
        self.order = order
        self.summary = failed
        self.runs = 0

    def all(self) -> None:
        if not self.accepts(plan=self.summary.plan):  # from now on it is written down, not drawn
            return
        self._fewer_faults()
        self._shorter_faults()
        self._sooner_end()
        self._fewer_decisions()
        if self._fewer_operations():
            self._fewer_decisions()
        if self.order.plan and len(self._plan()) > 1:
            self._fewer_faults()  # some were needed only because of what is neutral now

    def accepts(self, **changes: object) -> bool:
        """Try a run that differs; if it fails in the same way, it is the one to go on with.

        Raises:
            _Spent: It must not be tried any more.
        """
        order = self.order.changed(**changes)
        if order in self._tried:
            return False
        self._tried.add(order)
        if self.runs >= self._most or monotonic() >= self._end:
            raise _Spent
        self.runs += 1
        summary = self._runner.run(order)
        if summary.signature != self._signature:
            return False
        self.order, self.summary = order, summary
        if self._tell is not None:
            self._tell(self.runs, order)
        return True

    def _plan(self) -> Plan:
        return Plan.of(self.order.plan or "")

    def _fewer_faults(self) -> None:
        faults = list(self._plan())
        if faults and not self.accepts(plan=""):
            minimize(faults, lambda kept: self.accepts(plan=str(Plan(kept))))

    def _shorter_faults(self) -> None:
        number = 0
        while number < len(plan := self._plan()):
            fault = plan[number]
            if fault.duration_ns:
                self._shorter(number, fault.duration_ns)
            for grain in (SECOND, SECOND // 10, SECOND // 100, SECOND // 1000):
                rounded = (fault.at_ns + grain // 2) // grain * grain
                plan = self._plan()
                if rounded == plan[number].at_ns or self.accepts(
                    plan=str(plan.changed(number, at_ns=rounded))
                ):
                    break
            number += 1

    def _shorter(self, number: int, span: int) -> None:
        """Halve the duration of a fault while it may be, down to the grain, and then round it."""

        def fails_with(duration: int) -> bool:
            return self.accepts(plan=str(self._plan().changed(number, duration_ns=duration)))

        while span // 2 >= _GRAIN and fails_with(half := span // 2 // _GRAIN * _GRAIN):
            span = half
        for grain in (SECOND, SECOND // 10, SECOND // 100, _GRAIN):
            rounded = span // grain * grain
            if rounded and (rounded == span or fails_with(rounded)):
                return

    def _sooner_end(self) -> None:
        failed = self.summary.failed_ns
        whole = round(self.summary.virtual_seconds * SECOND)
        if failed is not None and failed + _GRAIN < whole:
            self.accepts(end_ns=(failed // _GRAIN + 1) * _GRAIN)

    def _fewer_decisions(self) -> None:
        labels = _in_order(
            {
                label
                for label, _ in self.summary.choices  # of these, faults are written down, operations dropped
                if not label.startswith("fault.")
                and label != LABEL
                and (label, "*") not in self.order.neutral
            }
        )
        if not labels or self._neutralized(*((label, "*") for label in labels)):
            return
        # What a program draws may be the very thing that it is about.
        decided = [label for label in labels if label not in DRAWN]
        if decided and self._neutralized(*((label, "*") for label in decided)):
            labels = labels[len(decided) :]
        for label in labels:
            if self._neutralized((label, "*")):
                continue
            entities = [entity for known, entity in self.summary.choices if known == label]
            if len(entities) > 1:
                for entity in entities:
                    self._neutralized((label, entity))
        done = set(self.order.neutral)
        for label, entity in list(self.summary.choices):
            if label in labels and label not in DRAWN and not {(label, "*"), (label, entity)} & done:
                self._bisect(label, entity)

    def _neutralized(self, *ones: Neutral) -> bool:
        return self.accepts(neutral=(*self.order.neutral, *ones))

    def _bisect(self, label: str, entity: str) -> None:
        """Find the span of time in which decisions of a kind matter."""
        end = round(self.summary.virtual_seconds * SECOND) + 1
        before = self.order.neutral

        def decided(begin: int, until: int) -> bool:
            spans: list[Neutral] = []
            if begin > 0:
                spans.append((label, entity, 0, begin))
            if until < end:
                spans.append((label, entity, until, 2 * end))
            return self.accepts(neutral=(*before, *spans))

        begin = _farthest(0, end, lambda when: decided(when, end))
        _farthest(end, begin, lambda when: decided(begin, when))

    def _fewer_operations(self) -> bool:
        known = [entity for label, entity in self.summary.choices if label == LABEL]
        before = self.order.neutral

        def without(kept: Sequence[str]) -> bool:
            left_out = tuple((LABEL, entity) for entity in known if entity not in kept)
            return self.accepts(neutral=before + left_out)

        if known and not without([]):
            minimize(known, without)
        return self.order.neutral != before


def _in_order(labels: set[str]) -> list[str]:
    def place(label: str) -> tuple[int, str]:
        if label in DRAWN:
            return len(_GROUPS) + 1, label
        for number, group in enumerate(_GROUPS):
            if label.startswith(group):
                return number, label
        return len(_GROUPS), label

    return sorted(labels, key=place)


def _farthest(begin: int, end: int, fails_at: Callable[[int], bool]) -> int:
    """Go from *begin* as far towards *end* as it may be, in at most eight tries."""
    good, bad = begin, end
    for _ in range(8):
        middle = (good + bad) // 2
        if abs(middle - good) < _GRAIN:
            break
        if fails_at(middle):
            good = middle
        else:
            bad = middle
    return good


def minimize(items: Sequence[T], fails_with: Callable[[list[T]], bool]) -> list[T]:
    """Leave out items by delta debugging until no single one can be left out.

    Args:
        items: With all of them it fails.
        fails_with: Tells whether it still fails with some of them.

    Returns:
        What is left.
    """
    left = list(items)
    parts = 2
    while len(left) > 1:
        for kept in _parts(left, parts):
            if len(kept) < len(left) and fails_with(kept):
                left = kept
                parts = max(parts - 1, 2)
                break
        else:
            if parts >= len(left):
                break
            parts = min(2 * parts, len(left))
    return left


def _parts(items: list[T], count: int) -> Iterator[list[T]]:
    """Make one part of *count* after the other, and then all but one."""
    borders = [len(items) * number // count for number in range(count + 1)]
    spans = list(pairwise(borders))
    yield from (items[begin:end] for begin, end in spans)
    if count > 2:
        yield from (items[:begin] + items[end:] for begin, end in spans)
