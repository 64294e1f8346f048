"""junto for programs that block: scripts, notebooks, tools, programs made of threads.

    with sync.connect("tcp://127.0.0.1:5555") as peer:
        assert peer.remote.add(3, 4) == 7

No thread is started behind your back: the thread that waits for a reply reads the socket itself,
and threads that share a connection take turns in that. So nothing moves while nobody waits. A
server waits in `Server.serve_forever`; whoever wants calls of the peer answered meanwhile, says
``start_thread()``, and whoever wants several replies at once uses ``futures`` with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from junto import rpc as _rpc
from junto import server as _server
from junto.address import Address
from junto.answering import Handler
from junto.blocking import Channel, Peer, Request, Server, Stream
from junto.channel import Channel as _Channel
from junto.lazy import attributes_of
from junto.options import ChannelOptions, Options
from junto.proxies import Proxy
from junto.runtimes.threads import ThreadsRuntime

if TYPE_CHECKING:
    import ssl
    from typing import Unpack

    from junto.instrument.sync import (
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
        FuturesTCP,
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
    "FuturesTCP",
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
    __getattr__ = attributes_of("junto.instrument.sync", __name__)


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
) -> Peer:
    """Connect to the service at *url*.

    The arguments and errors are those of `junto.aio.connect`. Functions of *service* are run
    by a thread that waits for something on this connection; one that itself calls the peer needs
    ``workers``.
    """
    runtime = ThreadsRuntime()
    opening = functools.partial(
        _server.open_peer,
        runtime,
        url,
        service=service,
        timeout=timeout,
        tls=tls,
        reconnect=reconnect,
        workers=workers,
        connected=_with_facade(runtime, connected),
        call=functools.partial(_blocking_call, runtime),
    )
    return Peer(runtime, _open(runtime, opening, options), owner=True)


def serve(
    service: Any,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Peer], Any] | None = None,
    workers: int = 0,
    **options: Unpack[ChannelOptions],
) -> Server:
    """Serve *service* at each of *urls*, while a thread is in `Server.serve_forever`.

    The arguments and errors are those of `junto.aio.serve`. Without ``workers``, functions run in
    the serving thread, one after the other, and cannot call the peer.
    """
    runtime = ThreadsRuntime()
    opening = functools.partial(
        _server.serve_peers,
        runtime,
        service,
        urls,
        tls=tls,
        connected=_with_facade(runtime, connected),
        workers=workers,
        call=functools.partial(_blocking_call, runtime),
    )
    return Server(runtime, _open(runtime, opening, options), owner=True)


def open_channel(
    url: str | Address,
    *,
    handler: Handler | None = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    **options: Unpack[ChannelOptions],
) -> Channel:
    """Open a channel; the arguments and errors are those of `junto.aio.open_channel`."""
    runtime = ThreadsRuntime()
    opening = functools.partial(
        _server.open_channel, runtime, url, handler=handler, timeout=timeout, tls=tls, reconnect=reconnect
    )
    return Channel(runtime, _open(runtime, opening, options), owner=True)


def serve_channels(
    handler: Handler | None,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Channel], Any] | None = None,
    **options: Unpack[ChannelOptions],
) -> Server:
    """Answer requests of any shape, while a thread is in `Server.serve_forever`.

    The arguments and errors are those of `junto.aio.serve_channels`.
    """
    runtime = ThreadsRuntime()

    def connected_here(channel: _Channel) -> Any:
        return None if connected is None else connected(Channel(runtime, channel, owner=False))

    opening = functools.partial(
        _server.serve_channels, runtime, handler, urls, tls=tls, connected=connected_here
    )
    return Server(runtime, _open(runtime, opening, options), owner=True)


def _open(runtime: ThreadsRuntime, opening: Callable[..., Any], options: ChannelOptions) -> Any:
    """Run the flow *opening*; nothing is left of the runtime if it fails."""
    try:
        return runtime.call(opening, options=Options(**options))
    except BaseException:
        runtime.close()
        raise


def _with_facade(runtime: ThreadsRuntime, connected: Callable[[Peer], Any] | None) -> Any:
    return None if connected is None else lambda peer: connected(Peer(runtime, peer))


def _blocking_call(runtime: ThreadsRuntime, peer: _rpc.Peer[Any]) -> Callable[..., Any]:
    """Make what proxies do when they are called: this is the way of each call."""
    peer.channel.make_streams_by(functools.partial(Stream, runtime))
    return functools.partial(runtime.call, peer.call_path)
