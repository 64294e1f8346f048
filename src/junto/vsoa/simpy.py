"""VSOA for SimPy programs, in real time.

    client = yield simpy.connect(env, "vsoa://127.0.0.1:3000")
    reply = yield client.fetch("/speed")
    subscription = yield client.subscribe("/axis/")
    message = yield subscription.get()

What waits gives an event, as everywhere in `junto.simpy`, whose environments it needs. Handlers may be plain
functions, generators of events, whose return value is the answer, or flows (``async def``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Unpack

from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.futures import Future, Task
from junto.runtimes.simpy.runtime import SimpyRuntime, simpy_runtime
from junto.sansio.vsoa.positions import Position, Query
from junto.simpy.facades import EndOfStream, Opening
from junto.vsoa import positions as _positions
from junto.vsoa import serving as _serving
from junto.vsoa import timers as _timers
from junto.vsoa.messages import Message
from junto.vsoa.opening import open_client
from junto.vsoa.requests import Request
from junto.vsoa.sessions import Session
from junto.vsoa.settings import ServerOptions, ServerSettings
from junto.vsoa.simpyclients import Client, Subscription, TunnelStream, as_callback
from junto.vsoa.simpyservers import PositionServer, Server, StreamOffer

if TYPE_CHECKING:
    import ssl

__all__ = [
    "Client",
    "EndOfStream",
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
    env: SocketEnvironment,
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
) -> Future[Client]:
    """Connect to the server at *url*.

    The arguments are those of `junto.vsoa.aio.connect`; *env* is a ``junto.simpy.Environment``, and the
    callbacks may be generator functions, too. The event fails as that raises.

    Raises:
        TypeError: *env* is an environment of SimPy's own, which watches no sockets.
    """
    runtime = simpy_runtime(env)

    def with_client(callback: Callable[..., Any] | None) -> Callable[..., Any] | None:
        if callback is None:
            return None
        return as_callback(runtime, lambda inner, *args: callback(Client(runtime, inner), *args))

    def plain(callback: Callable[..., Any] | None) -> Callable[..., Any] | None:
        return None if callback is None else as_callback(runtime, callback)

    flow = open_client(
        runtime,
        url,
        password=password,
        timeout=timeout,
        attempt=attempt,
        tls=tls,
        reconnect=reconnect,
        keepalive=keepalive,
        request_timeout=request_timeout,
        positions=positions,
        on_connect=with_client(on_connect),
        on_disconnect=with_client(on_disconnect),
        on_message=plain(on_message),
        on_datagram=plain(on_datagram),
        on_failure=plain(on_failure),
    )
    return Opening(env, flow, functools.partial(Client, runtime))


def serve(
    env: SocketEnvironment,
    *urls: str,
    service: Any = None,
    info: Any = "",
    password: str = "",
    tls: ssl.SSLContext | None = None,
    pool: Executor | None = None,
    **options: Unpack[ServerOptions],
) -> Future[Server]:
    """Serve clients at each of *urls*, while the environment runs.

    The arguments are those of `junto.vsoa.aio.serve`; *env* is as for `connect`. The event fails as that
    raises.

    Raises:
        TypeError: *env* is an environment of SimPy's own, which watches no sockets.
        ValueError: An option is out of range.
    """
    runtime = simpy_runtime(env)
    flow = _serving.open_server(
        runtime,
        urls,
        service=service,
        info=info,
        password=password,
        tls=tls,
        pool=pool,
        settings=ServerSettings(**options),
    )
    return Opening(env, flow, functools.partial(Server, runtime))


def serve_positions(
    env: SocketEnvironment, source: Mapping[str, Position] | Callable[[Query], Any], url: str
) -> Future[PositionServer]:
    """Tell where servers are, while the environment runs.

    See `junto.vsoa.positions.serve_positions`; *source* may be a generator function, too.
    """
    runtime = simpy_runtime(env)
    flow = _positions.serve_positions(runtime, _source(runtime, source), url)
    return Opening(env, flow, functools.partial(PositionServer, runtime))


def _source(
    runtime: SimpyRuntime, source: Mapping[str, Position] | Callable[[Query], Any]
) -> _positions.PositionSource:
    if isinstance(source, Mapping):
        return source
    return as_callback(runtime, source)


def lookup(
    env: SocketEnvironment,
    name: str,
    *,
    servers: Iterable[tuple[str, int]] | None = None,
    domain: int = -1,
    wait: float = _positions.WAIT,
) -> Future[Position | None]:
    """Ask position servers where the server *name* is; see `junto.vsoa.positions.lookup`."""
    runtime = simpy_runtime(env)
    return Task(env, _positions.lookup(runtime, name, servers=servers, domain=domain, wait=wait))


class Timer(_timers.Timer):
    """A timer of an environment, in real time."""

    def __init__(self, env: SocketEnvironment) -> None:
        super().__init__(simpy_runtime(env))
