"""The command, run in this process and in one of its own, and services for it to talk to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
import trustme

from junto import ChannelOptions, expose, sync
from junto.cli import main

BOUND = 30.0  # seconds; far above what anything here takes


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out.count("\n") == 1
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        assert self.err.count("\n") == 1
        return json.loads(self.err)["error"]


Run = Callable[..., Outcome]


@pytest.fixture
def junto(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, whose signals it leaves as they were."""
    numbers = signal.SIGINT, signal.SIGTERM

    def run(*words: str) -> Outcome:
        handlers = [signal.getsignal(number) for number in numbers]
        code = main(words)
        assert [signal.getsignal(number) for number in numbers] == handlers
        out, err = capsys.readouterr()
        assert "Traceback" not in err.replace('"text": "Traceback', "")
        return Outcome(code, out, err)

    return run


class Commands:
    """Runs of the command in processes of their own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: list[subprocess.Popen[str]] = []

    def start(
        self, *words: str, program: tuple[str, ...] = ("-m", "junto"), **options: Any
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *program, *words],
            cwd=self._directory,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "COLUMNS": "80"},
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self._running.append(process)
        return process

    def run(self, *words: str, **options: Any) -> Outcome:
        process = self.start(*words, **options)
        out, err = process.communicate(timeout=BOUND)
        return Outcome(process.returncode, out, err)

    def end(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate(timeout=BOUND)


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    commands = Commands(tmp_path)
    yield commands
    commands.end()


@contextmanager
def bounded(process: subprocess.Popen[str]) -> Iterator[tuple[IO[str], IO[str]]]:
    """Give the output and the errors of a process to read; one that takes too long is ended."""
    assert process.stdout is not None
    assert process.stderr is not None
    watchdog = threading.Timer(BOUND, process.kill)
    watchdog.start()
    try:
        yield process.stdout, process.stderr
    finally:
        watchdog.cancel()
        watchdog.join()


def first_line(process: subprocess.Popen[str]) -> str:
    with bounded(process) as (out, _):
        return out.readline()


def interrupt(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> Outcome:
    """Send a signal, and give what the process writes from now on until it ends."""
    process.send_signal(number)
    # Not `communicate`: it does not know of what `first_line` has read ahead.
    with bounded(process) as (out, err):
        return Outcome(out=out.read(), err=err.read(), code=process.wait())


class Geometry:
    @expose
    def area(self, width: float, height: float) -> float:
        """Multiply.

        Not shown.
        """
        return width * height


class Math:
    """A bit of everything."""

    def __init__(self) -> None:
        self.geometry = Geometry()
        self.stream_closed = threading.Event()
        self.called = 0
        self.waited_for = threading.Event()
        self.release = threading.Event()

    @expose
    def add(self, a: int, b: int) -> int:
        """Add two numbers."""
        self.called += 1
        return a + b

    @expose
    def echo(self, *args: Any, **kwargs: Any) -> Any:
        return [list(args), kwargs]

    @expose
    def say(self, text: str) -> str:
        return text

    @expose
    def nothing(self) -> None:
        return None

    @expose
    def odd(self) -> Any:
        return {"bytes": b"\x00\xff", "nan": float("nan"), 3: [self.geometry]}

    @expose
    def fail(self, message: str) -> None:
        raise ZeroDivisionError(message)

    @expose
    def count(self, n: int) -> Iterator[Any]:
        """Count up to n."""
        for i in range(n):
            yield {"i": i}

    @expose
    def wait(self) -> str:
        self.waited_for.set()
        return "released" if self.release.wait(BOUND) else "forgotten"

    @expose
    def broken_stream(self) -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    @expose
    def for_ever(self) -> Iterator[int]:
        try:
            n = 0
            while True:
                yield n
                n += 1
        finally:
            self.stream_closed.set()


Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve in a thread of this process; returns the address."""
    servers: list[sync.Server] = []

    def start(service: Any, url: str = "tcp://127.0.0.1:0", **options: Any) -> str:
        server = sync.serve(service, url, **options)
        servers.append(server)
        server.start_thread()
        return str(server.addresses[0])

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def math() -> Math:
    return Math()


@pytest.fixture
def url(serve: Serve, math: Math) -> str:
    """Where `math` is served."""
    return serve(math)


@pytest.fixture
def old_peer() -> Iterator[Callable[[Callable[[Any], Any]], str]]:
    """Answer requests as a program does that knows nothing of junto."""
    servers: list[sync.Server] = []
    plain: ChannelOptions = {"extensions": False}

    def start(handler: Callable[[Any], Any]) -> str:
        server = sync.serve_channels(handler, "tcp://127.0.0.1:0", **plain)
        servers.append(server)
        server.start_thread()
        return str(server.addresses[0])

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def silent_peer() -> Iterator[str]:
    """Accept requests, and never answer."""
    server = sync.serve_channels(None, "tcp://127.0.0.1:0")
    server.start_thread()
    yield str(server.addresses[0])
    server.close(timeout=0.1)


@pytest.fixture
def refusing() -> Iterator[str]:
    """Where nobody listens: the port is taken by a socket that does not."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"tcp://127.0.0.1:{sock.getsockname()[1]}"


@dataclass(frozen=True)
class Certificates:
    ca: str
    server: str
    client: str
    stranger: str


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    authority.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    trustme.CA().cert_pem.write_to_path(folder / "stranger.pem")
    return Certificates(*(str(folder / f"{name}.pem") for name in ("ca", "server", "client", "stranger")))
