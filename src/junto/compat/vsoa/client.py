"""Clients with callbacks and return codes."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from junto.compat.vsoa.codes import Codes, code_of
from junto.compat.vsoa.contexts import client_context
from junto.compat.vsoa.payloads import Header, Payload, as_set, to_wire
from junto.compat.vsoa.positions import chosen
from junto.compat.vsoa.streams import Stream as _Stream
from junto.compat.vsoa.turbo import Turbo
from junto.errors import ConnectionFailed, JuntoError, LocalProtocolError, RequestTimeout
from junto.sansio.vsoa.frames import PINGECHO, RPC, SET, SUBSCRIBE, UNSUBSCRIBE
from junto.sansio.vsoa.payloads import encode_param
from junto.sansio.vsoa.urls import check_url
from junto.vsoa import sync
from junto.vsoa.messages import Message, Reply

__all__ = ["Client"]

logger = logging.getLogger("junto")

_NOBODY: Callable[..., None] = lambda *args: None  # noqa: E731


class Client(Codes):
    """A client of one server.

    Attributes:
        onconnect: Called with the client, whether it is connected, and what the server says of itself.
        onmessage: Called with the client, URL, payload, and whether it came by the quick channel.
        ondata: The same for datagrams.
        onfailure: Called with the client and the code for each attempt of a robot that failed.
    """

    #: :meta private:
    Stream = _Stream

    def __init__(self, raw: bool = False) -> None:
        self._raw = raw
        self._client: sync.Client | None = None
        self._closed = threading.Event()
        self._robot: threading.Thread | None = None
        self._running = False
        self._before: sync.Client | None = None  # whose numbers the next one continues
        self._send_timeout: float | None = None
        self._wish: tuple[float, int] | None = None
        self._turbo: Turbo | None = None
        self.onconnect: Callable[..., Any] = _NOBODY
        self.onmessage: Callable[..., Any] = _NOBODY
        self.ondata: Callable[..., Any] = _NOBODY
        self.onfailure: Callable[..., Any] = _NOBODY

    # -- connecting --

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._client is not None and self._client.connected

    @property
    def pendings(self) -> int:
        """How many requests have no answer yet."""
        return 0 if self._client is None else self._client.pending

    def connect(
        self, url: str, passwd: str = "", timeout: float = 10.0, sslopt: dict[str, Any] | None = None
    ) -> int:
        """Connect; gives 0, or a code that tells what went wrong."""
        return self._connect(url, passwd, timeout, sslopt, None)

    def _connect(
        self, url: str, passwd: str, timeout: float, sslopt: dict[str, Any] | None, keepalive: float | None
    ) -> int:
        if self._closed.is_set():
            return self.CONNECT_ERROR
        before, self._client = self._client, None
        if before is not None:
            before.close()
        try:
            self._client = sync.connect(
                url,
                password=passwd or "",
                attempt=timeout,
                tls=client_context(sslopt) if sslopt else None,
                keepalive=keepalive,
                positions=chosen(),
                on_disconnect=lambda client, error: self.onconnect(self, False, None),
                on_message=lambda message: self._hand_on(self.onmessage, message),
                on_datagram=lambda message: self._hand_on(self.ondata, message),
            )
        except ValueError:
            return self.SERVER_NOT_FOUND
        except ConnectionFailed as error:
            logger.debug("%s", error)
            return code_of(error)
        if self._closed.is_set():
            self._client.close()
            return self.CONNECT_ERROR
        self._client.send_timeout = self._send_timeout
        if self._before is not None:
            self._client.continue_after(self._before)
        self._before = self._client
        if keepalive is not None:
            self._hasten()
        try:
            self.onconnect(self, True, self._client.info)
        except Exception as error:
            logger.error("onconnect failed", exc_info=error)
        return self.CONNECT_OK

    def _hand_on(self, callback: Callable[..., Any], message: Message) -> None:
        payload = Payload.received(message.raw, message.data, self._raw)
        callback(self, message.url, payload, message.quick)

    def disconnect(self) -> None:
        """End the connection; a robot connects anew."""
        if self._client is not None:
            self._client.disconnect()

    def run(self) -> None:
        """Do what is to be done, until the connection is lost or the client is closed.

        Raises:
            Exception: The client is closed, or runs already.
        """
        if self._closed.is_set() or self._running or self._robot is not None:
            raise Exception("the client is closed" if self._closed.is_set() else "the client runs already")
        self._run()

    def _run(self) -> None:
        client = self._client
        if client is None:
            return
        self._running = True
        try:
            client.serve_forever()
        except ConnectionError:
            pass  # closed meanwhile
        finally:
            self._running = False
            client.close()  # what is left of it

    def robot(
        self,
        server: str,
        passwd: str = "",
        keepalive: float = 3.0,
        conn_timeout: float = 10.0,
        reconn_delay: float = 1.0,
        sslopt: dict[str, Any] | None = None,
    ) -> None:
        """Connect, and connect anew whenever the connection is lost, in a thread of its own.

        Raises:
            ValueError: *keepalive* or *conn_timeout* is below 0.05 seconds.
            Exception: The client is connected, runs or is closed.
        """
        if keepalive < 0.05 or conn_timeout < 0.05:
            raise ValueError("keepalive and conn_timeout are at least 0.05 seconds")
        if self._closed.is_set() or self._running or self.connected or self._robot is not None:
            raise Exception("the client is connected, runs already, or is closed")

        def live() -> None:
            while not self._closed.is_set():
                code = self._connect(server, passwd, conn_timeout, sslopt, keepalive)
                if code == self.CONNECT_OK:
                    self._run()
                elif not self._closed.is_set():
                    self._fail(code)
                self._closed.wait(max(0.01, reconn_delay))

        self._robot = threading.Thread(target=live, name="junto-robot", daemon=True)
        self._robot.start()

    def _fail(self, code: int) -> None:
        try:
            self.onfailure(self, code)
        except Exception as error:
            logger.error("onfailure failed", exc_info=error)

    def robot_ping_turbo(self, turbo: float, max_cnt: int = 50) -> bool:
        """Give signs of life every *turbo* milliseconds while requests wait for answers; 0 for none.

        Args:
            turbo: Milliseconds; 0, or at least 25.
            max_cnt: How many to give until all answers are there.

        Returns:
            Whether the robot runs, which gives them.

        Raises:
            ValueError: *turbo* is neither 0 nor at least 25.
        """
        if turbo != 0 and turbo < 25:
            raise ValueError("turbo is 0 or at least 25 milliseconds")
        self._wish = (turbo / 1000, max_cnt) if turbo else None
        if self._robot is not None:
            self._hasten()
        return self._robot is not None

    def _hasten(self) -> None:
        client, wish, turbo = self._client, self._wish, self._turbo
        self._turbo = None
        if turbo is not None:
            turbo.stop()
        if wish is not None and client is not None and client.connected:
            self._turbo = Turbo(client, *wish)

    def close(self) -> None:
        """End for good; closing twice is fine, in callbacks too."""
        self._closed.set()
        client = self._client
        if client is not None:
            try:
                client.close()
            except LocalProtocolError:  # in a callback, which cannot wait
                client.disconnect()
        if self._robot is not None and self._robot is not threading.current_thread():
            self._robot.join(0.0 if self._running else 1.0)

    # -- requests --

    def call(
        self,
        url: str,
        method: str | int = 0,
        payload: Any = None,
        callback: Callable[..., Any] | None = None,
        timeout: float = 60.0,
    ) -> bool:
        """Send a request, and call *callback* with client, header and payload; ``None`` each if none came.

        Raises:
            TypeError: *url* is no text, or *payload* cannot be sent.
            ValueError: *url* does not begin with a slash, or the payload is too large.
        """
        _check(url)
        param, data = to_wire(payload)
        answered = None if callback is None else partial(self._answered, callback)
        return self._ask(answered, RPC, url, param, data, SET if as_set(method) else 0, timeout)

    def _answered(self, callback: Callable[..., Any], reply: Reply | None) -> None:
        if reply is None:
            callback(self, None, None)
        else:
            callback(self, Header.of(reply), Payload.received(reply.raw, reply.data, self._raw))

    def _ask(
        self,
        done: Callable[[Reply | None], object] | None,
        kind: int,
        url: str,
        param: bytes,
        data: bytes,
        flags: int,
        timeout: float,
    ) -> bool:
        if done is None:
            return self._try(lambda client: client.ask_apart(kind, url, param, data, flags=flags))
        return self._try(
            lambda client: client.ask_then(done, kind, url, param, data, flags=flags, timeout=timeout)
        )

    def fetch(
        self, url: str, method: str | int = 0, payload: Any = None, timeout: float = 60.0
    ) -> tuple[Header, Payload, int] | tuple[None, None, int]:
        """Send a request, and wait for the answer; the third value is a code as of `connect`.

        Raises:
            TypeError: As for `call`.
            ValueError: As for `call`.
            RuntimeError: This is a callback of the client, which cannot wait.
        """
        _check(url)
        param, data = to_wire(payload)
        if len(url) + len(param) + len(data) > 262_124:
            raise ValueError("URL, param and data together are too long")
        client = self._client
        if client is None or not client.connected:
            return None, None, self.CONNECT_ERROR
        try:
            reply = client.exchange(
                url, param, data, method="SET" if as_set(method) else "GET", timeout=timeout
            )
        except LocalProtocolError as error:
            raise RuntimeError("fetch cannot wait in a callback of its client") from error
        except (JuntoError, RequestTimeout):
            return None, None, self.SERVER_NO_RESPONDING
        return Header.of(reply), Payload.received(reply.raw, reply.data, self._raw), self.CONNECT_OK

    def ping(self, callback: Callable[..., Any] | None = None, timeout: float = 60.0) -> bool:
        """Ask for a sign of life; without *callback*, only give one."""
        if callback is None:
            return self._try(lambda client: client.noop())
        return self._ask(partial(self._tell, callback), PINGECHO, "", b"", b"", 0, timeout)

    def _tell(self, callback: Callable[..., Any], reply: Reply | None) -> None:
        callback(self, reply is not None and reply.status == 0)

    def subscribe(
        self, url: str | list[str], callback: Callable[..., Any] | None = None, timeout: float = 60.0
    ) -> bool:
        """Subscribe to one URL or a list of them."""
        return self._change(SUBSCRIBE, url, callback, timeout)

    def unsubscribe(
        self, url: str | list[str], callback: Callable[..., Any] | None = None, timeout: float = 60.0
    ) -> bool:
        """Unsubscribe from one URL or a list of them."""
        return self._change(UNSUBSCRIBE, url, callback, timeout)

    def _change(
        self, kind: int, url: str | list[str], callback: Callable[..., Any] | None, timeout: float
    ) -> bool:
        if not self.connected:
            return False
        if not isinstance(url, str | list):
            raise TypeError("a URL is a text, or a list of texts")
        single, param = (url, b"") if isinstance(url, str) else ("", encode_param(url))
        done = None if callback is None else partial(self._tell, callback)
        return self._ask(done, kind, single, param, b"", 0, timeout)

    def datagram(self, url: str, payload: Any = None, quick: bool = False) -> bool:
        """Send a datagram; tells whether that was possible."""
        _check(url)
        param, data = to_wire(payload)
        return self._try(lambda client: client.datagram(url, param or None, data, quick=quick))

    def _try(self, send: Callable[[sync.Client], bool | None]) -> bool:
        client = self._client
        if client is None or not client.connected:
            return False
        try:
            return send(client) is not False
        except LocalProtocolError as error:
            raise ValueError(str(error)) from error
        except JuntoError:
            return False

    def create_stream(
        self, tunid: int, onlink: Any, ondata: Callable[..., Any] | None = None, timeout: float = 10.0
    ) -> _Stream:
        """Connect to a stream of the server.

        Raises:
            Exception: The client is not connected.
            ValueError: *tunid* is no port.
        """
        client = self._client
        if client is None or not client.connected:
            raise Exception("the client is not connected")
        if not isinstance(tunid, int) or not 0 < tunid <= 65535:
            raise ValueError("a tunid is a port from 1 to 65535")
        stream = _Stream(client.runtime, tunid, onlink, ondata)
        client.open_stream_then(tunid, stream.serve, timeout)
        return stream

    # -- the rest --

    def sendtimeout(self, timeout: float) -> None:
        """End a connection whose server takes nothing for *timeout* seconds.

        Nothing here waits until it is sent, and without this the keep-alive decides alone.
        """
        self._send_timeout = timeout
        if self._client is not None:
            self._client.send_timeout = timeout

    def linger(self, time: int = 0) -> bool:
        """Set how long the system goes on sending after the end; tells whether that was possible."""
        own = None if self._client is None else self._client.get_extra_info("socket")
        if own is None:
            return False
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, time))
        return True

    def getpeercert(self, binary: bool = False) -> Any:
        """Give the server's certificate; ``None`` without TLS."""
        secured = None if self._client is None else self._client.get_extra_info("ssl_object")
        return None if secured is None else secured.getpeercert(binary)


def _check(url: str) -> None:
    if not isinstance(url, str) or not url:
        raise TypeError("a URL is a text")
    check_url(url)
