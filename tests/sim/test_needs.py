"""The line `needs` of a report is true: what it calls neutral did not matter, and what mattered is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import drawing
import pytest

from junto import sim
from junto.sim.report import report_text

NOTHING = "no fault, nothing of the seed; the neutral run fails"


def reported(program: Any, directory: Path | None = None, **options: Any) -> Any:
    found = sim.explore(program, 60, raises=False, directory=directory, **options).investigation
    assert found is not None
    return found.failure


@pytest.mark.parametrize(
    ("program", "line"),
    [
        (drawing.draws_a_number, "the random numbers of a; everything else neutral"),
        (drawing.draws_bytes, "the random bytes of a; everything else neutral"),
        (drawing.draws_on_one_of_two, "the random numbers of a; everything else neutral"),
        (drawing.chooses, "the decisions 'random walk' of a; everything else neutral"),
    ],
)
def test_what_a_program_draws_is_named_if_it_matters(program: Any, line: str) -> None:
    failure = reported(program)
    assert failure.needs == (line,)
    assert "no fault;" not in report_text(failure)


def test_what_a_program_draws_is_not_named_if_other_numbers_do_as_well() -> None:
    failure = reported(drawing.draws_for_nothing)
    assert failure.needs == ()
    assert NOTHING in report_text(failure)


def test_a_run_without_its_random_numbers_is_repeated_with_the_same_others(tmp_path: Path) -> None:
    sim.explore(drawing.draws_for_nothing, 1, raises=False, directory=tmp_path)
    (path,) = tmp_path.glob("*.sim.json")
    assert sim.replay(path).verdict == "same"


@pytest.mark.parametrize("program", [drawing.draws_its_faults, drawing.writes_its_faults])
def test_faults_that_the_program_itself_brings_about_are_named(program: Any, tmp_path: Path) -> None:
    failure = reported(program, tmp_path)
    (line,) = failure.needs
    assert "server" in line
    assert line.endswith("; everything else neutral")
    (path,) = tmp_path.glob("*.sim.json")
    assert sim.replay(path).verdict == "same"


def test_a_fault_that_comes_late_is_written_down_as_it_was() -> None:
    async def main(world: sim.World) -> None:
        world.host("a")
        await world.sleep(2)
        world.inject("1s kill a")
        await world.sleep(1)

    assert re.fullmatch(r"2\.00\d+s kill a", str(sim.run(main).plan))
