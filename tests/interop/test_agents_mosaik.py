"""Agents take part in a co-simulation of the real mosaik, which sets their clocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
RUN = ROOT / "examples/agents_mosaik/run.py"

pytestmark = pytest.mark.timeout(60)


def test_agents_in_two_processes_live_by_mosaiks_time(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(RUN), "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome.pop("seconds") < 50
    assert outcome.pop("missing_kwh") == pytest.approx(0, abs=1e-6)
    assert outcome == {
        "steps": 48,
        "peak_kw": pytest.approx(22),
        "charged_kwh": pytest.approx(135),
        "in_time": True,
    }


def test_a_cable_that_is_too_thin_is_noticed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(RUN), "--capacity", "5"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    assert "left a car without its charge" in done.stderr
