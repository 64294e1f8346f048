"""A connection inside one program: two ends that tell each other what a network would.

How one end tells the other is for those who make them: after what is to be done now, after a delay, or in
another thread. Everything else is as the seam asks of a transport.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, Final

from junto.runtime import BufferedEndpoint, Endpoint, Runtime

__all__ = ["PipeEnd"]

_HIGH_WATER: Final = 64 * 1024


class PipeEnd:
    """One end of a connection. Aborting it resets the other one.

    Attributes:
        endpoint: Whom it tells what has come.
        peer: The other end.
        tell_peer: Calls a function, with arguments, on the side of the other end.
    """

    __slots__ = (
        "_closing",
        "_eof_sent",
        "_eof_waits",
        "_incoming",
        "_outstanding",
        "_paused",
        "_reading",
        "_runtime",
        "endpoint",
        "peer",
        "tell_peer",
    )

    peer: PipeEnd
    tell_peer: Callable[..., object]

    def __init__(self, runtime: Runtime, endpoint: Endpoint | BufferedEndpoint) -> None:
        self._runtime = runtime
        self.endpoint: Any = endpoint
        self._incoming = bytearray()
        self._reading = True
        self._closing = False
        self._eof_sent = False
        self._eof_waits = False
        self._paused = False
        self._outstanding = 0  # bytes that we wrote and the other end has not taken

    def made(self) -> None:
        """Tell our endpoint that it is connected."""
        self.endpoint.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        if self._closing or self._eof_sent or not data:
            return
        self._outstanding += len(data)
        self.tell_peer(self.peer.receive, bytes(data))
        if self._outstanding > _HIGH_WATER and not self._paused:
            self._paused = True
            self.endpoint.pause_writing()

    def writelines(self, chunks: list[bytes], /) -> None:
        self.write(b"".join(chunks))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not (self._closing or self._eof_sent):
            self._eof_sent = True
            self.tell_peer(self.peer.receive_eof)

    def close(self) -> None:
        if not self._closing:
            self.write_eof()
            self._end(None)

    def abort(self) -> None:
        if not self._closing:
            reset = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            self.tell_peer(self.peer.receive_reset, reset)
            self._end(None)

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._runtime.call_soon(self._deliver)

    def get_write_buffer_size(self) -> int:
        return max(0, self._outstanding - _HIGH_WATER)

    # -- from the other end --

    def receive(self, data: bytes) -> None:
        if self._closing:
            return
        if self._reading and not self._incoming:
            self._give(data)
        else:
            self._incoming += data
            self._deliver()

    def receive_eof(self) -> None:
        self._eof_waits = True
        self._deliver()

    def receive_reset(self, error: Exception) -> None:
        if not self._closing:
            self._end(error)

    def taken(self, size: int) -> None:
        """Take note that the other end has taken *size* bytes more."""
        self._outstanding -= size
        if self._paused and self._outstanding <= _HIGH_WATER and not self._closing:
            self._paused = False
            self.endpoint.resume_writing()

    # -- inside --

    def _give(self, data: bytes) -> None:
        """Hand *data* to the endpoint; what it does not take any more is left."""
        at = 0
        size = len(data)
        if not hasattr(self.endpoint, "get_buffer"):
            at = size
            self.endpoint.data_received(data)
        while at < size and self._reading and not self._closing:
            room = self.endpoint.get_buffer(size - at)
            count = min(len(room), size - at)
            room[:count] = data[at : at + count]
            at += count
            self.endpoint.buffer_updated(count)
        if at < size:
            self._incoming[:0] = data[at:]
        if self.peer._runtime is self._runtime:
            self.peer.taken(at)
        else:
            self.tell_peer(self.peer.taken, at)

    def _deliver(self) -> None:
        if self._incoming and self._reading and not self._closing:
            data = bytes(self._incoming)
            self._incoming.clear()
            self._give(data)
        if self._eof_waits and self._reading and not (self._incoming or self._closing):
            self._eof_waits = False
            if not self.endpoint.eof_received():
                self.close()

    def _end(self, error: Exception | None) -> None:
        self._closing = True
        self._incoming.clear()
        self._runtime.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        self.endpoint.connection_lost(error)
