"""TLS of blocking and of polled sockets: Python's own `ssl.SSLSocket`, over bytes instead of a descriptor.

All of `ssl.SSLSocket` is Python but the object that does the work, which C code makes of a descriptor. Here
that object speaks TLS to memory, and carries the records between there and the simulated socket.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from junto.sim.interception.installing import replace
from junto.sim.sockets.simsocket import SimSocket
from junto.sim.sockets.waiting import deadline, unwatch, wait_until, watch

__all__ = ["Records"]

T = TypeVar("T")

RECORD = 16 * 1024
HEADER = 5  # type, version, and the length of the rest
_wrap_socket: Any = getattr(ssl.SSLContext, "_wrap_socket")  # noqa: B009  # not known to type checkers


class Records:
    """What stands for the object of C code behind an `ssl.SSLSocket`."""

    def __init__(
        self,
        context: Any,
        sock: SimSocket,
        server_side: bool,
        server_hostname: str | None,
        owner: Any,
        session: Any,
    ) -> None:
        self._sock = sock
        self._end = sock.endpoint
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object: Any = context._wrap_bio(
            self._incoming, self._outgoing, server_side, server_hostname, owner=owner, session=session
        )
        self._unsent = b""
        self._header = b""
        self._left = 0  # of the record of which the header has come

    def __getattr__(self, name: str) -> Any:
        return getattr(self._object, name)

    @property
    def context(self) -> Any:
        return self._object.context

    @context.setter
    def context(self, context: Any) -> None:
        self._object.context = context

    @property
    def session(self) -> Any:
        return self._object.session

    @session.setter
    def session(self, session: Any) -> None:
        self._object.session = session

    def do_handshake(self) -> None:
        """Agree with the peer, as long as the socket's timeout allows."""
        self._until(self._object.do_handshake, "handshake")

    def read(self, size: int, buffer: Any = None) -> Any:
        """Read decrypted bytes."""
        if buffer is None:
            return self._until(lambda: self._object.read(size), "read")
        return self._until(lambda: self._object.read(size, buffer), "read")

    def write(self, data: Any) -> int:
        """Encrypt and send bytes: all of them if the socket may wait, else as much as there is room for."""
        view = memoryview(data).cast("B")
        if not view.nbytes:
            return 0
        until = self._deadline()
        sent = 0
        while sent < view.nbytes:
            if self._sock.gettimeout() == 0.0:
                self._flush()
                if self._unsent or not self._end.writable():
                    if sent:
                        break
                    raise ssl.SSLWantWriteError(
                        ssl.SSL_ERROR_WANT_WRITE, "The operation did not complete (write)"
                    )
            piece = view[sent : sent + RECORD]
            self._until(functools.partial(self._object.write, piece), "write", until)
            sent += piece.nbytes
        return sent

    def shutdown(self) -> SimSocket:
        """Say goodbye, and wait for the peer's."""
        self._until(self._object.shutdown, "shutdown")
        return self._sock

    def verify_client_post_handshake(self) -> Any:
        """Ask the client for its certificate."""
        asked = self._object.verify_client_post_handshake()
        self._flush()
        return asked

    def _until(self, step: Callable[[], T], what: str, until: Any = ()) -> T:
        """Repeat a step of the protocol until it has all that it needs from the peer."""
        if until == ():
            until = self._deadline()
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._send(what, until)
                self._receive(what, until)
            except BaseException:
                self._flush()  # the alert that tells the peer
                raise
            else:
                self._send(what, until)
                return result

    def _deadline(self) -> int | None:
        timeout = self._sock.gettimeout()
        return deadline(self._end.host, timeout) if timeout else None

    def _receive(self, what: str, until: int | None) -> None:
        """Get more records from the peer."""
        end = self._end
        while True:
            end.check_open()
            try:
                data = end.recv(self._left or HEADER - len(self._header))
            except BlockingIOError:
                if self._sock.gettimeout() == 0.0:
                    raise ssl.SSLWantReadError(
                        ssl.SSL_ERROR_WANT_READ, "The operation did not complete (read)"
                    ) from None
                if not wait_until(end.host, [end], end.readable, "data", until):
                    raise TimeoutError(f"The {what} operation timed out") from None
                continue
            if data:
                self._incoming.write(data)
                self._count(data)
            else:
                self._incoming.write_eof()
            return

    def _count(self, data: bytes) -> None:
        """Keep in mind where the record ends: what comes behind the last one is not TLS."""
        if self._left:
            self._left -= len(data)
            return
        self._header += data
        if len(self._header) == HEADER:
            self._left = int.from_bytes(self._header[3:])
            self._header = b""

    def _send(self, what: str, until: int | None) -> None:
        """Send what is encrypted: all of it if the socket may wait."""
        self._flush()
        end = self._end
        while self._unsent and self._sock.gettimeout() != 0.0:
            if not wait_until(end.host, [end], end.writable, "room to send", until):
                raise TimeoutError(f"The {what} operation timed out")
            self._flush()

    def _flush(self) -> None:
        """Send as much of what is encrypted as there is room for; the rest goes when there is more."""
        data = self._unsent + self._outgoing.read()
        end = self._end
        before = bool(self._unsent)
        while data:
            try:
                data = data[end.send(data) :]
            except BlockingIOError:
                break
            except OSError:
                self._unsent = b""
                unwatch(end, self._flush_later)
                raise
        self._unsent = data
        if data and not before:
            watch(end, self._flush_later)
        elif before and not data:
            unwatch(end, self._flush_later)

    def _flush_later(self) -> None:
        if self._end.writable() and not self._end.error and not self._end.closed:
            self._flush()


def wrap_socket(
    context: Any,
    sock: Any,
    server_side: bool,
    server_hostname: str | None = None,
    *,
    owner: Any = None,
    session: Any = None,
) -> Any:
    """Make what does the work for an `ssl.SSLSocket`."""
    if isinstance(sock, SimSocket):
        return Records(context, sock, server_side, server_hostname, owner, session)
    return _wrap_socket(context, sock, server_side, server_hostname, owner=owner, session=session)


replace("ssl", "SSLContext._wrap_socket", wrap_socket, inherited=True)
