"""The wall clock of `datetime`.

Only two methods read the system's clock themselves: ``date.today`` and ``datetime.today`` call `time.time`.
Both are exchanged in the class, which stays the same class: what derives from it, holds one of its objects or
knows it in C goes on as before.
"""

from __future__ import annotations

import datetime as real
import sys
import warnings
from typing import Any

from junto.sim.here import here
from junto.sim.interception.installing import replace

__all__ = ["now", "utcnow"]

_now: Any = vars(real.datetime)["now"]
_real_now = real.datetime.now
_MICROSECONDS = 1_000_000
_DEPRECATED = (
    "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. "
    "Use timezone-aware objects to represent datetimes in UTC: datetime.datetime.now(datetime.UTC)."
)


def now(cls: type[real.datetime], tz: real.tzinfo | None = None) -> real.datetime:
    """Return the host's wall clock as local time, or in a time zone."""
    host = here.host
    if host is None:
        if cls is real.datetime:
            return _real_now(tz)
        result: real.datetime = _now.__get__(None, cls)(tz)
        return result
    # A float has room for the microseconds of the next centuries.
    return cls.fromtimestamp(host.time_ns() // 1000 / _MICROSECONDS, tz)


def utcnow(cls: type[real.datetime]) -> real.datetime:
    """Return the wall clock in UTC, without a time zone."""
    if sys.version_info >= (3, 12):
        # The original would warn about its caller, and that were this line.
        warnings.warn(_DEPRECATED, DeprecationWarning, stacklevel=2)
    return now(cls, real.UTC).replace(tzinfo=None)


replace("datetime", "datetime.now", classmethod(now))
replace("datetime", "datetime.utcnow", classmethod(utcnow))
