"""A plan pasted into a test as text: what a report said under `needs` is its regression test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bugs
import pytest

from junto import sim
from junto.sim.artefacts import Artefact
from junto.sim.scenarios import Scenario
from junto.sim.workers import worker_for

PLAN = """
    0.5s partition n2|n0,n1 for 5s   # long enough for a second leader
"""


async def notes_its_kill(world: sim.World) -> int:
    host = world.host("n1")
    await world.sleep(2)
    return host.boot if host.alive else 0


def test_a_run_takes_a_plan_as_text() -> None:  # F4
    outcome = sim.run(notes_its_kill, 1, plan="1s kill n1")
    assert outcome.result == 0
    assert str(outcome.plan) == "1.000s kill n1"


def test_a_search_takes_a_plan_as_text_also_in_other_processes() -> None:
    scenario = Scenario.of(notes_its_kill, plan="1s kill n1; 1.5s restart n1")
    make_worker = worker_for(scenario)
    assert make_worker is not None
    with make_worker("0") as worker:
        there = worker.try_seeds(range(2))
    assert there.faults == {"kill": (2, 2), "restart": (2, 2)}
    assert sim.explore(notes_its_kill, 2, plan="1s kill n1; 1.5s restart n1").tally.faults == there.faults


def test_a_decorated_test_keeps_its_plan_in_all_seeds() -> None:
    @sim.test(seeds=3, plan="1s kill n1")
    async def test_it(world: sim.World) -> None:
        assert await notes_its_kill(world) == 0

    test_it()
    assert sim.explore(test_it).tally.faults == {"kill": (3, 3)}


def test_a_plan_that_fails_is_shrunk_and_its_artefact_fails_without_it(tmp_path: Path) -> None:
    explored = sim.explore(
        bugs.two_leaders, 5, plan=PLAN + "\n1s slow n1 factor=2", raises=False, directory=tmp_path
    )
    found = explored.investigation
    assert found is not None
    (line,) = found.failure.needs
    assert "partition" in line
    assert found.path is not None
    assert "partition" in (Artefact.read(found.path).order.plan or "")
    assert sim.replay(found.path, bugs.two_leaders).verdict == "same"


@pytest.mark.parametrize("shrink", [True, False])
def test_an_artefact_holds_the_plan_that_was_given(tmp_path: Path, shrink: bool) -> None:
    explored = sim.explore(bugs.two_leaders, 1, plan=PLAN, raises=False, directory=tmp_path, shrink=shrink)
    found = explored.investigation
    assert found is not None
    assert found.path is not None
    assert sim.replay(found.path, bugs.two_leaders).verdict == "same"


def test_a_plan_given_to_a_search_takes_the_place_of_what_may_happen() -> None:
    @sim.test(seeds=2, faults=sim.Faults(pause=True, duration=2))
    async def test_it(world: sim.World) -> None:
        await notes_its_kill(world)

    assert sim.explore(test_it, plan="1s kill n1").tally.faults == {"kill": (2, 2)}


def test_a_plan_and_what_may_happen_are_not_both_given() -> None:
    both: dict[str, Any] = {"faults": sim.Faults(pause=True), "plan": "1s kill n1"}
    with pytest.raises(sim.ScenarioError, match="plan= or faults="):
        sim.test(**both)(notes_its_kill)
    with pytest.raises(sim.ScenarioError, match="plan= or faults="):
        sim.explore(notes_its_kill, 1, **both)


def test_a_text_that_is_no_plan_is_refused_where_the_test_is_defined() -> None:
    with pytest.raises(sim.PlanError, match="no fault of kind 'explode'"):
        sim.test(plan="1s explode n1")(notes_its_kill)
