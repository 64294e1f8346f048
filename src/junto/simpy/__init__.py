"""junto for SimPy programs, in real time.

    def process(env):
        peer = yield simpy.connect(env, "tcp://127.0.0.1:5555")
        assert (yield peer.remote.add(3, 4)) == 7
        result = yield peer.remote.add(1, 2) | env.timeout(3)

    env = simpy.Environment()
    env.run(until=env.process(process(env)))

What waits gives an event of SimPy, which may be yielded, combined by ``&`` and ``|``, and given up by
``cancel()``. A process that is interrupted while it waits gives up, too. As in SimPy, an event that failed
ends ``run()``; but not if somebody has ever waited for it, nor if it tells of a lost connection.

Handlers may be plain functions, generators of events, whose return value is the result, or flows
(``async def``), which await our events, and others by `wait`. A generator that yields anything
else than an event makes a stream of that.

Below that there are sockets, packets and messages as events: `TCPSocket`, `TLSSocket`, `Packet`,
`PacketUTF8`, `Message`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from junto import rpc as _rpc
from junto import server as _server
from junto.address import Address
from junto.answering import Handler
from junto.lazy import attributes_of
from junto.options import ChannelOptions, Options
from junto.proxies import Proxy
from junto.request import Request
from junto.runtimes.simpy.futures import Future, as_future
from junto.runtimes.simpy.runtime import SimpyRuntime, simpy_runtime
from junto.runtimes.simpy.schedule import Event, ProcessGenerator
from junto.runtimes.tasks import Cancelled
from junto.simpy.environments import Environment, SocketEnvironment, WallClockEnvironment
from junto.simpy.facades import Channel, EndOfStream, Opening, Peer, Server, Stream
from junto.simpy.messages import Message
from junto.simpy.packets import Packet, PacketUTF8
from junto.simpy.sockets import TCPSocket
from junto.simpy.tls_sockets import TLSSocket

if TYPE_CHECKING:
    import ssl
    from typing import Unpack

    from junto.simpy.instruments import (
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
    "Cancelled",
    "Channel",
    "ConnectionClosedError",
    "ConnectionEOFError",
    "ConnectionTimeoutError",
    "EndOfStream",
    "Environment",
    "Future",
    "IncompleteReadError",
    "InstrumentError",
    "LimitOverrunError",
    "LineStream",
    "Message",
    "Packet",
    "PacketUTF8",
    "Peer",
    "ProcessGenerator",
    "Proxy",
    "Request",
    "Retry",
    "Server",
    "SocketEnvironment",
    "StaleInputError",
    "Stream",
    "TCPSocket",
    "TLSSocket",
    "WallClockEnvironment",
    "connect",
    "open_channel",
    "serve",
    "serve_channels",
    "socket_for_url",
    "wait",
]

if not TYPE_CHECKING:
    # Late: who makes calls need not load what instruments need.
    __getattr__ = attributes_of("junto.simpy.instruments", __name__)

L = TypeVar("L")
C = TypeVar("C", bound="Channel | Peer")


def connect(
    env: SocketEnvironment,
    url: str | Address,
    *,
    service: Any = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    workers: int = 0,
    connected: Callable[[Peer], Any] | None = None,
    **options: Unpack[ChannelOptions],
) -> Future[Peer]:
    """Connect to the service at *url*.

    The arguments are those of `junto.aio.connect`; *env* is an `Environment`, and *connected* may be a
    generator function, too. The event fails as that raises.

    Raises:
        TypeError: *env* is an environment of SimPy's own, which watches no sockets.
        ValueError: An option is out of range.
    """
    runtime = simpy_runtime(env)
    flow = _server.open_peer(
        runtime,
        url,
        Options(**options),
        service=service,
        timeout=timeout,
        tls=tls,
        reconnect=reconnect,
        workers=workers,
        connected=_with_facade(runtime, Peer, connected),
        call=_call,
    )
    return Opening(env, flow, functools.partial(Peer, runtime))


def serve(
    env: SocketEnvironment,
    service: Any,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Peer], Any] | None = None,
    workers: int = 0,
    **options: Unpack[ChannelOptions],
) -> Future[Server[Peer]]:
    """Serve *service* at each of *urls*, while the environment runs.

    The arguments are those of `junto.aio.serve`; *env* and *connected* are as for `connect`. The event fails
    as that raises.

    Raises:
        TypeError: *env* is an environment of SimPy's own, which watches no sockets.
        ValueError: An option is out of range.
    """
    runtime = simpy_runtime(env)
    flow = _server.serve_peers(
        runtime,
        service,
        urls,
        Options(**options),
        tls=tls,
        connected=_with_facade(runtime, Peer, connected),
        workers=workers,
        call=_call,
    )
    return Opening(env, flow, lambda server: Server(runtime, server, Peer))


def open_channel(
    env: SocketEnvironment,
    url: str | Address,
    *,
    handler: Handler | None = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    **options: Unpack[ChannelOptions],
) -> Future[Channel]:
    """Open a channel, the layer of bare requests and replies below RPC.

    The arguments are those of `junto.aio.open_channel`; *env* is as for `connect`. The event fails as that
    raises.

    Raises:
        TypeError: *env* is an environment of SimPy's own, which watches no sockets.
        ValueError: An option is out of range.
    """
    runtime = simpy_runtime(env)
    flow = _server.open_channel(
        runtime, url, Options(**options), handler=handler, timeout=timeout, tls=tls, reconnect=reconnect
    )
    return Opening(env, flow, functools.partial(Channel, runtime))


def serve_channels(
    env: SocketEnvironment,
    handler: Handler | None,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Channel], Any] | None = None,
    **options: Unpack[ChannelOptions],
) -> Future[Server[Channel]]:
    """Answer requests of any shape at each of *urls*, while the environment runs.

    The arguments are those of `junto.aio.serve_channels`; *env* and *connected* are as for `connect`. The
    event fails as that raises.

    Raises:
        TypeError: *env* is an environment of SimPy's own, which watches no sockets.
        ValueError: An option is out of range.
    """
    runtime = simpy_runtime(env)
    flow = _server.serve_channels(
        runtime,
        handler,
        urls,
        Options(**options),
        tls=tls,
        connected=_with_facade(runtime, Channel, connected),
    )
    return Opening(env, flow, lambda server: Server(runtime, server, Channel))


def wait(event: Event) -> Future[Any]:
    """Make a future of any event, which a flow can await, as in ``await simpy.wait(env.timeout(1))``."""
    return as_future(simpy_runtime(event.env).env, event)


def _with_facade(
    runtime: SimpyRuntime, facade: Callable[[SimpyRuntime, L], C], connected: Callable[[C], Any] | None
) -> Callable[[L], Any] | None:
    return None if connected is None else lambda connection: connected(facade(runtime, connection))


def _call(peer: _rpc.Peer[Any]) -> Callable[..., Future[Any]]:
    """Make what proxies do when they are called: this is the way of each call."""
    peer.channel.make_streams_by(Stream)
    call: Any = peer.call_path
    return call  # type: ignore[no-any-return]  # the futures of our runtime are events
