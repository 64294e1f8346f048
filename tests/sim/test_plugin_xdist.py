"""The plugin under pytest-xdist: what is found and told does not depend on how many processes run tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from junto.sim.artefacts import Artefact

BOUND = 100.0  # seconds; far above what it takes

FIRST = """
import asyncio
from junto import sim

@sim.test(seeds=40)
async def test_fails(world):
    host = world.host("a")
    async def choose():
        await asyncio.sleep(1)
        return sim.choose(10, "what")
    print("the seed is", world.seed)
    assert await host.run(choose).wait() < 8

@sim.test(seeds=10)
async def test_passes(world):
    sim.reached("never", False)
    await world.sleep(5)

@sim.test(seeds=3, check=True)
async def test_is_checked(world):
    await world.sleep(5)
"""

SECOND = """
import asyncio
import pytest
from junto import sim

@pytest.mark.parametrize("n", [2, 3])
@sim.test(seeds=5)
async def test_fails_from(world, n):
    await world.sleep(n)
    assert world.seed < n

async def test_an_hour(sim_loop):
    await asyncio.sleep(3600)

def test_ordinary():
    pass
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("project")
    (directory / "pytest.ini").write_text("[pytest]\naddopts = -p xdist\n")
    (directory / "test_first.py").write_text(FIRST)
    (directory / "test_second.py").write_text(SECOND)
    return directory


def run(project: Path, *words: str) -> str:
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
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def told(out: str) -> list[str]:
    """List all that the plugin has told, without what differs from run to run."""
    wanted = re.compile(r"SIM FAILURE|  (error|needs|replay|note|python) |the seed is|\S+: \d+ seed|FAILED ")
    lines = [line for line in out.splitlines() if wanted.match(line) or "the seed is" in line]
    return [
        re.sub(r"\(\d[\d.,]* s\)|\([\d,]+ times real time\)|^\[gw\d\] \S+ \S+ ?", "", line) for line in lines
    ]


def test_the_same_is_found_and_told_as_without_it(project: Path) -> None:  # U4
    alone = run(project, "--sim-dir", "alone", "--sim-jobs", "1", "-n", "0")
    spread = run(project, "--sim-dir", "alone2", "-n", "2")
    assert "2 workers [7 items]" in spread
    for out in (alone, spread):
        assert "3 failed, 4 passed" in out
    assert sorted(told(alone.replace("alone/", "alone2/"))) == sorted(told(spread))
    section = [line for line in told(spread) if line.startswith("test_")]
    assert section == [line for line in told(alone) if line.startswith("test_")]
    assert len(section) == 3
    found = [
        {path.name: Artefact.read(path).order for path in (project / name).glob("*.sim.json")}
        for name in ("alone", "alone2")
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_the_lowest_seed_is_reported_however_the_tests_are_spread(project: Path) -> None:
    out = run(project, "-n", "2", "--sim-jobs", "2", "-k", "test_fails_from", "--sim-dir", "lowest")
    assert sorted(re.findall(r"SIM FAILURE test_fails_from\[(\d)\]  seed (\d)", out)) == [
        ("2", "2"),
        ("3", "3"),
    ]
    assert out.count("confirmed in a clean process") == 2


def test_a_failure_found_by_a_worker_is_repeated_by_one(project: Path) -> None:
    run(project, "-n", "2", "-k", "test_fails and not from", "--sim-dir", "again")
    (path,) = (project / "again").glob("*.sim.json")
    out = run(project, "-n", "2", "test_first.py::test_fails", "--sim-replay", str(path))
    assert "the same failure, event by event" in out
