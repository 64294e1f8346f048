"""The plugin of pytest, in pytests of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from junto.sim.artefacts import Artefact

BOUND = 100.0  # seconds; far above what anything here takes

Pytest = Callable[..., str]

PROJECT = """
import asyncio, logging, time
import pytest
from junto import sim

made = []

@pytest.fixture
def outer():
    made.append("outer")
    return 5

@sim.fixture
async def value(world, outer):
    made.append("value")
    cell = [0]
    yield cell
    cell.clear()

@sim.test(seeds=100)
async def test_lost_update(world, value, outer):
    a, b = world.hosts("a", "b")
    wanted = 0

    async def increment():
        nonlocal wanted
        for _ in sim.ops(range(outer)):
            wanted += 1
            seen = value[0]
            await asyncio.sleep(0.001 * sim.choose(10, "think"))
            print("write", seen + 1)
            logging.warning("written")
            value[0] = seen + 1
            await asyncio.sleep(0.05 + 0.001 * sim.choose(300, "rest"))

    first = a.run(increment)
    await world.sleep(0.03)
    second = b.run(increment)
    await first.wait()
    await second.wait()
    assert value[0] == wanted

@sim.test(seeds=3)
async def test_fixtures(world, value, outer):
    assert value == [0]
    await world.sleep(1)

def test_that_fixtures_were_made():
    assert made[-4:] == ["outer", "value", "value", "value"]

@sim.test
async def test_an_hour():
    await asyncio.sleep(3600)

def looks(clock=time.monotonic):
    return clock()

@sim.test(seeds=3)
async def test_a_real_clock():
    looks()

@sim.test(seeds=20)
async def test_order_of_tasks():
    order = []
    async def note(n):
        order.append(n)
    await asyncio.gather(note(1), note(2), note(3))
    assert order == [1, 2, 3]

async def test_an_hour_too(sim_loop):
    await asyncio.sleep(3600)

class TestInClass:
    @pytest.mark.parametrize("n", [1, 2])
    @sim.test(seeds=2, faults=sim.Faults(loss=0.1, duration=1))
    def test_with_own_loop(self, world, n):
        async def main():
            sim.reached("never", False)
            await world.sleep(n)
        world.run(main)

def test_ordinary():
    pass
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("project")
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_project.py").write_text(PROJECT)
    return directory


@pytest.fixture
def run(project: Path) -> Pytest:
    def run(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "junto.pytest_plugin", "-p", "no:cacheprovider", *words],
            cwd=project,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                "COLUMNS": "200",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # other plugins take long to import
            },
            capture_output=True,
            text=True,
            timeout=BOUND,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_tests_run_with_their_fixtures_and_a_line_tells_what_was_run(run: Pytest) -> None:
    out = run("--deselect", "test_project.py::test_lost_update")
    assert "9 passed" in out
    lines = {line.split(": ")[0]: line for line in out.splitlines() if line.startswith("test_project.py::")}
    assert "3 seeds" in lines["test_project.py::test_fixtures"]
    assert "100 seeds; 360,000.0 virtual seconds" in lines["test_project.py::test_an_hour"]
    assert "1 seed; 3,600.0 virtual seconds" in lines["test_project.py::test_an_hour_too"]
    in_class = lines["test_project.py::TestInClass::test_with_own_loop[2]"]
    assert "2 seeds" in in_class
    assert "faults: 2 loss" in in_class
    assert "never reached: never" in in_class


def test_a_failure_is_confirmed_shrunk_told_and_can_be_repeated(run: Pytest, project: Path) -> None:
    out = run("-k", "lost_update", code=1)
    report = out[out.index("SIM FAILURE") :]
    assert re.match(r"SIM FAILURE test_lost_update  seed \d+  after \d+ seeds? ", report)
    assert "error   AssertionError: assert " in report
    assert "everything else neutral" in report
    assert "confirmed in a clean process" in report
    assert "\nTraceback (most recent call last):\n" in report
    assert "Captured simulation call" in out
    assert re.search(r"^0\.\d{6} a +write 1$", out, re.MULTILINE)
    assert re.search(r"^0\.\d{6} b +WARNING root: written$", out, re.MULTILINE)
    assert "FAILED test_project.py::test_lost_update - AssertionError: assert " in out

    (command,) = re.findall(r"^  replay  pytest (.*)$", report, re.MULTILINE)
    *_, path = command.split()
    artefact = Artefact.read(project / path)
    assert artefact.program == "test_project.py::test_lost_update"
    assert (project / path.replace(".sim.json", ".html")).is_file()
    again = run(*command.split(), code=1)
    assert f"the same failure, event by event: {artefact.signature}" in again

    first = run("-k", "lost_update", "--sim-no-shrink", "--sim-seeds", "1000", code=1)
    assert "after 1 seed (" in first  # the one that failed before
    assert "not known: the run was not shrunk" in first
    assert "3 skipped" in run("--sim-replay", str(path), "-k", "an_hour or test_fixtures")


def test_one_seed_can_be_run(run: Pytest) -> None:
    out = run("-k", "lost_update", "--sim-seed", "17", "--sim-dir", "other", "--sim-no-shrink", code=1)
    assert "seed 17  after 1 seed " in out


def test_an_audit_tells_what_bypasses_the_simulation(run: Pytest) -> None:
    assert "bypasses" not in run("-k", "test_a_real_clock")
    out = run("--sim-audit", "-k", "test_a_real_clock")
    assert re.search(r"bypasses the simulation: \w+: time.monotonic at .*test_project.py:\d+ in looks", out)


def test_orders_of_tasks_that_the_standard_loop_does_not_make_are_found_and_named(run: Pytest) -> None:
    assert "1 passed" in run("-k", "test_order_of_tasks")
    out = run("--sim-mode=adversarial", "-k", "test_order_of_tasks", code=1)
    assert "order not promised but not produced by the standard loop" in out


def test_options_say_which_seeds_and_how_long(run: Pytest) -> None:
    out = run("--sim-seeds", "7", "-k", "test_fixtures")
    assert "test_project.py::test_fixtures: 7 seeds" in out
    out = run("--sim-time", "0.05", "-k", "test_an_hour", "--sim-jobs", "1")
    assert "test_project.py::test_an_hour: " in out
    assert "test_an_hour: 100 seeds" not in out


def test_more_processes_find_the_same(run: Pytest) -> None:
    out = run("--sim-seeds", "3000", "--sim-jobs", "2", "-k", "test_fixtures")
    assert "test_project.py::test_fixtures: 3,000 seeds; 3,000.0 virtual seconds" in out


def test_the_check_runs_each_seed_in_a_second_process(run: Pytest) -> None:
    assert "2 passed" in run("--sim-check", "--sim-seeds", "2", "-k", "test_fixtures or own_loop and 1")


def test_quiet_is_quiet(run: Pytest) -> None:
    assert "seeds" not in run("-q", "-k", "test_an_hour")


def test_a_test_that_is_none_for_a_world_does_not_load_it(project: Path, run: Pytest) -> None:
    (project / "test_other.py").write_text(
        "import sys\n\ndef test_other():\n    assert not [n for n in sys.modules if n.startswith('junto.sim')]\n"
    )
    out = run("test_other.py")
    assert "1 passed" in out
    assert "simulated worlds" not in out


def test_an_asynchronous_fixture_needs_an_asynchronous_test(project: Path, run: Pytest) -> None:
    (project / "test_wrong.py").write_text(
        "from junto import sim\n\n@sim.fixture\nasync def late(world):\n    return 1\n\n"
        "@sim.test(seeds=2)\ndef test_wrong(world, late):\n    pass\n"
    )
    assert "the fixture late is asynchronous, and the test that takes it is not" in run(
        "test_wrong.py", code=1
    )
