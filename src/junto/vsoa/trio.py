"""VSOA for trio programs.

    async with trio.connect("vsoa://127.0.0.1:3000") as client:
        reply = await client.fetch("/speed")
        subscription = await client.subscribe("/axis/")

What opens something is entered with ``async with``, and all that belongs to it has ended when the body is
left: connections, streams, and the tasks of ``async def`` handlers. Cancel scopes are trio's own; who is
cancelled while he waits leaves no trace, and the connection lives on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Self, Unpack

from junto.runtimes.trio.opening import opened
from junto.vsoa import positions as _positions
from junto.vsoa import serving as _serving
from junto.vsoa import timers as _timers
from junto.vsoa.client import Client
from junto.vsoa.messages import Message
from junto.vsoa.opening import open_client
from junto.vsoa.positions import PositionServer, PositionSource
from junto.vsoa.requests import Request
from junto.vsoa.server import Server
from junto.vsoa.sessions import Session
from junto.vsoa.settings import ServerOptions, ServerSettings
from junto.vsoa.subscribing import Subscription
from junto.vsoa.tunnels import StreamOffer, TunnelStream

if TYPE_CHECKING:
    import ssl

    from junto.runtime import Runtime
    from junto.runtimes.trio.opening import Nursery
    from junto.sansio.vsoa.positions import Position

__all__ = [
    "Client",
    "PositionServer",
    "Request",
    "Server",
    "Session",
    "StreamOffer",
    "Subscription",
    "Timer",
    "TunnelStream",
    "connect",
    "lookup",
    "open_timer",
    "serve",
    "serve_positions",
]


def connect(
    url: str,
    *,
    password: str = "",
    timeout: float | None = 0.0,
    attempt: float = 30.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    keepalive: float | None = 3.0,
    request_timeout: float | None = 60.0,
    positions: Iterable[tuple[str, int]] | None = None,
    on_connect: Callable[[Client], Any] | None = None,
    on_disconnect: Callable[[Client, BaseException], Any] | None = None,
    on_message: Callable[[Message], Any] | None = None,
    on_datagram: Callable[[Message], Any] | None = None,
    on_failure: Callable[[Exception], object] | None = None,
    nursery: Nursery | None = None,
) -> AbstractAsyncContextManager[Client]:
    """Connect to the server at *url*, while the body runs.

    The arguments and errors are those of `junto.vsoa.aio.connect`; *nursery* is where the tasks run that the
    connection needs, and ``None`` makes one of its own.
    """
    begin = functools.partial(
        open_client,
        url=url,
        password=password,
        timeout=timeout,
        attempt=attempt,
        tls=tls,
        reconnect=reconnect,
        keepalive=keepalive,
        request_timeout=request_timeout,
        positions=positions,
        on_connect=on_connect,
        on_disconnect=on_disconnect,
        on_message=on_message,
        on_datagram=on_datagram,
        on_failure=on_failure,
    )
    return opened(begin, nursery)


def serve(
    *urls: str,
    service: Any = None,
    info: Any = "",
    password: str = "",
    tls: ssl.SSLContext | None = None,
    pool: Executor | None = None,
    nursery: Nursery | None = None,
    **options: Unpack[ServerOptions],
) -> AbstractAsyncContextManager[Server]:
    """Serve clients at each of *urls*, while the body runs.

    The arguments and errors are those of `junto.vsoa.aio.serve`; *nursery* is as for `connect`.
    """
    begin = functools.partial(
        _serving.open_server,
        urls=urls,
        service=service,
        info=info,
        password=password,
        tls=tls,
        pool=pool,
        settings=ServerSettings(**options),
    )
    return opened(begin, nursery)


def serve_positions(
    source: PositionSource, url: str, *, nursery: Nursery | None = None
) -> AbstractAsyncContextManager[PositionServer]:
    """Tell where servers are, while the body runs.

    See `junto.vsoa.positions.serve_positions`; *nursery* is as for `connect`.
    """
    return opened(functools.partial(_positions.serve_positions, source=source, url=url), nursery)


async def lookup(
    name: str,
    *,
    servers: Iterable[tuple[str, int]] | None = None,
    domain: int = -1,
    wait: float = _positions.WAIT,
) -> Position | None:
    """Ask position servers where the server *name* is; see `junto.vsoa.positions.lookup`."""
    begin = functools.partial(_Answer.begin, name=name, servers=servers, domain=domain, wait=wait)
    async with opened(begin) as answer:
        return answer.position


class _Answer:
    def __init__(self, position: Position | None) -> None:
        self.position = position

    @classmethod
    async def begin(cls, runtime: Runtime, name: str, **options: Any) -> Self:
        return cls(await _positions.lookup(runtime, name, **options))

    async def close(self) -> None:
        """Have nothing to close."""


class Timer(_timers.Timer):
    """A timer of an `open_timer`."""

    @classmethod
    async def begin(cls, runtime: Runtime) -> Self:
        return cls(runtime)

    async def close(self) -> None:
        """Call nothing any more."""
        self.stop()


def open_timer(*, nursery: Nursery | None = None) -> AbstractAsyncContextManager[Timer]:
    """Give a timer for the time of an ``async with``; *nursery* is as for `connect`."""
    return opened(Timer.begin, nursery)
