"""What a runtime has open, and how all of it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from junto.runtime import Future, TimerHandle
from junto.runtimes.sockets import Closable

__all__ = ["Keeper"]

_GRACE = 1.0  # seconds that stop() gives connections to send what they hold


class _Host(Protocol):
    """What keeping things needs of their runtime."""

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> object: ...
    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> TimerHandle: ...
    def create_future(self) -> Any: ...


class Keeper:
    """Remembers what is open, and ends it together with the tasks.

    Attributes:
        things: What is open now, oldest first.
    """

    def __init__(self, host: _Host, tasks: Callable[[], Iterable[Future[Any]]]) -> None:
        """Keep things for *host*; *tasks* gives those of its tasks that `stop` is to cancel."""
        self._host = host
        self._tasks = tasks
        self._stopping: list[Future[None]] = []
        self.things: dict[Closable, None] = {}

    def opened(self, thing: Closable, /) -> None:
        self.things[thing] = None

    def closed(self, thing: Closable, /) -> None:
        self.things.pop(thing, None)
        self.look_whether_stopped()

    def stop(self) -> Future[None]:
        """Close all and cancel the tasks; see `junto.runtime.Runtime.stop`."""
        stopped: Future[None] = self._host.create_future()
        self._stopping.append(stopped)
        for thing in list(self.things):
            thing.close()
        for task in list(self._tasks()):
            task.cancel()
        timer = self._host.call_later(_GRACE, self.abort_all)
        stopped.add_done_callback(lambda _stopped: timer.cancel())
        self._host.call_soon(self.look_whether_stopped)
        return stopped

    def look_whether_stopped(self) -> None:
        """Tell those who wait for the end if it has come; to be called when a task has ended."""
        if self._stopping and not self.things and not any(True for _task in self._tasks()):
            stopping, self._stopping = self._stopping, []
            for stopped in stopping:
                if not stopped.done():
                    stopped.set_result(None)

    def abort_all(self) -> None:
        for thing in list(self.things):
            thing.abort()
