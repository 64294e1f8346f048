"""junto for asyncio programs, on any event loop; `run` picks uvloop where it is installed.

    async with aio.serve(Math(), "tcp://127.0.0.1:5555"):
        async with aio.connect("tcp://127.0.0.1:5555") as peer:
            assert await peer.remote.add(3, 4) == 7

What opens something can be awaited, and then has to be closed, or entered with ``async with``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from junto import server as _server
from junto.address import Address
from junto.answering import Handler
from junto.channel import Channel
from junto.lazy import attributes_of
from junto.opening import Opening
from junto.options import ChannelOptions, Options
from junto.proxies import Proxy
from junto.request import Request
from junto.rpc import Peer as _Peer
from junto.runtime import Future
from junto.runtimes.asyncio import asyncio_runtime
from junto.server import Server
from junto.streaming import Stream

if TYPE_CHECKING:
    import ssl

    from junto.instrument.aio import (
        IPTOS_LOWCOST,
        IPTOS_LOWDELAY,
        IPTOS_NORMAL,
        IPTOS_RELIABILITY,
        IPTOS_THROUGHPUT,
        TCP,
        BlockFormatError,
        BlockStream,
        ConnectionClosedError,
        ConnectionEOFError,
        ConnectionTimeoutError,
        IncompleteReadError,
        InstrumentError,
        LimitOverrunError,
        LineStream,
        Retry,
        StaleInputError,
        socket_for_url,
    )

__all__ = [
    "IPTOS_LOWCOST",
    "IPTOS_LOWDELAY",
    "IPTOS_NORMAL",
    "IPTOS_RELIABILITY",
    "IPTOS_THROUGHPUT",
    "TCP",
    "BlockFormatError",
    "BlockStream",
    "Channel",
    "ConnectionClosedError",
    "ConnectionEOFError",
    "ConnectionTimeoutError",
    "IncompleteReadError",
    "InstrumentError",
    "LimitOverrunError",
    "LineStream",
    "Opening",
    "Peer",
    "Proxy",
    "Request",
    "Retry",
    "Server",
    "StaleInputError",
    "Stream",
    "connect",
    "open_channel",
    "run",
    "serve",
    "serve_channels",
    "socket_for_url",
]

if not TYPE_CHECKING:
    # Late: who makes calls need not load what instruments need.
    __getattr__ = attributes_of("junto.instrument.aio", __name__)

T = TypeVar("T")

Peer = _Peer[Future[Any]]
"""The other end of a connection; its proxies give awaitables."""


def connect(
    url: str | Address,
    *,
    service: Any = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    workers: int = 0,
    connected: Callable[[Peer], Any] | None = None,
    **options: Unpack[ChannelOptions],
) -> Opening[Peer]:
    """Connect to the service at *url*.

    Args:
        url: ``tcp://host:port``, ``unix://path`` or ``tls://host:port``.
        service: What the other side may call on this connection.
        timeout: 0 for one attempt; seconds to go on trying; ``None`` to try for ever.
        tls: What a ``tls://`` address needs; see `junto.tls`.
        reconnect: Connect anew, with growing pauses, whenever the connection is lost. Calls in
            flight fail then; later ones wait for the new connection.
        workers: In how many threads the plain functions of *service* run; 0 for none: they
            run in the event loop.
        connected: Called with the peer at each (re)connection; may be ``async def``.
        **options: See `junto.Options`.

    Raises:
        ConnectionFailed: No connection could be opened in time.
        ValueError: *url* is no address, or an option is out of range.
    """
    settings = Options(**options)
    return Opening(
        _server.open_peer(
            asyncio_runtime(),
            url,
            settings,
            service=service,
            timeout=timeout,
            tls=tls,
            reconnect=reconnect,
            workers=workers,
            connected=connected,
        )
    )


def serve(
    service: Any,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Peer], Any] | None = None,
    workers: int = 0,
    **options: Unpack[ChannelOptions],
) -> Opening[Server[Peer]]:
    """Serve *service* at each of *urls*.

    Args:
        service: An object with exposed members, or a dictionary of exposed functions.
        *urls: As for `connect`, or ``vsoa://host:port``, where any client of VSOA can call it; port 0 lets
            the system choose, and ``server.urls`` tells.
        tls: What ``tls://`` addresses need; see `junto.tls`.
        connected: Called with each new peer, to call it later; may be ``async def``.
        workers: In how many threads plain functions run; 0 for none: they run in the event loop.
        **options: See `junto.Options`.

    Raises:
        ConnectionFailed: An address cannot be used.
        ValueError: One of *urls* is no address, or an option is out of range.
    """
    settings = Options(**options)
    return Opening(
        _server.serve_peers(
            asyncio_runtime(), service, urls, settings, tls=tls, connected=connected, workers=workers
        )
    )


def open_channel(
    url: str | Address,
    *,
    handler: Handler | None = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    **options: Unpack[ChannelOptions],
) -> Opening[Channel]:
    """Open a channel, the layer of bare requests and replies below RPC.

    Args:
        url: As for `connect`.
        handler: Gets the content of each request of the peer and returns the result, or
            something to wait for, or a generator. Without it they wait for ``channel.recv()``.
        timeout: As for `connect`.
        tls: As for `connect`.
        reconnect: As for `connect`.
        **options: See `junto.Options`.

    Raises:
        ConnectionFailed: No connection could be opened in time.
        ValueError: *url* is no address, or an option is out of range.
    """
    settings = Options(**options)
    return Opening(
        _server.open_channel(
            asyncio_runtime(), url, settings, handler=handler, timeout=timeout, tls=tls, reconnect=reconnect
        )
    )


def serve_channels(
    handler: Handler | None,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Channel], Any] | None = None,
    **options: Unpack[ChannelOptions],
) -> Opening[Server[Channel]]:
    """Answer requests of any shape at each of *urls*.

    Args:
        handler: As for `open_channel`; ``None`` leaves the requests to *connected*.
        *urls: As for `serve`.
        tls: As for `serve`.
        connected: Called with each new channel; may be ``async def``.
        **options: See `junto.Options`.

    Raises:
        ConnectionFailed: An address cannot be used.
        ValueError: One of *urls* is no address, or an option is out of range.
    """
    settings = Options(**options)
    return Opening(
        _server.serve_channels(asyncio_runtime(), handler, urls, settings, tls=tls, connected=connected)
    )


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run a program as `asyncio.run` does, on uvloop if the extra ``fast`` is installed."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None
    try:
        from uvloop import new_event_loop as loop_factory
    except ImportError:
        loop_factory = None
    with asyncio.Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)
