"""Making runs again: from an artefact, in new processes, under other hash seeds and on other Pythons."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import bugs
import pytest

from junto import sim
from junto.sim.artefacts import Artefact, ArtefactError
from junto.sim.replaying import judge
from junto.sim.running_here import Here
from junto.sim.scenarios import Scenario
from junto.sim.summaries import Order
from junto.sim.workers import worker_for

HERE = Path(__file__).parent
BOUND = 60.0  # seconds; far above what anything here takes


@pytest.fixture(scope="module")
def two_leaders(tmp_path_factory: pytest.TempPathFactory) -> str:
    options = {"faults": bugs.LEADER_FAULTS, "chunking": 0.25}
    return failing(tmp_path_factory.mktemp("failed"), bugs.two_leaders, **options).read_text()


@pytest.fixture
def artefact(two_leaders: str, tmp_path: Path) -> Path:
    path = tmp_path / "two_leaders.sim.json"
    path.write_text(two_leaders)
    return path


def failing(directory: Path, program: Any, **options: Any) -> Path:
    """Search for a failure, and give the path of its artefact."""
    explored = sim.explore(program, 60, directory=directory, raises=False, **options)
    assert explored.investigation is not None
    assert explored.investigation.path is not None
    return explored.investigation.path


@pytest.mark.parametrize(
    ("program", "options"),
    [
        (bugs.lost_update, {"chunking": 0.3}),
        (bugs.applied_twice, {"faults": bugs.RETRY_FAULTS, "latency": (0.001, 0.01)}),
    ],
)
def test_an_artefact_gives_the_same_run_in_a_new_process(
    program: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    path = failing(tmp_path, program, **options)
    replayed = sim.replay(path)
    assert replayed.verdict == "same", str(replayed)
    assert replayed.summary.digest == Artefact.read(path).digest
    assert path.with_name(path.name.replace(".sim.json", ".html")).is_file()


def test_an_artefact_says_what_the_run_depends_on(artefact: Path) -> None:
    found = json.loads(artefact.read_text())
    assert found["format"] == "junto-sim/1"
    assert found["program"] == "bugs:two_leaders"
    assert found["options"]["chunking"] == 0.25
    assert found["python"] == sys.version.split()[0]
    assert found["hash_seed"] == os.environ.get("PYTHONHASHSEED", "0")
    assert found["libraries"]["msgspec"]
    assert found["failure"]["format"] == "junto-sim-failure/1"
    assert found["signature"] == "OracleFailed: one leader"


def test_what_is_fixed_or_fails_otherwise_is_told(artefact: Path) -> None:
    async def fixed(world: sim.World) -> None:
        await world.sleep(1)

    async def changed(world: sim.World) -> None:
        raise KeyError("other")

    assert sim.replay(artefact, fixed).verdict == "fixed"
    replayed = sim.replay(artefact, changed)
    assert replayed.verdict == "changed"
    assert "fixed or changed: now it fails with KeyError" in str(replayed)


def test_a_run_that_diverges_is_told_at_its_first_differing_event(artefact: Path) -> None:
    async def diverging(world: sim.World) -> None:
        world.kernel.at(2_000_000_000, sim.World.note, world, "something else")
        await bugs.two_leaders(world)

    replayed = sim.replay(artefact, diverging)
    assert replayed.verdict == "diverged"
    assert any("something else" in line for line in replayed.lines)


def test_an_artefact_of_another_version_is_recognised(artefact: Path) -> None:
    found = json.loads(artefact.read_text())
    found |= {"junto": "0.0.1", "python": "3.9.1", "libraries": {"nowhere": "7"}}
    artefact.write_text(json.dumps(found))
    text = str(sim.replay(artefact))
    assert "made by junto 0.0.1" in text
    assert "made by Python 3.9.1" in text
    assert "made with nowhere 7, and here is none" in text


def test_another_hash_seed_is_told(artefact: Path) -> None:
    replayed = judge(Artefact.read(artefact), Here(Scenario.of(bugs.two_leaders)), "other")
    assert any("PYTHONHASHSEED=" in note for note in replayed.notes)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"format": "junto-sim/9"}', '{"format": "junto-sim/1"}', "\xff"]
)
def test_what_is_no_artefact_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.sim.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ArtefactError, match=r"x\.sim\.json"):
        sim.replay(path)


def test_the_plan_of_a_failure_can_be_pasted_into_a_test(artefact: Path) -> None:
    found = Artefact.read(artefact)
    plan = "\n".join(found.plan)
    outcome = sim.run(bugs.two_leaders, found.order.seed, plan=plan, neutral=found.order.neutral)
    assert outcome.signature == found.signature


DIGESTS = """
import sys
sys.path[:0] = sys.argv[1:3]
import bugs
from junto import sim
for program, faults in ((bugs.correct, None), (bugs.two_leaders, bugs.LEADER_FAULTS), (bugs.applied_twice, bugs.RETRY_FAULTS)):
    for seed in (1, 2):
        print(sim.run(program, seed, faults=faults, trace="all", chunking=0.3).digest)
"""


def digests(python: str = sys.executable, hash_seed: str = "0") -> list[str]:
    source = Path(sim.__file__).parent.parent.parent
    done = subprocess.run(
        [python, "-c", DIGESTS, str(source), str(HERE)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_two_processes_with_different_hash_seeds_give_the_same_traces() -> None:
    first = digests(hash_seed="1")
    assert len(set(first)) == 6
    assert digests(hash_seed="77") == first


def other_pythons() -> list[str]:
    """Find the other versions of Python on this machine that have what junto needs."""
    found = []
    for version in ("3.11", "3.12", "3.13"):
        path = shutil.which(f"python{version}")
        if path is None or sys.version.startswith(f"{version}."):
            continue
        usable = subprocess.run(
            [path, "-c", "import msgspec"], capture_output=True, timeout=BOUND, check=False
        )
        if usable.returncode == 0:
            found.append(path)
    return found + [path for path in os.environ.get("JUNTO_OTHER_PYTHONS", "").split(os.pathsep) if path]


def test_every_python_found_gives_the_same_traces() -> None:
    own = digests()
    for python in other_pythons():
        assert digests(python) == own, python


def test_the_order_of_a_set_is_part_of_the_run() -> None:
    scenario = Scenario.of(bugs.order_of_a_set)
    make_worker = worker_for(scenario)
    assert make_worker is not None
    found = []
    for hash_seed in ("3", "3", "4"):
        with make_worker(hash_seed) as worker:
            found.append(worker.run(Order(seed=1, level="all")).digest)
    assert found[0] == found[1]
