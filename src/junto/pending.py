"""The requests of ours that wait for replies, and the time that each is given."""

from __future__ import annotations

from collections import deque
from typing import Any

from junto.errors import Overloaded, RequestTimeout, fresh
from junto.runtime import Reply, Runtime, TimerHandle

__all__ = ["Pending"]


class Pending:
    """Futures by the number of their request, in the order of the numbers.

    A waiter that gives up only cancels its future. The entry goes when the late reply comes, or
    when the number of entries has doubled since they were last looked through.

    Attributes:
        futures: The entries; the channel settles them itself, for speed.
        timers: Of those requests that were given a time of their own.
    """

    __slots__ = ("_limit", "_marks", "_runtime", "_walking", "futures", "sweep_at", "timers")

    def __init__(self, runtime: Runtime, limit: int) -> None:
        """Hold up to *limit* requests that somebody waits for."""
        self._runtime = runtime
        self._limit = limit
        self._marks: deque[tuple[float, int]] = deque()
        self._walking: TimerHandle | None = None
        self.futures: dict[int, Reply[Any]] = {}
        self.timers: dict[int, TimerHandle] = {}
        self.sweep_at = min(limit, 64)

    def sweep(self) -> None:
        """Forget the requests that nobody waits for any more.

        Raises:
            Overloaded: The limit is reached all the same.
        """
        for ident in [ident for ident, future in self.futures.items() if future.done()]:
            del self.futures[ident]
            self.stop_timer(ident)
        count = len(self.futures)
        if count >= self._limit:
            raise Overloaded(f"{count:,} requests wait for replies; the limit is {self._limit:,}")
        self.sweep_at = min(self._limit, max(64, 2 * count))

    def pop(self, ident: Any) -> Reply[Any] | None:
        """Take the future of request *ident* out, if somebody still waits on it."""
        if type(ident) is not int:  # `False` and `0.0` would be found, a list could not be looked for
            return None
        future = self.futures.pop(ident, None)
        if self.timers:
            self.stop_timer(ident)
        return None if future is None or future.done() else future

    def give_time(self, ident: int, timeout: float) -> None:
        """Let request *ident* fail after exactly *timeout* seconds."""
        self.timers[ident] = self._runtime.call_later(timeout, self._expire, ident, timeout)

    def stop_timer(self, ident: int) -> None:
        timer = self.timers.pop(ident, None)
        if timer is not None:
            timer.cancel()

    def give_usual_time(self, timeout: float) -> None:
        """Let all requests fail after about *timeout* seconds that were given no time of their own.

        One timer serves all: ten times in that time it marks the newest request, and fails those
        up to a mark that is old enough. So a request costs nothing.
        """
        if self._walking is None:
            self._walking = self._runtime.call_later(timeout / 10, self._walk, timeout)

    def _walk(self, timeout: float) -> None:
        now = self._runtime.time()
        marks = self._marks
        marks.append((now, next(reversed(self.futures), -1)))
        newest = -1
        while marks and marks[0][0] <= now - timeout:
            newest = marks.popleft()[1]
        overdue = []
        for ident in self.futures:
            if ident > newest:
                break
            if ident not in self.timers:
                overdue.append(ident)
        for ident in overdue:
            self._expire(ident, timeout)
        if self.futures:
            self._walking = self._runtime.call_later(timeout / 10, self._walk, timeout)
        else:
            self._walking = None
            marks.clear()

    def _expire(self, ident: int, timeout: float) -> None:
        future = self.pop(ident)
        if future is not None:
            future.set_exception(RequestTimeout(f"no reply within {timeout:g} s"))

    def fail(self, error: BaseException) -> None:
        """Fail all, with a fresh copy of *error* each."""
        futures = list(self.futures.values())
        self.futures.clear()
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()
        if self._walking is not None:
            self._walking.cancel()
            self._walking = None
            self._marks.clear()
        for future in futures:
            if not future.done():
                future.set_exception(fresh(error))
