"""Options of simulated sockets: those that say something true, those that are only kept, and the rest."""

from __future__ import annotations

import socket
from collections.abc import Callable
from errno import EINVAL
from typing import Any

from junto.sim.errors import SimEscape
from junto.sim.network import DatagramEnd
from junto.sim.network.endpoints import os_error
from junto.sim.network.streams import State

__all__ = ["Options"]

# By level: the options that are kept and, most of them, change nothing here; with what they are at first.
_KEPT: dict[str, dict[str, int]] = {
    "SOL_SOCKET": {
        "SO_REUSEADDR": 0,
        "SO_REUSEPORT": 0,
        "SO_KEEPALIVE": 0,
        "SO_BROADCAST": 0,
        "SO_DONTROUTE": 0,
        "SO_OOBINLINE": 0,
        "SO_PRIORITY": 0,
        "SO_MARK": 0,
        "SO_RCVLOWAT": 1,
        "SO_SNDLOWAT": 1,
        "SO_LINGER": 0,
        "SO_RCVTIMEO": 0,
        "SO_SNDTIMEO": 0,
        "SO_EXCLUSIVEADDRUSE": 0,
        "SO_INCOMING_CPU": 0,
        "SO_BUSY_POLL": 0,
        "SO_NOSIGPIPE": 0,
    },
    "IPPROTO_TCP": {
        "TCP_NODELAY": 0,
        "TCP_CORK": 0,
        "TCP_QUICKACK": 1,
        "TCP_KEEPIDLE": 7200,
        "TCP_KEEPALIVE": 7200,
        "TCP_KEEPINTVL": 75,
        "TCP_KEEPCNT": 9,
        "TCP_USER_TIMEOUT": 0,
        "TCP_DEFER_ACCEPT": 0,
        "TCP_FASTOPEN": 0,
        "TCP_FASTOPEN_CONNECT": 0,
        "TCP_SYNCNT": 6,
        "TCP_LINGER2": 60,
        "TCP_WINDOW_CLAMP": 0,
        "TCP_NOTSENT_LOWAT": 0,
        "TCP_MAXSEG": 1448,
    },
    "IPPROTO_IP": {
        "IP_TOS": 0,
        "IP_TTL": 64,
        "IP_MTU_DISCOVER": 1,
        "IP_RECVERR": 0,
        "IP_BIND_ADDRESS_NO_PORT": 0,
        "IP_FREEBIND": 0,
        "IP_MULTICAST_TTL": 1,
        "IP_MULTICAST_LOOP": 1,
    },
    "IPPROTO_IPV6": {
        "IPV6_V6ONLY": 0,
        "IPV6_TCLASS": 0,
        "IPV6_UNICAST_HOPS": 64,
        "IPV6_MTU_DISCOVER": 1,
        "IPV6_DONTFRAG": 0,
        "IPV6_RECVERR": 0,
        "IPV6_MULTICAST_HOPS": 1,
        "IPV6_MULTICAST_LOOP": 1,
    },
}

# What Linux has and the module `socket` of some versions does not name.
_NUMBERS = {"IP_MTU_DISCOVER": 10, "IPV6_MTU_DISCOVER": 23, "IP_FREEBIND": 15, "IPV6_RECVERR": 25}


def _number(name: str) -> int | None:
    return getattr(socket, name, _NUMBERS.get(name))


_DEFAULTS: dict[tuple[int, int], int] = {
    (getattr(socket, level), number): default
    for level, options in _KEPT.items()
    if hasattr(socket, level)
    for name, default in options.items()
    if (number := _number(name)) is not None
}


def _socket_option(name: str) -> tuple[int, int]:
    return socket.SOL_SOCKET, getattr(socket, name, -1)


_SEND_BUFFER, _RECEIVE_BUFFER = _socket_option("SO_SNDBUF"), _socket_option("SO_RCVBUF")
_TOLD: dict[tuple[int, int], Callable[[Any], int]] = {
    _socket_option("SO_ERROR"): lambda end: int(end.take_error()),
    _socket_option("SO_TYPE"): lambda end: int(end.type),
    _socket_option("SO_DOMAIN"): lambda end: int(end.family),
    _socket_option("SO_PROTOCOL"): lambda end: _protocol(end),
    _socket_option("SO_ACCEPTCONN"): lambda end: int(getattr(end, "state", None) is State.LISTENING),
    _SEND_BUFFER: lambda end: int(getattr(end, "send_buffer", 212_992)),
    _RECEIVE_BUFFER: lambda end: int(end.receive_buffer),
}


class Options:
    """The options of `SimSocket`."""

    __slots__ = ()

    _open_end: Callable[[], Any]

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None, /) -> None:
        end = self._open_end()
        key = (level, optname)
        if value is None:
            value = bytes(optlen or 0)
        elif not isinstance(value, int):
            value = memoryview(value).tobytes()
        if key in (_SEND_BUFFER, _RECEIVE_BUFFER):
            size = 2 * max(_int(value), 1152)  # as Linux does
            if key == _RECEIVE_BUFFER:
                end.receive_buffer = size
            elif not isinstance(end, DatagramEnd):
                end.send_buffer = size
        elif key in _TOLD:
            raise os_error(EINVAL)
        elif key in _DEFAULTS:
            end.options[key] = value
        else:
            raise SimEscape(f"setsockopt {_name(level, optname)}", "leave it out in simulated runs")

    def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> Any:
        end = self._open_end()
        key = (level, optname)
        value: int | bytes
        if key in _TOLD:
            value = _TOLD[key](end)
        elif key in end.options:
            value = end.options[key]
        elif key in _DEFAULTS:
            value = _DEFAULTS[key]
        else:
            raise SimEscape(f"getsockopt {_name(level, optname)}", "leave it out in simulated runs")
        if not buflen:
            return _int(value)
        if isinstance(value, int):
            value = value.to_bytes(
                8 if key[1] == getattr(socket, "SO_LINGER", -1) else 4, "little", signed=True
            )
        return value[:buflen]


def _protocol(end: Any) -> int:
    if end.family == socket.AF_UNIX:
        return 0
    return socket.IPPROTO_UDP if end.type == socket.SOCK_DGRAM else socket.IPPROTO_TCP


def _int(value: int | bytes) -> int:
    return value if isinstance(value, int) else int.from_bytes(value[:4], "little", signed=True)


def _name(level: int, option: int) -> str:
    """Write an option by its names, as well as they are known."""
    prefixes = {socket.SOL_SOCKET: "SO_", socket.IPPROTO_TCP: "TCP_", socket.IPPROTO_IP: "IP_"}
    prefixes[socket.IPPROTO_IPV6] = "IPV6_"
    prefix = prefixes.get(level)
    for name, value in vars(socket).items():
        if prefix is not None and name.startswith(prefix) and value == option:
            return name
    return f"{level}, {option}"
