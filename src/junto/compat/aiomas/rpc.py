"""Remote procedure calls, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from junto import proxies as _proxies
from junto import rpc as _rpc
from junto.channel import Channel as _Channel
from junto.compat.aiomas.channel import Channel, connect, listen, make_codec, options_for
from junto.compat.aiomas.codecs import Codec
from junto.compat.aiomas.exceptions import SerializationError
from junto.compat.aiomas.routing import Router, Service, ServiceDict, expose, is_service
from junto.runtimes.asyncio import asyncio_runtime

__all__ = [
    "Proxy",
    "Router",
    "RpcClient",
    "Service",
    "ServiceDict",
    "expose",
    "open_connection",
    "start_server",
]


class Proxy(_proxies.Proxy[Any]):
    """Stands for what the peer has at a path; calling it gives a future."""

    _text: str | None = None

    def __new__(cls, call: Callable[..., Any], path: str = "") -> Proxy:
        """Make a proxy of what *call* finds at *path*."""
        made: Any = super().__new__(cls, call, path)
        return made  # type: ignore[no-any-return]  # it is of this class

    def __getitem__(self, name: str) -> Proxy:
        # Its own class, so that a member is a proxy of aiomas as well.
        path = self._path
        super().__getitem__(name)  # which checks the name
        return Proxy(self._call, f"{path}/{name}" if path else name)

    def __str__(self) -> str:
        if self._text is not None:
            return self._text
        client: RpcClient = self._call.__self__  # type: ignore[attr-defined]  # the client's own method
        peername = client.channel.get_extra_info("peername")
        return f"Proxy({peername[:2]!r}, {self._path!r})"

    def __repr__(self) -> str:
        return f"<{__name__}.{self} at {id(self):#x}>"


def show_as(proxy: Proxy, text: str) -> Proxy:
    """Let *proxy* be printed as *text*."""
    proxy._text = text  # pyright: ignore[reportPrivateUsage]  # every public name is the peer's
    return proxy


class _Peer(_rpc.Peer[Any]):
    """Calls what routers find, with what the peer sent, as it is."""

    def __init__(self, client: RpcClient, codec: Codec, service: Any, connected: Callable[[], None]) -> None:
        self._client = client
        self._root: Router | None = None if service is None else service.router
        super().__init__(
            asyncio_runtime(),
            options_for(codec),
            connected=lambda _peer: connected(),
            lost=lambda _channel: client.lost(),
        )

    def _handle(self, content: Any) -> Any:
        if not isinstance(content, list | tuple) or len(content) != 3:
            raise TypeError("a call is an array of three: path, arguments, arguments by name")
        path, args, kwargs = content
        if not (isinstance(path, str) and isinstance(args, list | tuple) and isinstance(kwargs, dict)):
            raise TypeError("a call has a text as path, an array of arguments, and a map of those by name")
        if self._root is None:
            raise LookupError("this peer offers no service")
        return self._root.resolve(path)(*args, **kwargs)

    def to_data(self, value: object) -> Any:
        if isinstance(value, _proxies.Proxy):
            raise SerializationError("a proxy cannot be passed on: the wire has no form for it")
        if not is_service(value):
            return None
        router: Router = value.router  # type: ignore[attr-defined]  # every service has one
        if self._root is None or router.root is not self._root:
            raise SerializationError(f"{value!r} is no part of the service on this connection")
        return router.path

    def from_data(self, data: Any) -> Any:
        if not isinstance(data, str):
            raise SerializationError("the peer sent a reference in no known form")
        return Proxy(self._client.call, data)


class RpcClient:
    """One connection, from either side; made by `open_connection` and by servers."""

    def __init__(
        self, codec: Codec, service: Any = None, connected: Callable[[RpcClient], object] | None = None
    ) -> None:
        def begin() -> None:
            if connected is not None:
                connected(self)

        self._on_reset: Callable[[Exception], object] | None = None
        self._closing = False
        self._service: asyncio.Future[None] | None = None
        peer = _Peer(self, codec, service, begin)
        self._peer = peer
        self._channel = Channel(peer.channel, codec)
        self._remote = Proxy(self.call)
        if service is not None:
            self._service = asyncio.get_running_loop().create_future()
            self._service.add_done_callback(self._service_done)

    @property
    def endpoint(self) -> _Channel:
        """What a transport is connected to."""
        return self._peer.channel

    def call(self, path: str, /, *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        """Call what is at *path*; see `Channel.send`."""
        return self._channel.send([path, args, kwargs])

    @property
    def channel(self) -> Channel:
        """The channel below."""
        return self._channel

    @property
    def service(self) -> asyncio.Future[None] | None:
        """Done when the service of this side has ended; ``None`` if there is none. Cancelling it ends it."""
        return self._service

    @property
    def remote(self) -> Proxy:
        """The proxy of the peer's service."""
        return self._remote

    def on_connection_reset(self, callback: Callable[[Exception], object] | None) -> None:
        """Call *callback* with an error when the peer ends the connection; ``None`` for no call.

        Raises:
            ValueError: *callback* cannot be called.
            RuntimeError: This side offers no service.
        """
        if self._service is None:
            raise RuntimeError("this side offers no service")
        if not (callback is None or callable(callback)):
            raise ValueError(f"{callback!r} is neither None nor callable")
        self._on_reset = callback

    async def close(self) -> None:
        """End the connection."""
        self._closing = True
        await self._channel.close()

    def lost(self) -> None:
        """Take note that the connection has ended."""
        if self._service is not None and not self._service.done():
            self._service.set_result(None)
        if self._on_reset is not None and not self._closing:
            self._on_reset(ConnectionResetError("the peer closed the connection"))

    def _service_done(self, service: asyncio.Future[None]) -> None:
        if service.cancelled():
            self._closing = True
            self._peer.channel.abort()


def _check_service(service: Any) -> None:
    if not is_service(service):
        raise ValueError(f"{service!r} is no RPC service: it has no router")


async def open_connection(
    addr: Any,
    *,
    rpc_service: Any = None,
    loop: asyncio.AbstractEventLoop | None = None,
    codec: type[Codec] | None = None,
    extra_serializers: Any = (),
    timeout: float | None = 0,
    ssl: Any = None,
) -> RpcClient:
    """Connect to a service at *addr*, and let the peer call *rpc_service*.

    The other arguments and the errors are those of `channel.open_connection`.

    Raises:
        ValueError: *rpc_service* is none.
    """
    if rpc_service is not None:
        _check_service(rpc_service)
    client = RpcClient(make_codec(codec, extra_serializers), rpc_service)
    await connect(addr, lambda: client.endpoint, timeout, ssl)
    return client


async def start_server(
    addr: Any,
    rpc_service: Any,
    client_connected_cb: Callable[[RpcClient], object] | None = None,
    *,
    loop: asyncio.AbstractEventLoop | None = None,
    codec: type[Codec] | None = None,
    extra_serializers: Any = (),
    ssl: Any = None,
) -> Any:
    """Serve *rpc_service* at *addr*, and call *client_connected_cb* with each connection.

    The other arguments and the errors are those of `channel.start_server`.

    Raises:
        ValueError: *rpc_service* is none.
    """
    _check_service(rpc_service)
    serializers = list(extra_serializers)

    def make() -> _Channel:
        return RpcClient(make_codec(codec, serializers), rpc_service, client_connected_cb).endpoint

    return await listen(addr, make, ssl)
