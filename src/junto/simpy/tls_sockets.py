"""TLS sockets whose operations are SimPy events.

A `TLSSocket` is used as a `junto.simpy.sockets.TCPSocket` is. The handshake goes on by itself beside whatever
else happens; reads and writes may be started before it is over.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import ClassVar, Self

from junto.errors import RemoteProtocolError, fresh
from junto.runtimes.polling import READ, WRITE
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.schedule import Event
from junto.sansio.tls import TLSConnection
from junto.simpy.farewell import Farewell
from junto.simpy.sockets import SocketAddress, TCPSocket
from junto.simpy.streams import IN_BACKGROUND, os_error

__all__ = ["TLSSocket"]

_READ_SIZE = 64 * 1024
_WRITE_SIZE = 64 * 1024  # at a time; nobody is told that it was taken before the system has it
_MOST_UNREAD = 256 * 1024  # bytes that are decrypted before somebody reads them


class TLSSocket(TCPSocket):
    """A TCP socket that speaks TLS.

    A write succeeds when the system has taken the encrypted bytes. If the handshake fails, the operations
    that are pending and all later ones fail with the `ssl.SSLError`. The peer's orderly end is the same
    as that of a TCP socket. After `close`, the connection is kept for up to a second more, for
    the peer to read what was written.

    Attributes:
        server_context: For sockets of this class that accept. To be set in a subclass, if not for each
            socket.
        client_context: For those that connect. `None` is Python's default: certificates are checked
            against those that the system trusts.
    """

    server_context: ClassVar[ssl.SSLContext | None] = None
    client_context: ClassVar[ssl.SSLContext | None] = None

    _context: ssl.SSLContext | None
    _server_hostname: str | None
    _tls: TLSConnection | None
    _read_error: OSError | None
    _write_error: OSError | None

    def __init__(
        self,
        env: SocketEnvironment,
        *,
        context: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> None:
        """Make a socket, not connected yet.

        Args:
            env: The environment.
            context: Instead of that of the class, for this socket and those that it accepts.
            server_hostname: The name that the server's certificate must have; the host that is
                connected to, if nothing is given.
        """
        super().__init__(env)
        self._context = context
        self._server_hostname = server_hostname

    @classmethod
    def server(
        cls,
        env: SocketEnvironment,
        address: SocketAddress,
        backlog: int = 5,
        *,
        context: ssl.SSLContext | None = None,
    ) -> Self:
        """Make a socket that listens at *address*; see `TCPSocket.server`.

        Raises:
            ValueError: There is no context, neither here nor in the class.
        """
        sock = cls(env, context=context)
        try:
            sock.bind(address)
            sock.listen(backlog)
        except BaseException:
            sock.close()
            raise
        return sock

    @classmethod
    def connection(
        cls,
        env: SocketEnvironment,
        address: SocketAddress,
        *,
        context: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Self:
        """Make a socket that is connected to *address*, or is about to be; see `TCPSocket.connection`."""
        sock = cls(env, context=context, server_hostname=server_hostname)
        try:
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """What knows of certificates and ciphers; `None` while there is no connection."""
        return None if self._tls is None else self._tls.ssl_object

    def listen(self, backlog: int = 5) -> None:
        """Let others connect; see `TCPSocket.listen`.

        Raises:
            ValueError: There is no context, neither of this socket nor of its class.
        """
        if self._context is None and self.server_context is None:
            raise ValueError("a TLS server needs an ssl.SSLContext, as context= or in its class")
        super().listen(backlog)

    def connect(self, address: SocketAddress) -> Event:
        """Connect to *address*; see `TCPSocket.connect`. The event does not wait for the handshake."""
        if self._connecting is None and not self._is_connected and self._server_hostname is None:
            self._server_hostname = address[0]
        return super().connect(address)

    def read(self, n: int) -> Event:
        event = super().read(n)
        if self._writing is not None and self._tls is not None:  # which may have waited for the handshake
            self._go_on_writing()
            self._update_watch()
        return event

    def write(self, data: bytes | bytearray | memoryview) -> Event:
        event = super().write(data)
        if self._reading is not None and self._tls is not None:  # which may get what the write came upon
            self._go_on_reading()
            self._update_watch()
        return event

    def abort(self) -> None:
        self._lingers = False
        self.close()

    # -- beginning and end --

    def _take(self, sock: socket.socket) -> None:
        super()._take(sock)
        self._tls = None
        self._plain = bytearray()  # decrypted, not read
        self._outgoing = b""  # encrypted, not sent
        self._encrypted = 0  # bytes of the pending write that are in there, or are sent
        self._at_end = False
        self._read_error = None
        self._write_error = None
        self._lingers = True

    def _establish(self) -> None:
        super()._establish()
        context = self._context or self.client_context or ssl.create_default_context()
        self._begin(context, server_side=False)

    def _adopt(self, sock: socket.socket) -> Self:
        accepted = super()._adopt(sock)
        accepted._context = self._context
        accepted._server_hostname = None
        context = self._context or self.server_context
        assert context is not None, "listen looked for one"
        accepted._begin(context, server_side=True)
        return accepted

    def _begin(self, context: ssl.SSLContext, *, server_side: bool) -> None:
        hostname = None if server_side else self._server_hostname
        tls = self._tls = TLSConnection(context, server_side=server_side, server_hostname=hostname)
        tls.start()
        self._flush(tls)
        self._update_watch()

    def _let_go(self) -> None:
        tls = self._tls
        if tls is None or not tls.established or self._at_end or self._read_error or self._write_error:
            self._socket.close()
            return
        tls.send_close()
        self._flush(tls)
        if self._write_error or (tls.closed_by_peer and not self._outgoing) or not self._lingers:
            self._socket.close()
        else:
            Farewell(self.env, self.env.sockets.adopt(self._socket), self._outgoing)

    # -- what is pending --

    def _read_now(self, n: int) -> bytes | None:
        tls = self._tls
        if tls is None:
            return super()._read_now(n)
        while not self._plain and self._receive(tls):
            pass
        if self._plain:
            data = bytes(self._plain[:n])
            del self._plain[:n]
            return data
        if self._read_error is not None:
            raise fresh(self._read_error)
        if tls.closed_by_peer or self._at_end:
            raise os_error(errno.ECONNRESET)
        self._is_drained = True
        return None

    def _write_now(self, data: bytes | bytearray | memoryview) -> int | None:
        tls = self._tls
        if tls is None:
            return super()._write_now(data)
        # The handshake may wait for it; and that the peer is gone, the socket itself tells late.
        self._receive_all(tls)
        error = self._read_error or self._write_error
        if error is not None:
            raise fresh(error)
        if tls.closed_by_peer or self._at_end:
            raise os_error(errno.EPIPE)
        self._flush(tls)
        if not tls.established or (self._outgoing and not self._encrypted):
            return None
        if not self._encrypted:
            with memoryview(data).cast("B") as view, view[:_WRITE_SIZE] as part:
                tls.send_data(part)
                self._encrypted = len(part)
            self._flush(tls)
        if self._outgoing:
            return None
        if self._write_error is not None:
            raise fresh(self._write_error)
        size, self._encrypted = self._encrypted, 0
        return size

    def _progress(self, mask: int) -> None:
        tls = self._tls
        if tls is None:
            super()._progress(mask)
            return
        # Either may need the socket in either way.
        self._receive_all(tls)
        self._flush(tls)
        self._go_on_writing()
        self._go_on_reading()

    def _wanted(self) -> int:
        tls = self._tls
        if tls is None:
            return super()._wanted()
        wanted = 0
        shakes_hands = not tls.established and self._read_error is None and not self._at_end
        if shakes_hands or self._reading is not None:
            wanted = READ
        if self._outgoing:
            wanted |= WRITE
        waits = self._writing is not None or (self._reading is not None and not self._reads_in_background)
        return wanted if waits or not wanted else wanted | IN_BACKGROUND

    # -- between TLS and the socket; errors are kept for the operations --

    def _receive_all(self, tls: TLSConnection) -> None:
        while len(self._plain) < _MOST_UNREAD and self._receive(tls):
            pass

    def _receive(self, tls: TLSConnection) -> bool:
        """Receive and decrypt what is there; tells whether there may be more."""
        if self._at_end or self._read_error is not None:
            return False
        self._is_drained = False
        try:
            data = self._socket.recv(_READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._read_error = error
            return False
        if not data:
            self._at_end = True
            return False
        try:
            tls.receive_data(data)
            with memoryview(bytearray(_READ_SIZE)) as buffer:
                while size := tls.read_into(buffer):
                    self._plain += buffer[:size]
        except RemoteProtocolError as error:
            cause = error.__cause__
            self._read_error = cause if isinstance(cause, OSError) else error
        self._flush(tls)  # what there is to say in a handshake, or about an error
        return self._read_error is None

    def _flush(self, tls: TLSConnection) -> None:
        """Send what TLS has to send, as far as the socket takes it."""
        data = tls.data_to_send()
        if data:
            self._outgoing += data
        if not self._outgoing or self._write_error is not None:
            return
        try:
            sent = self._socket.send(self._outgoing)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._write_error = error
            self._outgoing = b""
        else:
            self._outgoing = self._outgoing[sent:]
