"""Opening things: the flows `connect`, `listen` and `open_datagram` for runtimes on plain sockets.

All errors of the system become `ConnectionFailed` here.
"""

from __future__ import annotations

import errno
import functools
import os
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from junto.address import Address
from junto.runtime import BufferedEndpoint, DatagramEndpoint, Endpoint, Transport
from junto.runtimes.binding import (
    AddressInfo,
    SocketFile,
    addresses_of,
    bind_datagram,
    bind_tcp,
    tune,
)
from junto.runtimes.datagrams import SocketDatagrams
from junto.runtimes.edge import failing, require_context, require_host
from junto.runtimes.listening import SocketListener
from junto.runtimes.polling import WRITE
from junto.runtimes.sockets import SocketHost, SocketTransport

if TYPE_CHECKING:
    import ssl

__all__ = ["connect", "listen", "look_up", "open_datagram"]

AnyEndpoint = Endpoint | BufferedEndpoint


async def connect(
    host: SocketHost, address: Address, factory: Callable[[], AnyEndpoint], tls: ssl.SSLContext | None
) -> Transport:
    """Open one connection: see `junto.runtime.Runtime.connect`."""
    require_context(address, tls)
    with failing("connect to", address):
        sock = await _connect_socket(host, address)
        tune(sock)
        try:
            endpoint = factory()
            if tls is None:
                transport = SocketTransport(host, sock, endpoint)
                transport.start()
                return transport
            from junto.runtimes.tls import TLSTransport  # late: ssl takes longer to import than all of junto

            opened = host.create_future()
            secured = TLSTransport(
                host, endpoint, tls, server_side=False, server_hostname=address.host or None, opened=opened
            )
            plain = SocketTransport(host, sock, secured)
        except BaseException:
            sock.close()
            raise
        plain.start()
        try:
            await opened
        except BaseException:
            secured.abort()
            raise
        return secured


async def listen(
    host: SocketHost,
    address: Address,
    factory: Callable[[], AnyEndpoint],
    tls: ssl.SSLContext | None,
    handshake_timeout: float | None,
) -> SocketListener:
    """Accept connections: see `junto.runtime.Runtime.listen`."""
    require_context(address, tls)
    file: SocketFile | None = None
    with failing("listen at", address):
        if address.scheme == "unix":
            sock, file = host.sockets.bind_unix(address.path)
            sockets = [sock]
        else:
            sockets = bind_tcp(await _resolve(host, address, passive=True), host.sockets)
            address = address.with_port(sockets[0].getsockname()[1])

    def accepted(sock: socket.socket) -> None:
        tune(sock)
        endpoint = factory()
        if tls is not None:
            from junto.runtimes.tls import TLSTransport

            endpoint = TLSTransport(
                host, endpoint, tls, server_side=True, server_hostname=None, timeout=handshake_timeout
            )
        SocketTransport(host, sock, endpoint).start()

    try:
        return SocketListener(host, sockets, address, accepted, file)
    except BaseException:
        for sock in sockets:
            sock.close()
        if file is not None:
            file.remove()
        raise


async def open_datagram(
    host: SocketHost, address: Address, factory: Callable[[], DatagramEndpoint]
) -> SocketDatagrams:
    """Receive datagrams: see `junto.runtime.Runtime.open_datagram`."""
    require_host(address)
    with failing("receive datagrams at", address):
        infos = await _resolve(host, address, passive=True, kind=socket.SOCK_DGRAM)
        sock = bind_datagram(infos, host.sockets)
        try:
            return SocketDatagrams(host, sock, factory())
        except BaseException:
            sock.close()
            raise


async def look_up(host: SocketHost, name: str) -> list[str]:
    """Find IP addresses: see `junto.runtime.Runtime.look_up`."""
    address = Address("tcp", name, 0)
    with failing("find", address):
        return addresses_of(await _resolve(host, address))


async def _resolve(
    host: SocketHost, address: Address, *, passive: bool = False, kind: int = socket.SOCK_STREAM
) -> Sequence[AddressInfo]:
    flags = socket.AI_PASSIVE if passive else 0
    look_up = functools.partial(host.sockets.getaddrinfo, address.host or None, address.port, type=kind)
    try:
        infos: Sequence[AddressInfo] = look_up(flags=flags | socket.AI_NUMERICHOST)
    except socket.gaierror:  # not a number: somebody must be asked, and that takes time
        infos = await host.resolve(functools.partial(look_up, flags=flags))
    return infos


async def _connect_socket(host: SocketHost, address: Address) -> socket.socket:
    if address.scheme == "unix":
        return await _try_one(host, socket.AF_UNIX, socket.SOCK_STREAM, 0, address.path)
    errors: list[OSError] = []
    for family, kind, protocol, _, place in await _resolve(host, address):
        try:
            return await _try_one(host, family, kind, protocol, place)
        except OSError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    raise OSError("; ".join(map(str, errors)) or "the name has no address")


async def _try_one(host: SocketHost, family: int, kind: int, protocol: int, place: Any) -> socket.socket:
    sock: socket.socket = host.sockets.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        code = sock.connect_ex(place)
        if code in (errno.EINPROGRESS, errno.EINTR, errno.EWOULDBLOCK) and family != socket.AF_UNIX:
            # On a unix socket EWOULDBLOCK means that the backlog is full, and nothing is in progress.
            await _connected(host, sock)
        elif code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


async def _connected(host: SocketHost, sock: socket.socket) -> None:
    connected = host.create_future()

    def on_ready(_mask: int) -> None:
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if connected.done():
            return
        if code:
            connected.set_exception(OSError(code, os.strerror(code)))
            return
        try:
            sock.getpeername()
        except OSError:
            return  # not yet: a late event of another socket that had this number before
        connected.set_result(None)

    fd = sock.fileno()
    host.watch(fd, WRITE, on_ready)
    try:
        await connected
    finally:
        host.watch(fd, 0, on_ready)
