"""How code of a host comes to have a simulated socket where it asks for a real one.

The class `socket.socket` stays what it is. What is made by calling it, or a class that somebody has derived
from it, is in a world an instance of a subclass that is also a `SimSocket`. A method that was asked for as
``socket.socket.recv``, and is given such an instance, finds ours by its name.
"""

from __future__ import annotations

import functools
import socket
from typing import Any

from junto.sim.errors import SimEscape
from junto.sim.here import here
from junto.sim.interception.installing import replace, replaces
from junto.sim.network import pair
from junto.sim.network.endpoints import os_error
from junto.sim.sockets.options import Options
from junto.sim.sockets.receiving import Receiving
from junto.sim.sockets.sending import Sending
from junto.sim.sockets.simsocket import DEFAULT_TIMEOUT, SimSocket, find, simulated

__all__ = [
    "close",
    "dup",
    "fromfd",
    "getdefaulttimeout",
    "setdefaulttimeout",
    "socketpair",
]

_new: Any = socket.socket.__new__
_init: Any = socket.socket.__init__
_socketpair: Any = socket.socketpair
_fromfd: Any = socket.fromfd
_dup: Any = vars(socket)["dup"]
_close: Any = socket.close
_getdefaulttimeout, _setdefaulttimeout = socket.getdefaulttimeout, socket.setdefaulttimeout


def _make(cls: type, *args: Any, **options: Any) -> Any:
    return _new(cls if here.host is None else simulated(cls), *args, **options)


def _prepare(self: Any, *args: Any, **options: Any) -> None:
    (SimSocket.__init__ if isinstance(self, SimSocket) else _init)(self, *args, **options)


def _finding(name: str, original: Any) -> Any:
    """Make a method that is ours or the original, as its object is."""
    ours = getattr(SimSocket, name)

    @functools.wraps(original)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        return (ours if isinstance(self, SimSocket) else original)(self, *args, **options)

    return call


replace("socket", "socket.__new__", staticmethod(_make), inherited=True)
replace("socket", "socket.__init__", _prepare)
for _part in (Receiving, Sending, Options, SimSocket):
    for _name, _method in list(vars(_part).items()):
        _original = getattr(socket.socket, _name, None)
        if callable(_method) and callable(_original) and not _name.startswith("__"):
            _own = _name in vars(socket.socket)
            replace("socket", f"socket.{_name}", _finding(_name, _original), inherited=not _own)


@replaces("socket", "socketpair")
def socketpair(family: Any = None, type: Any = socket.SOCK_STREAM, proto: int = 0) -> Any:
    """Make two connected sockets of one host."""
    host = here.host
    if host is None:
        return _socketpair(family, type, proto)
    unix = getattr(socket, "AF_UNIX", socket.AF_INET)
    kind = int(type) & 15
    if family not in (None, unix) or kind not in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        raise SimEscape(
            f"socketpair({family}, {type})", "make a pair of unix sockets, of streams or datagrams"
        )
    made = []
    for end in pair(host, kind):
        sock = SimSocket(endpoint=end)
        if int(type) & getattr(socket, "SOCK_NONBLOCK", 0):
            sock.setblocking(False)
        made.append(sock)
    return made[0], made[1]


@replaces("socket", "fromfd")
def fromfd(fd: int, family: int, type: int, proto: int = 0) -> Any:
    """Make a socket of a copy of a descriptor."""
    if here.host is None:
        return _fromfd(fd, family, type, proto)
    return SimSocket(family, type, proto, fileno=find(fd).share())


@replaces("socket", "dup")
def dup(fd: int, /) -> int:
    """Copy a socket's descriptor."""
    if here.host is None:
        copy: int = _dup(fd)
        return copy
    return find(fd).share()


@replaces("socket", "close")
def close(fd: int, /) -> None:
    """Close a socket's descriptor."""
    if here.host is None:
        _close(fd)
    else:
        find(fd).release(fd)


@replaces("socket", "getdefaulttimeout")
def getdefaulttimeout() -> float | None:
    """Return the timeout that new sockets have, in the process at hand."""
    host = here.host
    return _getdefaulttimeout() if host is None else host.process.get(DEFAULT_TIMEOUT)


@replaces("socket", "setdefaulttimeout")
def setdefaulttimeout(timeout: float | None, /) -> None:
    """Set the timeout that new sockets have, in the process at hand."""
    host = here.host
    if host is None:
        _setdefaulttimeout(timeout)
        return
    if timeout is not None and timeout < 0:
        raise ValueError("Timeout value out of range")
    host.process[DEFAULT_TIMEOUT] = None if timeout is None else float(timeout)


def _refusing(name: str, original: Any, instead: str) -> Any:
    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        if here.host is None:
            return original(*args, **options)
        raise SimEscape(f"socket.{name}", instead)

    return call


for _name in ("send_fds", "recv_fds", "sethostname"):
    if hasattr(socket, _name):
        _text = (
            "processes of a host cannot be given descriptors" if "fds" in _name else "world.host() names it"
        )
        replace("socket", _name, _refusing(_name, getattr(socket, _name), _text))

if hasattr(socket, "if_nameindex"):
    _if_nameindex = socket.if_nameindex

    @replaces("socket", "if_nameindex")
    def if_nameindex() -> list[tuple[int, str]]:
        """List the network interfaces: a loopback and one more."""
        return _if_nameindex() if here.host is None else [(1, "lo"), (2, "eth0")]

    _if_nametoindex = socket.if_nametoindex

    @replaces("socket", "if_nametoindex")
    def if_nametoindex(name: Any, /) -> int:
        """Find a network interface by its name."""
        if here.host is None:
            return _if_nametoindex(name)
        text = name.decode() if isinstance(name, bytes) else name
        for number, known in if_nameindex():
            if known == text:
                return number
        raise os_error(19)
