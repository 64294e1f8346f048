"""VSOA for asyncio programs.

    client = await aio.connect("vsoa://127.0.0.1:3000")
    reply = await client.fetch("/speed")
    subscription = await client.subscribe("/axis/")

What opens something can be awaited, and then has to be closed, or entered with ``async with``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Unpack

from junto.opening import Opening
from junto.runtimes.asyncio import asyncio_runtime
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
) -> Opening[Client]:
    """Connect to the server at *url*.

    Args:
        url: ``vsoa://host:port``, or ``vsoa://name`` for a server that the position service knows.
        password: What the server wants to see; empty for nothing.
        timeout: 0 for one attempt; seconds to go on trying; ``None`` to try for ever.
        attempt: Seconds that one attempt may take.
        tls: A context, for a server that speaks TLS; see `junto.tls`.
        reconnect: Connect anew, with growing pauses, whenever the connection is lost, and subscribe
            again. Requests in flight fail then; later ones wait for the new connection.
        keepalive: Seconds between two pings; a server that answers none of four is given up, which
            takes four to five times as long. ``None`` for none.
        request_timeout: Seconds after which a request fails for which none was given.
        positions: Host and port of position servers, instead of those that are configured.
        on_connect: Called with the client at each (re)connection; like the others, it may be ``async def``.
        on_disconnect: Called with the client and the reason when the connection is lost.
        on_message: Called with all that is published to us.
        on_datagram: Called with each datagram.
        on_failure: Called with the error of each attempt to connect anew that failed.

    Raises:
        PasswordRefused: The server does not accept the password.
        ConnectionFailed: No connection could be opened in time.
        ValueError: *url* is no address, or an option is out of range.
    """
    return Opening(
        open_client(
            asyncio_runtime(),
            url,
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
    )


def serve(
    *urls: str,
    service: Any = None,
    info: Any = "",
    password: str = "",
    tls: ssl.SSLContext | None = None,
    pool: Executor | None = None,
    **options: Unpack[ServerOptions],
) -> Opening[Server]:
    """Serve clients at each of *urls*.

    Args:
        *urls: ``vsoa://host:port``; port 0 lets the system choose, and ``server.addresses`` tells.
        service: An object with exposed members, which handles what no command does.
        info: What clients are told when they connect.
        password: What they must show; empty for nothing.
        tls: A context, to speak TLS; then there is no quick channel.
        pool: In whose threads the service's functions run; ``None`` runs them in the event loop.
        **options: See `ServerSettings`.

    Raises:
        ConnectionFailed: An address cannot be used.
        ValueError: One of *urls* is no address, or an option is out of range.
        CodecError: *info* cannot be sent.
    """
    settings = ServerSettings(**options)
    return Opening(
        _serving.open_server(
            asyncio_runtime(),
            urls,
            service=service,
            info=info,
            password=password,
            tls=tls,
            pool=pool,
            settings=settings,
        )
    )


def serve_positions(source: PositionSource, url: str) -> Opening[PositionServer]:
    """Tell where servers are; see `junto.vsoa.positions.serve_positions`."""
    return Opening(_positions.serve_positions(asyncio_runtime(), source, url))


async def lookup(
    name: str,
    *,
    servers: Iterable[tuple[str, int]] | None = None,
    domain: int = -1,
    wait: float = _positions.WAIT,
) -> Position | None:
    """Ask position servers where the server *name* is; see `junto.vsoa.positions.lookup`."""
    return await _positions.lookup(asyncio_runtime(), name, servers=servers, domain=domain, wait=wait)


class Timer(_timers.Timer):
    """A timer of the running event loop."""

    def __init__(self) -> None:
        super().__init__(asyncio_runtime())
