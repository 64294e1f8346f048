"""Sockets that listen, and options of sockets that are connected, for every runtime that has sockets.

Nothing here waits, but for the answer of a local unix socket.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Sequence
from typing import Any

__all__ = ["SYSTEM", "SocketFile", "SystemSockets", "bind_datagram", "bind_tcp", "bind_unix", "tune"]

BACKLOG = 128
_PORT_TRIES = 16

# What getaddrinfo gives for one address: family, type, protocol, canonical name, socket address.
AddressInfo = tuple[int, int, int, str, Any]


def tune(sock: socket.socket) -> None:
    """Send small packets at once, and notice one day that a silent peer is gone."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):  # the peer may have closed it already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def addresses_of(infos: Sequence[AddressInfo]) -> list[str]:
    """Give the IP addresses, each once, in their order."""
    return list(dict.fromkeys(str(place[0]) for _, _, _, _, place in infos))


class SystemSockets:
    """Where a runtime's sockets come from: from the system, unless it lives in another world."""

    def socket(self, family: int, kind: int, proto: int = 0) -> Any:
        """Make a socket."""
        return socket.socket(family, kind, proto)

    def getaddrinfo(self, host: Any, port: Any, **hints: int) -> Sequence[AddressInfo]:
        """Resolve a name, as `socket.getaddrinfo` does."""
        return socket.getaddrinfo(host, port, **hints)

    def bind_unix(self, path: str) -> tuple[Any, SocketFile | None]:
        """Listen at *path*: see the function of this name."""
        return bind_unix(path)


SYSTEM = SystemSockets()


def bind_tcp(infos: Sequence[AddressInfo], sockets: SystemSockets = SYSTEM) -> list[socket.socket]:
    """Listen at all of the given addresses, with one port.

    Where the port is 0, the first socket gets one from the system and the others take the
    same; if it is in use there, another is tried.

    Raises:
        OSError: At least one of them cannot be used; none is left open.
    """
    for attempt in range(_PORT_TRIES):
        try:
            return _bind_all(infos, sockets)
        except _PortTaken as taken:
            if attempt == _PORT_TRIES - 1:
                raise taken.error from None
    raise AssertionError("the last attempt returns or raises")


class _PortTaken(Exception):
    def __init__(self, error: OSError) -> None:
        self.error = error


def _bind_all(infos: Sequence[AddressInfo], makes: SystemSockets) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    port = 0
    try:
        for family, kind, protocol, _, place in infos:
            try:
                sock = makes.socket(family, kind, protocol)
            except OSError as error:
                # A kernel without IPv6 may still resolve to IPv6 addresses.
                if error.errno == errno.EAFNOSUPPORT and len(infos) > 1:
                    continue
                raise
            sockets.append(sock)
            sock.setblocking(False)
            if os.name == "posix":
                # Elsewhere this option lets two programs have one port.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                # Both families have a socket of their own, with one port.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            chosen = bool(port) and place[1] == 0
            if chosen:
                place = (place[0], port, *place[2:])
            try:
                sock.bind(place)
                sock.listen(BACKLOG)
            except OSError as error:
                if chosen and error.errno == errno.EADDRINUSE:
                    raise _PortTaken(error) from None
                raise
            port = sock.getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    if not sockets:
        raise OSError(errno.EAFNOSUPPORT, "no address of a family that this system supports")
    return sockets


def bind_datagram(infos: Sequence[AddressInfo], sockets: SystemSockets = SYSTEM) -> socket.socket:
    """Receive datagrams at the first of the given addresses.

    Raises:
        OSError: It cannot be used.
    """
    family, kind, protocol, _, place = infos[0]
    sock: socket.socket = sockets.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.bind(place)
    except BaseException:
        sock.close()
        raise
    return sock


class SocketFile:
    """The file of a unix socket that is ours, to be removed when we stop listening."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._identity = self._look()

    def _look(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def remove(self) -> None:
        """Remove it, unless another has taken its place."""
        if self._identity is not None and self._look() == self._identity:
            self._identity = None
            with contextlib.suppress(OSError):
                os.unlink(self.path)


def bind_unix(path: str) -> tuple[socket.socket, SocketFile]:
    """Listen at *path*, where a socket file at which nobody listens is replaced.

    Raises:
        OSError: Somebody listens there, or it is a file of another kind, or the
            system says no.
    """
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.bind(path)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock, SocketFile(path)


def _remove_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return  # bind tells that it exists
    except OSError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(path) == errno.ECONNREFUSED:
            with contextlib.suppress(OSError):
                os.unlink(path)
