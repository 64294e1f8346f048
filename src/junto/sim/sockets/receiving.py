"""What a simulated socket does to receive: all of the calls of the real one that do."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable
from typing import Any

from junto.sim.errors import SimEscape
from junto.sim.network import DatagramEnd

__all__ = ["Receiving"]

_WHOLE = 1 << 20  # more than any datagram has

# What says how to receive, and can be heeded or left out; 0 for what a system does not have.
_PEEK, _WAITALL, _TRUNC = socket.MSG_PEEK, socket.MSG_WAITALL, socket.MSG_TRUNC
DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0)
_KNOWN = _PEEK | _WAITALL | _TRUNC | DONTWAIT
_HARMLESS = (
    getattr(socket, "MSG_NOSIGNAL", 0)
    | getattr(socket, "MSG_CMSG_CLOEXEC", 0)
    | getattr(socket, "MSG_EOR", 0)
)


class Receiving:
    """The receiving half of `SimSocket`."""

    __slots__ = ()

    _open_end: Callable[[], Any]
    _retry: Callable[..., Any]

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if bufsize < 0:
            raise ValueError("negative buffersize in recv")
        data: bytes = self._receive(bufsize, flags)[0]
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        return self._into(buffer, nbytes, flags)[0]

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        if bufsize < 0:
            raise ValueError("negative buffersize in recvfrom")
        data, source, _ = self._receive(bufsize, flags)
        return data, source

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        size, source, _ = self._into(buffer, nbytes, flags)
        return size, source

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[Any], int, Any]:
        if bufsize < 0:
            raise ValueError("negative buffer size in recvmsg()")
        data, source, cut = self._receive(bufsize, flags)
        return data, [], cut, source

    def recvmsg_into(
        self, buffers: Any, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, list[Any], int, Any]:
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        data, source, cut = self._receive(sum(view.nbytes for view in views), flags)
        begin = 0
        for view in views:
            piece = data[begin : begin + view.nbytes]
            view[: len(piece)] = piece
            begin += len(piece)
        return len(data), [], cut, source

    def _into(self, buffer: Any, size: int, flags: int) -> tuple[int, Any, int]:
        with memoryview(buffer).cast("B") as view:
            if size < 0:
                raise ValueError("negative buffersize in recv_into")
            if size > view.nbytes:
                raise ValueError("nbytes is greater than the length of the buffer")
            data, source, cut = self._receive(size or view.nbytes, flags)
            view[: len(data)] = data
        return len(data), source, cut

    def _receive(self, size: int, flags: int) -> tuple[bytes, Any, int]:
        """Receive bytes, and tell where from, and MSG_TRUNC if a datagram was cut."""
        end = self._open_end()
        if flags & ~(_KNOWN | _HARMLESS):
            raise SimEscape(f"receiving with flags {flag_names(flags)}", "there are no such messages here")
        if isinstance(end, DatagramEnd):
            take: Callable[[int], tuple[bytes, Any]] = end.peek if flags & _PEEK else end.recvfrom
            data, source = self._retry(lambda: take(_WHOLE), end.readable, "a datagram", flags)
            return data[:size], source, _TRUNC if len(data) > size else 0
        if not size:
            return b"", None, 0
        receive: Callable[[int], bytes] = end.peek if flags & _PEEK else end.recv
        if not flags & _WAITALL or flags & _PEEK:
            return self._retry(lambda: receive(size), end.readable, "data", flags), None, 0
        pieces: list[bytes] = []
        while size:
            try:
                piece = self._retry(functools.partial(receive, size), end.readable, "data", flags)
            except OSError:
                if pieces:
                    break
                raise
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces), None, 0


def flag_names(flags: int) -> str:
    """Write flags of a message by their names."""
    names = [
        name
        for name, value in sorted(vars(socket).items())
        if name.startswith("MSG_") and value and flags & value == value
    ]
    return " | ".join(names) or str(flags)
