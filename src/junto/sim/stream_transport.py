"""asyncio's transport over a simulated connection, without the way around by readiness.

What it promises is what the transport of asyncio's selector loop promises, to the number of turns that each
thing takes.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio import constants, transports, trsock
from collections.abc import Callable
from socket import SHUT_WR
from typing import TYPE_CHECKING, Any

from junto.sim.handles import Handle
from junto.sim.network.streams import StreamEnd

if TYPE_CHECKING:
    from junto.sim.loop import HostLoop

__all__ = ["StreamTransport", "attach", "detach", "set_result"]

logger = logging.getLogger("asyncio")
MAX_SIZE = 256 * 1024


def attach(server: Any, transport: Any) -> None:
    """Count a connection at its server."""
    if sys.version_info >= (3, 13):
        server._attach(transport)
    else:
        server._attach()


def detach(server: Any, transport: Any) -> None:
    """Take a connection from its server's count."""
    if sys.version_info >= (3, 13):
        server._detach(transport)
    else:
        server._detach()


def set_result(waiter: asyncio.Future[None]) -> None:
    """Complete a future unless it was cancelled."""
    if not waiter.cancelled():
        waiter.set_result(None)


class StreamTransport(transports._FlowControlMixin, asyncio.Transport):  # pyright: ignore[reportPrivateUsage]  # asyncio's flow control
    """The transport of one simulated connection."""

    _protocol: Any
    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.FALLBACK  # pyright: ignore[reportPrivateUsage]  # asyncio asks for it

    def __init__(
        self,
        loop: HostLoop,
        sock: Any,
        end: StreamEnd,
        protocol: Any,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
    ) -> None:
        super().__init__(extra, loop)
        info: dict[str, Any] = self._extra  # type: ignore[attr-defined]  # asyncio's
        info["socket"] = trsock.TransportSocket(sock)
        info["sockname"] = end.local
        if "peername" not in info:
            info["peername"] = end.peer if end.connected() else None
        self._loop: HostLoop = loop
        self._host = loop.host
        self._sock: Any = sock
        self._end = end
        self._send = end.send
        self._receive = end.recv
        self._buffer = bytearray()
        self._conn_lost = 0
        self._closing = self._paused = self._eof = False
        self._reading = False  # begins when the protocol knows its transport
        self._woken = False
        self._handle = Handle(self._ready, (), loop)
        self._server = server
        self._data_received: Callable[[bytes], None] | None = None
        self.set_protocol(protocol)
        if server is not None:
            try:
                attach(server, self)
            except BaseException:  # it was closed meanwhile; asyncio leaves the socket to a finalizer
                sock.close()
                raise
        loop._transports[end.number] = self  # type: ignore[attr-defined]  # asyncio's
        loop.call_soon(self._protocol.connection_made, self)
        loop.call_soon(self._start_reading)
        if waiter is not None:
            loop.call_soon(set_result, waiter)

    def __repr__(self) -> str:
        state = "closed" if self._sock is None else "closing" if self._closing else "open"
        return f"<StreamTransport {state} fd={self._end.number} bufsize={len(self._buffer)}>"

    # What has happened below

    def _start_reading(self) -> None:
        if not self._closing and not self._paused:
            self._reading = True
        self._end.on_change = self._changed
        self._changed()

    def _changed(self) -> None:
        if not self._woken and (self._reading or self._buffer):
            self._woken = True
            self._host.wake(self._handle)

    def _ready(self) -> None:
        self._woken = False
        if self._reading:
            self._read()
        if self._buffer and not self._conn_lost:
            self._write_more()

    def _read(self) -> None:
        end = self._end
        incoming = end.incoming
        if incoming:
            received = self._data_received
            try:
                if received is not None:
                    received(self._receive(MAX_SIZE))
                else:
                    self._fill_buffer()
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                what = "data_received" if received is not None else "buffer_updated"
                self._fatal_error(error, f"Fatal error: protocol.{what}() call failed.")
                return
            if incoming or end.eof or end.deaf:
                self._changed()
        elif end.readable():
            try:
                data = self._receive(MAX_SIZE)
            except OSError as error:
                self._fatal_error(error, "Fatal read error on socket transport")
                return
            assert not data
            self._end_of_stream()

    def _fill_buffer(self) -> None:
        buffer = self._protocol.get_buffer(-1)
        if not len(buffer):
            raise RuntimeError("get_buffer() returned an empty buffer")
        data = self._receive(len(buffer))
        buffer[: len(data)] = data
        self._protocol.buffer_updated(len(data))

    def _end_of_stream(self) -> None:
        try:
            keep_open = self._protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, "Fatal error: protocol.eof_received() call failed.")
            return
        if keep_open:
            self._reading = False
        else:
            self.close()

    # Reading

    def is_reading(self) -> bool:
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        if self.is_reading():
            self._paused = True
            self._reading = False

    def resume_reading(self) -> None:
        if self._paused and not self._closing:
            self._paused = False
            self._reading = True
            if self._end.readable():
                self._changed()

    # Writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if type(data) is not bytes:
            if not isinstance(data, bytes | bytearray | memoryview):
                raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
            data = bytes(data)
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data:
            return
        if self._conn_lost:
            if self._conn_lost >= constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES:
                logger.warning("socket.send() raised exception.")
            self._conn_lost += 1
            return
        if not self._buffer:
            try:
                sent = self._send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self._fatal_error(error, "Fatal write error on socket transport")
                return
            if sent == len(data):
                return
            self._buffer += memoryview(data)[sent:]
            if self._end.writable():  # it asks to be told when not
                self._changed()
        else:
            self._buffer += data
        self._maybe_pause_protocol()  # type: ignore[attr-defined]  # asyncio's

    def _write_more(self) -> None:
        try:
            sent = self._send(bytes(self._buffer))
        except BlockingIOError:
            return
        except OSError as error:
            self._buffer.clear()
            self._fatal_error(error, "Fatal write error on socket transport")
            return
        del self._buffer[:sent]
        self._maybe_resume_protocol()  # type: ignore[attr-defined]  # asyncio's; may write more
        if self._buffer:
            if self._end.writable():
                self._changed()
        elif self._closing:
            self._call_connection_lost(None)
        elif self._eof:
            self._end.shutdown(SHUT_WR)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if self._closing or self._eof:
            return
        self._eof = True
        if not self._buffer:
            self._end.shutdown(SHUT_WR)

    def get_write_buffer_size(self) -> int:
        return len(self._buffer)

    # The protocol, and the end

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol
        buffered = isinstance(protocol, asyncio.BufferedProtocol)
        self._data_received = None if buffered else protocol.data_received

    def get_protocol(self) -> Any:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._reading = False
        if not self._buffer:
            self._conn_lost += 1
            self._loop.call_soon(self._call_connection_lost, None)

    def abort(self) -> None:
        self._force_close(None)

    def _fatal_error(self, error: BaseException, message: str) -> None:
        if not isinstance(error, OSError):
            self._loop.call_exception_handler(
                {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
            )
        self._force_close(error)

    def _force_close(self, error: BaseException | None) -> None:
        if self._conn_lost:
            return
        self._buffer.clear()
        self._closing = True
        self._reading = False
        self._conn_lost += 1
        self._loop.call_soon(self._call_connection_lost, error)

    def abandon(self) -> None:
        """Count as closed, without a word to anybody."""
        self._closing = True
        self._conn_lost += 1
        self._reading = False
        over = getattr(self._protocol, "_app_transport", None)  # that of TLS above
        if over is not None:
            over._closed = True

    def _call_connection_lost(self, error: BaseException | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._sock.close()
            self._sock = self._protocol = self._data_received = None
            server, self._server = self._server, None
            if server is not None:
                detach(server, self)
