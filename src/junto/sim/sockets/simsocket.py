"""The socket that code of a host has: that of the standard library, over an endpoint of the network.

It is a subclass of `socket.socket`, so whoever asks whether it is one is told so. The part of it that is
written in C was never opened and has no descriptor; each method is ours.
"""

from __future__ import annotations

import contextlib
import os
import socket
import types
from collections.abc import Callable
from errno import EAGAIN, EBADF, EINPROGRESS, ENOTCONN, EOPNOTSUPP
from typing import Any, TypeVar

from junto.sim.errors import SimEscape
from junto.sim.here import here
from junto.sim.kernel import SECOND
from junto.sim.network import DatagramEnd, Endpoint, StreamEnd
from junto.sim.network.addresses import shown
from junto.sim.network.endpoints import os_error
from junto.sim.network.streams import State
from junto.sim.sockets.options import Options
from junto.sim.sockets.receiving import DONTWAIT, Receiving
from junto.sim.sockets.sending import Sending
from junto.sim.sockets.waiting import deadline, give_way, wait_until
from junto.sim.threads.baton import Waiter

__all__ = ["DEFAULT_TIMEOUT", "SimSocket", "endpoint_of"]

T = TypeVar("T")

DEFAULT_TIMEOUT = "socket.defaulttimeout"  # in what a process keeps in memory
_NONBLOCK = getattr(socket, "SOCK_NONBLOCK", 0)
_FLAGS = _NONBLOCK | getattr(socket, "SOCK_CLOEXEC", 0)
_INET = (socket.AF_INET, socket.AF_INET6)
_NAP = SECOND // 1000
_OWN: Any = object()


class SimSocket(Receiving, Sending, Options, socket.socket):
    """A socket of the host whose code makes it.

    Attributes:
        endpoint: What it is below.
    """

    endpoint: Any

    def __init__(
        self, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None, *, endpoint: Any = None
    ) -> None:
        self._number = -1
        self._closed = False
        self._io_refs = 0
        self._inheritable = False
        host = here.host
        if endpoint is None and host is None:
            raise SimEscape("making a simulated socket outside of the world", "make it in code of a host")
        if endpoint is not None:
            self._number = endpoint.number
        elif fileno is not None:
            assert host is not None
            endpoint = find(fileno)
            self._number = fileno
        else:
            assert host is not None
            endpoint = _make(host, family, type, proto)
            self._number = endpoint.number
        self.endpoint = endpoint
        self._hash = self._number
        process = endpoint.host.process
        self._timeout: float | None = process.get(DEFAULT_TIMEOUT)
        if type != -1 and type & _NONBLOCK:
            self._timeout = 0.0

    def __repr__(self) -> str:
        if self._number < 0:
            return "<SimSocket closed>"
        return f"<SimSocket fd={self._number} {self.endpoint!r}>"

    def __hash__(self) -> int:
        return self._hash  # sets of sockets are walked in the same order in each run

    def __del__(self) -> None:
        # As a real one, but in silence: at the end of a run nobody can close what is left any more.
        if getattr(self, "_number", -1) >= 0:
            with contextlib.suppress(Exception):
                self._real_close()

    # What it is

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AddressFamily(self.endpoint.family)

    @property
    def type(self) -> socket.SocketKind:
        return socket.SocketKind(self.endpoint.type)

    @property
    def proto(self) -> int:
        return int(self.endpoint.proto)

    @property
    def timeout(self) -> float | None:
        return self._timeout

    def fileno(self) -> int:
        return -1 if self.endpoint.closed else self._number

    def gettimeout(self) -> float | None:
        return self._timeout

    def getblocking(self) -> bool:
        return self._timeout != 0.0

    def settimeout(self, value: float | None, /) -> None:
        self._open_end()
        if value is not None:
            value = float(value)
            if value < 0:
                raise ValueError("Timeout value out of range")
        self._timeout = value

    def setblocking(self, flag: bool, /) -> None:
        self.settimeout(None if flag else 0.0)

    def get_inheritable(self) -> bool:
        self._open_end()
        return self._inheritable

    def set_inheritable(self, inheritable: bool) -> None:
        self._open_end()
        self._inheritable = inheritable

    def getsockname(self) -> Any:
        return self._open_end().local

    def getpeername(self) -> Any:
        return self._open_end().peer

    # Its life

    def dup(self) -> SimSocket:
        end = self._open_end()
        copy = SimSocket.__new__(type(self))  # as the real one, without what its class does to begin
        SimSocket.__init__(copy, fileno=end.share())
        copy.settimeout(self._timeout)
        return copy

    def detach(self) -> int:
        number, self._number = self._number, -1
        self._closed = True
        return number

    def close(self) -> None:
        self._closed = True
        if self._io_refs <= 0:
            self._real_close()

    def _real_close(self, *_: object) -> None:
        number, self._number = self._number, -1
        self._closed = True
        if number >= 0 and not self.endpoint.closed:
            self.endpoint.release(number)

    def shutdown(self, how: int, /) -> None:
        self._open_end().shutdown(how)

    def bind(self, address: Any, /) -> None:
        end = self._open_end()
        self._check_address(address, "bind")
        end.bind(address)

    def listen(self, backlog: int = 128, /) -> None:
        end = self._open_end()
        if not isinstance(end, StreamEnd):
            raise os_error(EOPNOTSUPP)
        end.listen(backlog)

    def accept(self) -> tuple[Any, Any]:
        end = self._open_end()
        if not isinstance(end, StreamEnd):
            raise os_error(EOPNOTSUPP)

        def ready() -> bool:
            return bool(end.accepted) or end.state is not State.LISTENING

        child = self._retry(end.accept, ready, "a connection")
        return SimSocket(endpoint=child), _source(child)

    def _accept(self) -> tuple[int, Any]:
        sock, address = self.accept()
        return sock.detach(), address

    def connect(self, address: Any, /) -> None:
        end = self._open_end()
        self._check_address(address, "connect")
        if end.error and getattr(end, "state", None) is not State.OPEN:
            end.raise_error()
        self._look_up(address)
        while True:
            try:
                if end.connect(address):
                    return
                break
            except BlockingIOError as error:
                if self._timeout == 0.0 or error.errno != EAGAIN:
                    raise
                # A unix listener has no room, and tells nobody when it has.
                Waiter(end.host, "room for a connection").wait(_NAP)
        if self._timeout == 0.0:
            raise BlockingIOError(EINPROGRESS, os.strerror(EINPROGRESS))

        def settled() -> bool:
            return end.closed or end.state is not State.CONNECTING

        if not wait_until(end.host, [end], settled, "a connection", deadline(end.host, self._timeout)):
            raise TimeoutError("timed out")
        end.check_open()
        end.raise_error()

    def connect_ex(self, address: Any, /) -> int:
        try:
            self.connect(address)
        except TimeoutError as error:
            return error.errno or EAGAIN
        except socket.gaierror:
            raise
        except OSError as error:
            if not error.errno:
                raise
            return error.errno
        return 0

    # What the calls are made of

    def _open_end(self) -> Any:
        """Find what it is below.

        Raises:
            OSError: EBADF, it is closed or detached.
        """
        if self._number < 0 or self.endpoint.closed:
            raise os_error(EBADF)
        return self.endpoint

    def _retry(
        self, attempt: Callable[[], T], ready: Callable[[], bool], on: str, flags: int = 0, until: Any = _OWN
    ) -> T:
        """Try until it does not have to wait, as long as the timeout allows."""
        try:
            return attempt()
        except BlockingIOError:
            if self._timeout == 0.0 or flags & DONTWAIT:
                give_way(self.endpoint.host)
                raise
        end = self.endpoint
        host = end.host
        if until is _OWN:
            until = deadline(host, self._timeout)
        while wait_until(host, [end], ready, on, until):
            try:
                return attempt()
            except BlockingIOError:
                continue
        raise TimeoutError("timed out")

    def _look_up(self, address: Any) -> None:
        """Wait as long as the system would for what a name means."""
        if self.endpoint.family in _INET:
            host = self.endpoint.host
            delay = host.world.net.dns.delay(host, address[0])
            if delay:
                Waiter(host, f"the address of {address[0]}").wait(delay)

    def _check_address(self, address: Any, call: str) -> None:
        family = self.endpoint.family
        if family in _INET and not isinstance(address, tuple):
            name = socket.AddressFamily(family).name
            kind = address.__class__.__name__
            raise TypeError(f"{call}(): {name} address must be tuple, not {kind}")


_classes: dict[type, type[SimSocket]] = {}


def simulated(cls: type) -> type[SimSocket]:
    """Find the class of simulated sockets that stands in for a class of sockets."""
    if issubclass(cls, SimSocket):
        return cls
    if cls is socket.socket:
        return SimSocket
    found = _classes.get(cls)
    if found is None:
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
        found = _classes[cls] = types.new_class(
            cls.__name__, (cls, SimSocket), exec_body=lambda namespace: namespace.update(names)
        )
    return found


def find(number: Any) -> Endpoint:
    """Find the endpoint of the host at hand that a descriptor stands for.

    Raises:
        OSError: EBADF, it was closed.
        SimEscape: It is a real one.
    """
    host = here.host
    assert host is not None
    net = host.world.net
    end = net.endpoint(number)
    if end is None or end.host is not host:
        if end is None and net.pretends(number):
            raise os_error(EBADF)
        raise SimEscape(
            f"descriptor {number} as a socket",
            "it is none of this host's simulated sockets; use one of these",
        )
    return end


def endpoint_of(sock: Any) -> Endpoint:
    """Find what a socket is below.

    Raises:
        SimEscape: It is a real one.
    """
    end = getattr(sock, "endpoint", None)
    if not isinstance(end, Endpoint):
        raise SimEscape(f"a transport over {sock!r}", "make the socket on the simulated host")
    return end


def _make(host: Any, family: int, kind: int, proto: int) -> Endpoint:
    family = socket.AF_INET if family == -1 else family
    kind = socket.SOCK_STREAM if kind == -1 else kind & ~_FLAGS
    proto = max(proto, 0)
    if family not in (*_INET, getattr(socket, "AF_UNIX", None)):
        raise SimEscape(f"a socket of {_named(socket.AddressFamily, family)}", "use TCP, UDP or unix sockets")
    if kind == socket.SOCK_STREAM:
        return StreamEnd(host, family, kind, proto)
    if kind == socket.SOCK_DGRAM:
        return DatagramEnd(host, family, kind, proto)
    raise SimEscape(f"a socket of {_named(socket.SocketKind, kind)}", "use TCP, UDP or unix sockets")


def _named(names: Any, value: int) -> str:
    try:
        return str(names(value).name)
    except ValueError:
        return str(value)


def _source(child: StreamEnd) -> Any:
    """Tell where a connection came from, also when it is over already."""
    if isinstance(child.remote, tuple):
        return shown(child.family, *child.remote)
    if child.family in _INET:
        raise os_error(ENOTCONN)
    return "" if child.remote is None else child.remote
