"""VSOA for programs that block.

    client = sync.connect("vsoa://127.0.0.1:3000")
    reply = client.fetch("/speed")
    subscription = client.subscribe("/axis/")

No thread is started behind your back, so nothing moves while nobody waits: a server waits in
`Server.serve_forever`, and a client whose callbacks are to be called, or whose connection is to be kept
alive, all the time says ``start_thread()``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Unpack

from junto.blocking import Facade
from junto.runtimes.threads import ThreadsRuntime
from junto.vsoa import positions as _positions
from junto.vsoa import serving as _serving
from junto.vsoa.blocking import Client, Subscription, TunnelStream
from junto.vsoa.blockingserver import Request, Server, Session, StreamOffer
from junto.vsoa.messages import Message
from junto.vsoa.opening import open_client
from junto.vsoa.settings import ServerOptions, ServerSettings

if TYPE_CHECKING:
    import ssl

    from junto.sansio.vsoa.positions import Position, Query

__all__ = [
    "Client",
    "PositionServer",
    "Request",
    "Server",
    "Session",
    "StreamOffer",
    "Subscription",
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
) -> Client:
    """Connect to the server at *url*; the arguments and errors are those of `junto.vsoa.aio.connect`."""
    runtime = ThreadsRuntime()

    def connected(inner: Any) -> Any:
        return None if on_connect is None else on_connect(Client(runtime, inner, owner=False))

    def disconnected(inner: Any, error: BaseException) -> Any:
        return None if on_disconnect is None else on_disconnect(Client(runtime, inner, owner=False), error)

    opening = functools.partial(
        open_client,
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
        on_connect=connected,
        on_disconnect=disconnected,
        on_message=on_message,
        on_datagram=on_datagram,
        on_failure=on_failure,
    )
    return Client(runtime, _open(runtime, opening), owner=True)


def serve(
    *urls: str,
    service: Any = None,
    info: Any = "",
    password: str = "",
    tls: ssl.SSLContext | None = None,
    pool: Executor | None = None,
    **options: Unpack[ServerOptions],
) -> Server:
    """Serve clients at each of *urls*, while a thread is in `Server.serve_forever`.

    The arguments and errors are those of `junto.vsoa.aio.serve`.
    """
    runtime = ThreadsRuntime()
    opening = functools.partial(
        _serving.open_server,
        runtime,
        urls,
        service=service,
        info=info,
        password=password,
        tls=tls,
        pool=pool,
    )
    return Server(runtime, _open(runtime, lambda: opening(settings=ServerSettings(**options))), owner=True)


class PositionServer(Facade):
    """Answers where servers are, while a thread is in `serve_forever`."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._inner.port)

    def on_query(self, callback: Callable[[Query, Callable[[Position | None], None]], object]) -> None:
        """Call *callback* with each query, and with what any thread may call with the answer."""
        runtime = self._runtime

        def asked(query: Query, answer: Callable[[Position | None], None]) -> None:
            def answer_here(position: Position | None) -> None:
                runtime.call_soon_threadsafe(answer, position)

            callback(query, answer_here)

        self._inner.on_query = asked

    def __enter__(self) -> PositionServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def serve_positions(source: _positions.PositionSource, url: str) -> PositionServer:
    """Tell where servers are; see `junto.vsoa.positions.serve_positions`."""
    runtime = ThreadsRuntime()
    opening = functools.partial(_positions.serve_positions, runtime, source, url)
    return PositionServer(runtime, _open(runtime, opening), owner=True)


def lookup(
    name: str,
    *,
    servers: Iterable[tuple[str, int]] | None = None,
    domain: int = -1,
    wait: float = _positions.WAIT,
) -> Position | None:
    """Ask position servers where the server *name* is; see `junto.vsoa.positions.lookup`."""
    runtime = ThreadsRuntime()
    try:
        position: Position | None = runtime.call(
            _positions.lookup, runtime, name, servers=servers, domain=domain, wait=wait
        )
        return position
    finally:
        runtime.close()


def _open(runtime: ThreadsRuntime, opening: Callable[[], Any]) -> Any:
    """Run the flow *opening*; nothing is left of the runtime if it fails."""
    try:
        return runtime.call(opening)
    except BaseException:
        runtime.close()
        raise
