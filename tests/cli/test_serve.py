"""``junto serve``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from junto import sync, tls

from .conftest import BOUND, Certificates, Commands, Run, bounded, first_line, interrupt

SERVICES = '''
    import asyncio
    import threading

    from junto import expose


    class Math:
        @expose
        def add(self, a: int, b: int) -> int:
            """Add two numbers."""
            return a + b

        @expose
        def thread(self) -> str:
            return threading.current_thread().name

        @expose
        async def slowly(self) -> str:
            """Give a line of the pipe."""
            running.set()
            with open("pipe") as pipe:
                return await asyncio.to_thread(pipe.readline)

        @expose
        async def for_ever(self) -> None:
            running.set()
            await asyncio.Event().wait()

        @expose
        async def running(self) -> None:
            """Return when one of the two above runs."""
            await running.wait()


    class Needy:
        def __init__(self, number: int) -> None: ...


    class Refusing:
        def __init__(self) -> None:
            raise ValueError("not today")


    class Empty:
        def hidden(self) -> None: ...


    class Outer:
        Inner = Math


    running = asyncio.Event()
    instance = Math()
    functions = {"plus": expose(lambda a, b: a + b), "nested": {"math": instance}}
    number = 3


    def make() -> Math:
        return Math()


    async def make_later() -> Math:
        await asyncio.sleep(0)
        asyncio.get_running_loop()
        return Math()
'''


@pytest.fixture
def services(tmp_path: Path) -> None:
    (tmp_path / "services.py").write_text(textwrap.dedent(SERVICES))
    (tmp_path / "broken.py").write_text("x = 1\nif:\n")
    (tmp_path / "raising.py").write_text("\n\nraise RuntimeError('bad day')\n")
    (tmp_path / "leaving.py").write_text("raise SystemExit(0)\n")
    (tmp_path / "needing.py").write_text("import not_there_at_all\n")


pytestmark = pytest.mark.usefixtures("services")


def start(commands: Commands, *words: str) -> tuple[subprocess.Popen[str], list[str], Any]:
    """Start a server; returns its process, addresses and functions."""
    process = commands.start("serve", *words, "--json")
    line = first_line(process)
    assert line, process.communicate(timeout=BOUND)
    document = json.loads(line)
    return process, document["addresses"], document["functions"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_told_to_stop(number: signal.Signals, commands: Commands) -> None:
    process, (url,), functions = start(commands, "services:Math", "--at", "tcp://127.0.0.1:0")
    assert [function["path"] for function in functions] == ["add", "thread", "slowly", "for_ever", "running"]
    with sync.connect(url, timeout=BOUND) as peer:
        assert peer.remote.add(3, 4, timeout=BOUND) == 7
    outcome = interrupt(process, number)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_the_real_addresses_and_what_is_offered_are_shown(commands: Commands, tmp_path: Path) -> None:
    process = commands.start(
        "serve", "services:Math", "--at", "tcp://127.0.0.1:0", "--at", f"unix://{tmp_path}/math.sock"
    )
    lines = [first_line(process) for _ in range(4)]
    assert lines[0].startswith("serving at tcp://127.0.0.1:")
    assert not lines[0].endswith(":0\n")
    assert lines[1:] == [
        f"serving at unix://{tmp_path}/math.sock\n",
        "function  signature                what it does\n",
        "add       (a: int, b: int) -> int  Add two numbers.\n",
    ]
    for url in (lines[0].split()[-1], f"unix://{tmp_path}/math.sock"):
        with sync.connect(url, timeout=BOUND) as peer:
            assert peer.remote.add(3, 4, timeout=BOUND) == 7
    outcome = interrupt(process)
    assert (outcome.code, outcome.err) == (0, "stopping; Ctrl-C ends at once\n")
    assert not (tmp_path / "math.sock").exists()


def stop_while(name: str, commands: Commands) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Serve, call *name*, and stop when it runs; returns the processes of server and client."""
    server = commands.start("serve", "services:Math", "--at", "tcp://127.0.0.1:0")
    url = first_line(server).split()[-1]
    client = commands.start("call", url, name)
    with sync.connect(url, timeout=BOUND) as peer:
        peer.remote.running(timeout=BOUND)
    server.send_signal(signal.SIGINT)
    with bounded(server) as (_, err):
        assert err.readline() == "stopping; Ctrl-C ends at once\n"
    return server, client


def test_running_calls_end_before_it_stops(commands: Commands, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDWR)
    server, client = stop_while("slowly", commands)
    os.write(pipe, b"done\n")
    assert client.communicate(timeout=BOUND) == ("done\n\n", "")
    assert server.wait(BOUND) == 0
    os.close(pipe)


def test_a_second_ctrl_c_ends_at_once(commands: Commands) -> None:
    server, client = stop_while("for_ever", commands)
    outcome = interrupt(server)
    assert (outcome.code, outcome.err.strip()) == (130, "")
    assert client.wait(BOUND) in (1, 3)  # whether the end of its call was still told or not


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("services:instance", "add"),
        ("services:make", "add"),
        ("services:make_later", "add"),
        ("services:Outer.Inner", "add"),
        ("services:functions", "plus"),
        ("services:functions", "nested/math/add"),
    ],
)
def test_what_can_be_served(target: str, path: str, commands: Commands) -> None:
    process, (url,), functions = start(commands, target, "--at", "tcp://127.0.0.1:0")
    assert path in [function["path"] for function in functions]
    with sync.connect(url, timeout=BOUND) as peer:
        assert peer.call(path, 3, 4, timeout=BOUND) == 7
    assert interrupt(process).code == 0


def test_functions_run_in_workers_if_there_are_any(commands: Commands) -> None:
    for options, name in ([], "MainThread"), (["--workers", "2"], "junto-worker_0"):
        process, (url,), _ = start(commands, "services:Math", "--at", "tcp://127.0.0.1:0", *options)
        with sync.connect(url, timeout=BOUND) as peer:
            assert peer.remote.thread(timeout=BOUND) == name
        assert interrupt(process).code == 0


def test_the_codec_is_chosen(commands: Commands) -> None:
    process, (url,), _ = start(commands, "services:Math", "--at", "tcp://127.0.0.1:0", "--codec", "msgpack")
    with sync.connect(url, timeout=BOUND, codec="msgpack") as peer:
        assert peer.remote.add(3, 4, timeout=BOUND) == 7
    assert interrupt(process).code == 0


def test_tls_with_and_without_certificates_of_clients(
    commands: Commands, junto: Run, certificates: Certificates
) -> None:
    at = ("services:Math", "--at", "tls://127.0.0.1:0", "--certfile", certificates.server)
    _, (url,), _ = start(commands, *at)
    assert junto("call", url, "add", "3", "4", "--cafile", certificates.ca).out == "7\n"

    _, (url,), _ = start(commands, *at, "--cafile", certificates.ca)
    assert junto("call", url, "add", "3", "4", "--cafile", certificates.ca).code == 1
    context = tls.client_context(certificates.ca, certificates.client)
    with sync.connect(url, timeout=BOUND, tls=context) as peer:
        assert peer.remote.add(3, 4, timeout=BOUND) == 7


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["services:Math"], "Missing option '--at'"),
        (["services:Math", "--at", "nonsense"], "'nonsense' does not begin with one of tcp://"),
        (["services", "--at", "URL"], "'services' is not of the form module:Service"),
        (["services:", "--at", "URL"], "'services:' is not of the form module:Service"),
        ([":Math", "--at", "URL"], "':Math' is not of the form module:Service"),
        (["serviecs:Math", "--at", "URL"], "there is no module 'serviecs'"),
        (["services.math:Math", "--at", "URL"], "there is no module 'services.math'"),
        (["needing:Math", "--at", "URL"], "No module named 'not_there_at_all'"),
        (["broken:Math", "--at", "URL"], "broken.py, line 2)"),
        (["raising:Math", "--at", "URL"], "importing 'raising' failed: RuntimeError: bad day ("),
        (["leaving:Math", "--at", "URL"], "importing 'leaving' failed: SystemExit: 0"),
        (["services:Maths", "--at", "URL"], "module 'services' has no 'Maths'; did you mean 'Math'?"),
        (["services:Math.x_y", "--at", "URL"], "has no 'x_y'"),
        (["services:Needy", "--at", "URL"], "missing 1 required positional argument: 'number'"),
        (["services:Refusing", "--at", "URL"], "failed: ValueError: not today ("),
        (["services:Empty", "--at", "URL"], "none of its members is marked with @expose"),
        (["services:number", "--at", "URL"], "none of its members is marked with @expose"),
        (["services:Math.add", "--at", "URL"], "is a function; give the object or dictionary"),
        (["services:Math", "--at", "URL", "--codec", "xml"], "'xml' is not one of"),
        (["services:Math", "--at", "URL", "--workers", "-1"], "-1 is not in the range"),
        (["services:Math", "--at", "tls://127.0.0.1:0"], "give --certfile"),
        (["services:Math", "--at", "URL", "--certfile", "services.py"], "nothing would be encrypted"),
        (["services:Math", "--at", "tls://127.0.0.1:0", "--certfile", "services.py"], "cannot be used"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(
    words: list[str], sentence: str, junto: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    words = ["tcp://127.0.0.1:0" if word == "URL" else word for word in words]
    before = set(sys.modules)
    outcome = junto("serve", *words)
    for name in ("services", "broken", "raising", "leaving", "needing"):
        assert name not in before
        sys.modules.pop(name, None)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith("junto: ")
    assert sentence in outcome.err


def test_an_address_that_is_taken_is_told(commands: Commands, url: str) -> None:
    outcome = commands.run("serve", "services:Math", "--at", url)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert outcome.err.startswith(f"junto: cannot listen at {url}: ")
    outcome = commands.run("serve", "services:Math", "--at", url, "--json")
    assert outcome.error["kind"] == "connection"
