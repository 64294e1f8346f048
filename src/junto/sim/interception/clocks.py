"""The clocks of the `time` module, as the host shows them whose code asks.

A simulated process is always on its CPU: its CPU time is that of its monotonic clock.
"""

from __future__ import annotations

import time as real
from math import ceil
from typing import Any

from junto.sim.here import here
from junto.sim.interception.installing import replaces
from junto.sim.kernel import SECOND

__all__ = [
    "asctime",
    "ctime",
    "gmtime",
    "localtime",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "process_time_ns",
    "sleep",
    "strftime",
    "thread_time",
    "thread_time_ns",
    "time",
    "time_ns",
]

# Bound one by one, for their modules' attributes will be the wrappers.
_time, _time_ns = real.time, real.time_ns
_monotonic, _monotonic_ns = real.monotonic, real.monotonic_ns
_perf_counter, _perf_counter_ns = real.perf_counter, real.perf_counter_ns
_process_time, _process_time_ns = real.process_time, real.process_time_ns
_thread_time, _thread_time_ns = real.thread_time, real.thread_time_ns
_sleep, _localtime, _gmtime = real.sleep, real.localtime, real.gmtime
_ctime, _asctime, _strftime = real.ctime, real.asctime, real.strftime


@replaces("time", "time")
def time() -> float:
    """Return the host's wall clock in seconds."""
    host = here.host
    return _time() if host is None else host.time_ns() / SECOND


@replaces("time", "time_ns")
def time_ns() -> int:
    """Return the host's wall clock in nanoseconds."""
    host = here.host
    return _time_ns() if host is None else host.time_ns()


@replaces("time", "monotonic")
def monotonic() -> float:
    """Return the host's monotonic clock in seconds."""
    host = here.host
    return _monotonic() if host is None else host.monotonic_ns() / SECOND


@replaces("time", "monotonic_ns")
def monotonic_ns() -> int:
    """Return the host's monotonic clock in nanoseconds."""
    host = here.host
    return _monotonic_ns() if host is None else host.monotonic_ns()


@replaces("time", "perf_counter")
def perf_counter() -> float:
    """Return the host's monotonic clock in seconds."""
    host = here.host
    return _perf_counter() if host is None else host.monotonic_ns() / SECOND


@replaces("time", "perf_counter_ns")
def perf_counter_ns() -> int:
    """Return the host's monotonic clock in nanoseconds."""
    host = here.host
    return _perf_counter_ns() if host is None else host.monotonic_ns()


@replaces("time", "process_time")
def process_time() -> float:
    """Return the host's monotonic clock in seconds."""
    host = here.host
    return _process_time() if host is None else host.monotonic_ns() / SECOND


@replaces("time", "process_time_ns")
def process_time_ns() -> int:
    """Return the host's monotonic clock in nanoseconds."""
    host = here.host
    return _process_time_ns() if host is None else host.monotonic_ns()


@replaces("time", "thread_time")
def thread_time() -> float:
    """Return the host's monotonic clock in seconds."""
    host = here.host
    return _thread_time() if host is None else host.monotonic_ns() / SECOND


@replaces("time", "thread_time_ns")
def thread_time_ns() -> int:
    """Return the host's monotonic clock in nanoseconds."""
    host = here.host
    return _thread_time_ns() if host is None else host.monotonic_ns()


@replaces("time", "sleep")
def sleep(seconds: float, /) -> None:
    """Block the host, or one of its threads, and not the process."""
    host = here.host
    if host is None:
        return _sleep(seconds)
    if not isinstance(seconds, (int, float)) and not hasattr(seconds, "__index__"):
        raise TypeError(f"'{type(seconds).__name__}' object cannot be interpreted as an integer")
    duration = ceil(seconds * SECOND)
    if duration < 0:
        raise ValueError("sleep length must be non-negative")
    return host.block(duration)


@replaces("time", "localtime")
def localtime(seconds: float | None = None, /) -> real.struct_time:
    """Convert seconds, or the host's wall clock, to local time."""
    return _localtime(time() if seconds is None else seconds)


@replaces("time", "gmtime")
def gmtime(seconds: float | None = None, /) -> real.struct_time:
    """Convert seconds, or the host's wall clock, to UTC."""
    return _gmtime(time() if seconds is None else seconds)


@replaces("time", "ctime")
def ctime(seconds: float | None = None, /) -> str:
    """Write seconds, or the host's wall clock, as text."""
    return _ctime(time() if seconds is None else seconds)


@replaces("time", "asctime")
def asctime(moment: Any = None, /) -> str:
    """Write a time, or the host's wall clock, as text."""
    return _asctime(localtime() if moment is None else moment)


@replaces("time", "strftime")
def strftime(form: str, moment: Any = None, /) -> str:
    """Write a time, or the host's wall clock, in a form."""
    return _strftime(form, localtime() if moment is None else moment)
