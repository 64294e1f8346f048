"""Futures and tasks for runtimes that bring their own.

A task drives a flow by hand: it sends it ``None``, gets the future on which the flow waits,
and goes on when that is done. asyncio's names and meaning are kept, without asyncio.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, Protocol, TypeVar

from junto import runtime
from junto.errors import LocalProtocolError

__all__ = [
    "Cancelled",
    "Future",
    "InvalidState",
    "Outcome",
    "Task",
    "TaskHost",
    "settle",
    "settle_with_error",
]

T = TypeVar("T")
_log = logging.getLogger("junto")


class Cancelled(BaseException):
    """The flow that waits here, or the future waited for, was cancelled."""


class InvalidState(LocalProtocolError):
    """A future was settled twice, or asked for a result that is not there yet."""


class TaskHost(Protocol):
    """What futures and tasks need of their runtime."""

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> object: ...
    def task_started(self, task: Any, /) -> None: ...
    def task_ended(self, task: Any, /) -> None: ...


# States are small numbers, false while pending: the runtime looks at them in its inner loop.
PENDING = 0
_RESULT = 1
_ERROR = 2
_CANCELLED = 3


class Future(Generic[T]):
    """A result that will be there later; see the contract in `junto.runtime`.

    Attributes:
        state: `PENDING`, or another number when it is settled.
        waker: What wakes the thread that waits for this future, or ``None``.
    """

    __slots__ = ("__weakref__", "_callbacks", "_host", "_value", "state", "waker")

    def __init__(self, host: TaskHost) -> None:
        self._host = host
        self.state = PENDING
        self.waker: Callable[[], object] | None = None
        self._value: Any = None
        self._callbacks: list[Callable[[Any], object]] | None = None

    def done(self) -> bool:
        return self.state != PENDING

    def cancelled(self) -> bool:
        return self.state == _CANCELLED

    def result(self) -> T:
        """Return the result or raise the error.

        Raises:
            Cancelled: It was cancelled.
            InvalidState: It is not settled yet.
        """
        if self.state == _RESULT:
            return self._value  # type: ignore[no-any-return]  # set_result got a T
        error = self.exception()
        assert error is not None, "a future that is settled without a result holds an error"
        try:
            raise error
        finally:
            del error  # it holds the traceback, which holds this frame

    def exception(self) -> BaseException | None:
        if self.state == _RESULT:
            return None
        if self.state == _ERROR:
            return self._value  # type: ignore[no-any-return]  # set_exception got an error
        if self.state == _CANCELLED:
            raise Cancelled
        raise InvalidState("this future has no result yet")

    def set_result(self, result: T, /) -> None:
        if self.state:
            raise InvalidState("this future is settled already")
        self._value = result
        self.state = _RESULT
        if self._callbacks is not None:
            self._schedule_callbacks()
        if self.waker is not None:
            self.waker()

    def set_exception(self, error: Any, /) -> None:
        if self.state:
            raise InvalidState("this future is settled already")
        if isinstance(error, type):
            error = error()
        if isinstance(error, StopIteration):
            raise TypeError("StopIteration ends generators and cannot be put into a future")
        self._value = error
        self._settle(_ERROR)

    def cancel(self) -> bool:
        """Settle it as cancelled; return whether it was not settled before."""
        if self.state:
            return False
        self._settle(_CANCELLED)
        return True

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Call *callback* with this future after it is settled, never at once."""
        if self.state:
            self._host.call_soon(callback, self)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def __await__(self) -> Generator[Any, None, T]:
        if not self.state:
            yield self
        return self.result()

    def _settle(self, state: int) -> None:
        self.state = state
        if self._callbacks is not None:
            self._schedule_callbacks()
        if self.waker is not None:
            self.waker()

    def _schedule_callbacks(self) -> None:
        callbacks, self._callbacks = self._callbacks, None
        assert callbacks is not None, "somebody looked before calling"
        for callback in callbacks:
            self._host.call_soon(callback, self)


class Outcome(Future[T]):
    """How a flow ended. An error of it that nobody asks for is reported."""

    __slots__ = ("_unseen",)

    def __init__(self, host: TaskHost) -> None:
        super().__init__(host)
        self._unseen = False

    def result(self) -> T:
        self._unseen = False
        return super().result()

    def exception(self) -> BaseException | None:
        self._unseen = False
        return super().exception()

    def _succeed(self, result: T) -> None:
        self._end(_RESULT, result)

    def _fail(self, error: BaseException) -> None:
        # What is to end the program is raised as well, so it needs no report.
        self._unseen = isinstance(error, Exception)
        self._end(_ERROR, error)

    def _give_up(self) -> None:
        self._end(_CANCELLED, None)

    def _end(self, state: int, value: Any) -> None:
        self._value = value
        self._settle(state)
        self._host.task_ended(self)

    def __del__(self) -> None:
        if self._unseen:
            _log.error("a task ended with an error that nobody asked for", exc_info=self._value)


class Task(Outcome[T]):
    """Drives one flow; its first step is made inside the constructor."""

    __slots__ = ("_awaited", "_cancelling", "_flow")

    def __init__(self, host: TaskHost, flow: Coroutine[Any, Any, T]) -> None:
        super().__init__(host)
        self._flow = flow
        self._awaited: Future[Any] | None = None
        self._cancelling = False
        self._advance(None)
        if not self.state:
            host.task_started(self)

    def cancel(self) -> bool:
        """Raise `Cancelled` in the flow at the place where it waits; it may catch it."""
        if self.state:
            return False
        if self._awaited is None or not self._awaited.cancel():
            self._cancelling = True
        return True

    def abandon(self) -> None:
        """Settle it as cancelled wherever its flow is, which will not run again."""
        if not self.state:
            self._give_up()

    def _advance(self, _awaited: Future[Any] | None, error: BaseException | None = None) -> None:
        if self.state:
            return  # abandoned
        self._awaited = None
        if self._cancelling and error is None:
            self._cancelling = False
            error = Cancelled()
        try:
            awaited = self._flow.send(None) if error is None else self._flow.throw(error)
        except StopIteration as stop:
            self._succeed(stop.value)
        except Cancelled:
            self._give_up()
        except Exception as failure:
            self._fail(failure)
        except BaseException as failure:  # the program is to end; whoever runs us must know
            self._fail(failure)
            raise
        else:
            if not isinstance(awaited, Future):
                mistake = LocalProtocolError(
                    f"a flow awaits only futures of its own runtime and other flows, not {awaited!r}"
                )
                self._host.call_soon(self._advance, None, mistake)
                return
            self._awaited = awaited
            awaited.add_done_callback(self._advance)
            if self._cancelling and awaited.cancel():
                self._cancelling = False


def settle(future: runtime.Future[Any], result: Any = None) -> None:
    """Give *future* its result, unless its waiter has given up."""
    if not future.done():
        future.set_result(result)


def settle_with_error(future: runtime.Future[Any], error: BaseException) -> None:
    """Give *future* its error, unless its waiter has given up."""
    if not future.done():
        future.set_exception(error)
