"""Clocks: by which time a program lives, that of its runtime or one that is set from outside.

A clock has a scale of its own, in seconds, and dates. A point in time is a number on that scale, or an aware
`datetime`. Sleepers and callbacks give futures and handles of the runtime, so every world waits in its own
way.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from junto.runtime import Future, Runtime, TimerHandle

__all__ = ["Clock", "ExternalClock", "RuntimeClock"]

T = TypeVar("T")

logger = logging.getLogger("junto")


class Clock(Protocol):
    """What every clock does."""

    def attach(self, runtime: Runtime) -> None:
        """Give futures of *runtime* from now on; a container does so with the clock it is given."""
        ...

    def time(self) -> float:
        """Tell the time in seconds, which never goes back."""
        ...

    def utcnow(self) -> datetime:
        """Tell the date, which is aware, in UTC."""
        ...

    def sleep(self, seconds: float, result: Any = None) -> Future[Any]:
        """Give a future that is done with *result* after *seconds*."""
        ...

    def sleep_until(self, when: float | datetime, result: Any = None) -> Future[Any]:
        """Give a future that is done with *result* at *when*.

        Raises:
            ValueError: That is not in the future.
        """
        ...

    def call_in(self, seconds: float, function: Callable[..., object], /, *args: Any) -> TimerHandle:
        """Call *function* after *seconds*."""
        ...

    def call_at(self, when: float | datetime, function: Callable[..., object], /, *args: Any) -> TimerHandle:
        """Call *function* at *when*; raises as `sleep_until`."""
        ...


class _Clock:
    """What clocks make of the few things in which they differ."""

    _runtime: Runtime

    def attach(self, runtime: Runtime) -> None:
        """Give futures of *runtime* from now on."""
        self._runtime = runtime

    def time(self) -> float:
        raise NotImplementedError

    def utcnow(self) -> datetime:
        raise NotImplementedError

    def _call_in(self, seconds: float, function: Callable[..., object], args: tuple[Any, ...]) -> TimerHandle:
        raise NotImplementedError

    def sleep(self, seconds: float, result: Any = None) -> Future[Any]:
        future: Future[Any] = self._runtime.create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(result)

        handle = self._call_in(seconds, wake, ())
        future.add_done_callback(lambda _future: handle.cancel())
        return future

    def sleep_until(self, when: float | datetime, result: Any = None) -> Future[Any]:
        return self.sleep(self._distance(when), result)

    def call_in(self, seconds: float, function: Callable[..., object], /, *args: Any) -> TimerHandle:
        return self._call_in(seconds, function, args)

    def call_at(self, when: float | datetime, function: Callable[..., object], /, *args: Any) -> TimerHandle:
        return self._call_in(self._distance(when), function, args)

    def _distance(self, when: float | datetime) -> float:
        now = self.utcnow() if isinstance(when, datetime) else self.time()
        left: Any = when - now  # type: ignore[operator]  # both are dates, or both are numbers
        seconds = left.total_seconds() if isinstance(left, timedelta) else float(left)
        if not seconds > 0:
            raise ValueError(f"{when} is not in the future: it is {now}")
        return seconds


class RuntimeClock(_Clock):
    """The runtime's own time: that of the wall, or a simulated one."""

    def time(self) -> float:
        return self._runtime.time()

    def utcnow(self) -> datetime:
        return datetime.now(UTC)

    def _call_in(self, seconds: float, function: Callable[..., object], args: tuple[Any, ...]) -> TimerHandle:
        return self._runtime.call_later(seconds, function, *args)


class ExternalClock(_Clock):
    """A clock that stands still until somebody sets it.

    Who sleeps until a point is woken when the clock is set to it or beyond, in the order of those points,
    and of those who wait for the same in the order in which they came; each sees the new time.
    """

    def __init__(self, start: datetime | str, init_time: float = 0) -> None:
        """Stand at *init_time*.

        Args:
            start: What date it is at the time 0: aware, or a text in the form of ISO 8601; without an offset
                it is UTC.
            init_time: The time to begin with; -1 lets the first `set_time` be 0.

        Raises:
            ValueError: *start* is no date.
        """
        date = datetime.fromisoformat(start) if isinstance(start, str) else start
        self._start = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
        self._time = init_time
        self._waiting: list[tuple[float, int, _Call]] = []
        self._count = 0

    def time(self) -> float:
        return self._time

    def utcnow(self) -> datetime:
        return self._start + timedelta(seconds=self._time)

    def set_time(self, time: float) -> None:
        """Let it be *time*, and wake all who sleep until then.

        Raises:
            ValueError: That is not later than now.
        """
        if not time > self._time:
            raise ValueError(f"the time must be > {self._time}, but is {time}")
        self._time = time
        while self._waiting and self._waiting[0][0] <= time:
            call = heapq.heappop(self._waiting)[2]
            try:
                call.run()
            except Exception as error:  # it is nobody's fault who sleeps until later
                logger.error("a callback of a clock failed", exc_info=error)

    def _call_in(self, seconds: float, function: Callable[..., object], args: tuple[Any, ...]) -> TimerHandle:
        if not seconds > 0:
            raise ValueError(f"{seconds} s is not in the future")
        call = _Call(function, args)
        self._count += 1
        heapq.heappush(self._waiting, (self._time + seconds, self._count, call))
        return call


class _Call:
    __slots__ = ("_args", "_function")

    def __init__(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._function: Callable[..., object] | None = function
        self._args = args

    def run(self) -> None:
        function, args = self._function, self._args
        self.cancel()
        if function is not None:
            function(*args)

    def cancel(self) -> None:
        self._function = None
        self._args = ()
