"""Whether a failure is one of the program: a clean process must fail in the same way.

Modules keep caches, counters and open pools from one run to the next. A failure that only a process shows in
which other runs were before is told as such, with the events in which it differs.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from junto.sim.checking import stack_lines
from junto.sim.diffing import describe_difference, find_difference
from junto.sim.running_here import Here
from junto.sim.summaries import Order, Summary
from junto.sim.trace import Trace, read_trace
from junto.sim.workers import MakeWorker, Worker

__all__ = ["HASH_SEEDS", "Confirmation", "check", "confirm", "events_of"]

HASH_SEEDS = ("0", "1", "2", "3")
"""Which hash seeds are tried if that of the process that failed is not known."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a clean process made of a failing run.

    Attributes:
        worker: The process, if it fails in the same way; it is to be closed.
        summary: What came of the run there.
        differing: Where its events differ, in lines, if it does not.
    """

    worker: Worker | None
    summary: Summary
    differing: tuple[str, ...] = ()


def confirm(
    make_worker: MakeWorker,
    here: Here,
    order: Order,
    failed: Summary,
    hash_seeds: Iterable[str] = HASH_SEEDS,
) -> Confirmation:
    """Make a failing run once more, in a process in which nothing was run before.

    Args:
        make_worker: Starts such a process.
        here: Makes the run here, to compare with, if it does not fail there.
        order: The run.
        failed: What came of it.
        hash_seeds: The hash seeds with which to try it.

    Raises:
        WorkerLost: The process could not make the run.
    """
    summary = failed
    for hash_seed in hash_seeds:
        worker = make_worker(hash_seed)
        try:
            summary = worker.run(order)
        except BaseException:
            worker.close()
            raise
        if summary.signature == failed.signature:
            return Confirmation(worker, summary)
        worker.close()
    traced = order.changed(level="net") if order.level == "off" else order
    with make_worker(next(iter(hash_seeds), "0")) as worker:
        there = worker.run(traced)
    return Confirmation(None, summary, tuple(_compare(here.run(traced), there)))


def check(used: Worker, fresh: Worker, seed: int) -> tuple[Summary, list[str]]:
    """Run a seed in a process that has run others and in a fresh one.

    Returns:
        What came of it, and where the traces differ, in lines.
    """
    order = Order(seed=seed, level="net")
    one, other = used.run(order), fresh.run(order)
    names = "a used process", "a fresh one"
    lines = _compare(one, other, names)
    difference = find_difference(events_of(one), events_of(other)) if lines else None
    if difference is not None:
        asked = order.changed(stack=difference.number)  # only now is it known of which event
        lines += stack_lines((used.run(asked).stack, fresh.run(asked).stack), names)
    return one, lines


def _compare(
    one: Summary, other: Summary, names: tuple[str, str] = ("this process", "a clean one")
) -> list[str]:
    if one.digest == other.digest and one.signature == other.signature:
        return []
    lines = describe_difference(events_of(one), events_of(other), names)
    if not lines:
        lines = [
            f"the events are the same; in {names[0]} it ended with {_end(one)}, "
            f"in {names[1]} with {_end(other)}"
        ]
    return lines


def _end(summary: Summary) -> str:
    return summary.signature or "no failure"


def events_of(summary: Summary) -> Trace:
    """Read the trace of a run that was recorded."""
    assert summary.trace is not None
    return read_trace(io.BytesIO(summary.trace.encode()))
