"""Opening something for the time of an ``async with``, with a runtime of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext
from types import TracebackType
from typing import Any, Protocol, TypeVar

import trio

from junto.runtimes.trio.runtime import TrioRuntime

__all__ = ["QuietNursery", "opened"]

Nursery = trio.Nursery
current_task = trio.lowlevel.current_task


class _Closable(Protocol):
    def close(self) -> Awaitable[None]: ...


C = TypeVar("C", bound=_Closable)


@asynccontextmanager
async def opened(
    begin: Callable[[TrioRuntime], Coroutine[Any, Any, C]], nursery: Nursery | None = None
) -> AsyncGenerator[C, None]:
    """Give what *begin* opens; it is closed, and the runtime has ended, when the body is left.

    Args:
        begin: A flow that opens something.
        nursery: Where the tasks are; ``None`` for a nursery of its own, which goes on moving bytes until
            the body is left, so that a body that is cancelled may say goodbye in a shielded scope.
    """
    async with QuietNursery() if nursery is None else nullcontext(nursery) as home:
        runtime = TrioRuntime(home, shielded=nursery is None)
        try:
            thing = await begin(runtime)
            try:
                yield thing
            finally:
                await thing.close()
        finally:
            runtime.end()


class QuietNursery:
    """A nursery that nobody has to know of: what the body raises comes out as it is.

    An error of a task comes out alone, instead of the body's. Only several errors of tasks make a group.
    """

    def __init__(self) -> None:
        self._manager = trio.open_nursery()

    async def __aenter__(self) -> Nursery:
        self._nursery = await self._manager.__aenter__()
        return self._nursery

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if error is not None:
            self._nursery.cancel_scope.cancel()
        try:
            if _is_cancellation(error):
                return await self._manager.__aexit__(kind, error, traceback)
            await self._manager.__aexit__(None, None, None)
        except BaseExceptionGroup as group:
            errors = [each for each in group.exceptions if each is not error]
        else:
            return False
        # Who raises anything else need not be told that he is cancelled, too.
        real = [each for each in errors if not isinstance(each, trio.Cancelled)]
        if not real and error is not None:
            return False
        if len(real) > 1:
            raise BaseExceptionGroup("several tasks failed", real)
        raise (real or errors)[0]


def _is_cancellation(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[0] is not None
    return isinstance(error, trio.Cancelled)
