"""The examples of simulated worlds: each has its bug, each is mended, and their pages show what a reader sees."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from junto.sim.exploring import explore
from junto.sim.scenarios import Scenario, load

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/simulation"
DOCS = ROOT / "docs"
SHOWS = re.compile(r"examples/simulation/|^\$ (junto sim|pytest) ", re.MULTILINE)
PAGES = sorted(page for page in DOCS.glob("*/*.md") if SHOWS.search(page.read_text("utf-8")))
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Bug(NamedTuple):
    """A program with a bug, the first seed that shows it, some more of those, and the mended one."""

    found: str
    mended: str
    seed: int
    message: str
    others: tuple[int, ...]


BUGS = [
    Bug(
        "lost_update.py:test_both_are_counted",
        "lost_update_mended.py:test_both_are_counted",
        173,
        "AssertionError",
        (245,),
    ),
    Bug(
        "test_retry.py:test_retry",
        "test_retry.py:test_retry_once",
        25,
        "nothing is sold twice: order anne-2 was sold twice",
        (48, 50, 69),
    ),
    Bug(
        "test_cache.py:test_cache",
        "test_cache.py:test_cache_checked",
        37,
        "the cache is right again half a second after a change: it has 3.30 for 3.40",
        (78, 144, 185),
    ),
    Bug(
        "test_lease.py:test_lease",
        "test_lease.py:test_lease_fenced",
        9,
        "nothing is lost: 80 was paid in, and 50 is there",
        (17, 28, 50),
    ),
]


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the examples as one does who works in their folder."""
    monkeypatch.syspath_prepend(EXAMPLES)


def scenario(name: str) -> Scenario:
    return load(f"{EXAMPLES}/{name}")


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.found)
def test_the_bug_shows_with_its_seed_and_is_explained(bug: Bug) -> None:
    program = scenario(bug.found)
    assert bug.seed < program.seeds
    found = explore(program.main, [bug.seed], jobs=1, raises=False, faults=program.faults).investigation
    assert found is not None
    assert found.failure.sentence == bug.message
    assert found.failure.last


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.found)
def test_mended_it_passes_the_seeds_that_failed(bug: Bug) -> None:
    broken, mended = scenario(bug.found), scenario(bug.mended)
    for seed in (bug.seed, *bug.others):
        assert broken.run(seed).failed
        assert not mended.run(seed).failed


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.mended)
def test_mended_it_passes_a_thousand_seeds(bug: Bug) -> None:
    mended = scenario(bug.mended)
    assert [seed for seed in range(1000) if mended.run(seed).failed] == []


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    for block in BLOCK.findall(page.read_text("utf-8")):
        for shown in block.removeprefix("$ ").split("\n$ "):
            line, *output = shown.rstrip("\n").split("\n")
            yield line, output


def pattern(output: list[str]) -> str:
    """Make a pattern of what a page shows: an ellipsis stands for what differs, alone in a line for lines."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r" *\n" for line in output
    ]
    return "".join(lines)


def plugin_is_installed() -> bool:
    done = subprocess.run([sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True)
    return "--sim-seeds" in done.stdout


def run(line: str, folder: Path) -> str:
    words = line.split()
    if words[0] == "pytest":
        plugin = [] if plugin_is_installed() else ["-p", "junto.pytest_plugin"]
        words = ["-m", "pytest", *plugin, "-p", "no:cacheprovider", *words[1:]]
    else:
        assert words[0] == "junto"
        words = ["-m", *words]
    # As wide as a page, and with nothing of whoever runs this.
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
    )
    return done.stdout.rstrip("\n") + "\n"


def test_who_follows_a_page_in_the_clone_gets_none_of_our_settings_of_pytest() -> None:
    # Those name plugins that he has not installed, and an option that nobody knows is an error.
    assert "1 passed" in run("pytest -p no:timeout -q lost_update_mended.py --sim-seeds 2", EXAMPLES)


@pytest.mark.slow
@pytest.mark.timeout(600)  # a page has many commands
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reader_sees_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "simulation"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for line, output in commands(page):
        written = run(line, folder)
        assert re.fullmatch(pattern(output), written), f"$ {line}\n{written}"


def test_every_file_is_shown_on_a_page() -> None:
    shown = {name for page in PAGES for name in re.findall(r"simulation/(\w+\.py)", page.read_text("utf-8"))}
    assert shown == {path.name for path in EXAMPLES.glob("*.py")}


def test_the_picture_of_the_readme_is_that_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    timelines: Any = importlib.import_module("timelines")
    assert {(shown.program, shown.seed) for shown in timelines.TIMELINES.values()} == {
        (bug.found, bug.seed) for bug in BUGS
    }
    assert timelines.PICTURE.read_text("utf-8") == timelines.picture(), (
        "python docs/timelines.py makes it anew"
    )
