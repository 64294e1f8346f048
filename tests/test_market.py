"""The market of the examples, made small: its books agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def run(folder: Path, *words: str, program: str = "run.py") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples/market" / program), *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_what_is_sold_in_two_processes_is_bought(tmp_path: Path) -> None:
    done = run(tmp_path, "--agents", "400", "--containers", "2", "--json")
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    assert outcome["right"]
    assert outcome["agents"] == 400
    assert outcome["sold"] == outcome["bought"] > 50
    assert outcome["calls"] > 2_000
    assert done.stderr == ""


def test_progress_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, "--agents", "40", "--containers", "1")
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    assert done.stdout.endswith("the books agree\n")


def test_the_books_agree_after_the_network_was_cut_in_a_simulated_market(tmp_path: Path) -> None:
    done = run(tmp_path, "--agents", "160", "--json", program="simulated.py")
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    assert outcome["right"]
    assert outcome["sold"] == outcome["bought"] > 30
    assert outcome["seconds"] > 3, "the cut has held nobody up"


def test_a_simulated_market_is_the_same_again(tmp_path: Path) -> None:
    outcomes = [run(tmp_path, "--agents", "80", "--json", program="simulated.py").stdout for _ in range(2)]
    assert outcomes[0] == outcomes[1] != ""


def test_a_seller_whose_process_is_killed_is_back(tmp_path: Path) -> None:
    done = run(tmp_path, program="lasting.py")
    assert done.stdout == "quote: 19 18\ncrashed; again in 0.1 s\nquote: 19\n", done.stderr
    assert done.stderr == ""
