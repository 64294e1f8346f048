"""The clocks that Unix adds: those with a number, and `os.times`."""

from __future__ import annotations

import errno
import os
import sys
import time
from typing import NoReturn

from junto.sim.here import here
from junto.sim.interception.installing import replaces
from junto.sim.kernel import SECOND

__all__ = ["clock_gettime", "clock_gettime_ns", "clock_settime", "clock_settime_ns", "times"]

if sys.platform != "win32":
    _gettime, _gettime_ns = time.clock_gettime, time.clock_gettime_ns
    _settime, _settime_ns = time.clock_settime, time.clock_settime_ns
    _times = os.times
    _WALL = {time.CLOCK_REALTIME, getattr(time, "CLOCK_TAI", time.CLOCK_REALTIME)}

    @replaces("time", "clock_gettime")
    def clock_gettime(clock: int, /) -> float:
        """Return one of the host's clocks in seconds."""
        return _gettime(clock) if here.host is None else clock_gettime_ns(clock) / SECOND

    @replaces("time", "clock_gettime_ns")
    def clock_gettime_ns(clock: int, /) -> int:
        """Return the host's wall clock if that is asked for, else its monotonic clock, in nanoseconds."""
        host = here.host
        if host is None:
            return _gettime_ns(clock)
        return host.time_ns() if clock in _WALL else host.monotonic_ns()

    @replaces("time", "clock_settime")
    def clock_settime(clock: int, seconds: float, /) -> None:
        """Refuse, as the system does for most: the process may be one that could set the real clock."""
        if here.host is not None:
            _refuse()
        _settime(clock, seconds)

    @replaces("time", "clock_settime_ns")
    def clock_settime_ns(clock: int, nanoseconds: int, /) -> None:
        """Refuse likewise."""
        if here.host is not None:
            _refuse()
        _settime_ns(clock, nanoseconds)

    def _refuse() -> NoReturn:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    @replaces("os", "times")
    def times() -> os.times_result:
        """Return the host's monotonic clock as the process's time and the time elapsed."""
        host = here.host
        if host is None:
            return _times()
        seconds = host.monotonic_ns() / SECOND
        return os.times_result((seconds, 0.0, 0.0, 0.0, seconds))
