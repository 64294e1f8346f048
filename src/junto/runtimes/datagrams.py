"""Datagrams over a non-blocking socket."""

from __future__ import annotations

import collections
import logging
import socket
from typing import Any

from junto.runtime import DatagramEndpoint
from junto.runtimes.polling import READ, WRITE
from junto.runtimes.sockets import SocketHost

__all__ = ["SocketDatagrams"]

_log = logging.getLogger("junto")
_READS = 16  # in a row, before the others get their turn
_LARGEST = 64 * 1024
_MOST_UNSENT = 256 * 1024  # bytes; a datagram more is dropped, as the network would


class SocketDatagrams:
    """Sends and receives datagrams at one address."""

    def __init__(self, host: SocketHost, sock: socket.socket, endpoint: DatagramEndpoint) -> None:
        self._host = host
        self._socket = sock
        self._fd = sock.fileno()
        self._endpoint = endpoint
        self._unsent: collections.deque[tuple[bytes, Any]] = collections.deque()
        self._unsent_size = 0
        self._interest = 0
        self._closing = False
        self._extra = {"socket": sock, "sockname": sock.getsockname()}
        host.opened(self)
        endpoint.connection_made(self)
        if not self._closing:
            self._set_interest(READ)

    def sendto(self, data: bytes, address: Any = None, /) -> None:
        """Send one datagram, or drop it: too much waits already, or we are closing."""
        if self._closing:
            return
        if not self._unsent and self._try_to_send(data, address):
            return
        if self._unsent_size + len(data) <= _MOST_UNSENT:
            self._unsent.append((bytes(data), address))
            self._unsent_size += len(data)
            self._set_interest(self._interest | WRITE)

    def close(self) -> None:
        """Send what waits, then close; doing so twice is fine."""
        if not self._closing:
            self._closing = True
            self._set_interest(self._interest & ~READ)
            if not self._unsent:
                self._host.call_soon(self._lose)

    def abort(self) -> None:
        self._unsent.clear()
        if not self._closing:
            self.close()
        elif self._interest:  # it waits to send
            self._set_interest(0)
            self._host.call_soon(self._lose)

    def is_closing(self) -> bool:
        return self._closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._extra.get(name, default)

    def _on_ready(self, mask: int) -> None:
        if mask != WRITE and self._interest & READ:
            self._receive()
        if mask != READ and self._interest & WRITE:
            while self._unsent and self._try_to_send(*self._unsent[0]):
                self._unsent_size -= len(self._unsent.popleft()[0])
            if not self._unsent:
                self._set_interest(self._interest & ~WRITE)
                if self._closing:
                    self._host.call_soon(self._lose)

    def _receive(self) -> None:
        for _ in range(_READS):
            try:
                data, address = self._socket.recvfrom(_LARGEST)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # what came back from an earlier sendto
                self._tell(self._endpoint.error_received, error)
            else:
                self._tell(self._endpoint.datagram_received, data, address)
            if not self._interest & READ:
                return

    def _try_to_send(self, data: bytes, address: Any) -> bool:
        try:
            if address is None:
                self._socket.send(data)
            else:
                self._socket.sendto(data, address)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._tell(self._endpoint.error_received, error)
        return True

    def _tell(self, callback: Any, *args: Any) -> None:
        # One bad datagram must not end the others.
        try:
            callback(*args)
        except Exception as error:
            _log.error("a datagram endpoint failed", exc_info=error)

    def _set_interest(self, interest: int) -> None:
        if interest != self._interest:
            self._interest = interest
            self._host.watch(self._fd, interest, self._on_ready)

    def _lose(self) -> None:
        if self._fd < 0:
            return
        self._set_interest(0)
        self._fd = -1
        try:
            self._endpoint.connection_lost(None)
        finally:
            self._socket.close()
            self._host.closed(self)
