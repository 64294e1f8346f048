"""Calls: each has its turn, its connection and its deadline, and leaves no late reply behind.

`Session.run` is the way of every call. What costs nothing when nobody waits must cost nothing here: a turn
that is free is taken without a future, a reply that is there is taken without one, and a time limit is a
number in a dictionary.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from junto.instrument.calls import SLICE
from junto.instrument.connection import Connection
from junto.instrument.errors import ConnectionClosedError, StaleInputError
from junto.instrument.exchange import Exchange, Steps
from junto.instrument.lanes import BOTH, READ, Lanes
from junto.instrument.settings import USUAL, Timeout, check_timeout
from junto.instrument.shortcuts import Shortcuts
from junto.instrument.wants import Want
from junto.runtime import Future

__all__ = ["GoneError", "Session"]


class GoneError(ConnectionClosedError):
    """The one connection that a call was for is not there any more."""


class Session(Shortcuts):
    """One client's connections, one after the other, and its calls."""

    async def run(
        self,
        operation: str,
        needs: int,
        timeout: Timeout,
        data: bytes | None = None,
        want: Want[Any] | None = None,
        *,
        steps: Steps[Any] | None = None,
        keep: bool = False,
        delay: float | None = None,
        lanes: Lanes | None = None,
        only: int | None = None,
    ) -> Any:
        """Carry out one call.

        Args:
            operation: Its name, for errors.
            needs: The lanes.
            timeout: Seconds for all of it.
            data: What to send first.
            want: What to wait for then.
            steps: Or a flow, for more than that.
            keep: Whether running out of time leaves the connection as it is.
            delay: Seconds between sending and waiting; ``None`` as the client is set.
            lanes: Those of a transaction, for calls inside it.
            only: The one generation for which it is good; none is opened for it.
        """
        runtime = self._find_runtime()
        if runtime is not self._runtime:
            self._move(runtime)
        if timeout is USUAL:
            timeout = self.settings.timeout
        elif timeout is not None:
            check_timeout(timeout)
        if delay is not None:
            check_timeout(delay, "query_delay")
        deadline = None if timeout is None else runtime.time() + timeout
        self.stats.calls += 1
        scope = None if self._initialising is None else self._own_scope()
        if lanes is None:
            lanes = self.lanes if scope is None else scope.lanes
        waited = False
        if lanes.busy & needs or lanes.queue:
            waited = True
            try:
                await self._turn(lanes, needs, deadline)
            except BaseException as error:
                raise self.failure(error, operation, timeout)  # noqa: B904  # it has its cause
        else:
            lanes.busy |= needs
        connection: Connection | None = None
        future: Future[Any] | None = None
        sent = False
        try:
            connection = self.connection
            if scope is not None:
                connection = scope.connection
                if connection is not self.connection:
                    raise ConnectionClosedError("the connection was closed")
            elif only is not None and (connection is None or connection.generation != only):
                connection = None
                raise GoneError("the connection that this was for is closed")
            elif connection is None or not connection.ready or not (needs == READ or connection.writable):
                connection = None
                connection = await self._connection_for(needs, deadline, waited=waited)
            if data is not None:
                settings = self.settings
                if connection.buffer and needs == BOTH and settings.stale != "keep":
                    self._refuse_stale(connection)
                if settings.min_interval:
                    await self.pause(self._last_end + settings.min_interval - runtime.time(), deadline)
                sent = True
                if len(data) > SLICE:
                    await self.send(connection, data, deadline)
                else:
                    connection.write(data)
                    self.stats.sent += len(data)
                    if connection.paused or self.hands_over:
                        await self.settle(connection, deadline)
                if needs == BOTH and (delay or settings.query_delay):
                    await self.pause(settings.query_delay if delay is None else delay, deadline)
            if steps is not None:
                sent = sent or needs != READ
                return await steps(Exchange(self, connection, deadline))
            if want is None:
                return None
            taken = want.take(connection.buffer)
            if taken is not None:
                if connection.holding:
                    connection.relax()
                return taken
            if connection.eof or connection.lost:
                return connection.finish(want)
            future = connection.wait(want)
            if deadline is None:
                return await future
            self.alarm.add(future, deadline)
            try:
                return await future
            finally:
                self.alarm.entries.pop(future, None)
        except BaseException as error:
            if connection is not None:
                self._clean_up(connection, error, needs, sent=sent, keep=keep, future=future)
            raise self.failure(error, operation, timeout, connection, sent=sent)  # noqa: B904  # it has its cause
        finally:
            if self.settings.min_interval:
                self._last_end = runtime.time()
            lanes.release(needs)

    @asynccontextmanager
    async def turn(
        self, lanes: Lanes | None, needs: int, timeout: Timeout, operation: str
    ) -> AsyncGenerator[Lanes, None]:
        """Have *needs* for as long as the body runs; its calls go by lanes of their own, which this gives."""
        runtime = self.enter()
        seconds = self.settings.timeout if timeout is USUAL else timeout
        check_timeout(seconds)
        if lanes is None:
            scope = self._own_scope()
            lanes = self.lanes if scope is None else scope.lanes
        try:
            await self._turn(lanes, needs, None if seconds is None else runtime.time() + seconds)
        except Exception as error:
            raise self.failure(error, operation, seconds)  # noqa: B904  # it has its cause
        lanes.holder = self.system.caller()
        inside = lanes.inside = Lanes()
        try:
            yield inside
        finally:
            lanes.holder = lanes.inside = None
            lanes.release(needs)

    def drop_generation(self, generation: int) -> None:
        """Close the connection, if it is still that one."""
        connection = self.connection
        if connection is not None and connection.generation == generation:
            self._drop(connection, connection.error)

    async def _turn(self, lanes: Lanes, needs: int, deadline: float | None) -> None:
        if lanes.take(needs):
            return
        if lanes.holder is not None and lanes.holder == self.system.caller():
            raise RuntimeError("inside a transaction, use what it gives instead of the client")
        await self._wait_turn(lanes, needs, deadline)

    def _refuse_stale(self, connection: Connection) -> None:
        size = len(connection.buffer)
        if self.settings.stale == "error":
            raise StaleInputError(f"{size} bytes were there before the request was sent")
        connection.buffer.clear()
        if connection.holding:
            connection.relax()
        self.stats.discarded += size
        self.log.warning("discarded %d stale bytes", size)
