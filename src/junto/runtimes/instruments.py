"""What the system lets a client of an instrument set and know, for every runtime that has sockets."""

from __future__ import annotations

import errno
import select
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

from junto.instrument.errors import IncompleteReadError, LimitOverrunError
from junto.runtime import Transport

__all__ = ["SocketSystem", "reset", "watcher"]

Connector = Callable[..., Coroutine[Any, Any, Transport]]

_PASSING: Final = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
    }
)


class _Settings(Protocol):
    @property
    def no_delay(self) -> bool: ...
    @property
    def tos(self) -> int: ...
    @property
    def keep_alive(self) -> Any: ...
    @property
    def user_timeout(self) -> float | None: ...


class SocketSystem:
    """The system, as far as sockets go."""

    def __init__(self, caller: Callable[[], object] = threading.get_ident) -> None:
        """Take *caller*, which tells who runs."""
        self.caller = caller

    def connect_child(self, command: str, /) -> Connector:
        """Give what starts *command* and connects to its input and output."""
        from junto.runtimes import bridges  # late: few want it, and it takes long to import

        return bridges.connect_child(command)

    def connect_serial(self, url: str, settings: Mapping[str, Any], /) -> Connector:
        """Give what opens a serial line."""
        from junto.runtimes import bridges  # late: as above

        return bridges.connect_serial(url, settings)

    def tune(self, transport: Transport, settings: _Settings, /) -> None:
        """Set the options of a connection; what this system does not have is left out.

        Raises:
            OSError: The system refuses one.
        """
        sock = transport.get_extra_info("socket")
        if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(settings.no_delay))
        if sock.family == socket.AF_INET:
            _set(sock, socket.IPPROTO_IP, "IP_TOS", settings.tos)
        else:
            _set(sock, socket.IPPROTO_IPV6, "IPV6_TCLASS", settings.tos)
        _keep_alive(sock, settings.keep_alive)
        if settings.user_timeout is not None:
            _set(sock, socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", int(settings.user_timeout * 1000))

    def passes_by_itself(self, error: BaseException, /) -> bool:
        """Tell whether connecting may well succeed a little later."""
        if isinstance(error, socket.gaierror):
            return error.errno == socket.EAI_AGAIN
        if isinstance(error, TimeoutError | ConnectionRefusedError | ConnectionResetError):
            return True
        return isinstance(error, OSError) and error.errno in _PASSING

    def incomplete(self, partial: Any, expected: int | None, /) -> IncompleteReadError:
        """Make an error that those catch, too, who know only asyncio's."""
        from junto.runtimes.asyncio_errors import AsyncioIncompleteReadError  # late: it needs asyncio

        return AsyncioIncompleteReadError(partial, expected)

    def overrun(self, message: str, consumed: int, /) -> LimitOverrunError:
        """Make an error that those catch, too, who know only asyncio's."""
        from junto.runtimes.asyncio_errors import AsyncioLimitOverrunError  # late: it needs asyncio

        return AsyncioLimitOverrunError(message, consumed)


def reset(transport: Transport, /) -> None:
    """Break a connection, so that the other side is told of a reset."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def watcher(transport: Transport, /) -> Callable[[], bool] | None:
    """Make what tells whether something has come on *transport* that was not read, without waiting.

    Returns:
        ``None`` where the system has no quick way to tell.
    """
    sock = transport.get_extra_info("socket")
    if sock is None or not hasattr(select, "poll"):
        return None
    poller = select.poll()
    poller.register(sock.fileno(), select.POLLIN)
    poll = poller.poll

    def has_news() -> bool:
        try:
            return bool(poll(0))
        except RuntimeError:  # another thread asks just now; whoever looks closer will know
            return True

    return has_news


def _set(sock: socket.socket, level: int, name: str, value: int) -> None:
    option = getattr(socket, name, None)
    if option is not None:
        sock.setsockopt(level, option, value)


def _keep_alive(sock: socket.socket, wanted: Any) -> None:
    # The runtime switches it on for all connections; here, what is not wanted is off, the system's default.
    if wanted is None or isinstance(wanted, int):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(bool(wanted)))
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(bool(wanted.get("active", False))))
    if "idle" in wanted:
        # macOS has another name for it.
        _set(
            sock,
            socket.IPPROTO_TCP,
            "TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE",
            wanted["idle"],
        )
    if "interval" in wanted:
        _set(sock, socket.IPPROTO_TCP, "TCP_KEEPINTVL", wanted["interval"])
    if "retry" in wanted:
        _set(sock, socket.IPPROTO_TCP, "TCP_KEEPCNT", wanted["retry"])
