"""Tests with libraries that only the environment of ``make test-sim`` has, and the table of what was tried.

make libraries
"""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

collect_ignore_glob = [] if find_spec("asyncpg") else ["test_*.py"]

# A part of a test's id, the distributions it is about, and what is done with them.
ROWS = [
    ("test_aiohttp.py", ("aiohttp",), "client, server and websocket, plain and by TLS; its own runner"),
    ("test_websockets.py", ("websockets",), "client and server, plain and by TLS, in asyncio and in threads"),
    ("uvicorn", ("httpx", "uvicorn"), "client against server, which runs as a coroutine or by `uvicorn.run`"),
    ("httpx_in_a_thread", ("httpx", "uvicorn"), "blocking client against server"),
    ("hypercorn", ("httpx", "hypercorn"), "client against server"),
    ("test_anyio.py", ("anyio",), "TCP, TLS and UDP, `to_thread`, `anyio.run`"),
    ("test_redis", ("redis",), "asyncio's and the blocking client against the stand-in"),
    ("test_nats_answers_requests", ("nats-py",), "client against the stand-in"),
    ("test_aiomqtt", ("aiomqtt", "paho-mqtt"), "client against the stand-in, by `add_reader`"),
    ("test_asyncpg_stores", ("asyncpg",), "pool of connections against the stand-in"),
    ("test_grpclib.py", ("grpclib",), "client and server, single calls and streams"),
    ("test_asyncssh.py", ("asyncssh",), "client and server, a command with its input and output"),
    ("test_aioquic.py", ("aioquic",), "client and server, streams over QUIC"),
    (
        "test_requests.py",
        ("requests",),
        "in threads against `http.server.ThreadingHTTPServer`, plain and by TLS",
    ),
]
_run: Counter[str] = Counter()
_failed: Counter[str] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--libraries", metavar="FILE", help="write the table of libraries into FILE")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and "test_standins" not in report.nodeid:
        for part, _, _ in ROWS:
            if part in report.nodeid:
                _run[part] += 1
                _failed[part] += not report.passed


def pytest_sessionfinish(session: Any) -> None:
    path = session.config.getoption("libraries", None)
    if path:
        lines = ["| library | version | what is run | tests |", "|---|---|---|---|"]
        for part, names, what in ROWS:
            versions = [version(name) for name in names]
            tests = f"{_failed[part]} of {_run[part]} fail" if _failed[part] else str(_run[part])
            lines.append(f"| {', '.join(names)} | {', '.join(versions)} | {what} | {tests} |")
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
