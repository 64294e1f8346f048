"""Where the real aiomas is: in an environment of its own, which ``make test-aiomas`` makes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PYTHON = Path(os.environ.get("JUNTO_AIOMAS_PYTHON") or HERE.parents[2] / ".venv-aiomas/bin/python")

# Whoever has no such environment has no such tests.
collect_ignore_glob = [] if PYTHON.exists() else ["test_*.py"]


@contextmanager
def running(address: str, codec: str, *certs: str) -> Iterator[list[str]]:
    """Run the peer, and give the URLs of its agents."""
    process = subprocess.Popen(
        [str(PYTHON), "-W", "ignore", str(HERE / "peer.py"), address, codec, *certs],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            line = process.stdout.readline()
            assert line, "the peer did not start"
            yield json.loads(line)
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def free_port() -> int:
    """Find a port that is free: aiomas cannot tell which one the system chose."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., list[str]]]:
    """Give what starts a peer for a scheme, a codec and certificates, once for each."""
    started: dict[Any, list[str]] = {}
    with ExitStack() as stack:

        def start(scheme: str, codec: str, *certs: str) -> list[str]:
            key = (scheme, codec, certs)
            if key not in started:
                unix = scheme == "unix"
                address = str(tmp_path_factory.mktemp("peer") / "s") if unix else f"127.0.0.1:{free_port()}"
                started[key] = stack.enter_context(running(address, codec, *certs))
            return started[key]

        yield start
