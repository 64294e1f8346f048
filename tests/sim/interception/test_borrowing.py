from __future__ import annotations

import _thread
import gc
import logging
import os
import random
import subprocess
import sys
import threading
import time
from queue import SimpleQueue

import pytest

from junto.sim import interception

from .fake_host import FakeHost, on


def test_the_replacements_are_in_for_a_run_and_stay_in() -> None:
    interception.uninstall()
    with interception.borrowed():
        assert interception.installed()
    assert interception.installed()


def test_the_collector_is_off_during_a_run() -> None:
    with interception.borrowed():
        assert not gc.isenabled()
        with interception.borrowed():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with interception.borrowed():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_runs_have_made_is_collected_between_two_of_the_next() -> None:
    died: list[bool] = []

    class Circle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            died.append(True)

    with interception.borrowed():
        Circle()
    for _ in range(20):
        before = len(died)
        with interception.borrowed():
            at_begin = len(died)
        assert len(died) == at_begin, "not while the run went on"
        if before:
            break
    assert died


def test_code_that_bypasses_the_replacements_finds_the_same_state_in_each_run() -> None:
    hidden: random.Random = vars(random)["_inst"]
    state = hidden.getstate()
    found = []
    for _ in range(2):
        with interception.borrowed():
            found.append(hidden.random())
    assert found[0] == found[1]
    assert hidden.getstate() == state


def test_everything_is_given_back_after_a_failure() -> None:
    state = random.getstate()
    with pytest.raises(ZeroDivisionError), interception.borrowed():
        random.random()
        raise ZeroDivisionError
    assert gc.isenabled()
    assert random.getstate() == state


def test_local_time_is_utc_during_a_run(monkeypatch: pytest.MonkeyPatch, host: FakeHost) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with interception.borrowed(), on(host):
            assert time.localtime()[:5] == time.gmtime()[:5]
        assert os.environ["TZ"] == "Asia/Tokyo"
        assert time.localtime(0).tm_hour == 9
    finally:
        monkeypatch.undo()
        time.tzset()


def test_log_records_count_from_the_beginning_of_the_run(host: FakeHost) -> None:
    outside = logging.LogRecord("name", 20, "path", 1, "text", None, None).relativeCreated
    with interception.borrowed(), on(host):
        host.elapsed = 5 * 10**9
        assert logging.LogRecord("name", 20, "path", 1, "text", None, None).relativeCreated == 5000
    assert logging.LogRecord("name", 20, "path", 1, "text", None, None).relativeCreated >= outside


def test_threads_that_python_did_not_start_are_forgotten() -> None:
    names: SimpleQueue[str] = SimpleQueue()
    before = threading.enumerate()
    with interception.borrowed():
        _thread.start_new_thread(lambda: names.put(threading.current_thread().name), ())
        assert names.get(timeout=10).startswith("Dummy-")
    assert set(threading.enumerate()) <= set(before)  # others may have ended meanwhile


_FOUND = """
import gc
import random
import sys
from junto.sim import interception

OWN = random.Random()

class Holder:
    generator = random.Random()

def draw(generator=random.Random(), *, other=random.Random()):
    return generator.random(), other.random()

def draws():
    with interception.borrowed():
        return OWN.random(), Holder.generator.random(), *draw()

if sys.argv[1:]:
    gc.freeze()
seeded = random.Random(7)
kept = [random.Random(7)]
first = draws()
assert first == draws()
assert len(set(first)) == 4
assert kept[0].random() == random.Random(7).random()
states = OWN.getstate()
draws()
assert OWN.getstate() == states
print(first)
"""


def test_generators_that_modules_made_before_are_the_same_in_each_run_and_process() -> None:  # R1
    outcomes = {
        subprocess.run(
            [sys.executable, "-c", _FOUND, *words], check=True, capture_output=True, text=True
        ).stdout
        for words in ([], [], ["frozen"])
    }
    assert len(outcomes) == 1
