"""What a simulator asks of mosaik: awaited, and blocking."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["AsyncMosaik", "Mosaik"]

P = ParamSpec("P")
T = TypeVar("T")


class AsyncMosaik:
    """What an `AsyncSimulator` may ask of mosaik, usually while it works on a step.

    Each raises `junto.RemoteError` if mosaik refuses, and `junto.ConnectionLost` if it is gone.
    """

    def __init__(self, ask: Callable[..., Awaitable[Any]]) -> None:
        self._ask = ask

    async def get_progress(self) -> float:
        """Ask how much of the simulation is done, in per cent."""
        progress: float = await self._ask("get_progress")
        return progress

    async def get_related_entities(self, entities: str | list[str] | None = None) -> dict[str, Any]:
        """Ask which entities are connected.

        Args:
            entities: One full id (``"simulator.entity"``), or several, or ``None`` for all.

        Returns:
            The related entities by full id, each with what is known of it; for several, that
            for each; for all, the graph as ``{"nodes": {...}, "edges": [...]}``.
        """
        related: dict[str, Any] = await self._ask("get_related_entities", entities)
        return related

    async def get_data(self, attrs: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
        """Ask for attributes of other simulators' entities, by full id.

        mosaik allows it within a step, and for simulators that are connected for asynchronous requests.
        """
        data: dict[str, dict[str, Any]] = await self._ask("get_data", attrs)
        return data

    async def set_data(self, data: dict[str, dict[str, dict[str, Any]]]) -> None:
        """Give other simulators' entities input for their next step, as for `get_data`.

        Args:
            data: ``{source: {destination: {attribute: value}}}``, with full ids.
        """
        await self._ask("set_data", data)

    async def set_event(self, time: int) -> None:
        """Ask for a step of this simulator at *time*; mosaik allows it in real-time simulations only."""
        await self._ask("set_event", time)


def _blocking(
    request: Callable[Concatenate[AsyncMosaik, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Mosaik, P], T]:
    @functools.wraps(request)
    def ask(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # With an `_ask` that blocks, the request ends at its first step.
        try:
            request(self, *args, **kwargs).send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        raise AssertionError("a blocking request has nothing to await")

    return ask


class Mosaik:
    """What a `Simulator` may ask of mosaik: the requests of `AsyncMosaik`, which block here.

    They may be made in the simulator's methods and from threads of its own.
    """

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._call = ask

    get_progress = _blocking(AsyncMosaik.get_progress)
    get_related_entities = _blocking(AsyncMosaik.get_related_entities)
    get_data = _blocking(AsyncMosaik.get_data)
    set_data = _blocking(AsyncMosaik.set_data)
    set_event = _blocking(AsyncMosaik.set_event)

    async def _ask(self, name: str, *args: Any) -> Any:
        return self._call(name, *args)
