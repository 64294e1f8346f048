"""The futures form: operations of the threads runtime as `concurrent.futures.Future`.

They are carried on by whoever leads, so there must be somebody: `ThreadsRuntime.start_thread`.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from junto.errors import ConnectionLost
from junto.runtimes.tasks import Cancelled, Future

if TYPE_CHECKING:
    from junto.runtimes.threads import ThreadsRuntime

__all__ = ["begin"]


def begin(
    runtime: ThreadsRuntime, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> concurrent.futures.Future[Any]:
    """Call *function* under the runtime's lock, and give its outcome: a value, a flow's or a future's result.

    Cancelling the future that is returned cancels the flow.
    """
    outer: concurrent.futures.Future[Any] = concurrent.futures.Future()

    async def carry() -> Any:
        outcome = function(*args, **kwargs)
        if isinstance(outcome, Future):
            return await outcome
        return await outcome if hasattr(outcome, "send") else outcome

    def pass_on(inner: Future[Any]) -> None:
        if not outer.set_running_or_notify_cancel():
            if not inner.cancelled():
                inner.exception()  # asked for, so that it is not reported
            return
        try:
            outer.set_result(inner.result())
        except Cancelled:
            # Nobody but the runtime cancels it, and that only when it is stopped or closed.
            outer.set_exception(ConnectionLost("the runtime was stopped"))
        except BaseException as error:
            outer.set_exception(error)

    inner = runtime.create_task(carry())
    inner.add_done_callback(pass_on)

    def give_up(outer: concurrent.futures.Future[Any]) -> None:
        if outer.cancelled():
            runtime.call_soon_threadsafe(inner.cancel)

    outer.add_done_callback(give_up)
    return outer
