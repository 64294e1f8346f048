"""Shortcuts: the usual transaction and the usual read, in as few steps as can be.

They are for calls that nothing stands in the way of. The caller waits on the one future that he gets, and
nothing else is made for him, no flow and no task.
"""

from __future__ import annotations

from typing import Any

from junto.instrument.calls import SLICE, Calls
from junto.instrument.connection import Connection
from junto.instrument.lanes import BOTH, READ, Lanes
from junto.instrument.settings import USUAL, Timeout, check_timeout
from junto.instrument.wants import Want
from junto.runtime import Future

__all__ = ["Shortcuts"]


class Shortcuts(Calls):
    """The part of a session that makes the usual quick."""

    # Of what was begun last: there is one at a time.
    _asked: Connection
    _asked_in: Lanes

    def begin(
        self,
        data: bytes,
        want: Want[Any],
        timeout: Timeout,
        lanes: Lanes | None,
        kept: list[Future[Any]] | None = None,
    ) -> Future[Any] | None:
        """Begin a transaction that nothing stands in the way of; else do nothing, and `run` is the way.

        Args:
            data: What to send.
            want: What to wait for.
            timeout: Seconds for all of it.
            lanes: Those of a transaction, for calls inside it.
            kept: Gets the future that is returned; the turn then ends by itself when that has its result.
                Without it, the caller ends the turn by `end`; if it fails, by `give_up` in any case.
        """
        connection = self.connection
        settings = self.settings
        if lanes is None:
            lanes = self.lanes
        if (
            connection is None
            or lanes.busy
            or not connection.ready
            or not connection.writable
            or not settings.plain
            or connection.buffer
            or len(data) > SLICE
            or self._find_runtime() is not self._runtime
        ):
            return None
        if timeout is USUAL:
            timeout = settings.timeout
        elif timeout is not None:
            check_timeout(timeout)
        lanes.busy = BOTH
        stats = self.stats
        stats.calls += 1
        stats.sent += len(data)
        self._asked = connection
        self._asked_in = lanes
        future = connection.ask(data, want, None if kept is None else self._served)
        if kept is not None:
            kept.append(future)
        if timeout is not None:
            self.alarm.add(future, self._time() + timeout)
        return future

    def begin_read(
        self, want: Want[Any], timeout: Timeout, lanes: Lanes | None, generation: int
    ) -> Future[Any] | None:
        """Begin to wait for *want*, which is not there yet, on a connection that nothing is wrong with.

        As `begin`: the caller ends the turn by `end`, after a failure by `give_up` too.
        """
        connection = self.connection
        if lanes is None:
            lanes = self.lanes
        if (
            connection is None
            or lanes.busy & READ
            or lanes.queue
            or connection.generation != generation
            or not (connection.ready and connection.writable)
            or self._find_runtime() is not self._runtime
        ):
            return None
        if timeout is USUAL:
            timeout = self.settings.timeout
        lanes.busy |= READ
        self._asked = connection
        self._asked_in = lanes
        future = connection.wait(want)
        if timeout is not None:
            self.alarm.add(future, self._time() + timeout)
        return future

    def end(self, future: Future[Any], timeout: Timeout, needs: int = BOTH) -> None:
        """End the turn of what `begin` began."""
        if (timeout is not None and timeout is not USUAL) or self.settings.timeout is not None:
            self.alarm.entries.pop(future, None)
        lanes = self._asked_in
        lanes.busy &= ~needs
        if lanes.queue:
            lanes.release(needs)

    def _served(self, future: Future[Any]) -> None:
        self.alarm.entries.pop(future, None)
        self._asked_in.release(BOTH)

    def give_up(
        self,
        future: Future[Any],
        error: BaseException,
        operation: str,
        timeout: Timeout,
        *,
        kept: bool,
        needs: int = BOTH,
    ) -> BaseException:
        """End what `begin` began and *error* ended; return the error that the caller sees."""
        came = future.done() and not future.cancelled() and future.exception() is None
        connection = self._asked
        if came and kept and self._asked_in.busy:
            # Its turn was over, and another call uses the connection by now.
            return self.failure(error, operation, None, sent=True)
        self._clean_up(connection, error, needs, sent=True, keep=False, future=None)
        if not came and kept:
            self._served(future)
        seconds = self.settings.timeout if timeout is USUAL else timeout
        return self.failure(error, operation, seconds, connection, sent=needs == BOTH)
