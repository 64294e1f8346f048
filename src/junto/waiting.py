"""Ways to wait that are made of a runtime's futures, and so work on every runtime."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from junto.errors import RequestTimeout, fresh
from junto.runtime import Future, Runtime

__all__ = ["Deadline", "Inbox", "Shared", "settled", "within"]

T = TypeVar("T")


class Deadline:
    """One point in time for all the steps of an operation."""

    __slots__ = ("_at", "_runtime", "timeout")

    def __init__(self, runtime: Runtime, timeout: float | None) -> None:
        """Begin now; *timeout* is in seconds, ``None`` never ends."""
        self._runtime = runtime
        self.timeout = timeout
        self._at = None if timeout is None else runtime.time() + timeout

    def remaining(self, most: float | None = None) -> float | None:
        """Tell the seconds left, never below 0 and never above *most*; ``None`` for ever."""
        if self._at is None:
            return most
        left = max(0.0, self._at - self._runtime.time())
        return left if most is None else min(left, most)


async def within(runtime: Runtime, timeout: float | None, flow: Coroutine[Any, Any, T], what: str) -> T:
    """Await *flow*, but no longer than *timeout* seconds.

    Raises:
        RequestTimeout: The time was over; *flow* was cancelled and has ended. The
            message says that *what* took too long.
    """
    if timeout is None:
        return await flow
    task = runtime.create_task(flow)
    late = False

    def expire() -> None:
        nonlocal late
        if not task.done():
            late = True
            task.cancel()

    timer = runtime.call_later(timeout, expire)
    try:
        return await task
    except BaseException:
        if late and task.cancelled():
            raise RequestTimeout(f"{what} took longer than {timeout:g} s") from None
        if not task.done():
            task.cancel()
        raise
    finally:
        timer.cancel()


def settled(runtime: Runtime) -> Future[None]:
    """Make a future to be awaited where there is nothing to wait for.

    Some worlds tell a task that it is cancelled only where it awaits something of theirs.
    """
    future: Future[None] = runtime.create_future()
    future.set_result(None)
    return future


class Shared(Generic[T]):
    """One outcome, for any number of waiters; each waits on a future of its own."""

    __slots__ = ("_error", "_result", "_runtime", "_settled", "_waiters")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiters: list[Future[T]] = []
        self._settled = False
        self._result: T
        self._error: BaseException | None = None

    def done(self) -> bool:
        return self._settled

    def set_result(self, result: T) -> None:
        """Give *result* to all who wait and will wait; later outcomes are dropped."""
        if not self._settled:
            self._settled = True
            self._result = result
            self._wake()

    def set_exception(self, error: BaseException) -> None:
        """Raise *error*, a fresh copy each, for all who wait and will wait."""
        if not self._settled:
            self._settled = True
            self._error = error
            self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                if self._error is None:
                    waiter.set_result(self._result)
                else:
                    waiter.set_exception(fresh(self._error))

    async def wait(self) -> T:
        """Wait for the outcome; a waiter that gives up leaves no trace."""
        if not self._settled:
            waiter: Future[T] = self._runtime.create_future()
            self._waiters.append(waiter)
            try:
                return await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        await settled(self._runtime)
        if self._error is not None:
            raise fresh(self._error)
        return self._result


class Inbox(Generic[T]):
    """What came and was not fetched yet, in order, for one receiver at a time."""

    __slots__ = ("_done", "_error", "_items", "_runtime", "_waiter")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._items: deque[T] = deque()
        self._waiter: Future[None] | None = None
        self._done = settled(runtime)
        self._error: BaseException | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        self._items.append(item)
        self._wake()

    def clear(self) -> None:
        """Forget what was not fetched."""
        self._items.clear()

    def end(self, error: BaseException) -> None:
        """Raise *error* for whoever fetches when all items are fetched."""
        if self._error is None:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def arrival(self) -> Future[None]:
        """Give a future that is done when there is something to `take`; who waits no more cancels it.

        Raises:
            RuntimeError: Somebody else waits already.
        """
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("another receiver waits here already")
        self._waiter = self._runtime.create_future()
        if self._items or self._error is not None:
            self._waiter.set_result(None)
        return self._waiter

    def take(self) -> T:
        """Fetch the oldest item, or raise the error that stands behind the last one.

        Raises:
            RuntimeError: There is neither, for another receiver was faster.
        """
        if self._items:
            return self._items.popleft()
        if self._error is not None:
            raise fresh(self._error)
        raise RuntimeError("another receiver was faster")

    async def get(self) -> T:
        """Fetch the oldest item; wait for one if there is none.

        Raises:
            RuntimeError: Somebody else waits already.
        """
        if self._items or self._error is not None:
            await self._done
        while not self._items and self._error is None:
            await self.arrival()
        return self.take()
