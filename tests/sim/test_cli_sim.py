"""``junto sim``: the search, and what looks at a failure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from junto.cli import main
from junto.sim.artefacts import Artefact

HERE = Path(__file__).parent
BOUND = 60.0  # seconds; far above what anything here takes

Junto = Callable[..., tuple[int, str, str]]


@pytest.fixture
def junto(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Junto:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["sim", *words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def artefact(junto: Junto) -> Path:
    code, _, _ = junto("run", "bugs:lost_update", "--seed", "0", "--no-shrink")
    assert code == 1
    return Path(".sim/lost_update-0.sim.json")


def test_a_search_that_finds_nothing_ends_with_0(junto: Junto) -> None:
    code, out, _ = junto("run", "bugs:correct", "--seeds", "20", "--jobs", "2")
    assert code == 0
    assert out.startswith("20 seeds; ")
    code, out, _ = junto("run", f"{HERE / 'bugs.py'}:correct", "--seeds", "3", "--json")
    assert code == 0
    assert json.loads(out)["seeds"] == 3


def test_a_failure_is_reported_with_its_page(junto: Junto) -> None:
    code, out, _ = junto("run", "bugs:decorated", "--report", "page.html")
    assert code == 1
    assert "SIM FAILURE decorated  seed " in out
    assert "  replay  junto sim replay .sim/decorated-" in out
    assert Path("page.html").read_text().startswith("<!DOCTYPE html>")


def test_a_failure_as_json_is_the_report(junto: Junto) -> None:
    code, out, _ = junto("run", "bugs:lost_update", "--seed", "0", "--json", "--no-shrink")
    assert code == 1
    found = json.loads(out)
    assert found["format"] == "junto-sim-failure/1"
    assert found["seed"] == 0


def test_a_run_is_repeated_in_a_new_process(junto: Junto, artefact: Path) -> None:
    code, out, _ = junto("replay", str(artefact))
    assert code == 0
    assert "the same failure, event by event" in out
    code, out, _ = junto("replay", str(artefact), "--json")
    assert json.loads(out)["digest"] == Artefact.read(artefact).digest


def test_a_run_is_shrunk_later(junto: Junto, artefact: Path) -> None:
    before = artefact.read_bytes()
    code, out, _ = junto("shrink", str(artefact), "-o", "small.sim.json")
    assert code == 0
    assert "everything else neutral" in out
    assert artefact.read_bytes() == before
    assert len(Artefact.read("small.sim.json").order.neutral) > 2
    assert Path("small.html").is_file()
    assert junto("replay", "small.sim.json")[0] == 0
    code, out, _ = junto("diff", str(artefact), "small.sim.json")
    assert code == 1
    assert "the same; then" in out


def test_a_run_is_looked_at(junto: Junto, artefact: Path) -> None:
    code, out, _ = junto("timeline", str(artefact))
    assert (code, out) == (0, ".sim/lost_update-0.html\n")
    code, out, _ = junto("diff", str(artefact), str(artefact))
    assert (code, out) == (0, "they are the same\n")
    code, out, _ = junto(
        "trace", str(artefact), "--host", "a", "--kind", "send", "--around", "40", "--context", "3"
    )
    assert code == 0
    assert len(out.splitlines()) <= 7
    trace = Artefact.read(artefact).events()
    assert trace is not None
    trace.write("x.trace")
    code, out, _ = junto("trace", "x.trace", "--json")
    assert len(out.splitlines()) == len(trace.events)
    assert json.loads(out.splitlines()[3])["n"] == 3


@pytest.mark.parametrize(
    "words",
    [
        ("run", "nowhere:main"),
        ("run", "bugs"),
        ("replay", "nothing.sim.json"),
        ("replay", str(HERE / "bugs.py")),
        ("timeline", str(HERE / "bugs.py")),
    ],
)
def test_wrong_input_is_told_in_a_line(junto: Junto, words: tuple[str, ...]) -> None:
    code, out, err = junto(*words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_what_is_not_deterministic_is_told(junto: Junto) -> None:
    code, out, _ = junto("run", "bugs:reads_an_address", "--check", "--seeds", "2")
    assert code == 1
    assert "seed 0 gives two different runs" in out


def test_an_endless_search_can_be_ended(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "junto.sim", "soak", "bugs:an_hour", "--jobs", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, [*sys.path, str(HERE)]))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        diary = tmp_path / ".sim" / "an_hour.soak.json"
        for _ in range(1200):
            if diary.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=BOUND)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert " seeds; " in out
    assert json.loads(diary.read_text())["next"] >= 200
