"""Clocks that programs make themselves, and that give dates of ``arrow`` where that is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from junto import clock as _clock
from junto.compat.aiomas.dates import Date, from_date, is_date, to_date
from junto.compat.aiomas.util import current_loop
from junto.runtime import TimerHandle as _TimerHandle

__all__ = ["AsyncioClock", "BaseClock", "ExternalClock", "TimerHandle"]


class TimerHandle:
    """A call that waits for its time."""

    def __init__(self, handle: _TimerHandle) -> None:
        self._handle = handle

    def cancel(self) -> None:
        """Make no such call."""
        self._handle.cancel()


class BaseClock:
    """What every clock does; those that one derives have a clock of junto, or do all by themselves."""

    _inner: _clock.Clock

    def _follow(self, inner: _clock.Clock, loop: asyncio.AbstractEventLoop | None) -> None:
        runtime: Any = loop or current_loop()  # whose names for time and futures are a runtime's
        inner.attach(runtime)
        self._inner = inner

    def time(self) -> float:
        """Tell the time in seconds, which never goes back."""
        return self._inner.time()

    def utcnow(self) -> Date:
        """Tell the date, in UTC."""
        return to_date(self._inner.utcnow())

    def sleep(self, dt: float, result: Any = None) -> Any:
        """Give a future that is done with *result* in *dt* seconds."""
        return self._inner.sleep(dt, result)

    def sleep_until(self, t: Any, result: Any = None) -> Any:
        """Do so at the time or date *t*; raises `ValueError` if that is not in the future."""
        return self._inner.sleep_until(_point(t), result)

    def call_in(self, dt: float, func: Callable[..., object], *args: Any) -> TimerHandle:
        """Call ``func(*args)`` in *dt* seconds."""
        return TimerHandle(self._inner.call_in(dt, func, *args))

    def call_at(self, t: Any, func: Callable[..., object], *args: Any) -> TimerHandle:
        """Do so at the time or date *t*; raises `ValueError` if that is not in the future."""
        return TimerHandle(self._inner.call_at(_point(t), func, *args))


def _point(t: Any) -> Any:
    return from_date(t) if is_date(t) else t


class AsyncioClock(BaseClock):
    """The time of the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._follow(_clock.RuntimeClock(), loop)


class ExternalClock(BaseClock):
    """A clock that stands still until somebody sets it."""

    def __init__(
        self, utc_start: Any, init_time: float = 0, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        """Stand at *init_time*; the date at the time 0 is *utc_start*, a date or a text of one."""
        self._external = _clock.ExternalClock(from_date(utc_start), init_time)
        self._follow(self._external, loop)

    def set_time(self, t: float) -> None:
        """Let it be *t*, and wake who sleeps until then; raises `ValueError` if that is not later."""
        self._external.set_time(t)
