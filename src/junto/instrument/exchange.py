"""One call of several steps, while it has its turn."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from junto.instrument.alarm import Alarm
from junto.instrument.connection import Connection
from junto.instrument.system import System
from junto.instrument.wants import Want
from junto.runtime import Future

if TYPE_CHECKING:
    from junto.instrument.session import Session

__all__ = ["Exchange", "Steps"]

T = TypeVar("T")


class Exchange:
    """What a call of several steps uses, while it has its turn.

    Attributes:
        connection: The connection.
        deadline: Until when all must be done.
    """

    __slots__ = ("_session", "connection", "deadline")

    def __init__(self, session: Session, connection: Connection, deadline: float | None) -> None:
        self._session = session
        self.connection = connection
        self.deadline = deadline

    async def take(self, want: Want[T], until: float | None = None) -> T:
        """Wait for *want*, but not beyond the deadline, nor beyond *until*."""
        taken = want.take(self.connection.buffer)
        if taken is None:
            deadline = self.deadline if until is None or self.deadline is None else min(until, self.deadline)
            received: T = await self._session.receive(
                self.connection, want, until if self.deadline is None else deadline
            )
            return received
        if self.connection.holding:
            self.connection.relax()
        return taken

    async def send(self, data: bytes | memoryview) -> None:
        """Send *data*, a slice at a time."""
        await self._session.send(self.connection, data, self.deadline)

    async def until(self, future: Future[Any], deadline: float | None) -> Any:
        """Wait for *future*, which the connection settles, but not beyond *deadline*."""
        return await self._session.until(self.connection, future, deadline)

    def cut_off(self, partial: Any, expected: int | None) -> BaseException:
        """Make the error for a read of which only *partial* has come."""
        if self.connection.error is not None:
            return self.connection.broken()
        return self._session.system.incomplete(partial, expected)

    async def drain(self) -> None:
        """Wait until the system has all that was sent."""
        await self._session.settle(self.connection, self.deadline, fully=True)

    async def give_way(self) -> None:
        """Let all others have their turn."""
        await self._session.give_way()

    @property
    def system(self) -> System:
        """What knows the system."""
        return self._session.system

    @property
    def alarm(self) -> Alarm:
        """The deadlines of this session's calls."""
        return self._session.alarm

    @property
    def time(self) -> Callable[[], float]:
        """The runtime's clock."""
        return self._session.time


Steps = Callable[[Exchange], Coroutine[Any, Any, T]]
