"""Our own requests: what waits for replies, for how long, and the streams that they opened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from junto.errors import Overloaded, RemoteError, RequestTimeout, fresh
from junto.runtime import Reply, Runtime, TimerHandle
from junto.sansio.kinds import FAILURE, ITEM, STREAM
from junto.streaming import Stream, StreamReader

__all__ = ["Asking"]

logger = logging.getLogger("junto")


class Asking:
    """What waits for the peer, by the number of the request, in the order of the numbers.

    A waiter that gives up only cancels its future. The entry goes when the late reply comes, or
    when the number of entries has doubled since they were last looked through.

    Attributes:
        futures: Of the requests that have no reply yet; the channel settles them itself, for speed.
        timers: Of those that were given a time of their own.
        sweep_at: How many futures there may be before they are looked through.
        late_replies: How many replies came for requests that nobody waited for any more.
    """

    __slots__ = (
        "_limit",
        "_marks",
        "_readers",
        "_runtime",
        "_send",
        "_walking",
        "futures",
        "late_replies",
        "sweep_at",
        "timers",
    )

    def __init__(self, runtime: Runtime, limit: int, send: Callable[[int, int, Any], object]) -> None:
        """Hold up to *limit* requests that somebody waits for; *send* sends what streams need."""
        self._runtime = runtime
        self._limit = limit
        self._send = send
        self._marks: list[tuple[float, int]] = []
        self._walking: TimerHandle | None = None
        self._readers: dict[int, StreamReader] = {}
        self.futures: dict[int, Reply[Any]] = {}
        self.timers: dict[int, TimerHandle] = {}
        self.sweep_at = min(limit, 64)
        self.late_replies = 0

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
            newest = marks.pop(0)[1]
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
        readers, self._readers = self._readers, {}
        for reader in readers.values():
            reader.end(error)

    def receive(self, kind: int, ident: Any, content: Any, origin: Any) -> None:
        """Take a reply that is no plain result, or an item of a stream; *origin* names the peer."""
        if kind == ITEM:
            reader = self._readers.get(ident)
            if reader is not None:
                reader.put(content)
        elif kind == STREAM:
            self._begin_stream(ident)
        elif kind == FAILURE:
            self.settle(ident, RemoteError(content, origin))

    def settle(self, ident: Any, error: BaseException) -> None:
        """End request *ident*, or the stream that it opened, by *error*."""
        future = self.pop(ident)
        if future is not None:
            future.set_exception(error)
        else:
            self.end_stream(ident, error)

    def _begin_stream(self, ident: Any) -> None:
        """Answer request *ident* by a stream."""
        future = self.pop(ident)
        reader = StreamReader(self._runtime, self._send, ident)
        self._readers[ident] = reader
        if future is None:
            reader.stop()
        else:
            future.set_result(Stream(reader, self._runtime))

    def end_stream(self, ident: Any, error: BaseException | None) -> None:
        """End the stream *ident*, or note that a reply came too late for its request."""
        reader = self._readers.pop(ident, None) if type(ident) is int else None
        if reader is not None:
            reader.end(error)
        else:
            self.late_replies += 1
            logger.debug("dropped a reply that nobody waits for, to request %r", ident)
