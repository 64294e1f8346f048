"""Agents for asyncio programs.

Agents are derived from `Agent`, and live in a container::

    class Seller(aio.Agent):
        @expose
        def price(self) -> float:
            return 3.5

    async with aio.open_container("tcp://127.0.0.1:5555") as container:
        seller = Seller(container)
        proxy = await container.connect(seller.url)
        assert await proxy.price() == 3.5
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, Unpack

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
from junto.opening import Opening
from junto.options import ChannelOptions
from junto.runtime import Future
from junto.runtimes.asyncio import asyncio_runtime

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
    **options: Unpack[ChannelOptions],
) -> Opening[Container]:
    """Open a container, and listen at each of *urls*.

    Args:
        *urls: ``tcp://host:port``, ``unix://path``, ``tls://host:port`` or ``local://name``; port 0 lets the
            system choose, and ``container.urls`` tells. None is fine for who only calls.
        types: Custom types, of which dates, with the number 0, are known already. All containers that speak
            with one another have the same, in the same order.
        tls: What ``tls://`` needs: the files of the authority, of our certificate and of our key; or two
            contexts, to listen and to connect.
        clock: By which agents live; ``None`` for that of the event loop.
        on_failure: Called with what fails where nobody waits for it; ``None`` logs that.
        heartbeat: Seconds after which each other container that there is a connection with is asked for a
            sign of life, and which it has to give one; then the connection counts as lost. ``None`` leaves
            it to the system to notice hosts that have gone without a word.
        shortcut: Whether calls between agents of this container take the short way, without a connection.
        workers: In how many threads plain functions run; 0 for none: they run in the event loop.
        **options: See `junto.Options`.

    Raises:
        ConnectionFailed: An address cannot be used.
        ValueError: One of *urls* is no address, or an option is out of range.
        TypeError: *tls* is neither three files nor two contexts.
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
    return Opening(_open_container(asyncio_runtime(), urls, settings))
