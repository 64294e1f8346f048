"""Sockets of simulated hosts: what asyncio's own code needs of `socket.socket`, over an endpoint."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from errno import EINPROGRESS, EISCONN
from typing import Any

from junto.sim.errors import SimEscape
from junto.sim.here import here
from junto.sim.network import DatagramEnd, Endpoint, StreamEnd
from junto.sim.network.endpoints import os_error
from junto.sim.network.streams import State

__all__ = ["SimSocket", "replaced"]

RealSocket = socket.socket


class SimSocket:
    """A non-blocking socket of the host whose code makes it.

    Attributes:
        endpoint: What it is below.
    """

    def __init__(
        self, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None, *, endpoint: Any = None
    ) -> None:
        if endpoint is None:
            family = socket.AF_INET if family == -1 else family
            kind = socket.SOCK_STREAM if type == -1 else type
            assert here.host is not None
            end = DatagramEnd if kind == socket.SOCK_DGRAM else StreamEnd
            endpoint = end(here.host, family, kind, max(proto, 0))
        self.endpoint: Any = endpoint
        self._timeout: float | None = None

    def __repr__(self) -> str:
        return f"<SimSocket {self.endpoint!r}>"

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AddressFamily(self.endpoint.family)

    @property
    def type(self) -> socket.SocketKind:
        return socket.SocketKind(self.endpoint.type)

    @property
    def proto(self) -> int:
        return int(self.endpoint.proto)

    def fileno(self) -> int:
        return -1 if self.endpoint.closed else int(self.endpoint.number)

    def setblocking(self, flag: bool) -> None:
        self._timeout = None if flag else 0.0

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def setsockopt(self, level: int, name: int, value: Any) -> None:
        self.endpoint.options[level, name] = value

    def getsockopt(self, level: int, name: int, size: int = 0) -> Any:
        if (level, name) == (socket.SOL_SOCKET, socket.SO_ERROR):
            return self.endpoint.take_error()
        return self.endpoint.options.get((level, name), 0)

    def bind(self, address: Any) -> None:
        self.endpoint.bind(address)

    def listen(self, backlog: int = 128) -> None:
        self.endpoint.listen(backlog)

    def accept(self) -> tuple[SimSocket, Any]:
        child = self.endpoint.accept()
        return SimSocket(endpoint=child), child.peer

    def connect(self, address: Any) -> None:
        end = self.endpoint
        if end.type == socket.SOCK_STREAM and end.state is State.OPEN:
            raise os_error(EISCONN)
        if not end.connect(address):
            raise BlockingIOError(EINPROGRESS, "in progress")

    def send(self, data: Any, flags: int = 0) -> int:
        return int(self.endpoint.send(bytes(data)))

    def recv(self, size: int, flags: int = 0) -> bytes:
        if isinstance(self.endpoint, DatagramEnd):
            return self.endpoint.recvfrom(size)[0]
        data: bytes = self.endpoint.recv(size)
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        data = self.recv(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def sendto(self, data: Any, *where: Any) -> int:
        return int(self.endpoint.sendto(bytes(data), where[-1]))

    def recvfrom(self, size: int, flags: int = 0) -> tuple[bytes, Any]:
        data, source = self.endpoint.recvfrom(size)
        return data, source

    def shutdown(self, how: int) -> None:
        self.endpoint.shutdown(how)

    def getsockname(self) -> Any:
        return self.endpoint.local

    def getpeername(self) -> Any:
        return self.endpoint.peer

    def close(self) -> None:
        self.endpoint.close()

    def detach(self) -> int:
        return self.fileno()

    def __enter__(self) -> SimSocket:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Type(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return (RealSocket if here.host is None else SimSocket)(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, RealSocket | SimSocket)


class WorldSocket(metaclass=_Type):
    """What stands in for `socket.socket` while a world runs."""


def endpoint_of(sock: Any) -> Endpoint:
    """Find what a socket is below.

    Raises:
        SimEscape: It is a real one.
    """
    end = getattr(sock, "endpoint", None)
    if not isinstance(end, Endpoint):
        raise SimEscape(f"a transport over {sock!r}", "make the socket on the simulated host")
    return end


@contextmanager
def replaced() -> Generator[None]:
    """Let sockets made on simulated hosts be simulated ones."""
    before = socket.socket
    socket.socket = WorldSocket  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        socket.socket = before  # type: ignore[misc]
