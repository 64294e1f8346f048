"""Our own requests: what waits for replies, for how long, and the streams that they opened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from junto.errors import (
    CodecError,
    LocalProtocolError,
    Overloaded,
    RemoteError,
    RemoteProtocolError,
    RequestTimeout,
    fresh,
)
from junto.runtime import Future, Runtime, TimerHandle
from junto.sansio.kinds import FAILURE, ITEM, STOP, STREAM
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
        make_stream: Makes of what reads a stream what the caller gets.
        late_replies: How many replies came for requests that nobody waited for any more.
        unsent: How many requests were made since the peer stopped to take what we send.
    """

    __slots__ = (
        "_limit",
        "_marks",
        "_readers",
        "_runtime",
        "_send",
        "_waiting",
        "_walking",
        "futures",
        "late_replies",
        "make_stream",
        "sweep_at",
        "timers",
        "unsent",
    )

    def __init__(self, runtime: Runtime, limit: int, send: Callable[[int, int, Any], object]) -> None:
        """Hold up to *limit* requests that somebody waits for; *send* sends what streams need."""
        self._runtime = runtime
        self._limit = limit
        self._send = send
        self._marks: list[tuple[float, int]] = []
        self._walking: TimerHandle | None = None
        self._readers: dict[int, StreamReader] = {}
        self.futures: dict[int, Future[Any]] = {}
        self.timers: dict[int, TimerHandle] = {}
        self.sweep_at = min(limit, 64)
        self.late_replies = 0
        self.make_stream: Callable[[StreamReader, Runtime], Any] = Stream
        self.unsent = 0
        self._waiting: dict[Future[Any], tuple[Any, TimerHandle | None, float | None]] = {}

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

    def pop(self, ident: Any) -> Future[Any] | None:
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
            _fail_late(future, timeout)

    def count_unsent(self) -> None:
        """Take note of a request to a peer that does not take what we send.

        Raises:
            Overloaded: There were as many as may wait for replies.
        """
        if self.unsent >= self._limit:
            raise Overloaded(f"{self.unsent:,} requests wait to be sent; the limit is {self._limit:,}")
        self.unsent += 1

    def wait(self, content: Any, timeout: float | None) -> Future[Any]:
        """Keep a request until there is a connection; one that is given up before is never sent.

        Raises:
            Overloaded: As many wait already as may wait for replies.
        """
        if len(self._waiting) >= self._limit:
            for future in [future for future in self._waiting if future.done()]:
                self._forget(future)
            if len(self._waiting) >= self._limit:
                raise Overloaded(f"{self._limit:,} requests wait for a connection, and more may not")
        made = self._runtime.create_future()
        timer = deadline = None
        if timeout is not None:
            timer = self._runtime.call_later(timeout, _fail_late, made, timeout)
            deadline = self._runtime.time() + timeout
        self._waiting[made] = (content, timer, deadline)
        made.add_done_callback(self._forget)
        return made

    def _forget(self, future: Future[Any]) -> None:
        _, timer, _ = self._waiting.pop(future, (None, None, None))
        if timer is not None:
            timer.cancel()

    def send_waiting(self, send_request: Callable[[Any], int]) -> None:
        """Send what waited for a connection, which is there."""
        waiting, self._waiting = self._waiting, {}
        for future, (content, timer, deadline) in waiting.items():
            if timer is not None:
                timer.cancel()
            if future.done():
                continue
            try:
                ident = send_request(content)
            except (CodecError, LocalProtocolError) as error:
                future.set_exception(error)
                continue
            self.futures[ident] = future
            if deadline is not None:
                self.give_time(ident, max(0.0, deadline - self._runtime.time()))

    def fail_waiting(self, error: BaseException) -> None:
        """Fail what waits for a connection, which will not come."""
        for future in list(self._waiting):
            if not future.done():
                future.set_exception(fresh(error))
            self._forget(future)

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
        self.unsent = 0

    def receive(self, kind: int, ident: Any, content: Any, origin: Any) -> None:
        """Take a reply that is no plain result, or an item of a stream; *origin* names the peer.

        Raises:
            RemoteProtocolError: The peer sent more items than it was asked for.
        """
        if kind == ITEM:
            reader = self._readers.get(ident)
            if reader is not None and not reader.put(content):
                raise RemoteProtocolError("the peer sent more items of a stream than it was asked for")
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
        if future is None:
            self._send(STOP, ident, None)  # the end of it comes as a late reply
        else:
            reader = self._readers[ident] = StreamReader(self._runtime, self._send, ident)
            future.set_result(self.make_stream(reader, self._runtime))

    def end_stream(self, ident: Any, error: BaseException | None) -> None:
        """End the stream *ident*, or note that a reply came too late for its request."""
        reader = None
        if type(ident) is int:
            reader = self._readers.pop(ident, None)
            self.stop_timer(ident)  # of who gave up and was given a time
        if reader is not None:
            reader.end(error)
        else:
            self.late_replies += 1
            logger.debug("dropped a reply that nobody waits for, to request %r", ident)


def _fail_late(future: Future[Any], timeout: float) -> None:
    if not future.done():
        future.set_exception(RequestTimeout(f"no reply within {timeout:g} s"))
