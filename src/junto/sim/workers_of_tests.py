"""Processes that make runs of a test of pytest: each is a pytest that comes to that test, and serves it."""

from __future__ import annotations

import base64
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from junto.sim.serving import Start
from junto.sim.workers import MakeWorker, Worker

__all__ = ["worker_for_test"]

# What an outer pytest has said of itself is not so in the inner one.
_NOT_INHERITED = ("PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT")


def worker_for_test(
    test: str, options: Sequence[str] = (), directory: Path | None = None
) -> MakeWorker | None:
    """Tell how to start processes that run a test.

    Args:
        test: The path of its file, ``::``, and its name there.
        options: More arguments of pytest.
        directory: Where it is started; None for the working directory.
    """
    if os.name != "posix":  # pipes are handed over by their numbers
        return None
    command = [
        *(
            sys.executable,
            "-m",
            "pytest",
            test,
            "-q",
            "--no-header",
            "-p",
            "no:cacheprovider",
            "-m",
            "",
            "-k",
            "",
        ),
        *options,
    ]
    start = Start(None, [], base64.b64encode(pickle.dumps({})).decode())

    def make(hash_seed: str) -> Worker:
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        # This process may have added to its path, as `python -m` does.
        environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(entry for entry in sys.path if entry))
        return Worker(command, start, hash_seed, environment, directory)

    return make
