"""Futures that are SimPy events, and tasks that drive flows.

A process yields a future like any event, a flow awaits it, and layers settle it; see the contract
in `junto.runtime`. What SimPy adds is its rule for failures: an event that failed and that nobody waits
for ends ``run()``. Of ours it does so only if nobody ever waited: who waited and gave up has said that
he does not care. Nor does a lost connection end the program because of each request that was in flight.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from simpy.events import PENDING, Event

from junto.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError
from junto.runtimes.tasks import Cancelled, InvalidState

if TYPE_CHECKING:
    from junto.runtimes.simpy.contract import SocketEnvironment

__all__ = ["DoneCallback", "Future", "LayerTask", "Task", "Waiters", "as_future"]

T = TypeVar("T")
_log = logging.getLogger("junto")

_LOST = (ConnectionLost, RemoteProtocolError)


class Waiters(list[Any]):
    """The callbacks of a future, which remember that one of them was taken out again."""

    # Of the class, so that making one costs hardly more than a plain list: there is one per request.
    given_up = False
    failed: Future[Any] | None = None

    def remove(self, callback: Any, /) -> None:
        super().remove(callback)
        self.given_up = True
        if self.failed is not None:  # settled, and about to be processed
            self.failed.defused = True


class DoneCallback:
    """A callback of a layer, which does not wait for the future in the sense of SimPy."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[Any], object]) -> None:
        self._callback = callback

    def __call__(self, event: Any) -> None:
        try:
            self._callback(event)
        except Exception as error:
            _log.error("a callback failed", exc_info=error)


class Future(Event, Generic[T]):
    """A result that will be there later: an event to SimPy, a future to layers and flows.

    Whoever waits for it may give it up by `cancel`; see the module's text for what becomes of an error
    that nobody waits for.
    """

    env: SocketEnvironment
    callbacks: Any  # None when it was processed, which SimPy's annotation does not say
    _is_cancelled = False

    def __init__(self, env: SocketEnvironment) -> None:
        # As SimPy does it: the call of the base class would cost more than all this.
        self.env = env
        self.callbacks = Waiters()

    def done(self) -> bool:
        return self._value is not PENDING

    def cancelled(self) -> bool:
        return self._is_cancelled

    def result(self) -> T:
        """Return the result or raise the error.

        Raises:
            Cancelled: It was cancelled.
            InvalidState: It is not settled yet.
        """
        error = self.exception()
        if error is None:
            return self._value  # type: ignore[no-any-return]  # set_result got a T
        try:
            raise error
        finally:
            del error  # it holds the traceback, which holds this frame

    def exception(self) -> BaseException | None:
        """Return the error, if there is one, which then counts as seen."""
        if self._value is PENDING:
            raise InvalidState("this future has no result yet")
        if self._ok:
            return None
        self._defused = True
        if self._is_cancelled:
            raise Cancelled
        return self._value  # type: ignore[no-any-return]  # set_exception got an error

    def set_result(self, result: T, /) -> None:
        if self._value is not PENDING:
            raise InvalidState("this future is settled already")
        self._ok = True
        self._value = result
        self.env.schedule(self)

    def set_exception(self, error: Any, /) -> None:
        if self._value is not PENDING:
            raise InvalidState("this future is settled already")
        if isinstance(error, type):
            error = error()
        if isinstance(error, StopIteration):
            raise TypeError("StopIteration ends generators and cannot be put into a future")
        self._ok = False
        self._value = error
        waiters = self.callbacks
        if waiters.given_up or isinstance(error, _LOST):
            self._defused = True
        else:
            waiters.failed = self
        self._schedule()

    def cancel(self) -> bool:
        """Settle it as cancelled, which whoever still waits sees as `Cancelled`.

        Returns:
            Whether it was not settled before.
        """
        if self._value is not PENDING:
            return False
        self._settle_as_cancelled()
        return True

    def give_up(self) -> None:
        """Take note that its only waiter has left for good."""
        self._defused = True
        self.cancel()

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Call *callback* with this future after it is settled, never at once."""
        if self.callbacks is None:
            self.env.call_soon(DoneCallback(callback), self)
        else:
            self.callbacks.append(DoneCallback(callback))

    def __await__(self) -> Generator[Any, None, T]:
        if self._value is PENDING:
            yield self
        return self.result()

    def _settle_as_cancelled(self) -> None:
        self._is_cancelled = True
        self._ok = False
        self._defused = True
        self._value = Cancelled()
        self._schedule()

    def _schedule(self) -> None:
        self.env.schedule(self)


class Task(Future[T]):
    """Drives one flow; its first step is made inside the constructor."""

    def __init__(self, env: SocketEnvironment, flow: Coroutine[Any, Any, T]) -> None:
        super().__init__(env)
        self._flow = flow
        self._awaited: Future[Any] | None = None
        self._cancelling = False
        self._advance(None)

    def cancel(self) -> bool:
        """Raise `Cancelled` in the flow at the place where it waits; it may catch it.

        Returns:
            Whether the flow had not ended before.
        """
        if self._value is not PENDING:
            return False
        if self._awaited is None or not self._awaited.cancel():
            self._cancelling = True
        return True

    def _advance(self, awaited: Any, error: BaseException | None = None) -> None:
        self._awaited = None
        if awaited is not None and not awaited._ok:
            awaited._defused = True  # even if we were cancelled meanwhile, and raise that instead
        if self._cancelling and error is None:
            self._cancelling = False
            error = Cancelled()
        try:
            future = self._flow.send(None) if error is None else self._flow.throw(error)
        except StopIteration as stop:
            self.set_result(stop.value)
        except Cancelled:
            self._settle_as_cancelled()
        except Exception as failure:
            self.set_exception(failure)
        except BaseException as failure:  # the program is to end; whoever runs us must know
            self.set_exception(failure)
            self._defused = True  # by that
            raise
        else:
            if not isinstance(future, Future) or future.callbacks is None:
                mistake = LocalProtocolError(
                    f"a flow awaits only futures of its own runtime and other flows, not {future!r}"
                )
                self.env.call_soon(self._advance, None, mistake)
                return
            self._awaited = future
            future.callbacks.append(self._advance)
            if self._cancelling and future.cancel():
                self._cancelling = False


class LayerTask(Task[T]):
    """A task that a layer made, and whose error need not be waited for by anybody: it is logged."""

    _unseen = False

    def exception(self) -> BaseException | None:
        self._unseen = False
        return super().exception()

    def set_exception(self, error: Any, /) -> None:
        # A process or a condition that waits now will see it, without asking for it.
        self._unseen = all(type(callback) is DoneCallback for callback in self.callbacks)
        self._defused = True
        super().set_exception(error)

    def __del__(self) -> None:
        if self._unseen and self.processed:  # else nobody had the time to ask
            error: Any = self._value
            _log.error("a task ended with an error that nobody asked for", exc_info=error)


def as_future(env: SocketEnvironment, event: Event) -> Future[Any]:
    """Make a future of any event of *env*, for flows and layers; cancelling it leaves the event alone."""
    if isinstance(event, Future):
        return event
    future: Future[Any] = Future(env)

    def settle(event: Event) -> None:
        if not event.ok:
            event.defused = True
        if not future.done():
            if event.ok:
                future.set_result(event.value)
            else:
                future.set_exception(event.value)

    def leave(_future: Future[Any]) -> None:
        if not event.processed and settle in event.callbacks:
            event.callbacks.remove(settle)

    if event.processed:
        settle(event)
    else:
        event.callbacks.append(settle)
        future.add_done_callback(leave)
    return future
