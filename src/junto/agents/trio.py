"""Agents for trio programs.

Agents are derived from `Agent`, and live in a container::

    class Seller(trio.Agent):
        @expose
        def price(self) -> float:
            return 3.5

    async with trio.open_container("tcp://127.0.0.1:5555") as container:
        seller = Seller(container)
        proxy = await container.connect(seller.url)
        assert await proxy.price() == 3.5

What agents do beside answering has ended when the body is left.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

from junto.address import Address
from junto.agents.agent import Agent as _Agent
from junto.agents.container import Container
from junto.agents.container import open_container as _open_container
from junto.agents.directory import Directory
from junto.agents.launching import spawn_container, spawn_containers
from junto.agents.processes import ContainerProcess
from junto.agents.proxies import AgentProxy as _AgentProxy
from junto.agents.proxies import url_of
from junto.agents.settings import TLS, make_settings
from junto.agents.supervision import Failure, Restart, Supervised
from junto.clock import Clock, ExternalClock
from junto.custom_types import CustomType
from junto.options import ChannelOptions
from junto.runtime import Future
from junto.runtimes.trio.opening import opened

if TYPE_CHECKING:
    from junto.runtimes.trio.opening import Nursery

__all__ = [
    "Agent",
    "AgentProxy",
    "Clock",
    "Container",
    "ContainerProcess",
    "Directory",
    "ExternalClock",
    "Failure",
    "Restart",
    "Supervised",
    "open_container",
    "spawn_container",
    "spawn_containers",
    "url_of",
]

Agent: TypeAlias = _Agent[Container]
"""What agents are derived from."""

AgentProxy: TypeAlias = _AgentProxy[Future[Any]]
"""Stands for an agent; its calls give awaitables."""


def open_container(
    *urls: str | Address,
    types: Iterable[CustomType[Any]] = (),
    tls: TLS | None = None,
    clock: Clock | None = None,
    on_failure: Callable[[Failure], object] | None = None,
    heartbeat: float | None = None,
    shortcut: bool = True,
    workers: int = 0,
    nursery: Nursery | None = None,
    **options: Unpack[ChannelOptions],
) -> AbstractAsyncContextManager[Container]:
    """Open a container, and listen at each of *urls*, while the body runs.

    The arguments and errors are those of `junto.agents.aio.open_container`; *nursery* is where the tasks run
    that it needs, and ``None`` makes one of its own.
    """
    settings = make_settings(
        types=types,
        tls=tls,
        clock=clock,
        on_failure=on_failure,
        heartbeat=heartbeat,
        shortcut=shortcut,
        workers=workers,
        full_name=socket.getfqdn,
        **options,
    )
    return opened(functools.partial(_open_container, urls=urls, settings=settings), nursery)
