"""TLS without I/O: encrypted bytes in, plain bytes out, and the reverse.

`ssl.SSLObject` over two memory buffers does the work; this class adds the few rules that a
transport needs. It holds no socket and no clock.
"""

from __future__ import annotations

import contextlib
import ssl

from junto.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["TLSConnection"]


class TLSConnection:
    """One side of one TLS connection.

    After each call that may raise `RemoteProtocolError`, raised or not, `data_to_send` has what
    the peer should get: part of the handshake, or the alert that tells what was wrong.

    Attributes:
        established: Whether the handshake is over, so that data can be sent.
        closed_by_peer: Whether the peer said in order that nothing more comes.
        ssl_object: For questions about certificates and ciphers.
    """

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None
    ) -> None:
        """Prepare a connection.

        Raises:
            ValueError: The context checks a host's name, and there is none.
        """
        if context.check_hostname and not server_side and not server_hostname:
            raise ValueError(
                "the context checks the peer's hostname, and none is given"
            )  # ssl would not check
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.ssl_object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self.established = False
        self.closed_by_peer = False
        self._closed = False
        self._unsent = b""

    def start(self) -> None:
        """Begin the handshake; a client has something to send then."""
        self._shake_hands()

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take encrypted bytes, cut anywhere.

        Raises:
            RemoteProtocolError: The handshake failed.
        """
        self._incoming.write(data)
        if not self.established:
            self._shake_hands()
        elif self._unsent:
            unsent, self._unsent = self._unsent, b""
            self.send_data(unsent)

    def receive_eof(self) -> None:
        """Learn that no more encrypted bytes will come.

        Raises:
            RemoteProtocolError: The peer did not say so in TLS before, so somebody may have cut off the end.
        """
        self._incoming.write_eof()
        if not self.closed_by_peer:
            raise RemoteProtocolError("the connection ended without TLS's goodbye")

    def read_into(self, buffer: memoryview) -> int:
        """Put plain bytes into *buffer*; return how many, 0 if there are none now.

        Raises:
            RemoteProtocolError: What was received is not TLS, or was tampered with.
        """
        if not self.established or self.closed_by_peer:
            return 0
        try:
            size = self.ssl_object.read(len(buffer), buffer)
        except ssl.SSLWantReadError:
            return 0
        except ssl.SSLZeroReturnError:
            self.closed_by_peer = True
            return 0
        except ssl.SSLError as error:
            raise RemoteProtocolError(f"the peer broke TLS: {error}") from error
        assert isinstance(size, int), "with a buffer given, read returns a number"
        if not size:
            self.closed_by_peer = True
        return size

    def send_data(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt plain bytes.

        Raises:
            LocalProtocolError: The handshake is not over, or `send_close` was called.
        """
        if not self.established or self._closed:
            raise LocalProtocolError("TLS data can be sent only between the handshake and the goodbye")
        if self._unsent:
            self._unsent += bytes(data)
            return
        with memoryview(data).cast("B") as rest:
            start = 0
            while start < len(rest):
                try:
                    start += self.ssl_object.write(rest[start:])
                except ssl.SSLWantReadError:  # TLS 1.2 negotiates again: the peer's answer comes first
                    self._unsent = bytes(rest[start:])
                    return
                except ssl.SSLError as error:
                    # Only if the peer broke the connection before; reading will tell more.
                    raise RemoteProtocolError(f"TLS cannot send: {error}") from error

    def send_close(self) -> None:
        """Say that nothing more will be sent; doing so twice, or before the handshake is over, is fine."""
        if self._closed or not self.established:
            return
        self._closed = True
        with contextlib.suppress(ssl.SSLError):  # our goodbye is written; the peer's may come, or not
            self.ssl_object.unwrap()

    def data_to_send(self) -> bytes:
        """Take the encrypted bytes that are to be sent."""
        return self._outgoing.read()

    def _shake_hands(self) -> None:
        try:
            self.ssl_object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            raise RemoteProtocolError(f"the TLS handshake failed: {error}") from error
        self.established = True
