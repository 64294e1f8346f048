"""Managers: agents that make others in their container, for who is not in its process."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from junto.agents.agent import Agent
from junto.agents.container import Container
from junto.agents.spawnable import AllowList
from junto.clock import ExternalClock
from junto.errors import LocalProtocolError
from junto.exposing import expose

__all__ = ["Manager"]


class Manager(Agent[Container]):
    """Makes agents, as far as it is allowed to, sets the clock, and has the container closed.

    It is the first agent of a container in a process of its own, and so has the id 0.
    """

    def __init__(self, container: Container, allowed: AllowList, stop: Callable[[], object]) -> None:
        """Make what is *allowed*; *stop* is called when somebody wants the end."""
        super().__init__(container)
        self._allowed = allowed
        self._stop = stop

    @expose
    async def spawn(  # type: ignore[override]  # a manager has no tasks, and this is its name on the wire
        self, name: str, /, *args: Any, **kwargs: Any
    ) -> list[Any]:
        """Make an agent: call what ``module:object`` names with the container and the arguments.

        Returns:
            The agent, which becomes a proxy, and its URL.
        """
        agent = await self._make(name, args, kwargs)
        return [agent, agent.url]

    @expose
    async def spawn_many(self, name: str, arguments: Sequence[Sequence[Any]]) -> list[Any]:
        """Make an agent for each of *arguments*, which are those of `spawn`; gives the agents."""
        return [await self._make(name, args, {}) for args in arguments]

    async def _make(self, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        made = self._allowed.find(name)(self.container, *args, **kwargs)
        return await made if inspect.isawaitable(made) else made

    @expose
    def set_time(self, time: float) -> None:
        """Set the container's clock; fails if that goes by itself, or is at *time* or beyond."""
        clock = self.container.core.clock
        if not isinstance(clock, ExternalClock):
            raise LocalProtocolError("the container's clock goes by itself")
        clock.set_time(time)

    @expose
    def stop(self) -> None:
        """End the container and its process, after this is answered."""
        self.container.core.runtime.call_soon(self._stop)
