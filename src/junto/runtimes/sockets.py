"""Streams over non-blocking sockets, driven by whoever polls.

A transport knows no thread and no event loop; it asks its `SocketHost` to watch its socket, and
is called when the socket is ready. Whoever polls may be late or wrong: each handler
tries, and takes "not now" for an answer.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any, Protocol

from junto.errors import LocalProtocolError
from junto.runtime import BufferedEndpoint, Endpoint, Future, TimerHandle
from junto.runtimes.binding import SystemSockets
from junto.runtimes.polling import READ, WRITE

__all__ = ["Closable", "SocketHost", "SocketTransport"]

_log = logging.getLogger("junto")

HIGH_WATER = 64 * 1024
LOW_WATER = 16 * 1024
_READS = 8  # in a row, of one socket, before the others get their turn
_READ_SIZE = 256 * 1024
_CHUNKS = 64  # per sendmsg; every system takes at least 16, Linux takes 1024


class Closable(Protocol):
    """A thing that a runtime has open."""

    def close(self) -> None: ...
    def abort(self) -> None: ...


class SocketHost(Protocol):
    """What sockets need of their runtime."""

    @property
    def sockets(self) -> SystemSockets:
        """Where its sockets come from."""
        ...

    @property
    def read_buffer(self) -> memoryview: ...

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> object: ...
    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> TimerHandle: ...
    def create_future(self) -> Future[Any]: ...

    def watch(self, fd: int, interest: int, handler: Callable[[int], object], /) -> None:
        """Call *handler* with a mask whenever *fd* is ready; an interest of 0 stops that."""
        ...

    def resolve(self, look_up: Callable[[], Any], /) -> Future[Any]:
        """Call *look_up*, which may block for seconds, where it disturbs least."""
        ...

    def opened(self, thing: Closable, /) -> None:
        """Remember *thing*, to close it in the end.

        Raises:
            ConnectionFailed: The end has come, and nothing can be opened any more.
        """
        ...

    def closed(self, thing: Closable, /) -> None:
        """Forget *thing*: nothing of it is left."""
        ...


class SocketTransport:
    """Moves bytes between one connected socket and one endpoint."""

    def __init__(self, host: SocketHost, sock: socket.socket, endpoint: Endpoint | BufferedEndpoint) -> None:
        self._host = host
        self._socket = sock
        self._fd = sock.fileno()
        self._send = sock.send
        self._endpoint = endpoint
        self._interest = 0
        self._unsent = bytearray()
        self._sent = 0  # bytes at the beginning of _unsent that are gone already
        self._writing_paused = False
        self._reading = True
        self._closing = False
        self._eof_wanted = False
        self._eof_seen = False
        self._extra = {
            "socket": sock,
            "sockname": _name_of(sock.getsockname),
            "peername": _name_of(sock.getpeername),
        }
        if hasattr(endpoint, "get_buffer"):
            self._receive = self._receive_into_buffer
        else:
            self._receive = self._receive_bytes
        host.opened(self)

    def start(self) -> None:
        """Tell the endpoint that there is a connection, and read."""
        self._tell(lambda: self._endpoint.connection_made(self))
        if self._reading and not self._closing:
            self._set_interest(self._interest | READ)

    # -- what layers call --

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        if self._closing or self._eof_wanted:
            if self._eof_wanted:
                raise LocalProtocolError("nothing can be written after write_eof()")
            return
        if self._unsent:
            self._unsent += data
            self._pause_writing_if_full()
            return
        try:
            sent = self._send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._break(error)
            return
        size = data.nbytes if isinstance(data, memoryview) else len(data)
        if sent < size:
            self._unsent += memoryview(data).cast("B")[sent:]
            self._set_interest(self._interest | WRITE)
            self._pause_writing_if_full()

    def writelines(self, chunks: list[bytes], /) -> None:
        if len(chunks) == 1:
            self.write(chunks[0])
        elif self._unsent or self._closing or self._eof_wanted or len(chunks) > _CHUNKS or not _HAS_SENDMSG:
            self.write(b"".join(chunks))
        elif chunks:
            try:
                sent = self._socket.sendmsg(chunks)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._break(error)
                return
            if sent < sum(map(len, chunks)):
                self._unsent += memoryview(b"".join(chunks))[sent:]
                self._set_interest(self._interest | WRITE)
                self._pause_writing_if_full()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if self._closing or self._eof_wanted:
            return
        self._eof_wanted = True
        if not self._unsent:
            self._shut_down_writing()

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._set_interest(self._interest & ~READ)
        if not self._unsent:
            self._host.call_soon(self._lose, None)

    def abort(self) -> None:
        self._break(None)

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False
        self._set_interest(self._interest & ~READ)

    def resume_reading(self) -> None:
        self._reading = True
        if not (self._closing or self._eof_seen):
            self._set_interest(self._interest | READ)

    def get_write_buffer_size(self) -> int:
        return len(self._unsent) - self._sent

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._extra.get(name, default)

    # -- what the poller calls --

    def _on_ready(self, mask: int) -> None:
        if mask != WRITE and self._interest & READ:
            self._receive()
        if mask != READ and self._interest & WRITE:
            self._send_more()

    def _receive_into_buffer(self) -> None:
        endpoint: Any = self._endpoint
        for _ in range(_READS):
            try:
                buffer = endpoint.get_buffer(-1)
                try:
                    size = self._socket.recv_into(buffer)
                except (BlockingIOError, InterruptedError):
                    return
                except OSError as error:
                    self._break(error)
                    return
                if not size:
                    self._receive_eof()
                    return
                endpoint.buffer_updated(size)
            except Exception as error:
                self._break_by_mistake(error)
                return
            if size < len(buffer) or not self._interest & READ:
                return

    def _receive_bytes(self) -> None:
        endpoint: Any = self._endpoint
        for _ in range(_READS):
            try:
                data = self._socket.recv(_READ_SIZE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._break(error)
                return
            try:
                if not data:
                    self._receive_eof()
                    return
                endpoint.data_received(data)
            except Exception as error:
                self._break_by_mistake(error)
                return
            if len(data) < _READ_SIZE or not self._interest & READ:
                return

    def _receive_eof(self) -> None:
        self._eof_seen = True
        self._set_interest(self._interest & ~READ)
        if not self._endpoint.eof_received():
            self.close()

    def _send_more(self) -> None:
        unsent = self._unsent
        try:
            with memoryview(unsent) as view, view[self._sent :] as rest:
                self._sent += self._send(rest)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._break(error)
            return
        left = len(unsent) - self._sent
        if left == 0 or self._sent > HIGH_WATER:  # not each time: it moves all that is left
            del unsent[: self._sent]
            self._sent = 0
        if left <= LOW_WATER and self._writing_paused:
            self._writing_paused = False
            self._tell(self._endpoint.resume_writing)
        if not self._unsent:
            self._set_interest(self._interest & ~WRITE)
            if self._closing:
                self._host.call_soon(self._lose, None)
            elif self._eof_wanted:
                self._shut_down_writing()

    # -- inside --

    def _set_interest(self, interest: int) -> None:
        if interest != self._interest:
            self._interest = interest
            self._host.watch(self._fd, interest, self._on_ready)

    def _pause_writing_if_full(self) -> None:
        if not self._writing_paused and len(self._unsent) - self._sent > HIGH_WATER:
            self._writing_paused = True
            self._tell(self._endpoint.pause_writing)

    def _tell(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception as error:
            self._break_by_mistake(error)

    def _shut_down_writing(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._break(error)

    def _break_by_mistake(self, error: Exception) -> None:
        _log.error("an endpoint failed; its connection is closed", exc_info=error)
        self._break(error)

    def _break(self, error: Exception | None) -> None:
        if self._fd < 0 or (self._closing and not self._interest and not self._unsent):
            return  # _lose is on its way
        self._closing = True
        self._set_interest(0)
        self._unsent = bytearray()
        self._sent = 0
        self._host.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        if self._fd < 0:
            return
        self._set_interest(0)
        self._fd = -1
        try:
            self._endpoint.connection_lost(error)
        finally:
            self._socket.close()
            self._host.closed(self)


_HAS_SENDMSG = hasattr(socket.socket, "sendmsg")


def _name_of(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except OSError:  # the peer is gone already
        return None
