"""Work that other threads do for a runtime with futures of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from junto.runtimes.tasks import settle, settle_with_error

if TYPE_CHECKING:
    import concurrent.futures

__all__ = ["call_in_worker", "follow"]


class _Host(Protocol):
    """What is needed of the runtime."""

    def create_future(self) -> Any: ...
    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> object: ...


def call_in_worker(host: _Host, function: Callable[[], Any], pool: concurrent.futures.Executor) -> Any:
    """Call *function* in a thread of *pool*.

    Returns:
        A future of *host*; cancelling it cancels the call, unless that has begun.
    """
    return follow(host, pool.submit(function))


def follow(host: _Host, job: concurrent.futures.Future[Any]) -> Any:
    """Give a future of *host* that is settled as *job*; cancelling it cancels that, unless it has begun."""
    future = host.create_future()
    future.add_done_callback(lambda future: future.cancelled() and job.cancel())
    job.add_done_callback(lambda job: host.call_soon_threadsafe(_copy, job, future))
    return future


def _copy(job: concurrent.futures.Future[Any], future: Any) -> None:
    if job.cancelled():
        future.cancel()
    elif (error := job.exception()) is not None:
        settle_with_error(future, error)
    else:
        settle(future, job.result())
