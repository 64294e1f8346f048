"""What a simulated socket does to send: all of the calls of the real one that do."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Iterable
from errno import EDESTADDRREQ
from typing import Any

from junto.sim.errors import SimEscape
from junto.sim.network import DatagramEnd
from junto.sim.network.endpoints import os_error
from junto.sim.sockets.receiving import DONTWAIT, flag_names
from junto.sim.sockets.waiting import deadline

__all__ = ["Sending"]

# They ask for less waiting, fewer packets or other ways: nothing that one could see here.
_HARMLESS = DONTWAIT | sum(
    getattr(socket, f"MSG_{name}", 0) for name in ("NOSIGNAL", "MORE", "EOR", "CONFIRM", "DONTROUTE")
)


class Sending:
    """The sending half of `SimSocket`."""

    __slots__ = ()

    _open_end: Callable[[], Any]
    _retry: Callable[..., Any]
    _look_up: Callable[[Any], None]
    _timeout: float | None
    _sendfile_use_send: Callable[..., int]

    def send(self, data: Any, flags: int = 0, /) -> int:
        end = self._open_end()
        # A socket without a timeout sends all: the system's call does not return before.
        if self._timeout is None and not flags & DONTWAIT and not isinstance(end, DatagramEnd):
            return self._send_all(end, _bytes(data), flags)
        return self._send_some(end, _bytes(data), flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self._send_all(self._open_end(), _bytes(data), flags)

    def sendto(self, data: Any, *flags_and_address: Any) -> int:
        if not 1 <= len(flags_and_address) <= 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(flags_and_address) + 1} given)")
        *flags, address = flags_and_address
        end = self._open_end()
        if not isinstance(end, DatagramEnd):
            return self.send(data, *flags)
        return self._send_datagram(end, _bytes(data), flags[0] if flags else 0, address)

    def sendmsg(
        self, buffers: Iterable[Any], ancdata: Iterable[Any] = (), flags: int = 0, address: Any = None, /
    ) -> int:
        if list(ancdata):
            raise SimEscape("sendmsg with ancillary data", "send what the other process needs as bytes")
        data = b"".join([_bytes(buffer) for buffer in buffers])
        end = self._open_end()
        if isinstance(end, DatagramEnd):
            return self._send_datagram(end, data, flags, address)
        return self.send(data, flags)

    def sendmsg_afalg(self, *args: Any, **options: Any) -> int:
        raise SimEscape("sendmsg_afalg", "it asks the system's own cipher; use a library")

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        return self._sendfile_use_send(file, offset, count)

    def _send_some(self, end: Any, data: bytes, flags: int) -> int:
        if flags & ~_HARMLESS:
            raise SimEscape(f"sending with flags {flag_names(flags)}", "send it without them")
        sent: int = self._retry(lambda: end.send(data), end.writable, "room to send", flags)
        return sent

    def _send_all(self, end: Any, data: bytes, flags: int) -> int:
        sent = 0
        timeout = self._timeout
        until = deadline(end.host, timeout) if timeout else None
        if flags & ~_HARMLESS:
            raise SimEscape(f"sending with flags {flag_names(flags)}", "send it without them")
        while True:
            send = functools.partial(end.send, data[sent:] if sent else data)
            sent += int(self._retry(send, end.writable, "room to send", flags, until))
            if sent >= len(data):
                return sent

    def _send_datagram(self, end: DatagramEnd, data: bytes, flags: int, address: Any) -> int:
        if flags & ~_HARMLESS:
            raise SimEscape(f"sending with flags {flag_names(flags)}", "send it without them")
        if address is None:
            if not end.connected():
                raise os_error(EDESTADDRREQ)
            return self._send_some(end, data, flags)
        self._look_up(address)
        sent: int = self._retry(lambda: end.sendto(data, address), end.writable, "room to send", flags)
        return sent


def _bytes(data: Any) -> bytes:
    """Copy what may change: it is under way when the call has returned."""
    return data if type(data) is bytes else memoryview(data).tobytes()
