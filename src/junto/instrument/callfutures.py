"""Calls as futures for any thread, carried on by another."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from junto.errors import JuntoError, LocalProtocolError
from junto.runtime import Future

if TYPE_CHECKING:
    from junto.instrument.home import HostRuntime

__all__ = ["CallFuture", "begin"]

T = TypeVar("T")


class CallFuture(concurrent.futures.Future[T]):
    """The outcome of a call; a callback of the runtime, which would wait for itself, is refused."""

    def __init__(self, runtime: HostRuntime) -> None:
        super().__init__()
        self._runtime = runtime

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result; see `concurrent.futures.Future.result`.

        Raises:
            RuntimeError: This thread, a callback's, would wait for itself.
        """
        self._refuse_to_wait_for_itself()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the error; see `result`."""
        self._refuse_to_wait_for_itself()
        return super().exception(timeout)

    def _refuse_to_wait_for_itself(self) -> None:
        if self.done():
            return
        try:
            self._runtime.call(_nothing)
        except LocalProtocolError as error:
            raise RuntimeError("a callback cannot wait for a call of its own client") from error
        except JuntoError:
            pass  # the runtime is closed, which the result will tell


def begin(
    runtime: HostRuntime,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> CallFuture[Any]:
    """Begin to call *function* in *runtime*; cancelling the future that this returns cancels it.

    Args:
        runtime: Where to call it.
        function: What to call, which may return a flow.
        args: With what.
        kwargs: With what, by name.
    """
    outer: CallFuture[Any] = CallFuture(runtime)

    def call() -> None:
        inner = runtime.create_task(_awaited(function(*args, **kwargs)))
        inner.add_done_callback(lambda inner: _pass_on(inner, outer))

        def give_up(outer: concurrent.futures.Future[Any]) -> None:
            if outer.cancelled():
                runtime.call_soon_threadsafe(inner.cancel)

        outer.add_done_callback(give_up)

    try:
        runtime.call(call)
    except LocalProtocolError:
        call()  # in a callback of the runtime
    return outer


def _nothing() -> None:
    pass


async def _awaited(outcome: Any) -> Any:
    return await outcome if isinstance(outcome, Coroutine) else outcome


def _pass_on(inner: Future[Any], outer: concurrent.futures.Future[Any]) -> None:
    if not outer.set_running_or_notify_cancel():
        if not inner.cancelled():
            inner.exception()  # asked for, so that it is not reported
        return
    if inner.cancelled():
        outer.set_exception(LocalProtocolError("the runtime was stopped"))
        return
    error = inner.exception()
    if error is not None:
        outer.set_exception(error)
    else:
        outer.set_result(inner.result())
