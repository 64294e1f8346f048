"""Containers in processes of their own, each with an agent that makes others."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Iterable
from typing import Any

from junto.agents.spawnable import AllowList
from junto.compat.aiomas import agent, rpc
from junto.compat.aiomas.util import obj_from_str

__all__ = ["Manager", "start"]

logger = logging.getLogger("junto")


async def start(addr: Any, *, allow: Iterable[str] | None = None, **container_kwargs: Any) -> None:
    """Run a container with a `Manager` until that is told to stop.

    Args:
        addr: Where it listens.
        allow: What may be spawned: names, or patterns as ``module:*``. ``None`` is for everything, as it was
            before; whoever reaches *addr* can run any code then.
        **container_kwargs: As for `Container.create`.
    """
    container = await agent.Container.create(addr, **container_kwargs, as_coro=True)
    try:
        await Manager(container, None if allow is None else AllowList(allow)).stop_received
    except KeyboardInterrupt:
        logger.info("interrupted by the user")
    finally:
        await container.shutdown(as_coro=True)


class Manager(agent.Agent):
    """Makes agents in its container, and sets its clock.

    Attributes:
        stop_received: Done when somebody has called `stop`.
    """

    def __init__(self, container: agent.Container, allowed: AllowList | None = None) -> None:
        super().__init__(container)
        self._find = obj_from_str if allowed is None else allowed.find
        self.stop_received: asyncio.Future[bool] = container.loop.create_future()

    @rpc.expose
    async def spawn(self, qualname: str, /, *args: Any, **kwargs: Any) -> tuple[Any, str]:
        """Make an agent: call what ``module:Class`` names with the container and the arguments.

        Returns:
            The agent, which becomes a proxy, and its URL.
        """
        made = self._find(qualname)(self.container, *args, **kwargs)
        if inspect.isawaitable(made):
            made = await made
        return made, made.addr

    @rpc.expose
    def set_time(self, time: float) -> None:
        """Set the container's clock."""
        self.container.clock.set_time(time)

    @rpc.expose
    def stop(self) -> None:
        """End the process, after this is answered."""
        if not self.stop_received.done():
            self.stop_received.set_result(True)
