"""Runs of a scenario in this process."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import Protocol

from junto.sim.hearing import heard
from junto.sim.running import Outcome
from junto.sim.scenarios import Scenario
from junto.sim.stacks import StackedEvents
from junto.sim.summaries import Order, Summary, Tally, summarize
from junto.sim.trace import make_trace

__all__ = ["Here", "Runner"]


class Runner(Protocol):
    """What makes runs, here or elsewhere."""

    def run(self, order: Order) -> Summary:
        """Make one run."""
        ...

    def try_seeds(self, seeds: Iterable[int], until: float | None = None) -> Tally:
        """Run seeds one after the other up to the first that fails.

        Args:
            seeds: The seeds.
            until: When to stop at the latest, after one at least, on the system's
                monotonic clock.
        """
        ...


class Here:
    """Makes runs in this process.

    Attributes:
        last: The outcome of the last run, with its error and its trace.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.last: Outcome | None = None

    def run(self, order: Order) -> Summary:
        """Make one run."""
        trace = make_trace(order.level, seed=order.seed, options=self.scenario.options)
        if trace is not None and order.stack is not None:
            trace.events = StackedEvents()
        with heard(order.output) as lines:
            self.last = self.scenario.run(
                order.seed,
                plan=order.plan,
                complete=order.plan is not None,
                neutral=order.neutral,
                end_ns=order.end_ns,
                trace=trace,
            )
        summary = summarize(self.last, lines)
        if trace is not None and isinstance(trace.events, StackedEvents) and order.stack is not None:
            summary.stack = trace.events.stack(order.stack)
        return summary

    def try_seeds(self, seeds: Iterable[int], until: float | None = None) -> Tally:
        """Run seeds one after the other up to the first that fails; see `Runner`."""
        tally = Tally()
        run = self.scenario.run
        with heard(False):
            for seed in seeds:
                outcome = run(seed)
                tally.count(outcome)
                if outcome.error is not None:
                    self.last = outcome
                    tally.failed = summarize(outcome)
                    break
                if until is not None and monotonic() >= until:
                    break
        return tally
