"""The same runs in two fresh processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_libraries_run_alike_in_fresh_processes(tmp_path: Path) -> None:  # R1
    digests = []
    for number in range(2):
        file = tmp_path / str(number)
        environment = {**os.environ, "PYTHONHASHSEED": "7", "JUNTO_SIM_DIGESTS": str(file)}
        tests = [str(TESTS), str(TESTS.parent / "test_standard_library.py")]
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *tests], env=environment, check=True, timeout=140
        )
        digests.append(file.read_text().splitlines())
    assert len(digests[0]) > 50
    assert digests[0] == digests[1]
