"""Coroutine functions that run on a host, from each of its starts on, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from junto.sim.errors import HostDied

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["Program"]


class Program:
    """A coroutine function that runs on a host, and how it ended.

    Attributes:
        task: The task of its present life, or None while the host is down.
    """

    __slots__ = ("_waiting", "args", "host", "main", "task")

    def __init__(self, host: Host, main: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.host = host
        self.main = main
        self.args = args
        self.task: asyncio.Task[Any] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def start(self) -> None:
        """Begin it, for the first time or again."""
        self.task = self.host.loop.create_task(self.main(*self.args))
        self.task.add_done_callback(self._ended)

    def done(self) -> bool:
        """Tell whether it has ended, or its host was killed."""
        return self.task is None or self.task.done()

    def result(self) -> Any:
        """Return what it returned, or raise what it raised.

        Raises:
            HostDied: Its host was killed before it ended, or it ended its process.
            asyncio.InvalidStateError: It runs.
        """
        if self.task is None:
            raise HostDied(f"{self.host.name} was killed")
        try:
            return self.task.result()
        except SystemExit as exit:  # which would end the one who asks, too
            raise HostDied(f"{self.host.name} exited with {exit.code!r}") from exit

    async def wait(self) -> Any:
        """Wait until it has ended; for the controlling program, on whose loop it waits.

        Raises:
            HostDied: Its host was killed before it ended, or it ended its process.
        """
        if not self.done():
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        self.host.world.claims.take(self)
        return self.result()

    def died(self) -> None:
        """Its host was killed: there is no result."""
        if self.task is not None and not self.task.done():
            self.task = None
        self._tell()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.host.record_error(error, f"{getattr(self.main, '__name__', self.main)} failed", self)
        self._tell()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.get_loop().call_soon(_wake, waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
