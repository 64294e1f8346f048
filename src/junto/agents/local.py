"""``local://``: connections between containers of one program, in an order that repeats itself.

What is written becomes available to its reader in the order in which it was written, whatever the connection:
each write is one entry in the queue of its reader's runtime. No clock and no thread has a part in that.
Packets are those of every other transport; only the network is missing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from junto.errors import ConnectionFailed
from junto.runtime import BufferedEndpoint, Runtime

__all__ = ["LocalListener", "LocalTransport", "connect", "connect_pair", "listen"]

_HIGH_WATER: Final = 64 * 1024

_listeners: dict[str, LocalListener] = {}


class LocalListener:
    """A name under which this program's containers find one."""

    def __init__(self, name: str, runtime: Runtime, factory: Callable[[], BufferedEndpoint]) -> None:
        self.name = name
        self.runtime = runtime
        self.factory = factory

    def close(self) -> None:
        """Free the name; connections live on. Closing twice is fine."""
        if _listeners.get(self.name) is self:
            del _listeners[self.name]


def listen(runtime: Runtime, name: str, factory: Callable[[], BufferedEndpoint]) -> LocalListener:
    """Be found under *name*, and make an endpoint for each connection.

    Raises:
        ConnectionFailed: Somebody else is.
    """
    if name in _listeners:
        raise ConnectionFailed(f"cannot listen at local://{name}/: somebody does")
    listener = _listeners[name] = LocalListener(name, runtime, factory)
    return listener


def connect(runtime: Runtime, name: str, factory: Callable[[], BufferedEndpoint]) -> LocalTransport:
    """Connect to who listens under *name*; both ends are told before this returns, the listener's first.

    Raises:
        ConnectionFailed: Nobody does.
    """
    listener = _listeners.get(name)
    if listener is None:
        refused = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        raise ConnectionFailed(f"cannot connect to local://{name}/: {refused}") from refused
    return connect_pair(runtime, factory(), listener.runtime, listener.factory(), name)


def connect_pair(
    runtime: Runtime, endpoint: BufferedEndpoint, other_runtime: Runtime, other: BufferedEndpoint, name: str
) -> LocalTransport:
    """Connect two endpoints, *other* first; gives the transport of *endpoint*."""
    ours = LocalTransport(runtime, endpoint, name)
    theirs = LocalTransport(other_runtime, other, name)
    ours.peer, theirs.peer = theirs, ours
    if other_runtime is runtime:
        ours.tell_peer = theirs.tell_peer = runtime.call_soon
        theirs.made()
    else:  # each has a thread, or a part of a program, of its own
        ours.tell_peer = other_runtime.call_soon_threadsafe
        theirs.tell_peer = runtime.call_soon_threadsafe
        other_runtime.call_soon_threadsafe(theirs.made)
    ours.made()
    return ours


class LocalTransport:
    """One end of a connection."""

    __slots__ = (
        "_closing",
        "_endpoint",
        "_eof_sent",
        "_eof_waits",
        "_incoming",
        "_name",
        "_outstanding",
        "_paused",
        "_reading",
        "_runtime",
        "peer",
        "tell_peer",
    )

    peer: LocalTransport
    tell_peer: Callable[..., object]

    def __init__(self, runtime: Runtime, endpoint: Any, name: str) -> None:
        self._runtime = runtime
        self._endpoint = endpoint
        self._name = name
        self._incoming = bytearray()
        self._reading = True
        self._closing = False
        self._eof_sent = False
        self._eof_waits = False
        self._paused = False
        self._outstanding = 0  # bytes that we wrote and the other end has not taken

    def made(self) -> None:
        """Tell our endpoint that it is connected."""
        self._endpoint.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        if self._closing or self._eof_sent or not data:
            return
        self._outstanding += len(data)
        self.tell_peer(self.peer.receive, bytes(data))
        if self._outstanding > _HIGH_WATER and not self._paused:
            self._paused = True
            self._endpoint.pause_writing()

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

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return f"LocalQueue({self._name!r})" if name in ("peername", "sockname") else default

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
            self._endpoint.resume_writing()

    # -- inside --

    def _give(self, data: bytes) -> None:
        """Hand *data* to the endpoint; what it does not take any more is left."""
        at = 0
        size = len(data)
        while at < size and self._reading and not self._closing:
            room = self._endpoint.get_buffer(size - at)
            count = min(len(room), size - at)
            room[:count] = data[at : at + count]
            at += count
            self._endpoint.buffer_updated(count)
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
            if not self._endpoint.eof_received():
                self.close()

    def _end(self, error: Exception | None) -> None:
        self._closing = True
        self._incoming.clear()
        self._runtime.call_soon(partial(self._endpoint.connection_lost, error))
