from __future__ import annotations

import copy
import datetime
import logging
import os
import pickle
import queue
import sys
import threading
import time
import warnings
from collections.abc import Callable
from datetime import date, timedelta, timezone
from typing import Any

import msgspec
import pytest

from .fake_host import EPOCH, START, FakeHost, on

SECOND = 10**9


class Moment(datetime.datetime):
    """Derived from the class at import, before anything is installed."""


def test_monotonic_clocks_agree(host: FakeHost) -> None:
    host.elapsed = 1_234_567_891
    with on(host):
        seconds = [time.monotonic(), time.perf_counter(), time.process_time(), time.thread_time()]
        assert seconds == [(START + host.elapsed) / SECOND] * 4
        nanoseconds = [
            time.monotonic_ns(),
            time.perf_counter_ns(),
            time.process_time_ns(),
            time.thread_time_ns(),
        ]
        assert nanoseconds == [START + host.elapsed] * 4
        assert time.clock_gettime_ns(time.CLOCK_MONOTONIC) == START + host.elapsed
        assert os.times().elapsed == seconds[0]


def test_wall_clocks_agree(host: FakeHost) -> None:
    host.elapsed = 1_234_567_891
    with on(host):
        assert time.time() == (EPOCH + host.elapsed) / SECOND
        assert time.time_ns() == time.clock_gettime_ns(time.CLOCK_REALTIME) == EPOCH + host.elapsed
        now = datetime.datetime.now(datetime.UTC)
        assert now == datetime.datetime(2027, 1, 15, 8, 0, 1, 234567, datetime.UTC)
        assert datetime.datetime.now(timezone(timedelta(hours=2))) == now
        assert datetime.datetime.now().timestamp() == now.timestamp()
        assert abs(datetime.datetime.today() - datetime.datetime.now()) <= timedelta(microseconds=1)
        assert date.today() == date.fromtimestamp(EPOCH / SECOND)
        assert time.gmtime() == time.gmtime(EPOCH / SECOND + 1)
        assert time.localtime() == time.localtime(EPOCH / SECOND + 1)
        assert time.strftime("%M:%S") == "00:01"
        assert time.ctime() == time.asctime() == time.ctime(EPOCH / SECOND + 1)


def test_what_is_converted_with_an_argument_is_the_argument(host: FakeHost) -> None:
    with on(host):
        assert time.gmtime(0)[:6] == (1970, 1, 1, 0, 0, 0)
        assert time.strftime("%Y", time.gmtime(0)) == "1970"
        assert time.asctime(time.gmtime(0)) == "Thu Jan  1 00:00:00 1970"


@pytest.mark.parametrize("inside", [True, False])
def test_utcnow_warns_about_its_caller_where_it_is_deprecated(host: FakeHost, inside: bool) -> None:
    with on(host if inside else None), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        datetime.datetime.utcnow()
    assert [found.filename for found in warned] == ([__file__] if sys.version_info >= (3, 12) else [])


@pytest.mark.filterwarnings("ignore:.*utcnow")
def test_utcnow_has_no_time_zone(host: FakeHost) -> None:
    with on(host):
        assert datetime.datetime.utcnow() == datetime.datetime(2027, 1, 15, 8)


def test_sleep_blocks_the_host_and_nothing_else(host: FakeHost) -> None:
    before = time.monotonic()
    with on(host):
        time.sleep(3600)
        assert time.monotonic() == START / SECOND + 3600
        time.sleep(0)
        time.sleep(0.1)
    assert host.elapsed == 3600 * SECOND + SECOND // 10
    assert time.monotonic() - before < 60


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(
    ("duration", "error"), [(-1, ValueError), ("1", TypeError), (float("nan"), ValueError)]
)
def test_sleep_refuses_what_the_real_one_refuses(
    host: FakeHost, duration: Any, error: type[Exception], inside: bool
) -> None:
    with on(host if inside else None), pytest.raises(error):
        time.sleep(duration)


def test_the_real_clock_cannot_be_set_from_a_host(host: FakeHost) -> None:
    with on(host), pytest.raises(PermissionError):
        time.clock_settime(time.CLOCK_REALTIME, time.time())


def test_modules_of_the_standard_library_see_the_host(host: FakeHost) -> None:
    with on(host):
        assert threading._time() == queue.time() == START / SECOND
        record = logging.LogRecord("name", 20, "path", 1, "text", None, None)
    assert record.created == EPOCH / SECOND
    assert record.process == host.pid


# datetime stays one class, for those that knew it before as well


def test_a_class_derived_before_sees_the_host(host: FakeHost) -> None:
    with on(host):
        now = Moment.now()
    assert type(now) is Moment
    assert now.timestamp() == EPOCH / SECOND


def test_results_are_of_the_class_itself(host: FakeHost) -> None:
    with on(host):
        now = datetime.datetime.now(datetime.UTC)
        assert type(now) is type(now + timedelta(1)) is type(now.replace(day=1)) is datetime.datetime
        assert type(now - now) is timedelta
        assert type(date.today()) is type(now.date()) is date
        assert isinstance(now, datetime.datetime)
        assert isinstance(now, date)
        assert not isinstance(date.today(), datetime.datetime)


@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        lambda value: pickle.loads(pickle.dumps(value)),
        lambda value: value.fromisoformat(value.isoformat()),
    ],
    ids=["copy", "deepcopy", "pickle", "text"],
)
def test_results_can_be_copied(host: FakeHost, again: Callable[[Any], Any]) -> None:
    with on(host):
        now = datetime.datetime.now(datetime.UTC)
        assert again(now) == now
        assert type(again(now)) is datetime.datetime
    assert again(now) == now


def test_code_in_c_knows_the_class(host: FakeHost) -> None:
    with on(host):
        now = datetime.datetime.now(datetime.UTC)
        assert msgspec.json.decode(msgspec.json.encode(now), type=datetime.datetime) == now


@pytest.mark.parametrize("function", [time.time, time.sleep, time.localtime])
def test_a_replaced_function_is_pickled_by_its_name(function: Callable[..., Any]) -> None:
    present = getattr(time, function.__name__)
    assert pickle.loads(pickle.dumps(present)) is present
