"""The steps of which calls are made: to wait for what comes, to send, and to pause."""

from __future__ import annotations

from typing import Any, Final

from junto.connecting import sleep
from junto.instrument.connection import Connection
from junto.instrument.opening import Opening
from junto.instrument.wants import Want
from junto.runtime import Future

__all__ = ["SLICE", "Carrying"]

SLICE: Final = 256 * 1024  # bytes that are handed to the transport at once
_SHORTEST: Final = 0.0005


class Carrying(Opening):
    """Waits and sends on a client's connection, up to a call's deadline.

    Attributes:
        hands_over: Whether a write is not over before the system has it: where nothing moves while nobody
            waits.
    """

    hands_over = False

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
