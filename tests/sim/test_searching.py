"""Searching over seeds, confirming what fails, and telling of it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import bugs
import pytest

from junto import sim
from junto.sim.artefacts import Artefact, failed_before
from junto.sim.exploring import Settings, explore_scenario
from junto.sim.report import report_text
from junto.sim.running_here import Here
from junto.sim.scenarios import DEFAULTS, Scenario, load
from junto.sim.searching import search
from junto.sim.soaking import soak
from junto.sim.workers import WorkerLost, worker_for


def test_a_search_that_finds_nothing_tells_what_it_has_run() -> None:
    explored = sim.explore(bugs.correct, 20)
    assert explored.tally.seeds == 20
    assert explored.tally.virtual_seconds > 20
    assert explored.investigation is None
    assert "20 seeds" in str(explored)
    assert "never reached: all lost" in str(explored)


def test_the_lowest_seed_that_fails_is_reported_whatever_the_number_of_processes() -> None:
    scenario = Scenario.of(bugs.fails_from_30)
    found = [
        search(Here(scenario), range(200), make_worker=worker_for(scenario), jobs=jobs, eager=jobs > 0)
        for jobs in (0, 1, 3)
    ]
    assert [one.tally.seeds for one in found] == [31, 31, 31]
    assert {one.tally.failed.seed for one in found if one.tally.failed} == {30}
    assert len({(one.tally.events, one.tally.virtual_seconds) for one in found}) == 1
    assert [one.hash_seed for one in found[1:]] == ["0", "0"]


def test_a_failure_is_raised_as_a_report() -> None:
    with pytest.raises(sim.SimFailure, match=r"SIM FAILURE fails_from_30  seed 30  after 31 seeds"):
        sim.explore(bugs.fails_from_30, 100)


def test_a_time_limits_the_search() -> None:
    explored = sim.explore(bugs.an_hour, budget=0.05)
    assert explored.tally.seeds > 3
    assert explored.seconds < 5


def test_what_failed_before_is_run_first(tmp_path: Path) -> None:
    first = sim.explore(bugs.fails_from_30, range(50, 100), directory=tmp_path, raises=False, shrink=False)
    assert first.tally.failed is not None
    assert failed_before(tmp_path, "bugs:fails_from_30") == [77]
    second = sim.explore(bugs.fails_from_30, 100, directory=tmp_path, raises=False, shrink=False)
    assert second.tally.seeds == 1
    assert second.tally.failed is not None
    assert second.tally.failed.seed == 77
    assert failed_before(tmp_path, "bugs:correct") == []


def test_a_failure_that_needs_earlier_runs_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bugs, "_runs", 0)
    explored = sim.explore(bugs.depends_on_earlier_runs, 10, raises=False)
    assert explored.investigation is not None
    failure = explored.investigation.failure
    assert failure.confirmed is False
    assert "depends on state left by earlier runs" in report_text(failure)
    assert failure.notes  # with where it differs


def test_what_no_other_process_can_find_is_searched_here() -> None:
    async def local(world: sim.World) -> None:
        assert world.seed < 4

    explored = sim.explore(local, 10, raises=False)
    assert explored.investigation is not None
    assert explored.investigation.failure.seed == 4
    assert explored.investigation.failure.confirmed is None


def test_options_reach_the_other_processes() -> None:
    scenario = Scenario.of(bugs.two_leaders, faults=bugs.LEADER_FAULTS, chunking=0.3, timeout=100.0)
    make_worker = worker_for(scenario)
    assert make_worker is not None
    with make_worker("0") as worker:
        there = worker.try_seeds(range(3))
    assert there == Here(scenario).try_seeds(range(3))


def test_a_process_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    program = tmp_path / "ends.py"
    # The list hides it from the simulation, in which a program ends its own host only.
    program.write_text(
        "import os\nreal = [os._exit, os.write]\n\n"
        "async def ends(world):\n    real[1](2, b'farewell')\n    real[0](3)\n"
    )
    make_worker = worker_for(load(f"{program}:ends"))
    assert make_worker is not None
    with make_worker("0") as worker, pytest.raises(WorkerLost, match=r"(?s)ended with 3.*farewell"):
        worker.try_seeds([1])


def test_a_program_that_fails_to_import_is_told_with_its_traceback(tmp_path: Path) -> None:
    scenario = Scenario(bugs.correct, "x", target=f"{tmp_path / 'none.py'}:x")
    make_worker = worker_for(scenario)
    assert make_worker is not None
    with make_worker("0") as worker, pytest.raises(WorkerLost, match="there is no file"):
        worker.try_seeds([1])


@pytest.mark.parametrize("program", [bugs.correct, bugs.own_loop, bugs.an_hour])
def test_equal_runs_pass_the_check(program: object) -> None:
    assert sim.explore(program, 3, check=True).tally.seeds == 3  # type: ignore[arg-type]


def test_the_order_of_sets_is_the_same_in_the_check() -> None:
    assert sim.explore(bugs.order_of_a_set, 2, check=True).tally.seeds == 2


def test_the_check_finds_what_depends_on_earlier_runs() -> None:
    with pytest.raises(sim.NotDeterministic, match="seed 1 gives two different runs"):
        sim.explore(bugs.counts_its_runs, 3, check=True)


def test_runs_that_differ_from_process_to_process_are_told_with_the_first_event() -> None:
    with pytest.raises(sim.NotDeterministic, match="seed 0 gives two different runs") as failed:
        sim.explore(bugs.reads_an_address, 3, check=True)
    assert "detail:" in str(failed.value)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("bugs", "no module:function"),
        ("nowhere:main", "no module 'nowhere'"),
        ("bugs:nothing", "no 'nothing'"),
        ("bugs:__name__", "no function"),
        ("bugs:Node", "must take a world"),
    ],
)
def test_what_is_no_program_is_refused(target: str, why: str) -> None:
    with pytest.raises(sim.ScenarioError, match=why):
        load(target)


def test_a_decorated_test_can_be_called_and_found_with_its_options() -> None:
    scenario = load("bugs:decorated")
    options = {"chunking": 0.2, "coincidence": DEFAULTS["coincidence"]}
    assert (scenario.seeds, scenario.timeout, scenario.options) == (12, 60, options)
    with pytest.raises(sim.SimFailure, match="one leader"):
        bugs.decorated()


def test_a_soak_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    scenario = Scenario.of(bugs.fails_from_30)
    settings = Settings(directory=tmp_path, shrinking=False, jobs=1)
    failed = [soak(scenario, settings).tally.failed for _ in range(3)]
    assert [one.seed for one in failed if one] == [30, 31, 77]
    again = soak(scenario, settings, first=5).tally.failed
    assert again is not None
    assert again.seed == 30


def test_what_is_printed_and_logged_is_kept_with_time_and_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = Scenario.of(bugs.lost_update)
    explored = explore_scenario(scenario, range(50), Settings(directory=tmp_path, shrinking=False))
    assert explored.investigation is not None
    (line,) = explored.investigation.summary.output
    time, host, *text = line.split()
    assert float(time) > 0
    assert host == "world"
    assert " ".join(text).startswith("the value is ")
    assert "the value is" not in capsys.readouterr().out
    assert explored.investigation.path is not None
    assert Artefact.read(explored.investigation.path).reported() == explored.investigation.failure


def test_tests_run_in_worlds_that_cut_streams_unless_they_say_otherwise() -> None:  # S3, U1
    @sim.test(seeds=2)
    async def usual(world: sim.World) -> float:
        return world.net.conditions.chunking

    @sim.test(seeds=2, chunking=0.0, timeout=5)
    async def own(world: sim.World) -> None:
        assert not world.net.conditions.chunking
        await world.sleep(10)

    assert usual.scenario.run(1).result > 0
    usual()
    with pytest.raises(sim.SimFailure, match="did not end within 5 virtual seconds"):
        own()


def test_a_test_without_a_world_has_virtual_time_and_nothing_real() -> None:  # U8
    @sim.test(seeds=2)
    async def an_hour() -> None:
        await asyncio.sleep(3600)

    @sim.test(seeds=2)
    async def stuck() -> None:
        await asyncio.Event().wait()

    with socket.socket() as real:

        @sim.test(seeds=2)
        async def real_io() -> None:
            asyncio.get_running_loop().add_reader(real, print)

        an_hour()
        with pytest.raises(sim.SimFailure, match=r"SimDeadlock: [\s\S]*Task-1 waits in .*stuck"):
            stuck()
        with pytest.raises(sim.SimFailure, match="SimEscape: watching descriptor"):
            real_io()
