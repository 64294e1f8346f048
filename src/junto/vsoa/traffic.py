"""What the system is told about a connection's traffic.

A layer knows no sockets; it asks the transport for one, which may have none, as in a simulated
network. So the options' numbers are written here, for the systems that we know.
"""

from __future__ import annotations

import sys
from typing import Any, Final

__all__ = ["set_keepalive", "set_priority", "widen"]

_IPV4: Final = 2
_LINUX: Final = sys.platform.startswith("linux")
_SOCKET, _RECEIVE_BUFFER, _KEEPALIVE = (1, 8, 9) if _LINUX else (0xFFFF, 0x1002, 8)
_TOS: Final = (0, 1) if _LINUX else (0, 3)
_TRAFFIC_CLASS: Final = (41, {"darwin": 36, "win32": 39}.get(sys.platform, 67))
_TCP: Final = 6
# Idle time, interval, and number of probes.
_PROBES: Final = {"darwin": (0x10, 0x101, 0x102), "win32": (3, 17, 16)}.get(sys.platform, (4, 5, 6))
_WIDE: Final = 4 * 1024 * 1024


def set_priority(transport: Any, priority: int) -> None:
    """Mark what leaves by *transport* as of *priority*, 0 to 7; in silence where that is not possible."""
    socket = None if transport is None else transport.get_extra_info("socket")
    if socket is None:
        return
    level, option = _TOS if socket.family == _IPV4 else _TRAFFIC_CLASS
    _set(socket, level, option, priority * 32 + 8 if priority else 0)


def set_keepalive(transport: Any, idle: float) -> None:
    """Let the system probe a silent peer after *idle* seconds, three times with as much between."""
    socket = None if transport is None else transport.get_extra_info("socket")
    if socket is None:
        return
    seconds = max(1, round(idle))
    _set(socket, _SOCKET, _KEEPALIVE, 1)
    for option, value in zip(_PROBES, (seconds, seconds, 3), strict=True):
        _set(socket, _TCP, option, value)


def widen(transport: Any) -> None:
    """Let many datagrams wait for us; the system decides how many that really are."""
    socket = transport.get_extra_info("socket")
    if socket is not None:
        _set(socket, _SOCKET, _RECEIVE_BUFFER, _WIDE)


def _set(socket: Any, level: int, option: int, value: int) -> None:
    try:
        socket.setsockopt(level, option, value)
    except OSError:  # not on this system, or the connection is gone
        pass
