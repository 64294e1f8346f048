"""Servers: listeners, and the connections that came through them."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from junto.address import Address
from junto.answering import Handler
from junto.channel import Channel
from junto.connecting import open_transport, pauses, sleep
from junto.errors import ConnectionFailed
from junto.options import Options
from junto.rpc import Peer
from junto.runtime import Future, Listener, Runtime
from junto.waiting import Shared

if TYPE_CHECKING:
    import ssl

__all__ = ["Server", "open_channel", "open_peer", "serve_channels", "serve_peers"]

logger = logging.getLogger("junto")

C = TypeVar("C")
R = TypeVar("R")

URL = str | Address


class _Beside(Protocol):
    @property
    def addresses(self) -> list[str]: ...
    async def close(self, timeout: float | None = 5.0) -> None: ...


class Server(Generic[C]):
    """What serves at one or more addresses.

    Attributes:
        connections: The connections that are open now, oldest first: channels, or peers.
    """

    def __init__(
        self, runtime: Runtime, make: Callable[[Server[C]], Channel], pool: Executor | None = None
    ) -> None:
        """Prepare a server; `listen` opens it.

        Args:
            runtime: The world it lives in.
            make: Makes the endpoint of a new connection.
            pool: Where handlers run; shut down with the server.
        """
        self._runtime = runtime
        self._make = make
        self._pool = pool
        self._listeners: list[Listener] = []
        self._beside: list[_Beside] = []
        self._connections: dict[Channel, C] = {}
        self._closed: Shared[None] = Shared(runtime)
        self._closing = False

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the ports that the system chose."""
        return [listener.address for listener in self._listeners]

    @property
    def urls(self) -> list[str]:
        """The same as text, with the addresses of other protocols."""
        return [*map(str, self.addresses), *(url for server in self._beside for url in server.addresses)]

    @property
    def connections(self) -> list[C]:
        return list(self._connections.values())

    async def listen(self, urls: Sequence[URL], tls: ssl.SSLContext | None) -> None:
        """Accept connections at each of *urls*.

        Raises:
            ConnectionFailed: One of them cannot be used; none is then.
            ValueError: One of them is no address, or there is none.
        """
        addresses = [Address.parse(url) for url in urls]
        if not addresses:
            raise ValueError("a server needs an address to listen at")
        for address in addresses:
            _check_tls(address, tls)
        try:
            for address in addresses:
                context = tls if address.scheme == "tls" else None
                self._listeners.append(
                    await self._runtime.listen(address, lambda: self._make(self), tls=context)
                )
        except BaseException:
            for listener in self._listeners:
                listener.close()
            raise

    def add_beside(self, server: _Beside) -> None:
        """Close *server*, which serves the same by another protocol, when this one is closed."""
        self._beside.append(server)

    def add(self, channel: Channel, connection: C) -> None:
        """Take note of a new connection, which is not wanted any more if it comes so late."""
        self._connections[channel] = connection
        if self._closing:
            channel.abort()

    def remove(self, channel: Channel) -> None:
        """Take note that a connection has ended."""
        self._connections.pop(channel, None)

    async def close(self, timeout: float | None = 5.0) -> None:
        """Stop listening, and close the connections in order: see `Channel.close`."""
        self._closing = True
        for listener in self._listeners:
            listener.close()
        channels = list(self._connections)
        closing = [self._runtime.create_task(channel.close(timeout)) for channel in channels]
        closing += [self._runtime.create_task(server.close(timeout)) for server in self._beside]
        try:
            for task in closing:
                await task
        except BaseException:  # whoever waited here does not any more; nothing may be left for ever
            self.abort()
            raise
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
            self._closed.set_result(None)

    def abort(self) -> None:
        """Stop listening, and end the connections at once; see `Channel.abort`."""
        self._closing = True
        for listener in self._listeners:
            listener.close()
        for channel in list(self._connections):
            channel.abort()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._closed.set_result(None)

    async def wait_closed(self) -> None:
        """Wait until somebody has closed the server."""
        await self._closed.wait()

    async def __aenter__(self) -> Server[C]:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Server at {', '.join(self.urls)}>"


def _check_tls(address: Address, tls: ssl.SSLContext | None) -> None:
    if address.scheme == "tls" and tls is None:
        raise ValueError(
            f"{address} needs a context: tls=junto.tls.server_context(...) or client_context(...)"
        )


async def serve_channels(
    runtime: Runtime,
    handler: Handler | None,
    urls: Sequence[URL],
    options: Options,
    *,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Channel], Any] | None = None,
) -> Server[Channel]:
    """Answer requests of any shape; see the flavours' ``serve_channels``."""

    def begin(channel: Channel) -> None:
        server.add(channel, channel)
        _run(runtime, connected, channel)

    def make(server: Server[Channel]) -> Channel:
        return Channel(runtime, options, handler, connected=begin, lost=server.remove)

    server = Server(runtime, make)
    await server.listen(urls, tls)
    return server


async def serve_peers(
    runtime: Runtime,
    service: Any,
    urls: Sequence[URL],
    options: Options,
    *,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Peer[R]], Any] | None = None,
    workers: int = 0,
    call: Callable[[Peer[Any]], Callable[..., R]] | None = None,
) -> Server[Peer[R]]:
    """Serve a service; see the flavours' ``serve``."""
    pool = _make_pool(workers)

    def begin(peer: Peer[R]) -> None:
        server.add(peer.channel, peer)
        _run(runtime, connected, peer)

    def make(server: Server[Peer[R]]) -> Channel:
        peer = Peer(runtime, options, service, pool=pool, call=call, connected=begin, lost=server.remove)
        return peer.channel

    server: Server[Peer[R]] = Server(runtime, make, pool)
    commands = [url for url in urls if str(url).lower().startswith("vsoa://")]
    if len(commands) < len(urls) or not urls:
        await server.listen([url for url in urls if url not in commands], tls)
    if commands:
        from junto.vsoa.serving import open_server  # late: few programs need it

        try:
            server.add_beside(
                await open_server(runtime, list(map(str, commands)), service=service, pool=pool)
            )
        except BaseException:
            await server.close()
            raise
    return server


def _make_pool(workers: int) -> Executor | None:
    if workers < 0:
        raise ValueError(f"workers must not be negative, as {workers!r} is")
    return ThreadPoolExecutor(workers, thread_name_prefix="junto-worker") if workers else None


def _run(runtime: Runtime, callback: Callable[[C], Any] | None, connection: C) -> None:
    if callback is None:
        return
    try:
        result = runtime.adopt(callback(connection))
    except Exception as error:
        _connected_failed(error)
        return
    if inspect.iscoroutine(result):
        result = runtime.create_task(result)
    if hasattr(type(result), "add_done_callback"):
        result.add_done_callback(_look_at_connected)


def _look_at_connected(future: Future[Any]) -> None:
    error = None if future.cancelled() else future.exception()
    if error is not None:
        _connected_failed(error)


def _connected_failed(error: BaseException) -> None:
    logger.error("connected= failed; the connection lives", exc_info=error)


async def open_channel(
    runtime: Runtime,
    url: URL,
    options: Options,
    *,
    handler: Handler | None = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
) -> Channel:
    """Open a channel; see the flavours' ``open_channel``."""
    channel = Channel(runtime, options, handler)
    await _connect(runtime, channel, url, timeout, tls, reconnect)
    return channel


async def open_peer(
    runtime: Runtime,
    url: URL,
    options: Options,
    *,
    service: Any = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    workers: int = 0,
    connected: Callable[[Peer[R]], Any] | None = None,
    call: Callable[[Peer[Any]], Callable[..., R]] | None = None,
) -> Peer[R]:
    """Connect to a service; see the flavours' ``connect``."""
    pool = _make_pool(workers)

    def lost(channel: Channel) -> None:
        if pool is not None:
            pool.shutdown(wait=False)

    peer = Peer(
        runtime,
        options,
        service,
        pool=pool,
        call=call,
        connected=lambda peer: _run(runtime, connected, peer),
        lost=lost,
    )
    await _connect(runtime, peer.channel, url, timeout, tls, reconnect)
    return peer


async def _connect(
    runtime: Runtime,
    channel: Channel,
    url: URL,
    timeout: float | None,
    tls: ssl.SSLContext | None,
    reconnect: bool,
) -> None:
    address = Address.parse(url)
    _check_tls(address, tls)
    context = tls if address.scheme == "tls" else None
    await open_transport(runtime, address, lambda: channel, timeout=timeout, tls=context)

    async def connect_again() -> None:
        # The first attempt waits too: a server that drops us at once must not be hammered.
        for pause in pauses():
            await sleep(runtime, pause)
            if channel.is_closing():
                return
            try:
                await open_transport(runtime, address, lambda: channel, tls=context)
            except ConnectionFailed:
                continue
            return

    if reconnect:
        channel.keep_connected(connect_again)
