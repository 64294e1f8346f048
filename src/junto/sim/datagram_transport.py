"""asyncio's transport over a simulated datagram socket."""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio import constants, transports, trsock
from collections import deque
from typing import TYPE_CHECKING, Any

from junto.sim.handles import Handle
from junto.sim.network.datagrams import DatagramEnd
from junto.sim.stream_transport import set_result

if TYPE_CHECKING:
    from junto.sim.loop import HostLoop

__all__ = ["DatagramTransport"]

logger = logging.getLogger("asyncio")
MAX_SIZE = 256 * 1024
SENDS_EMPTY = sys.version_info >= (3, 13)


class DatagramTransport(transports._FlowControlMixin, asyncio.DatagramTransport):  # pyright: ignore[reportPrivateUsage]  # asyncio's flow control
    """The transport of one simulated datagram socket."""

    def __init__(
        self,
        loop: HostLoop,
        sock: Any,
        end: DatagramEnd,
        protocol: Any,
        address: Any = None,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(extra, loop)
        info: dict[str, Any] = self._extra  # type: ignore[attr-defined]  # asyncio's
        info["socket"] = trsock.TransportSocket(sock)
        info["sockname"] = end.local
        info["peername"] = end.peer if end.connected() else None
        self._loop: HostLoop = loop
        self._host = loop.host
        self._sock: Any = sock
        self._end = end
        self._protocol: Any = protocol
        self._address = address
        self._buffer: deque[tuple[bytes, Any]] = deque()
        self._size = 0
        self._conn_lost = 0
        self._closing = self._woken = False
        self._handle = Handle(self._ready, (), loop)
        loop._transports[end.number] = self  # type: ignore[attr-defined]  # asyncio's
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._start)
        if waiter is not None:
            loop.call_soon(set_result, waiter)

    def __repr__(self) -> str:
        return f"<DatagramTransport {'closing' if self._closing else 'open'} fd={self._end.number}>"

    def _start(self) -> None:
        if not self._closing:
            self._end.on_change = self._changed
            self._changed()

    def _changed(self) -> None:
        if not self._woken and not self._conn_lost:
            end = self._end
            if (not self._closing and end.readable()) or (self._buffer and end.writable()):
                self._woken = True
                self._host.wake(self._handle)

    def _ready(self) -> None:
        self._woken = False
        if self._conn_lost:
            return
        end = self._end
        if not self._closing and end.readable():
            self._read()
        if self._buffer and not self._conn_lost and end.writable():
            self._write_more()
        self._changed()

    def _read(self) -> None:
        try:
            data, address = self._end.recvfrom(MAX_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._protocol.error_received(error)
            return
        self._protocol.datagram_received(data, address)

    def sendto(self, data: bytes | bytearray | memoryview, addr: Any = None) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if not data and not SENDS_EMPTY:
            return
        if self._address:
            if addr not in (None, self._address):
                raise ValueError(f"Invalid address: must be None or {self._address}")
            addr = self._address
            if self._conn_lost:
                if self._conn_lost >= constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES:
                    logger.warning("socket.send() raised exception.")
                self._conn_lost += 1
                return
        whole = bytes(data)
        if not self._buffer:
            try:
                self._send(whole, addr)
                return
            except BlockingIOError:
                pass
            except OSError as error:
                self._protocol.error_received(error)
                return
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._fatal_error(error, "Fatal write error on datagram transport")
                return
        self._buffer.append((whole, addr))
        self._size += len(whole)
        self._maybe_pause_protocol()  # type: ignore[attr-defined]  # asyncio's

    def _send(self, data: bytes, addr: Any) -> None:
        if self._end.connected():
            self._end.send(data)
        else:
            self._end.sendto(data, addr)

    def _write_more(self) -> None:
        while self._buffer:
            data, addr = self._buffer[0]
            try:
                self._send(data, addr)
            except BlockingIOError:
                break
            except OSError as error:
                self._protocol.error_received(error)
            self._buffer.popleft()
            self._size -= len(data)
        self._maybe_resume_protocol()  # type: ignore[attr-defined]  # asyncio's
        if not self._buffer and self._closing:
            self._call_connection_lost(None)

    def get_write_buffer_size(self) -> int:
        return self._size

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
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
        if not self._conn_lost:
            self._buffer.clear()
            self._size = 0
            self._closing = True
            self._conn_lost += 1
            self._loop.call_soon(self._call_connection_lost, error)

    def abandon(self) -> None:
        """Count as closed, without a word to anybody."""
        self._closing = True
        self._conn_lost += 1

    def _call_connection_lost(self, error: BaseException | None) -> None:
        self._conn_lost += 1
        try:
            self._protocol.connection_lost(error)
        finally:
            self._sock.close()
            self._sock = self._protocol = None
