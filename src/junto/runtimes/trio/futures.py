"""Futures that trio's tasks wait for, and tasks of trio as futures."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, NoReturn, TypeVar

import trio
from trio.lowlevel import Abort, checkpoint_if_cancelled, current_task, reschedule, wait_task_rescheduled

from junto.errors import LocalProtocolError
from junto.runtimes import tasks
from junto.runtimes.tasks import Cancelled, InvalidState, Outcome, TaskHost

__all__ = ["Cancelled", "Future", "InvalidState", "Task"]

T = TypeVar("T")


class Future(tasks.Future[T]):
    """A result that will be there later, awaited by a task of trio.

    Whose scope is cancelled while he waits has given up: the future is cancelled then. Who awaits a
    future that somebody else cancelled gets our own `Cancelled`, since trio's would say that a scope
    around him is cancelled.
    """

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, T]:
        return self._wait().__await__()

    async def _wait(self) -> T:
        if self.state:
            await checkpoint_if_cancelled()
        elif self.waker is not None:
            raise LocalProtocolError("another task waits for this future already")
        else:
            self.waker = partial(reschedule, current_task())
            await wait_task_rescheduled(self._abort)
        return self.result()

    def _abort(self, raise_cancelled: Callable[[], NoReturn]) -> Abort:
        self.waker = None  # trio itself wakes the task
        self.cancel()
        return Abort.SUCCEEDED


class Task(Outcome[T], Future[T]):
    """A task of trio that runs one flow, in a cancel scope of its own.

    Whoever waits for it and is cancelled cancels it, and goes on when it has ended.
    """

    __slots__ = ("_raise_cancelled", "_scope")

    def __init__(self, host: TaskHost, nursery: trio.Nursery, flow: Coroutine[Any, Any, T]) -> None:
        super().__init__(host)
        self._scope = trio.CancelScope()
        self._raise_cancelled: Callable[[], NoReturn] | None = None
        nursery.start_soon(self._run, flow, name=getattr(flow, "__qualname__", None))
        host.task_started(self)

    def cancel(self) -> bool:
        """Cancel the scope that the flow runs in."""
        if self.state:
            return False
        self._scope.cancel()
        return True

    async def _wait(self) -> T:
        try:
            return await super()._wait()
        except Cancelled:
            if self._raise_cancelled is not None:
                self._raise_cancelled()
            raise

    def _abort(self, raise_cancelled: Callable[[], NoReturn]) -> Abort:
        self._raise_cancelled = raise_cancelled
        self.cancel()
        return Abort.FAILED  # not yet: the flow may have something to close

    async def _run(self, flow: Coroutine[Any, Any, T]) -> None:
        try:
            with self._scope:
                self._succeed(await flow)
        except Cancelled:
            pass
        except Exception as error:
            self._fail(error)
        except BaseExceptionGroup as group:
            # Of a nursery in the flow. What is trio's goes on to the scope that is cancelled.
            cancelled, rest = group.split(trio.Cancelled)
            if cancelled is None or not isinstance(rest, Exception | None):
                raise
            if rest is not None:
                self._fail(rest)
            raise cancelled from None
        except trio.Cancelled:  # the nursery is cancelled, not this task alone
            raise
        except BaseException as error:  # the program is to end
            self._fail(error)
            raise
        finally:
            if not self.state:
                self._give_up()
