"""Making failing runs smaller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bugs
import pytest

from junto import sim
from junto.sim.investigating import investigate
from junto.sim.needing import needs
from junto.sim.plans import Plan
from junto.sim.report import report_text
from junto.sim.running_here import Here
from junto.sim.scenarios import Scenario
from junto.sim.searching import search
from junto.sim.shrinking import Shrunk, minimize, shrink
from junto.sim.summaries import Order, Summary, Tally
from junto.sim.workers import worker_for


def shrunk(program: Any, **options: Any) -> Shrunk:
    """Find the first seed that fails, and shrink its run here."""
    limits = {name: options.pop(name) for name in ("runs", "seconds", "tell") if name in options}
    here = Here(Scenario.of(program, **options))
    failed = here.try_seeds(range(200)).failed
    assert failed is not None
    return shrink(here, failed, Order(seed=failed.seed), **limits)


def test_delta_debugging_finds_the_few_that_matter() -> None:
    tried = []

    def fails_with(kept: list[int]) -> bool:
        tried.append(kept)
        return {3, 17} <= set(kept)

    assert minimize(range(30), fails_with) == [3, 17]
    assert len(tried) < 60


def test_a_lost_update_needs_no_fault_and_few_decisions() -> None:
    found = shrunk(bugs.lost_update)
    assert found.summary.signature == "AssertionError: # instead of #"
    assert found.order.plan == ""
    text = " ".join(needs(found.order, found.summary))
    assert "everything else neutral" in text
    assert "latencies" not in text
    assert "speed" not in text


def test_two_leaders_need_one_fault() -> None:
    found = shrunk(bugs.two_leaders, faults=bugs.LEADER_FAULTS)
    (fault,) = Plan.of(found.order.plan or "")
    assert fault.kind in ("partition", "pause", "slow", "dns")
    lines = needs(found.order, found.summary)
    assert len(lines) <= 2
    assert lines[0].startswith(str(fault))


def test_a_retry_applied_twice_needs_one_fault_and_some_operations(tmp_path: Path) -> None:
    explored = sim.explore(
        bugs.applied_twice, 100, faults=bugs.RETRY_FAULTS, directory=tmp_path, raises=False
    )
    assert explored.investigation is not None
    failure = explored.investigation.failure
    assert failure.oracle == "nothing is paid twice"
    assert failure.confirmed is True
    faults = [line for line in failure.needs if " operations" not in line]
    assert len(faults) == 1
    assert len(failure.needs) <= 3
    assert len(report_text(failure).splitlines()) <= 25


class Made:
    """Stands for runs, which fail if what a test says holds of the order."""

    def __init__(self, fails: Any, choices: list[tuple[str, str]] | None = None) -> None:
        self.fails = fails
        self.choices = choices or []
        self.orders: list[Order] = []

    def run(self, order: Order) -> Summary:
        self.orders.append(order)
        return Summary(
            seed=order.seed,
            signature="bug" if self.fails(order) else "another",
            plan=order.plan or "",
            virtual_seconds=10.0,
            failed_ns=5_000_000_000,
            choices=self.choices,
        )

    def try_seeds(self, seeds: Any, until: float | None = None) -> Tally:
        raise NotImplementedError

    def shrink(self, plan: str = "", **limits: Any) -> Shrunk:
        order = Order(seed=1, plan=plan)
        return shrink(self, self.run(order), order, **limits)


def test_faults_are_dropped_shortened_and_rounded() -> None:
    lines = [f"{number}.123456789s kill n{number} for 3.7s" for number in range(1, 9)]

    def fails(order: Order) -> bool:
        kills = [fault for fault in Plan.of(order.plan or "") if fault.targets == ("n5",)]
        return bool(kills) and (kills[0].duration_ns or 0) >= 800_000_000

    found = Made(fails).shrink("\n".join(lines))
    assert found.order.plan == "5.000s kill n5 for 0.900s"
    assert found.complete
    assert found.text.startswith("8 faults -> 1, ")
    assert found.order.end_ns == 5_001_000_000


def test_decisions_are_given_up_by_kind_then_by_thing_then_in_time() -> None:
    choices = [(label, entity) for label in ("cpu", "net.latency", "think") for entity in ("a", "b", "c")]

    def fails(order: Order) -> bool:
        always = {one for one in order.neutral if len(one) == 2}
        if {("net.latency", "*"), ("net.latency", "b")} & always:
            return False
        return not any(
            one[:2] == ("net.latency", "b") and one[2] <= 4_000_000_000 < one[3]
            for one in order.neutral
            if len(one) == 4
        )

    found = Made(fails, choices).shrink()
    assert found.runs < 40
    (line,) = needs(found.order, found.summary)
    assert line.startswith("the latencies of b after 3.9")
    assert line.endswith("; everything else neutral")
    assert "before 4.0" in line


def test_operations_are_dropped_last() -> None:
    choices = [("ops", f"a op {number}") for number in range(10)] + [("entropy", "a")]

    def fails(order: Order) -> bool:
        return ("ops", "a op 7") not in order.neutral

    found = Made(fails, choices).shrink()
    assert needs(found.order, found.summary) == ("1 of 10 operations; everything else neutral",)


def test_the_failure_stays_the_same_one() -> None:
    found = Made(lambda order: "n1" in order.plan and "n2" in order.plan).shrink(
        "1s kill n1\n2s kill n2\n3s kill n3"
    )
    assert {fault.targets for fault in Plan.of(found.order.plan or "")} == {("n1",), ("n2",)}
    assert found.summary.signature == "bug"


@pytest.mark.parametrize("limits", [{"runs": 5}, {"seconds": 0.0}])
def test_a_budget_ends_it_with_the_smallest_so_far(limits: dict[str, Any]) -> None:
    lines = "\n".join(f"{number}s kill n{number}" for number in range(1, 30))
    made = Made(lambda order: "n7" in (order.plan or "") and "n19" in (order.plan or ""))
    found = made.shrink(lines, **limits)
    assert not found.complete
    assert found.runs == limits.get("runs", 0)
    assert found.summary.signature == "bug"


def test_an_interruption_ends_it_with_the_smallest_so_far() -> None:
    def interrupt(runs: int, order: Order) -> None:
        if len(Plan.of(order.plan or "")) < 10:
            raise KeyboardInterrupt

    lines = "\n".join(f"{number}s kill n{number}" for number in range(1, 30))
    found = Made(lambda order: "n7" in (order.plan or "")).shrink(lines, tell=interrupt)
    assert not found.complete
    assert 0 < len(Plan.of(found.order.plan or "")) < 10


def test_a_failure_whose_shrinking_was_interrupted_is_recorded_all_the_same(tmp_path: Path) -> None:
    scenario = Scenario.of(bugs.two_leaders, faults=bugs.LEADER_FAULTS)
    found = search(Here(scenario), range(60))

    def interrupt(text: str) -> None:
        if text.startswith("shrinking it, run "):
            raise KeyboardInterrupt

    make_worker = worker_for(scenario)
    investigation = investigate(
        Here(scenario),
        found,
        program="bugs:two_leaders",
        make_worker=make_worker,
        directory=tmp_path,
        tell=interrupt,
    )
    assert investigation.failure.shrunk.endswith("1 run, broken off")
    assert investigation.failure.confirmed
    assert investigation.path is not None
    assert sim.replay(investigation.path, scenario).verdict == "same"


def test_a_run_is_broken_off_after_what_failed_on_a_host() -> None:
    async def main(world: sim.World) -> None:
        async def fail() -> None:
            await asyncio.sleep(2)
            raise ValueError("x")

        world.host("a").run(fail)
        await world.sleep(1000)

    import asyncio

    found = shrunk(main)
    assert found.summary.virtual_seconds < 3
    assert found.summary.signature == "ValueError: x"
