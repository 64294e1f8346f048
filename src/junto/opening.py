"""What is about to be opened: await it, or enter it."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Opening"]


class _Closable(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


class Opening(Generic[C]):
    """What is about to be opened: await it, or enter it with ``async with``."""

    __slots__ = ("_flow", "_opened")

    def __init__(self, flow: Coroutine[Any, Any, C]) -> None:
        self._flow = flow
        self._opened: C | None = None

    def __await__(self) -> Generator[Any, None, C]:
        return self._flow.__await__()

    async def __aenter__(self) -> C:
        self._opened = await self._flow
        return self._opened

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._opened is not None, "left only after it was entered"
        await self._opened.close()
