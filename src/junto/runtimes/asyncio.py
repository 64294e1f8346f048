"""The asyncio runtime: a thin layer, for the seam is made in asyncio's image.

Runs on any event loop, uvloop's too. Nothing of this module is called per message: asyncio's
transports are handed to the layers as they are, and asyncio calls the endpoints' own methods.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import sys
import weakref
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from junto.address import Address
from junto.runtimes.binding import SocketFile, addresses_of, bind_datagram, bind_tcp, bind_unix, tune
from junto.runtimes.edge import failing, require_context, require_host

if TYPE_CHECKING:
    import concurrent.futures

    from junto.runtime import BufferedEndpoint, DatagramEndpoint, DatagramTransport, Endpoint, Transport

__all__ = ["AsyncioRuntime", "asyncio_runtime"]

T = TypeVar("T")

READ_BUFFER_SIZE = 256 * 1024
HANDSHAKE_TIMEOUT = 30.0  # seconds
SHUTDOWN_TIMEOUT = 5.0  # seconds that a TLS peer has to answer our goodbye
_GRACE = 1.0  # seconds that stop() gives connections to send what they hold


class AsyncioRuntime:
    """The world of one event loop. Get it by `asyncio_runtime`, so that one loop has one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.time = loop.time
        self.call_soon = loop.call_soon
        self.call_soon_threadsafe = loop.call_soon_threadsafe
        self.call_later = loop.call_later
        # Of just this class: a loop is slower with one that is derived from it.
        self.create_future: Callable[[], asyncio.Future[Any]] = loop.create_future
        self._buffer: memoryview | None = None
        self._transports: dict[Any, None] = {}
        self._listeners: dict[_Listener, None] = {}
        self._tasks: dict[asyncio.Future[Any], None] = {}
        self._stopping: list[asyncio.Future[None]] = []

    @property
    def read_buffer(self) -> memoryview:
        if self._buffer is None:
            self._buffer = memoryview(bytearray(READ_BUFFER_SIZE))
        return self._buffer

    def create_task(self, flow: Coroutine[Any, Any, T], /) -> asyncio.Task[T]:
        task = _make_task(flow, self._loop)
        if not task.done():
            # The loop itself holds a task only weakly.
            self._tasks[task] = None
            task.add_done_callback(self._task_ended)
        return task

    async def connect(
        self,
        address: Address,
        factory: Callable[[], Endpoint | BufferedEndpoint],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> Transport:
        require_context(address, tls)
        adapters: list[_StreamAdapter | _BufferedAdapter] = []

        def protocol_factory() -> _StreamAdapter | _BufferedAdapter:
            adapters.append(_adapt(self, factory))
            return adapters[-1]

        options = _tls_options(tls)
        host: Any = address.host or None  # None is fine, whatever typeshed says: this machine
        with failing("connect to", address):
            if tls is not None:
                if tls.check_hostname and not address.host:
                    raise ValueError("the context checks the peer's hostname, and none is given")
                options["server_hostname"] = address.host
            if address.scheme == "unix":
                opening = self._loop.create_unix_connection(protocol_factory, address.path, **options)
            else:
                opening = self._loop.create_connection(protocol_factory, host, address.port, **options)
            return await self._opened(opening, adapters)

    async def _opened(self, opening: Coroutine[Any, Any, tuple[Any, Any]], adapters: list[Any]) -> Transport:
        """Await *opening*; who gives up when the endpoint was told already has it closed in order."""
        transport: Transport
        if isinstance(self._loop, asyncio.BaseEventLoop):
            transport, _ = await opening
            return transport
        # uvloop would close the transport without a word to the endpoint.
        task = self._loop.create_task(opening)
        try:
            transport, _ = await asyncio.shield(task)
        except asyncio.CancelledError:
            if any(adapter.is_made() for adapter in adapters):
                task.add_done_callback(_abort)
            else:
                task.cancel()
            raise
        return transport

    async def listen(
        self,
        address: Address,
        factory: Callable[[], Endpoint | BufferedEndpoint],
        *,
        tls: ssl.SSLContext | None = None,
        handshake_timeout: float | None = None,
    ) -> _Listener:
        require_context(address, tls)
        options = _tls_options(tls, handshake_timeout)
        protocol_factory = functools.partial(_adapt, self, factory)
        with failing("listen at", address):
            file: SocketFile | None = None
            if address.scheme == "unix":
                sock, file = bind_unix(address.path)
                sockets = [sock]
            else:
                sockets = bind_tcp(await self._look_up(address, socket.SOCK_STREAM))
                address = address.with_port(sockets[0].getsockname()[1])
            listener = _Listener(self, address, file)
            self._listeners[listener] = None
            try:
                for sock in sockets:
                    listener.servers.append(await self._serve(sock, protocol_factory, options))
            except BaseException:
                listener.close()
                for sock in sockets:
                    sock.close()
                raise
        return listener

    async def _look_up(self, address: Address, kind: int) -> Any:
        return await self._loop.getaddrinfo(
            address.host or None, address.port, type=kind, flags=socket.AI_PASSIVE
        )

    async def _serve(
        self, sock: socket.socket, protocol_factory: Callable[[], Any], options: dict[str, Any]
    ) -> asyncio.AbstractServer:
        if sock.family == getattr(socket, "AF_UNIX", None):
            if sys.version_info >= (3, 13) and isinstance(self._loop, asyncio.BaseEventLoop):
                options = {**options, "cleanup_socket": False}  # done by the listener, on every version
            return await self._loop.create_unix_server(protocol_factory, sock=sock, **options)
        return await self._loop.create_server(protocol_factory, sock=sock, **options)

    async def look_up(self, host: str) -> list[str]:
        with failing("find", Address("tcp", host, 0)):
            return addresses_of(await self._loop.getaddrinfo(host, 0, type=socket.SOCK_STREAM))

    async def open_datagram(
        self, address: Address, factory: Callable[[], DatagramEndpoint]
    ) -> DatagramTransport:
        require_host(address)
        with failing("receive datagrams at", address):
            infos = await self._look_up(address, socket.SOCK_DGRAM)
            # Bound here, for uvloop leaves a socket open that it could not bind.
            transport, _ = await self._loop.create_datagram_endpoint(
                functools.partial(_DatagramAdapter, self, factory()), sock=bind_datagram(infos)
            )
        return transport

    def adopt(self, result: T, /) -> T:
        return result

    def call_in_worker(
        self, function: Callable[[], T], /, *, pool: concurrent.futures.Executor
    ) -> asyncio.Future[T]:
        return self._loop.run_in_executor(pool, function)

    def stop(self) -> asyncio.Future[None]:
        """Close all that is open and cancel the tasks made by `create_task`; done when nothing is left.

        Connections get a second to send what they hold. The runtime can be used again.
        """
        stopped = self.create_future()
        self._stopping.append(stopped)
        for listener in list(self._listeners):
            listener.close()
        for transport in list(self._transports):
            transport.close()
        for task in list(self._tasks):
            task.cancel()
        timer = self.call_later(_GRACE, self._abort_all)
        stopped.add_done_callback(lambda _stopped: timer.cancel())
        self.call_soon(self._look_whether_stopped)
        return stopped

    # -- for adapters and listeners --

    def opened(self, transport: Any) -> None:
        self._transports[transport] = None

    def lost(self, transport: Any) -> None:
        self._transports.pop(transport, None)
        if self._stopping:
            # Later: asyncio closes the socket after it has told the protocol.
            self.call_soon(self._look_whether_stopped)

    def unlisted(self, listener: _Listener) -> None:
        self._listeners.pop(listener, None)

    def _task_ended(self, task: asyncio.Future[Any]) -> None:
        self._tasks.pop(task, None)
        self._look_whether_stopped()

    def _abort_all(self) -> None:
        for transport in list(self._transports):
            transport.abort()

    def _look_whether_stopped(self) -> None:
        if not (self._transports or self._tasks):
            stopping, self._stopping = self._stopping, []
            for future in stopping:
                if not future.done():
                    future.set_result(None)


class _Listener:
    """One address, which may need several of asyncio's servers."""

    def __init__(self, runtime: AsyncioRuntime, address: Address, file: SocketFile | None) -> None:
        self.servers: list[asyncio.AbstractServer] = []
        self._runtime = runtime
        self._address = address
        self._file = file

    @property
    def address(self) -> Address:
        return self._address

    def close(self) -> None:
        """Stop accepting; doing so twice is fine.

        Nobody waits for the servers to be closed: since Python 3.12 that takes as long as their
        last connection lives.
        """
        if self._file is not None:
            self._file.remove()
        for server in self.servers:
            server.close()
        self._runtime.unlisted(self)


class _Adapter:
    """Stands between asyncio and an endpoint, except for the calls that are made per message.

    asyncio asks what class a protocol is of, and the runtime wants to know which
    transports are open.
    """

    __slots__ = ("_endpoint", "_resuming", "_runtime", "_transport")

    def __init__(self, runtime: AsyncioRuntime, endpoint: Any) -> None:
        self._runtime = runtime
        self._endpoint = endpoint
        self._transport: Any = None
        self._resuming: asyncio.Handle | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._runtime.opened(transport)
        tune(transport.get_extra_info("socket"))
        self._endpoint.connection_made(transport)

    def is_made(self) -> bool:
        return self._transport is not None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
        try:
            self._endpoint.connection_lost(exc)
        finally:
            self._runtime.lost(self._transport)

    def eof_received(self) -> bool | None:
        stays = self._endpoint.eof_received()
        # Over TLS no side stays open alone, and asyncio would complain of the wish.
        return stays and self._transport.get_extra_info("ssl_object") is None

    def pause_writing(self) -> None:
        if self._resuming is None:
            self._endpoint.pause_writing()
        else:  # it has not heard yet that it may write
            self._resuming.cancel()
            self._resuming = None

    def resume_writing(self) -> None:
        # Later: asyncio's transport ends a second time, and fails, if it is closed in here.
        self._resuming = self._runtime.call_soon(self._resume)

    def _resume(self) -> None:
        self._resuming = None
        self._endpoint.resume_writing()


def _abort(opening: asyncio.Future[tuple[Any, Any]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].abort()


class _StreamAdapter(_Adapter, asyncio.Protocol):
    __slots__ = ("data_received",)

    def __init__(self, runtime: AsyncioRuntime, endpoint: Any) -> None:
        super().__init__(runtime, endpoint)
        self.data_received = endpoint.data_received  # type: ignore[method-assign]  # no call in between


class _BufferedAdapter(_Adapter, asyncio.BufferedProtocol):
    __slots__ = ("buffer_updated", "get_buffer")

    def __init__(self, runtime: AsyncioRuntime, endpoint: Any) -> None:
        super().__init__(runtime, endpoint)
        self.get_buffer = endpoint.get_buffer  # type: ignore[method-assign]  # no call in between
        self.buffer_updated = endpoint.buffer_updated  # type: ignore[method-assign]  # as above


class _DatagramAdapter(asyncio.DatagramProtocol):
    __slots__ = ("_endpoint", "_runtime", "_transport", "datagram_received", "error_received")

    def __init__(self, runtime: AsyncioRuntime, endpoint: Any) -> None:
        self._runtime = runtime
        self._endpoint = endpoint
        self.datagram_received = endpoint.datagram_received  # type: ignore[method-assign]  # no call in between
        self.error_received = endpoint.error_received  # type: ignore[method-assign]  # as above

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._runtime.opened(transport)
        self._endpoint.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        try:
            self._endpoint.connection_lost(exc)
        finally:
            self._runtime.lost(self._transport)


def _adapt(runtime: AsyncioRuntime, factory: Callable[[], Any]) -> _StreamAdapter | _BufferedAdapter:
    endpoint = factory()
    if hasattr(endpoint, "get_buffer"):
        return _BufferedAdapter(runtime, endpoint)
    return _StreamAdapter(runtime, endpoint)


def _tls_options(tls: ssl.SSLContext | None, handshake_timeout: float | None = None) -> dict[str, Any]:
    if tls is None:
        return {}
    return {
        "ssl": tls,
        "ssl_handshake_timeout": HANDSHAKE_TIMEOUT if handshake_timeout is None else handshake_timeout,
        "ssl_shutdown_timeout": SHUTDOWN_TIMEOUT,
    }


if sys.version_info >= (3, 12):

    def _make_task(flow: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> asyncio.Task[T]:
        return asyncio.Task(flow, loop=loop, eager_start=True)

else:

    def _make_task(flow: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> asyncio.Task[T]:
        return loop.create_task(flow)


# Weak in both: a runtime lives as long as somebody uses it, and keeps no loop that was left with its tasks.
_runtimes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[AsyncioRuntime]] = (
    weakref.WeakKeyDictionary()
)


def asyncio_runtime() -> AsyncioRuntime:
    """Return the runtime of the running event loop; all who ask get the same one.

    Raises:
        RuntimeError: No event loop runs in this thread.
    """
    loop = asyncio.get_running_loop()
    known = _runtimes.get(loop)
    runtime = None if known is None else known()
    if runtime is None:
        runtime = AsyncioRuntime(loop)
        _runtimes[loop] = weakref.ref(runtime)
    return runtime
