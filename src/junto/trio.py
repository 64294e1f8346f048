"""junto for trio programs.

    async with junto.trio.serve(Math(), "tcp://127.0.0.1:5555"):
        async with junto.trio.connect("tcp://127.0.0.1:5555") as peer:
            assert await peer.remote.add(3, 4) == 7

What opens something is entered with ``async with``, and all that belongs to it has ended when the body
is left: connections, tasks of ``async def`` functions, and what moves the bytes. An error that the body
raises comes out as it is, in no group. Cancel scopes, time-outs and clocks are trio's own; who is
cancelled while he waits for a reply leaves no trace, and the connection lives on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Unpack

from junto import server as _server
from junto.address import Address
from junto.answering import Handler
from junto.channel import Channel
from junto.lazy import attributes_of
from junto.options import ChannelOptions, Options
from junto.proxies import Proxy
from junto.request import Request
from junto.rpc import Peer as _Peer
from junto.runtime import Future
from junto.runtimes.trio.opening import opened
from junto.server import Server
from junto.streaming import Stream

if TYPE_CHECKING:
    import ssl

    from junto.instrument.trio import (
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
    from junto.runtimes.trio.opening import Nursery

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
    "Peer",
    "Proxy",
    "Request",
    "Retry",
    "Server",
    "StaleInputError",
    "Stream",
    "connect",
    "open_channel",
    "serve",
    "serve_channels",
    "socket_for_url",
]

if not TYPE_CHECKING:
    # Late: who makes calls need not load what instruments need.
    __getattr__ = attributes_of("junto.instrument.trio", __name__)

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
    nursery: Nursery | None = None,
    **options: Unpack[ChannelOptions],
) -> AbstractAsyncContextManager[Peer]:
    """Connect to the service at *url*.

    The arguments and errors are those of `junto.aio.connect`, and:

    Args:
        url: ``tcp://host:port``, ``unix://path`` or ``tls://host:port``.
        service: What the other side may call on this connection.
        timeout: 0 for one attempt; seconds to go on trying; ``None`` to try for ever.
        tls: What a ``tls://`` address needs; see `junto.tls`.
        reconnect: Connect anew, with growing pauses, whenever the connection is lost.
        workers: In how many threads the plain functions of *service* run; 0 for none.
        connected: Called with the peer at each (re)connection; may be ``async def``.
        nursery: Where the tasks run that the connection needs; ``None`` for a nursery of its own.
        **options: See `junto.Options`.
    """
    begin = functools.partial(
        _server.open_peer,
        url=url,
        options=Options(**options),
        service=service,
        timeout=timeout,
        tls=tls,
        reconnect=reconnect,
        workers=workers,
        connected=connected,
    )
    return opened(begin, nursery)


def serve(
    service: Any,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Peer], Any] | None = None,
    workers: int = 0,
    nursery: Nursery | None = None,
    **options: Unpack[ChannelOptions],
) -> AbstractAsyncContextManager[Server[Peer]]:
    """Serve *service* at each of *urls*, while the body runs.

    The arguments and errors are those of `junto.aio.serve`; *nursery* is as for `connect`.
    """
    begin = functools.partial(
        _server.serve_peers,
        service=service,
        urls=urls,
        options=Options(**options),
        tls=tls,
        connected=connected,
        workers=workers,
    )
    return opened(begin, nursery)


def open_channel(
    url: str | Address,
    *,
    handler: Handler | None = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    nursery: Nursery | None = None,
    **options: Unpack[ChannelOptions],
) -> AbstractAsyncContextManager[Channel]:
    """Open a channel, the layer of bare requests and replies below RPC.

    The arguments and errors are those of `junto.aio.open_channel`; *nursery* is as for `connect`.
    """
    begin = functools.partial(
        _server.open_channel,
        url=url,
        options=Options(**options),
        handler=handler,
        timeout=timeout,
        tls=tls,
        reconnect=reconnect,
    )
    return opened(begin, nursery)


def serve_channels(
    handler: Handler | None,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Channel], Any] | None = None,
    nursery: Nursery | None = None,
    **options: Unpack[ChannelOptions],
) -> AbstractAsyncContextManager[Server[Channel]]:
    """Answer requests of any shape at each of *urls*, while the body runs.

    The arguments and errors are those of `junto.aio.serve_channels`; *nursery* is as for `connect`.
    """
    begin = functools.partial(
        _server.serve_channels,
        handler=handler,
        urls=urls,
        options=Options(**options),
        tls=tls,
        connected=connected,
    )
    return opened(begin, nursery)
