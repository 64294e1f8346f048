"""A TLS transport: a layer between a socket's transport and an endpoint."""

from __future__ import annotations

import logging
import ssl
from typing import Any

from junto.errors import LocalProtocolError, RemoteProtocolError
from junto.runtime import BufferedEndpoint, Endpoint, Future
from junto.runtimes.sockets import SocketHost, SocketTransport
from junto.runtimes.tasks import settle, settle_with_error
from junto.sansio.tls import TLSConnection

__all__ = ["TLSTransport"]

_log = logging.getLogger("junto")

HANDSHAKE_TIMEOUT = 30.0  # seconds
GOODBYE_TIMEOUT = 5.0  # seconds that the peer has to answer our goodbye, after all is sent


class TLSTransport:
    """Endpoint of the encrypted side, transport of the plain one.

    The endpoint above hears nothing before the handshake is over, and nothing at all if it fails.
    """

    def __init__(
        self,
        host: SocketHost,
        endpoint: Endpoint | BufferedEndpoint,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        server_hostname: str | None,
        opened: Future[None] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Prepare to stand between *endpoint* and a socket's transport.

        Args:
            host: The runtime.
            endpoint: Gets what is decrypted.
            context: With what to encrypt.
            server_side: Which of the two we are.
            server_hostname: Whose certificate a client wants to see.
            opened: Settled when the handshake is over, or by the error that ended it.
            timeout: Seconds that the handshake may take; ``None`` for the usual number.
        """
        self._host = host
        self._endpoint: Any = endpoint
        self._buffered = hasattr(endpoint, "get_buffer")
        self._context = context
        self._tls = TLSConnection(context, server_side=server_side, server_hostname=server_hostname)
        self._made = False
        self._closing = False
        self._reading = True
        self._error: Exception | None = None
        self._opened = opened
        self._timeout = HANDSHAKE_TIMEOUT if timeout is None else timeout

    # -- the endpoint below --

    def connection_made(self, transport: SocketTransport) -> None:
        self._transport = transport
        self._timer = self._host.call_later(self._timeout, self._give_up)
        self._tls.start()
        self._flush()

    def get_buffer(self, sizehint: int, /) -> memoryview:
        return self._host.read_buffer

    def buffer_updated(self, nbytes: int, /) -> None:
        # What is in the shared buffer is copied here, so the endpoint above may use the same one.
        try:
            self._tls.receive_data(self._host.read_buffer[:nbytes])
        except RemoteProtocolError as error:
            self._fail(error)
            return
        if not self._made:
            self._flush()
            if not self._tls.established:
                return
            self._made = True
            self._timer.cancel()
            if self._opened is not None:
                settle(self._opened)
            self._endpoint.connection_made(self)
        if self._closing:
            self._discard()
        else:
            self._pass_on()

    def eof_received(self) -> None:
        try:
            self._tls.receive_eof()
        except RemoteProtocolError as error:
            if not self._closing:  # else we do not care how it ends
                self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        self._timer.cancel()
        self._closing = True
        error = self._error or error
        if self._made:
            self._endpoint.connection_lost(error)
        else:
            if error is None:
                error = ConnectionAbortedError("the connection was closed during the TLS handshake")
            if self._opened is not None:
                settle_with_error(self._opened, error.__cause__ or error)
            _log.info("a TLS handshake failed: %s", error)

    def pause_writing(self) -> None:
        if self._made:
            self._endpoint.pause_writing()

    def resume_writing(self) -> None:
        if self._made:
            self._endpoint.resume_writing()

    # -- the transport above --

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        self.writelines([data])

    def writelines(self, chunks: list[bytes] | list[bytes | bytearray | memoryview], /) -> None:
        if self._closing:
            return
        try:
            for chunk in chunks:
                self._tls.send_data(chunk)
        except RemoteProtocolError as error:
            self._fail(error)
            return
        self._flush()

    def can_write_eof(self) -> bool:
        return False

    def write_eof(self) -> None:
        raise LocalProtocolError("a TLS connection cannot be closed in one direction only")

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._tls.send_close()
        self._flush()
        if self._tls.closed_by_peer or not self._made:
            self._transport.close()
            return
        # Closing a socket while unread bytes are in it, were it only a session ticket, makes the
        # system throw away what the peer has not read yet: so read until the peer's goodbye.
        self._timer = self._host.call_later(GOODBYE_TIMEOUT, self._stop_waiting_for_goodbye)
        self._transport.resume_reading()
        self._discard()

    def abort(self) -> None:
        self._closing = True
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            self._host.call_soon(self._pass_on)  # what is decrypted already: no socket will tell
            self._transport.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        match name:
            case "ssl_object":
                return self._tls.ssl_object
            case "sslcontext":
                return self._context
            case "peercert":
                return self._tls.ssl_object.getpeercert()
            case "cipher":
                return self._tls.ssl_object.cipher()
            case _:
                return self._transport.get_extra_info(name, default)

    # -- inside --

    def _pass_on(self) -> None:
        try:
            while self._reading and not self._closing:
                if self._buffered:
                    size = self._tls.read_into(self._endpoint.get_buffer(-1))
                    if not size:
                        break
                    self._endpoint.buffer_updated(size)
                else:
                    buffer = self._host.read_buffer
                    size = self._tls.read_into(buffer)
                    if not size:
                        break
                    self._endpoint.data_received(bytes(buffer[:size]))
        except RemoteProtocolError as error:
            self._fail(error)
            return
        self._flush()  # reading may have made something to send, such as new keys
        if self._tls.closed_by_peer and not self._closing:
            self._endpoint.eof_received()
            self.close()

    def _discard(self) -> None:
        try:
            while self._tls.read_into(self._host.read_buffer):
                pass
        except RemoteProtocolError:  # we are done with this peer anyway
            self._transport.close()
        if self._tls.closed_by_peer:
            self._transport.close()

    def _stop_waiting_for_goodbye(self) -> None:
        if self._transport.get_write_buffer_size():
            self._timer = self._host.call_later(GOODBYE_TIMEOUT, self._stop_waiting_for_goodbye)
        else:
            self._transport.abort()

    def _flush(self) -> None:
        data = self._tls.data_to_send()
        if data:
            self._transport.write(data)

    def _give_up(self) -> None:
        self._fail(TimeoutError(f"the TLS handshake took more than {self._timeout:g} s"))

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._flush()  # the alert that tells the peer what was wrong
        self._closing = True
        self._transport.close()
