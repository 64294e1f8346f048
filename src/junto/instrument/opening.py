"""Opening: attempts to connect, their pauses, and the initialisation of what was connected."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from junto.connecting import sleep
from junto.errors import ConnectionFailed, RequestTimeout, fresh
from junto.instrument.callbacks import Scope, call_and_schedule, initialise
from junto.instrument.connection import Connection
from junto.instrument.errors import ConnectionClosedError, ConnectionTimeoutError
from junto.instrument.lanes import OPEN, READ, Lanes
from junto.instrument.life import Life
from junto.waiting import within

__all__ = ["Opening"]

T = TypeVar("T")

_EARLY: Final = 0.001  # seconds; by so much may a timer of uvloop come before its time
_ERRNO = re.compile(r"\[Errno (\d+)\]")


class Opening(Life):
    """The part of a session that opens connections, one at a time."""

    async def open(self, timeout: float | None) -> None:
        """Open explicitly; *timeout* is in seconds, for each attempt.

        Raises:
            ConnectionError: It is open already.
        """
        if self._own_scope() is not None or self.connection is not None:
            self._refuse_second()
        if not self.lanes.take(OPEN):
            await self._wait_turn(self.lanes, OPEN, None)
        try:
            if self.connection is not None:
                self._refuse_second()
            await self._open(None, timeout)
        finally:
            self.lanes.release(OPEN)

    def _refuse_second(self) -> None:
        connection = self.connection
        if connection is not None and connection.ready and not connection.writable and not connection.buffer:
            # It has ended, and nobody looked.
            self._drop(connection, connection.error)
            return
        raise ConnectionError(f"already open: {self.address}")

    async def _connection_for(self, needs: int, deadline: float | None, *, waited: bool) -> Connection:
        """Give a connection that is good for *needs*; open one if there is none.

        Who has *waited* for others to try does not try at once what they have just given up.
        """
        while True:
            connection = self.connection
            if connection is not None and (connection.ready or connection.guests is not None):
                if needs != READ and not connection.writable:
                    self._drop(connection, connection.error)
                elif connection.guests is None or await self._after_guests(connection, needs, deadline):
                    return connection
                continue
            if not self.lanes.take(OPEN):
                waited = True
                await self._wait_turn(self.lanes, OPEN, deadline)
            try:
                if self.connection is None:
                    if not self.settings.auto_reconnect:
                        raise ConnectionClosedError("not connected, and auto_reconnect is off")
                    backoff = self._backoff
                    if waited and backoff.error is not None and self._world.time() < backoff.until:
                        raise fresh(backoff.error)
                    await self._open(deadline, self.settings.connection_timeout)
            finally:
                self.lanes.release(OPEN)

    async def _after_guests(self, connection: Connection, needs: int, deadline: float | None) -> bool:
        """Wait for calls that are in the way of *needs*; tell whether *connection* is still good for them.

        They were begun while it was initialised, and nobody waited for them. There is one reader at a time.
        """
        guests = connection.guests
        assert guests is not None, "who calls has looked"
        epoch = self._epoch
        if not guests.take(needs):
            await self._wait_turn(guests, needs, deadline)
        guests.release(needs)
        if self._closed_epoch >= epoch:
            raise ConnectionClosedError("the client was closed")
        if not guests.busy and not guests.queue:
            connection.guests = None
            connection.ready = connection is self.connection
        return connection is self.connection and (needs == READ or connection.writable)

    async def _open(self, deadline: float | None, limit: float | None) -> None:
        """Make attempts, as many as the policy allows; leaves a connection that is ready."""
        self._epoch += 1
        epoch = self._epoch
        backoff = self._backoff
        runtime = self._world
        retry = self.settings.retry
        began = runtime.time()
        attempt = 0
        pause: float | None = retry.delay(backoff.failures + 1) if retry and backoff.failures else None
        while True:
            if pause is not None:
                self.log.info("connecting again in %.3g s", pause)
                await self._interruptible(sleep(runtime, pause), deadline, epoch)
            attempt += 1
            try:
                connection = await self._attempt(deadline, limit, epoch)
            except (OSError, ConnectionFailed) as error:
                if isinstance(error, ConnectionClosedError) or self._is_over(deadline, early=_EARLY):
                    raise
                backoff.failures += 1
                pause = self._next_pause(error, attempt, runtime.time() - began)
                failed = self.settings.on_reconnect_failed
                if failed is not None:
                    call_and_schedule(runtime, self.log, "on_reconnect_failed", failed, error, attempt, pause)
                if pause is None:
                    if retry is not None:
                        elapsed = runtime.time() - began
                        error.add_note(f"{attempt} attempts were made in {elapsed:.3g} s")
                    backoff.given_up(retry, error, runtime.time())
                    raise
            else:
                backoff.error = None
                await self._made(connection, deadline, epoch)
                return

    def _next_pause(self, error: BaseException, attempt: int, elapsed: float) -> float | None:
        """Give the pause before the next attempt, or ``None`` if none is to be made."""
        retry = self.settings.retry
        if retry is None or (retry.attempts is not None and attempt >= retry.attempts):
            return None
        again = self.settings.retry_on
        if not (self.system.passes_by_itself(error) if again is None else again(error)):
            return None
        pause = retry.delay(self._backoff.failures + 1)
        return None if retry.deadline is not None and elapsed + pause > retry.deadline else pause

    async def _attempt(self, deadline: float | None, limit: float | None, epoch: int) -> Connection:
        """Connect once, and set the options of what was made."""
        runtime = self._world
        connection = self._make_connection()
        own = None if limit is None else runtime.time() + limit
        is_own = own is not None and (deadline is None or own < deadline)
        try:
            flow = self._connector(runtime, lambda: connection)
            await self._interruptible(flow, own if is_own else deadline, epoch)
            if connection.transport is not None:
                self.system.tune(connection.transport, self.settings)
        except ConnectionFailed as error:
            raise _system_error(error) from error.__context__
        except BaseException as error:
            connection.told = True
            connection.abort()
            if is_own and isinstance(error, TimeoutError) and error.errno is None:
                what = f"connecting to {self.address} took longer than {limit:g} s"
                raise ConnectionTimeoutError(what) from error
            raise
        return connection

    async def _made(self, connection: Connection, deadline: float | None, epoch: int) -> None:
        """Take *connection*, and let the user's callback initialise it."""
        self.generation += 1
        connection.generation = self.generation
        if self.generation > 1:
            self.stats.reconnects += 1
        self.connection = connection
        self.log.info("opened (generation %d)", self.generation)
        callback = self.settings.on_connection_made
        guests: Lanes | None = None
        if callback is not None:
            scope = self._initialising = Scope(connection)
            guests = scope.lanes
            try:
                await self._interruptible(initialise(self._world, scope, callback), deadline, epoch)
            except BaseException as error:
                is_over = self._is_over(deadline, early=_EARLY)
                fails = is_over or self.settings.callback_errors == "raise"
                if fails or not isinstance(error, Exception) or self._closed_epoch >= epoch:
                    self._drop(connection, None)
                    raise
                self.log.error("on_connection_made failed", exc_info=error)
            finally:
                self._initialising = None
        if self.connection is not connection:
            raise ConnectionClosedError("the connection was closed while it was initialised")
        if guests is not None and (guests.busy or guests.queue):
            connection.guests = guests
        else:
            connection.ready = True

    async def _interruptible(self, flow: Coroutine[Any, Any, T], deadline: float | None, epoch: int) -> T:
        """Await *flow* until *deadline*, or until the session is closed."""
        runtime = self._world
        left = None if deadline is None else deadline - runtime.time()
        if left is not None and left <= 0:
            flow.close()
            raise TimeoutError("the time given was over")
        task = runtime.create_task(within(runtime, left, flow, "opening"))
        self._interruptions.add(task)
        try:
            return await task
        except RequestTimeout as error:
            raise TimeoutError("the time given was over") from error
        except BaseException:
            if not task.done():
                task.cancel()
            elif task.cancelled() and self._closed_epoch >= epoch:
                raise ConnectionClosedError("closed while it was opened") from None
            raise
        finally:
            self._interruptions.discard(task)


def _system_error(error: ConnectionFailed) -> BaseException:
    """Give the system's own error, where it is known why connecting failed."""
    cause = error.__cause__
    if not isinstance(cause, OSError):
        return error
    if cause.errno is None:
        # Of several addresses each failed; the same number makes it the same error again.
        numbers = set(_ERRNO.findall(str(cause)))
        if len(numbers) == 1:
            return OSError(int(numbers.pop()), str(cause))
    return cause
