"""Calls: each has its turn, its connection and its deadline, and leaves no late reply behind.

`Session.run` is the way of every call. What costs nothing when nobody waits must cost nothing here: a turn
that is free is taken without a future, a reply that is there is taken without one, and a time limit is a
number in a dictionary.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from junto.instrument.alarm import Alarm
from junto.instrument.carrying import SLICE, Carrying
from junto.instrument.connection import Connection
from junto.instrument.errors import (
    ConnectionClosedError,
    ConnectionTimeoutError,
    StaleInputError,
    annotated,
)
from junto.instrument.exchange import Exchange, Steps
from junto.instrument.lanes import BOTH, READ, WRITE, Lanes
from junto.instrument.settings import USUAL, Settings, Timeout, check_timeout
from junto.instrument.system import Connector, System
from junto.instrument.wants import Want
from junto.runtime import Future, Runtime

__all__ = ["GoneError", "Session"]


class GoneError(ConnectionClosedError):
    """The one connection that a call was for is not there any more."""


class Session(Carrying):
    """One client's connections, one after the other, and its calls."""

    def __init__(
        self,
        settings: Settings,
        address: str,
        connector: Connector,
        system: System,
        find_runtime: Callable[[], Runtime],
    ) -> None:
        """Prepare; nothing is opened, and no runtime is needed yet.

        Args:
            settings: What can be set.
            address: Where the instrument is, for people.
            connector: Opens connections.
            system: Knows the system.
            find_runtime: Gives the runtime of whoever calls.
        """
        super().__init__(settings, address, connector, system)
        self._find_runtime = find_runtime
        self._last_end = 0.0
        # Of the transaction that `begin` began last: there is one at a time.
        self._asked: Connection
        self._asked_in = self.lanes

    @property
    def time(self) -> Callable[[], float]:
        return self._world.time

    @property
    def alarm(self) -> Alarm:
        assert self._alarm is not None, "a call has entered the session"
        return self._alarm

    def live_in(self, find_runtime: Callable[[], Runtime]) -> None:
        """Take the runtime that *find_runtime* gives, from the first call on."""
        self._find_runtime = find_runtime

    def enter(self) -> Runtime:
        """Look in which world the caller is.

        Raises:
            RuntimeError: The connection lives in another one.
        """
        runtime = self._find_runtime()
        if runtime is not self._runtime:
            self._move(runtime)
        return runtime

    def _move(self, runtime: Runtime) -> None:
        if self.connection is not None or self.lanes.busy or self.lanes.queue:
            raise RuntimeError(
                f"the connection to {self.address} belongs to another event loop; "
                "close the client there before it is used here"
            )
        self._runtime = runtime
        self._time = runtime.time
        self._alarm = Alarm(runtime)
        self.lanes = Lanes()

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
        deadline = None if timeout is None else runtime.time() + timeout
        self.stats.calls += 1
        scope = None
        if lanes is None:
            lanes = self.lanes
            if self._initialising is not None and (scope := self._own_scope()) is not None:
                lanes = scope.lanes
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
    ) -> AsyncGenerator[None, None]:
        """Have *needs* for as long as the body runs; its calls go by lanes of their own."""
        runtime = self.enter()
        seconds = self.settings.timeout if timeout is USUAL else timeout
        lanes = self.lanes if lanes is None else lanes
        try:
            await self._turn(lanes, needs, None if seconds is None else runtime.time() + seconds)
        except Exception as error:
            raise self.failure(error, operation, seconds)  # noqa: B904  # it has its cause
        lanes.holder = self.system.caller()
        try:
            yield
        finally:
            lanes.holder = None
            lanes.release(needs)

    def drop_generation(self, generation: int) -> None:
        """Close the connection, if it is still that one."""
        connection = self.connection
        if connection is not None and connection.generation == generation:
            self._drop(connection, connection.error)

    # -- the usual transaction, in as few steps as can be --

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

    def end(self, future: Future[Any], timeout: Timeout) -> None:
        """End the turn of what `begin` began."""
        if (timeout is not None and timeout is not USUAL) or self.settings.timeout is not None:
            self.alarm.entries.pop(future, None)
        lanes = self._asked_in
        lanes.busy &= ~BOTH
        if lanes.queue:
            lanes.release(BOTH)

    def _served(self, future: Future[Any]) -> None:
        self.alarm.entries.pop(future, None)
        self._asked_in.release(BOTH)

    def give_up(
        self, future: Future[Any], error: BaseException, operation: str, timeout: Timeout, *, kept: bool
    ) -> BaseException:
        """End what `begin` began and *error* ended; return the error that the caller sees."""
        came = future.done() and not future.cancelled() and future.exception() is None
        connection = self._asked
        if came and kept and self._asked_in.busy:
            # Its turn was over, and another call uses the connection by now.
            return self.failure(error, operation, None, sent=True)
        self._clean_up(connection, error, BOTH, sent=True, keep=False, future=None)
        if not came and kept:
            self._served(future)
        seconds = self.settings.timeout if timeout is USUAL else timeout
        return self.failure(error, operation, seconds, connection, sent=True)

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

    # -- when a call fails --

    def _clean_up(
        self,
        connection: Connection,
        error: BaseException,
        needs: int,
        *,
        sent: bool,
        keep: bool,
        future: Future[Any] | None,
    ) -> None:
        """Make sure that no late reply meets the next request."""
        if isinstance(error, StaleInputError) or (needs & WRITE and not sent):
            return
        gave_up = not isinstance(error, Exception) or (
            isinstance(error, TimeoutError) and connection.error is None
        )
        if keep and gave_up and needs == READ:
            connection.stop_waiting()
            if future is not None and not future.cancelled() and future.done() and not future.exception():
                connection.buffer.put_back(future.result())  # he got it, and gave up before he fetched it
            return
        try:
            self._drop(connection, connection.error)
        except Exception as second:
            self.log.error("closing failed", exc_info=second)

    def failure(
        self,
        error: BaseException,
        operation: str,
        timeout: float | None,
        connection: Connection | None = None,
        *,
        sent: bool = False,
    ) -> BaseException:
        """Make the error that the caller sees; one that is not *error* has that for its cause."""
        if not isinstance(error, Exception):
            return error
        if isinstance(error, TimeoutError) and not isinstance(error, ConnectionTimeoutError):
            self.stats.timeouts += 1
            if error.errno is None and timeout is not None:
                what = f"{operation} on {self.address} took longer than {timeout:g} s"
            else:
                what = f"{operation} on {self.address}: {error}"
            late = ConnectionTimeoutError(what)
            late.__cause__ = error
            error = late
        generation = self.generation if connection is None else connection.generation
        return annotated(error, address=self.address, operation=operation, generation=generation, sent=sent)
