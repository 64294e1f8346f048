"""Which ways there are to watch sockets in a SimPy environment, by name."""

from __future__ import annotations

import selectors
from typing import Literal, overload

from junto.runtimes.polling import EpollPoller, SelectorPoller
from junto.runtimes.simpy.asyncio_driven import AsyncioEnvironment
from junto.runtimes.simpy.environment import RealTimeEnvironment

__all__ = ["Backend", "make_environment"]

Backend = Literal["select", "poll", "epoll", "asyncio"]


@overload
def make_environment(backend: Literal["asyncio"]) -> AsyncioEnvironment: ...
@overload
def make_environment(backend: Literal["select", "poll", "epoll"] | None = None) -> RealTimeEnvironment: ...
@overload
def make_environment(backend: Backend) -> RealTimeEnvironment | AsyncioEnvironment: ...
def make_environment(backend: str | None = None) -> RealTimeEnvironment | AsyncioEnvironment:
    """Make an environment in real time.

    Args:
        backend: ``"select"``, ``"poll"`` or ``"epoll"``, as the system has them, where ``None`` takes
            the best of these; or ``"asyncio"``, to be driven by a loop.

    Raises:
        ValueError: There is no such backend, or not on this system.
    """
    match backend:
        case None:
            return RealTimeEnvironment()
        case "epoll" if hasattr(selectors, "EpollSelector"):
            return RealTimeEnvironment(EpollPoller())
        case "poll" if hasattr(selectors, "PollSelector"):
            return RealTimeEnvironment(SelectorPoller(selectors.PollSelector()))
        case "select":
            return RealTimeEnvironment(SelectorPoller(selectors.SelectSelector()))
        case "asyncio":
            return AsyncioEnvironment()
        case "epoll" | "poll":
            raise ValueError(f"this system does not have {backend}")
        case "virtual":
            raise ValueError("the backend virtual is not one in real time: see junto.simpy.Environment")
        case _:
            raise ValueError(
                f"there is no backend {backend!r}; there are select, poll, epoll, asyncio and virtual"
            )
