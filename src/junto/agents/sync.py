"""Agents for programs that block.

Agents are derived from `Agent`, and live in a container::

    class Seller(sync.Agent):
        @expose
        def price(self) -> float:
            return 3.5

    with sync.open_container("tcp://127.0.0.1:5555") as container:
        seller = Seller(container)
        container.start_thread()
        ...

No thread is started behind your back, so nothing moves while nobody waits: a container waits in
`Container.serve_forever`, or has a thread of its own by ``start_thread()``. Agents whose functions call
others need ``workers``, in whose threads they may wait.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, Unpack

from junto.address import Address
from junto.agents.agent import Agent as _Agent
from junto.agents.blocking import (
    Clock,
    Container,
    ContainerProcess,
    Target,
    spawn_container,
    spawn_containers,
)
from junto.agents.container import open_container as _open_container
from junto.agents.directory import Directory
from junto.agents.proxies import AgentProxy as _AgentProxy
from junto.agents.proxies import url_of
from junto.agents.settings import TLS, make_settings
from junto.agents.supervision import Failure, Restart, Supervised
from junto.blocking import Stream
from junto.clock import Clock as _Clock
from junto.clock import ExternalClock
from junto.custom_types import CustomType
from junto.options import ChannelOptions
from junto.rpc import Peer
from junto.runtimes.threads import ThreadsRuntime

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

AgentProxy: TypeAlias = _AgentProxy[Any]
"""Stands for an agent; its calls give results."""


def open_container(
    *urls: str | Address,
    types: Iterable[CustomType[Any]] = (),
    tls: TLS | None = None,
    clock: _Clock | None = None,
    on_failure: Callable[[Failure], object] | None = None,
    heartbeat: float | None = None,
    shortcut: bool = True,
    workers: int = 0,
    **options: Unpack[ChannelOptions],
) -> Container:
    """Open a container, and listen at each of *urls*.

    The arguments and errors are those of `junto.agents.aio.open_container`. Without *workers*, functions run
    in the thread that waits for something, and cannot call other agents.
    """
    runtime = ThreadsRuntime()

    def make_call(peer: Peer[Any]) -> Callable[..., Any]:
        return functools.partial(runtime.call, peer.call_path)

    opening = functools.partial(
        make_settings,
        types=types,
        tls=tls,
        clock=clock,
        on_failure=on_failure,
        heartbeat=heartbeat,
        shortcut=shortcut,
        workers=workers,
        make_target=Target,
        make_call=make_call,
        make_stream=functools.partial(Stream, runtime),
        full_name=socket.getfqdn,
        **options,
    )
    try:
        return Container(runtime, runtime.call(_open_container, runtime, urls, opening()))
    except BaseException:
        runtime.close()
        raise
