"""What calls are made of: waiting, sending, and what becomes of them when they fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from junto.connecting import sleep
from junto.instrument.alarm import Alarm
from junto.instrument.connection import Connection
from junto.instrument.errors import ConnectionTimeoutError, StaleInputError, annotated
from junto.instrument.lanes import READ, WRITE, Lanes
from junto.instrument.opening import Opening
from junto.instrument.settings import Settings
from junto.instrument.system import Connector, System
from junto.instrument.wants import Want
from junto.runtime import Future, Runtime

__all__ = ["SLICE", "Calls"]

SLICE: Final = 256 * 1024
_SHORTEST: Final = 0.0005


class Calls(Opening):
    """The part of a session that waits, sends, and cleans up."""

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
        # Whether a write is not over before the system has it: nothing moves while nobody waits.
        self.hands_over = False

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
            if not self._is_orphaned():
                raise RuntimeError(
                    f"the connection to {self.address} belongs to another event loop; "
                    "close the client there before it is used here"
                )
            self.abandon()
            self._initialising = None
            self._interruptions = set()
        self._runtime = runtime
        self._time = runtime.time
        self._alarm = Alarm(runtime)
        self.lanes = Lanes()

    def _is_orphaned(self) -> bool:
        """Tell whether the event loop of the connection is closed, so that nobody can close it there."""
        try:
            self._world.call_soon_threadsafe(_nothing)
        except RuntimeError:
            return True
        return False

    # -- steps --

    async def receive(self, connection: Connection, want: Want[Any], deadline: float | None) -> Any:
        """Wait for *want*, which is not there yet."""
        if connection.eof or connection.lost:
            return connection.finish(want)
        return await self.until(connection, connection.wait(want), deadline)

    async def until(self, connection: Connection, future: Future[Any], deadline: float | None) -> Any:
        """Await *future*, which *connection* settles."""
        try:
            return await self._until(future, deadline)
        except BaseException:
            connection.stop_waiting()
            raise

    async def send(self, connection: Connection, data: bytes | memoryview, deadline: float | None) -> None:
        """Send *data*, a slice at a time, as fast as the peer takes it."""
        with memoryview(data) as view:
            for start in range(0, len(view), SLICE):
                piece = view[start : start + SLICE]
                connection.write(bytes(piece))
                self.stats.sent += len(piece)
                await self.settle(connection, deadline)

    async def settle(self, connection: Connection, deadline: float | None, *, fully: bool = False) -> None:
        """Wait while the peer takes no more; *fully* until the system has all."""
        while connection.paused:
            await self._until(connection.room(), deadline)
        pause = 0.0
        while (fully or self.hands_over) and connection.unsent():
            await self.pause(pause, deadline, connection)
            pause = min(max(2 * pause, _SHORTEST), 0.01)
        transport = connection.transport
        if transport is None or transport.is_closing():
            if transport is not None:
                await self._until(connection.closed(), deadline)
            if connection.error is not None:
                raise connection.broken()

    async def give_way(self) -> None:
        """Let all others have their turn."""
        await sleep(self._world, 0)

    async def pause(
        self, seconds: float, deadline: float | None, connection: Connection | None = None
    ) -> None:
        """Wait for *seconds*, but not beyond *deadline*, and not if the client is closed."""
        if seconds < 0 or (seconds == 0 and connection is None):
            return
        await self._interruptible(sleep(self._world, seconds), deadline, self._epoch)
        if connection is not None and connection.error is not None:
            raise connection.broken()

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


def _nothing() -> None: ...
