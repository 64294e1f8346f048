"""The hooks of asyncio's loop that make sockets and transports, on the simulated network.

All else of asyncio's network code, from `create_connection` to `sock_recv`, is its own: it is that of the
standard selector loop, over simulated sockets and what stands for their readiness.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio import selector_events, sslproto
from typing import TYPE_CHECKING, Any, NoReturn

from junto.sim.datagram_transport import DatagramTransport
from junto.sim.errors import SimEscape
from junto.sim.handles import Handle
from junto.sim.network.datagrams import DatagramEnd
from junto.sim.network.streams import StreamEnd
from junto.sim.readiness import Readiness
from junto.sim.sockets import endpoint_of
from junto.sim.stream_transport import StreamTransport, set_result

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["AsyncioNetwork"]

REMOVES_PATHS = sys.version_info >= (3, 13)


class AsyncioNetwork(selector_events.BaseSelectorEventLoop):
    """What a host's loop knows of sockets."""

    host: Host

    def __init__(self) -> None:
        super().__init__(Readiness(self.host))
        self._transports: dict[
            int, StreamTransport | DatagramTransport
        ] = {}  # until their sockets are closed
        self._unix_paths: dict[int, Any] = {}  # of the servers that remove theirs

    def _make_self_pipe(self) -> None:
        """Do without: what wakes this loop is its host."""

    def _close_self_pipe(self) -> None:
        """Do without."""

    # Transports

    def _make_socket_transport(
        self, sock: Any, protocol: Any, waiter: Any = None, *, extra: Any = None, server: Any = None
    ) -> StreamTransport:
        end = endpoint_of(sock)
        assert isinstance(end, StreamEnd)
        self._ensure_fd_no_transport(sock)  # type: ignore[attr-defined]  # asyncio's
        return StreamTransport(self, sock, end, protocol, waiter, extra, server)  # type: ignore[arg-type]  # a HostLoop

    def _make_ssl_transport(
        self,
        rawsock: Any,
        protocol: Any,
        sslcontext: Any,
        waiter: Any = None,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        extra: Any = None,
        server: Any = None,
        **timeouts: Any,
    ) -> Any:
        ssl_protocol = sslproto.SSLProtocol(
            self, protocol, sslcontext, waiter, server_side, server_hostname, **timeouts
        )
        self._make_socket_transport(rawsock, ssl_protocol, extra=extra, server=server)
        return ssl_protocol._app_transport

    def _make_datagram_transport(
        self, sock: Any, protocol: Any, address: Any = None, waiter: Any = None, extra: Any = None
    ) -> DatagramTransport:
        end = endpoint_of(sock)
        assert isinstance(end, DatagramEnd)
        self._ensure_fd_no_transport(sock)  # type: ignore[attr-defined]  # asyncio's
        return DatagramTransport(self, sock, end, protocol, address, waiter, extra)  # type: ignore[arg-type]  # a HostLoop

    async def _make_subprocess_transport(
        self, protocol: Any, args: Any, shell: bool, *more: Any, **options: Any
    ) -> NoReturn:
        how = "shell" if shell else "exec"
        raise SimEscape(f"loop.subprocess_{how}", "give its program to a host of its own")

    def _make_read_pipe_transport(self, pipe: Any, *args: Any, **options: Any) -> NoReturn:
        raise SimEscape(f"a transport over {pipe!r}", "send it through a socket")

    _make_write_pipe_transport = _make_read_pipe_transport

    def keep_transport(self, number: int, transport: StreamTransport | DatagramTransport) -> None:
        """Know of the transport of a socket."""
        self._transports[number] = transport

    def forget_transport(self, number: int) -> None:
        """Let the transport of a socket go, which is closed."""
        self._transports.pop(number, None)

    def abandon_transports(self) -> None:
        """Let no transport complain that it was not closed: its host's life is over."""
        for transport in list(self._transports.values()):
            transport.abandon()

    # Names

    async def getaddrinfo(self, host: Any, port: Any, **hints: int) -> Any:
        """Resolve a name by the world's, in virtual time."""
        names = self.host.world.net.dns
        delay = names.delay(self.host, host)
        if delay:
            await self._until(self.host.now() + delay)
        hints["kind"] = hints.pop("type", 0)
        return names.resolve(self.host, host, port, **hints)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Tell a name of an address, in virtual time."""
        names = self.host.world.net.dns
        delay = 0 if flags & socket.NI_NUMERICHOST else names.delay(self.host, "?")
        if delay:
            await self._until(self.host.now() + delay)
        return names.name_of(sockaddr, flags)

    async def _until(self, when: int) -> None:
        """Wait for something outside the host that happens at a world time."""
        answer = self.create_future()
        handle = Handle(set_result, (answer,), self)
        self.host.kernel.at(when, self._let_in, handle)
        await answer

    def _let_in(self, handle: asyncio.Handle) -> None:
        if self.host.loop is self:
            self.host.wake(handle)

    # Unix sockets: asyncio's code for them looks at real paths

    async def create_unix_connection(
        self,
        protocol_factory: Any,
        path: Any = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        server_hostname: str | None = None,
        **timeouts: Any,
    ) -> Any:
        """Connect to a unix socket of this host."""
        if ssl and server_hostname is None:
            raise ValueError("you have to pass server_hostname when using ssl")
        if server_hostname is not None and not ssl:
            raise ValueError("server_hostname is only meaningful with ssl")
        if (path is None) == (sock is None):
            raise ValueError("either path or sock must be specified, and not both")
        if path is not None:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                await self.sock_connect(sock, os.fspath(path))
            except BaseException:
                sock.close()
                raise
        elif sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
            raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")
        return await self._create_connection_transport(  # type: ignore[attr-defined]  # asyncio's
            sock, protocol_factory, ssl, server_hostname, **timeouts
        )

    async def create_unix_server(
        self,
        protocol_factory: Any,
        path: Any = None,
        *,
        sock: Any = None,
        cleanup_socket: bool = REMOVES_PATHS,
        **options: Any,
    ) -> Any:
        """Serve on a unix socket of this host."""
        if (path is None) == (sock is None):
            raise ValueError("either path or sock must be specified, and not both")
        if path is not None:
            path = os.fspath(path)
            names = self.host.stack.unix
            if names.exists(path) and path[0] not in (0, "\0"):
                names.unlink(path)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.bind(path)
            except OSError as error:
                sock.close()
                raise OSError(error.errno, f"Address {path!r} is already in use") from None
        elif sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
            raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")
        if cleanup_socket:
            self._unix_paths[sock.fileno()] = sock.getsockname()
        return await self.create_server(protocol_factory, sock=sock, **options)

    def _stop_serving(self, sock: Any) -> None:
        number = sock.fileno()
        path = self._unix_paths.pop(number, None)
        super()._stop_serving(sock)  # type: ignore[misc]  # asyncio's
        names = self.host.stack.unix
        if path is not None and names.exists(path) and names.number(path) == number:  # not another's by now
            names.unlink(path)
