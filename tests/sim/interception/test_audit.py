from __future__ import annotations

import _random
import _socket
import _thread
import datetime
import functools
import logging
import os
import random
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from junto.sim import SimEscape
from junto.sim.interception import audit

from .fake_host import FakeHost, on


def names(code: Callable[[], object], host: FakeHost) -> list[str]:
    with audit.watch() as findings:
        with on(host):
            code()
    return [finding.name for finding in findings]


def with_default(clock: Callable[[], float] = time.monotonic) -> float:
    return clock()


class Clocks:
    wall = staticmethod(time.time)
    date = datetime.datetime.now
    late = functools.partial(time.time_ns)
    draw = random.random
    entropy = os.urandom


def bypassing() -> None:
    with_default()
    Clocks.wall()
    Clocks.date()
    Clocks.draw()
    Clocks.entropy(3)


def test_originals_that_were_bound_where_no_walk_looks_are_found(host: FakeHost) -> None:
    assert names(bypassing, host) == [
        "time.monotonic",
        "time.time",
        "datetime.datetime.now",
        "random.random",
        "os.urandom",
    ]


def test_a_finding_names_the_place(host: FakeHost) -> None:
    with audit.watch() as findings, on(host):
        with_default()
    (finding,) = findings
    line = with_default.__code__.co_firstlineno + 1
    assert (finding.file, finding.line, finding.function) == (__file__, line, "with_default")
    assert finding.caller == f"{__file__}:{line} in with_default"
    assert str(finding) == f"n1: time.monotonic at {__file__}:{line} in with_default"


def test_each_place_is_told_of_once(host: FakeHost) -> None:
    assert names(lambda: [with_default() for _ in range(3)], host) == ["time.monotonic"]


def test_what_is_replaced_is_no_finding(host: FakeHost) -> None:
    def good() -> None:
        time.monotonic()
        time.sleep(1)
        datetime.datetime.now()
        random.random()
        random.Random()
        random.Random(3)
        uuid.uuid1()
        uuid.uuid4()
        socket.getfqdn()

    assert names(good, host) == []


def test_what_only_converts_a_given_time_is_no_finding(host: FakeHost) -> None:
    record = logging.LogRecord("name", 20, "path", 1, "text", None, None)
    assert names(lambda: logging.Formatter("%(asctime)s %(message)s").format(record), host) == []


def test_code_outside_of_hosts_is_no_finding() -> None:
    with audit.watch() as findings:
        bypassing()
    assert findings == []


def test_a_place_that_calls_something_else_first_is_still_watched(host: FakeHost) -> None:
    def code() -> None:
        for clock in (lambda: 0.0, functools.partial(float, 1), Clocks.wall):
            with_default(clock)

    assert names(code, host) == ["time.time"]


class Child(subprocess.Popen[bytes]):
    __init__ = subprocess.Popen.__init__  # bound before it was replaced


def test_threads_processes_sockets_and_files_are_found_at_their_callers(
    host: FakeHost, tmp_path: Path
) -> None:
    def code() -> None:
        _thread.start_new_thread(int, ())  # as a module in C may do
        _socket.socket().close()  # likewise
        with pytest.raises(SimEscape, match=r"os\.pipe"):  # what it would need next
            Child([sys.executable, "-c", ""], cwd=tmp_path)
        (tmp_path / "new").write_text("text")
        (tmp_path / "new").read_text()

    with audit.watch() as findings, on(host):
        code()
    wanted = {"start_new_thread", "socket.__new__", "subprocess.Popen", "open for writing"}
    for part in wanted:
        found = [finding for finding in findings if part in finding.name]
        assert found, (part, findings)
        assert f"{code.__qualname__}" in found[0].caller
    assert len([finding for finding in findings if finding.name == "open for writing"]) == 1


def test_a_second_audit_sees_what_the_first_one_left_alone(host: FakeHost) -> None:
    assert names(bypassing, host) == names(bypassing, host)
    with audit.watch(), pytest.raises(RuntimeError, match="already"), audit.watch():
        pass
    assert names(with_default, host) == ["time.monotonic"]


def test_after_an_audit_nothing_is_watched(host: FakeHost) -> None:
    before = sys.getprofile()
    with audit.watch() as findings:
        pass
    with on(host):
        bypassing()
    assert findings == []
    assert sys.getprofile() is before


def test_a_generator_in_c_without_a_seed_is_found_where_calls_of_classes_can_be_seen(host: FakeHost) -> None:
    found = names(lambda: (_random.Random(3), _random.Random()), host)
    assert found == (["_random.Random"] if sys.version_info >= (3, 12) else [])
