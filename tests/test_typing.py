"""Types that users meet: mistakes in calls of the flavours are found where they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MISTAKES = ROOT / "tests" / "typing" / "mistakes.py"


def test_a_type_checker_finds_each_mistake_and_nothing_else() -> None:
    told = MISTAKES.read_text(encoding="utf-8").splitlines()
    expected = {
        (number, match[1])
        for number, line in enumerate(told, 1)
        if (match := re.search(r"# error: (\S+)$", line))
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-error-summary",
            "--hide-error-context",
            str(MISTAKES),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    found = re.findall(r"mistakes\.py:(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    assert {(int(line), code) for line, code in found} == expected, done.stdout + done.stderr
