"""Agents for SimPy programs, in real time.

Agents are derived from `Agent`, and live in a container::

    class Seller(simpy.Agent):
        @expose
        def price(self):
            yield self.container.env.timeout(0.1)
            return 3.5

    container = yield simpy.open_container(env, "tcp://127.0.0.1:5555")
    seller = Seller(container)
    proxy = yield container.connect(seller.url)
    assert (yield proxy.price()) == 3.5

What waits gives an event, as everywhere in `junto.simpy`, whose environments it needs. Functions, hooks and
tasks of agents may be generators of events.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, Unpack

from junto.address import Address
from junto.agents.agent import Agent as _Agent
from junto.agents.container import open_container as _open_container
from junto.agents.directory import Directory
from junto.agents.proxies import AgentProxy as _AgentProxy
from junto.agents.proxies import url_of
from junto.agents.settings import TLS, make_settings
from junto.agents.simpycontainers import (
    Container,
    ContainerProcess,
    EnvironmentClock,
    spawn_container,
    spawn_containers,
)
from junto.agents.supervision import Failure, Restart, Supervised
from junto.clock import Clock, ExternalClock
from junto.custom_types import CustomType
from junto.options import ChannelOptions
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.futures import Future
from junto.runtimes.simpy.runtime import simpy_runtime
from junto.simpy.facades import Opening, Stream

__all__ = [
    "Agent",
    "AgentProxy",
    "Clock",
    "Container",
    "ContainerProcess",
    "Directory",
    "EnvironmentClock",
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
"""Stands for an agent; its calls give events."""


def open_container(
    env: SocketEnvironment,
    *urls: str | Address,
    types: Iterable[CustomType[Any]] = (),
    tls: TLS | None = None,
    clock: Clock | None = None,
    on_failure: Callable[[Failure], object] | None = None,
    heartbeat: float | None = None,
    shortcut: bool = True,
    workers: int = 0,
    **options: Unpack[ChannelOptions],
) -> Future[Container]:
    """Open a container, and listen at each of *urls*, while the environment runs.

    The arguments are those of `junto.agents.aio.open_container`; *env* is a ``junto.simpy.Environment``, and
    its time is the default of *clock*. The event fails as that raises.

    Raises:
        TypeError: *env* is an environment of SimPy's own, which watches no sockets.
        ValueError: An option is out of range.
    """
    runtime = simpy_runtime(env)
    settings = make_settings(
        types=types,
        tls=tls,
        clock=EnvironmentClock(env) if clock is None else clock,
        on_failure=on_failure,
        heartbeat=heartbeat,
        shortcut=shortcut,
        workers=workers,
        make_stream=Stream,
        full_name=socket.getfqdn,
        **options,
    )
    return Opening(env, _open_container(runtime, urls, settings), functools.partial(Container, runtime))
