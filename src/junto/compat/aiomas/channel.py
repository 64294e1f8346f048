"""Channels: requests and replies of any shape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from junto.address import Address
from junto.channel import Channel as _Channel
from junto.compat.aiomas.codecs import JSON, Codec
from junto.compat.aiomas.exceptions import as_before, translating
from junto.compat.aiomas.local_queue import LocalQueue, LocalQueueServer, connect_endpoint
from junto.compat.aiomas.own_codecs import for_connection
from junto.connecting import open_transport, pauses
from junto.errors import CodecError
from junto.options import Options
from junto.request import Request as _Request
from junto.runtimes.asyncio import asyncio_runtime
from junto.waiting import Deadline

if TYPE_CHECKING:
    import ssl as _ssl

__all__ = [
    "DEFAULT_CODEC",
    "Channel",
    "Request",
    "Server",
    "connect",
    "listen",
    "make_codec",
    "open_connection",
    "options_for",
    "start_server",
]

DEFAULT_CODEC = JSON

Addr = Any  # a tuple of host and port, the path of a unix socket, or a local queue
Serializers = Iterable[Callable[[], Any]]


def make_codec(codec: type[Codec] | None, extra_serializers: Serializers) -> Codec:
    """Make the codec of one connection."""
    made = (codec or DEFAULT_CODEC)()
    for serializer in extra_serializers:
        made.add_serializer(*serializer())
    return made


def options_for(codec: Codec) -> Options:
    """Give the settings of a connection, which is to be one of aiomas on the wire."""
    return Options(codec=for_connection(codec), extensions=False, max_handlers=65_536)


class Request:
    """A request of the peer.

    Attributes:
        content: What it sent.
    """

    def __init__(self, inner: _Request, channel: _Channel) -> None:
        self._inner = inner
        self._channel = channel
        self.content = inner.content

    async def reply(self, result: Any) -> None:
        """Answer; what has no form on the wire is answered with a failure.

        Raises:
            ConnectionResetError: The connection is gone.
        """
        self._check()
        try:
            self._inner.reply(result)
        except CodecError as error:
            self._inner.fail(error)

    async def fail(self, exception: BaseException) -> None:
        """Answer that it failed; raises as `reply`."""
        self._check()
        self._inner.fail(exception)

    def _check(self) -> None:
        if self._channel.is_closing():
            raise ConnectionResetError("the connection is closed")


class Channel:
    """One connection."""

    def __init__(self, inner: _Channel, codec: Codec) -> None:
        self._inner = inner
        self._codec = codec

    @property
    def codec(self) -> Codec:
        """The codec; what is added to it now is too late for this connection."""
        return self._codec

    @property
    def transport(self) -> Any:
        """What tells about the connection below."""
        return self._inner

    def send(self, content: Any) -> asyncio.Future[Any]:
        """Send a request.

        Returns:
            A future of the reply, which raises `RemoteException`, or `ConnectionResetError`.

        Raises:
            SerializationError: *content* cannot be sent.
            ConnectionResetError: The connection is gone.
        """
        with translating():
            waiting: Any = self._inner.request(content)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(future: asyncio.Future[Any]) -> None:
            if reply.done():
                if not future.cancelled():
                    future.exception()
            elif future.cancelled():
                reply.cancel()
            elif (error := future.exception()) is not None:
                reply.set_exception(as_before(error))
            else:
                reply.set_result(future.result())

        waiting.add_done_callback(settle)
        reply.add_done_callback(lambda _: waiting.cancel())
        return reply

    async def recv(self) -> Request:
        """Wait for the next request of the peer.

        Raises:
            ConnectionResetError: The connection has ended.
            RuntimeError: Somebody else waits here already.
        """
        with translating():
            return Request(await self._inner.recv(), self._inner)

    async def close(self) -> None:
        """End the connection; doing so twice is fine. What handlers return later is dropped."""
        await self._inner.hang_up()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Ask the transport: ``peername``, ``sockname`` and more."""
        return self._inner.get_extra_info(name, default)


class Server:
    """Listens at one address; connections made by it live on when it is closed."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener

    @property
    def sockets(self) -> tuple[Any, ...]:
        """Those that listen."""
        return tuple(sock for server in self._listener.servers for sock in server.sockets)

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    async def wait_closed(self) -> None:
        """Wait for nothing: it is closed at once."""


def _address(addr: Addr, ssl: _ssl.SSLContext | None) -> Address:
    if isinstance(addr, tuple) and len(addr) >= 2:
        return Address("tls" if ssl else "tcp", addr[0] or "", addr[1])
    if isinstance(addr, str):
        return Address("unix", path=addr)
    raise ValueError(f"an address is a host and a port, a path or a local queue, not {addr!r}")


async def connect(
    addr: Addr, factory: Callable[[], Any], timeout: float | None, ssl: _ssl.SSLContext | None
) -> None:
    """Connect an endpoint; the errors are those of the system."""
    runtime = asyncio_runtime()
    if not isinstance(addr, LocalQueue):
        with translating():
            await open_transport(runtime, _address(addr, ssl), factory, timeout=timeout, tls=ssl)
        return
    deadline = Deadline(runtime, timeout)
    for pause in pauses():
        try:
            connect_endpoint(addr, factory)
            return
        except ConnectionRefusedError:
            left = deadline.remaining()
            if timeout == 0 or left == 0.0:
                raise
        await asyncio.sleep(pause if left is None else min(pause, left))


async def listen(
    addr: Addr, factory: Callable[[], Any], ssl: _ssl.SSLContext | None
) -> Server | LocalQueueServer:
    """Make an endpoint for each connection; the errors are those of the system."""
    if isinstance(addr, LocalQueue):
        return LocalQueueServer(factory, addr)
    with translating():
        return Server(await asyncio_runtime().listen(_address(addr, ssl), factory, tls=ssl))


async def open_connection(
    addr: Addr,
    *,
    loop: asyncio.AbstractEventLoop | None = None,
    codec: type[Codec] | None = None,
    extra_serializers: Serializers = (),
    timeout: float | None = 0,
    ssl: _ssl.SSLContext | None = None,
) -> Channel:
    """Connect to *addr*: a host and a port, the path of a unix socket, or a local queue.

    Args:
        addr: Where to.
        loop: Not needed: it is the one that runs.
        codec: A class of codecs.
        extra_serializers: Each gives the arguments of `Codec.add_serializer`.
        timeout: 0 for one attempt; seconds to go on trying; ``None`` to try for ever.
        ssl: A context, for TLS.

    Raises:
        OSError: Nobody listens there.
        ValueError: *addr* is no address.
    """
    made = make_codec(codec, extra_serializers)
    inner = _Channel(asyncio_runtime(), options_for(made))
    await connect(addr, lambda: inner, timeout, ssl)
    return Channel(inner, made)


async def start_server(
    addr: Addr,
    client_connected_cb: Callable[[Channel], Any],
    *,
    loop: asyncio.AbstractEventLoop | None = None,
    codec: type[Codec] | None = None,
    extra_serializers: Serializers = (),
    ssl: _ssl.SSLContext | None = None,
) -> Any:
    """Listen at *addr*, and call *client_connected_cb* with each channel; it may be a coroutine function.

    The other arguments are those of `open_connection`.

    Raises:
        OSError: The address cannot be used.
        RuntimeError: The local queue has a server already.
        ValueError: *addr* is no address.
    """
    runtime = asyncio_runtime()
    extra_serializers = list(extra_serializers)

    def make() -> _Channel:
        made = make_codec(codec, extra_serializers)

        def begin(inner: _Channel) -> None:
            result = client_connected_cb(Channel(inner, made))
            if asyncio.iscoroutine(result):
                runtime.create_task(result)

        return _Channel(runtime, options_for(made), connected=begin)

    return await listen(addr, make, ssl)
