"""``async for`` over a future whose result can be iterated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any

__all__ = ["Iteration"]


class Iteration:
    """Awaits a future first, then hands out what its result hands out.

    It is not an async generator: those want to be closed by their event loop, which a
    flow does not know.
    """

    __slots__ = ("_future", "_items")

    def __init__(self, future: Awaitable[Any]) -> None:
        self._future = future
        self._items: AsyncIterator[Any] | None = None

    def __aiter__(self) -> Iteration:
        return self

    async def __anext__(self) -> Any:
        if self._items is None:
            self._items = aiter(await self._future)
        return await anext(self._items)
