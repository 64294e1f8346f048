"""Clients: requests, subscriptions and datagrams to one server, over one connection after the other."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeAlias, TypeVar, overload

import msgspec

from junto.errors import CodecError, ConnectionLost
from junto.proxies import Proxy
from junto.runtime import Future
from junto.sansio.vsoa.frames import DATAGRAM, MAX_QUICK_BODY, NOOP, PINGECHO, RPC, SET, encode
from junto.sansio.vsoa.payloads import Data, encode_data, encode_param
from junto.sansio.vsoa.urls import check_url
from junto.vsoa.addresses import plain_host
from junto.vsoa.backlog import Policy
from junto.vsoa.calls import DESCRIBE, from_reply, to_payload
from junto.vsoa.messages import Reply
from junto.vsoa.receiving import ClientEndpoint
from junto.vsoa.subscribing import MessageCallback, Subscription
from junto.vsoa.tunnels import TunnelStream, open_stream

__all__ = ["Client", "Method"]

T = TypeVar("T")

Method: TypeAlias = Literal["GET", "SET"]


class Client(ClientEndpoint):
    """A client of one server.

    Attributes:
        info: What the server says of itself: JSON, or bytes, or ``None``.
        on_message: Called with all that is published to us, whichever subscription it is for.
        on_datagram: Called with each datagram.
        on_connect: Called with the client whenever it is connected; may be ``async def``.
        on_disconnect: Called with the client and the reason whenever the connection is lost.
        late_replies: How many replies came that nobody waited for any more.
        send_timeout: Seconds that the server has to take something of what we send, when it has fallen
            behind; then the connection ends. ``None`` gives it all the time.
    """

    # -- requests --

    def fetch(
        self,
        url: str,
        param: Any = None,
        data: Data | None = None,
        *,
        method: Method = "GET",
        timeout: float | None = None,
    ) -> Future[Reply]:
        """Ask the server for *url*.

        Args:
            url: Begins with a slash. One that ends in a slash makes servers of VSOA 1.0.4 crash.
            param: What JSON has a form for, or bytes.
            data: Bytes beside it.
            method: ``"GET"`` or ``"SET"``.
            timeout: Seconds to wait for the reply; ``None`` as long as ``request_timeout`` says.

        Returns:
            A future of the reply. Whoever stops waiting for it leaves no trace. It raises `StatusError`
            if the reply's status is not success, `RequestTimeout`, or `ConnectionLost`.

        Raises:
            ValueError: *url* does not begin with a slash, or there is no such *method*.
            CodecError: *param* or *data* cannot be sent.
            LocalProtocolError: They are too large: together with the URL, 262,124 bytes.
            Overloaded: Too many requests wait for replies, or to be sent.
            ConnectionLost: The client is closed, or has lost its connection for good.
        """
        if url[:1] != "/":
            check_url(url)
        flags = 0 if method == "GET" else _flags_of(method)
        rest = b"" if data is None else encode_data(data)
        return self._ask(RPC, url, encode_param(param), rest, flags, timeout)

    def exchange(
        self, url: str, param: bytes, data: bytes, *, method: Method = "GET", timeout: float | None = None
    ) -> Future[Reply]:
        """Do as `fetch`, with a *param* as it is on the wire; a reply with any status is a reply."""
        return self._ask(RPC, url, param, data, _flags_of(method), timeout, strict=False)

    def ask_then(
        self,
        done: Callable[[Reply | None], object],
        kind: int,
        url: str = "",
        param: bytes = b"",
        data: bytes = b"",
        *,
        flags: int = 0,
        timeout: float | None = None,
    ) -> None:
        """Send a frame that is answered, and call *done* with the reply; ``None`` says that none came.

        The arguments are those of the frame; whatever status the reply has, it is one.
        """

        def settled(future: Future[Reply]) -> None:
            failed = future.cancelled() or future.exception() is not None
            self._tell(done, None if failed else future.result())

        self._ask(kind, url, param, data, flags, timeout, strict=False).add_done_callback(settled)

    def request_apart(
        self, url: str, param: Any = None, data: Data | None = None, *, method: Method = "GET"
    ) -> None:
        """Send a request whose reply nobody waits for; raises as `fetch`."""
        check_url(url)
        self.ask_apart(RPC, url, encode_param(param), encode_data(data), flags=_flags_of(method))

    def ask_apart(
        self, kind: int, url: str = "", param: bytes = b"", data: bytes = b"", *, flags: int = 0
    ) -> None:
        """Send a frame that is answered, though nobody waits for that; the arguments are the frame's."""
        number = self._asking.take_number_apart()
        self._send_now(encode(kind, url, param, data, flags=flags, seqno=number))

    def _send_now(self, frame: bytes) -> None:
        connection = self._check_open()
        if connection is None:
            raise ConnectionLost("the client is not connected just now")
        connection.send(frame)

    async def ping(self, *, timeout: float | None = None) -> float:
        """Ask for a sign of life; gives the seconds from the question to the answer."""
        start = self._runtime.time()
        await self._ask(PINGECHO, timeout=timeout, strict=False)
        return self._runtime.time() - start

    def noop(self) -> None:
        """Send a frame that means nothing, to show that we are here; raises as `datagram`."""
        self.ask_apart(NOOP)

    def datagram(self, url: str, param: Any = None, data: Data | None = None, *, quick: bool = False) -> bool:
        """Send what is not answered.

        Args:
            url: Begins with a slash.
            param: What JSON has a form for, or bytes.
            data: Bytes beside it.
            quick: By the quick channel, which may lose it or change the order.

        Returns:
            Whether it was sent; ``False`` says that there is no quick channel, as under TLS.

        Raises:
            ConnectionLost: The client is not connected.
            ValueError: *url* does not begin with a slash.
            CodecError: *param* or *data* cannot be sent.
            LocalProtocolError: They are too large: with *quick*, above 65,484 bytes.
        """
        check_url(url)
        raw, rest = encode_param(param), encode_data(data)
        if not quick:
            self._send_now(encode(DATAGRAM, url, raw, rest))
            return True
        connection = self._check_open()
        number = None if connection is None else connection.session.client_id
        frame = encode(DATAGRAM, url, raw, rest, seqno=number or 0, limit=MAX_QUICK_BODY)
        return connection is not None and connection.send_quick(frame)

    # -- subscriptions --

    def subscribe(
        self,
        *urls: str,
        callback: MessageCallback | None = None,
        policy: Policy = "drop-oldest",
        limit: int = 1024,
    ) -> Subscription:
        """Subscribe to what the server publishes.

        Args:
            *urls: Each gets what is published just there; with a slash at its end, also what is
                published below; ``/`` gets all.
            callback: Called with each message; without it, iterate over the subscription.
            policy: What happens when *limit* messages wait to be iterated over; see `Policy`.
            limit: How many may.

        Returns:
            The subscription; await it to know that the server has accepted it.

        Raises:
            ValueError: There is no URL, or one of them does not begin with a slash.
            ConnectionLost: The client is closed, or has lost its connection for good.
        """
        if not urls:
            raise ValueError("a subscription needs a URL")
        for url in urls:
            check_url(url)
        self._check_open()
        subscription = Subscription(self._runtime, self, urls, callback, policy, limit)
        self._subscriptions[subscription] = None
        for url in urls:
            self._index.add(url, subscription)
        if self._connection is not None:
            self._announce(subscription)
        return subscription

    # -- services --

    @property
    def remote(self) -> Proxy[Coroutine[Any, Any, Any]]:
        """The proxy of the server's service: ``await client.remote.add(3, 4)``; see `call`."""
        return Proxy(self.call_path)

    async def call_path(self, path: str, /, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        payload = to_payload(args, kwargs)
        reply = await self._ask(RPC, f"/{path}", payload.raw, payload.data, timeout=timeout)
        return from_reply(reply)

    @overload
    async def call(
        self, path: str, *args: Any, kwargs: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Any: ...
    @overload
    async def call(
        self,
        path: str,
        *args: Any,
        returns: type[T],
        kwargs: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> T: ...

    async def call(
        self,
        path: str,
        *args: Any,
        returns: Any = None,
        kwargs: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Call the function at *path* of the server's service, and wait for its result.

        Args:
            path: Names joined by ``/``.
            *args: The positional arguments; the last one may be bytes.
            returns: What type the result has: it is converted to it and checked.
            kwargs: The arguments by name.
            timeout: Seconds to wait for the result.

        Raises:
            StatusError: The function failed, or does not exist.
            CodecError: An argument cannot be sent, or the result is not what *returns* says.
        """
        result = await self.call_path(path, *args, timeout=timeout, **(kwargs or {}))
        if returns is None:
            return result
        try:
            return msgspec.convert(result, returns, str_keys=True)
        except msgspec.ValidationError as error:
            raise CodecError(f"the result of {path!r} is not as expected: {error}") from error

    async def describe(self, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """Ask the server's service what it offers; see `junto.rpc.Peer.describe`.

        Raises:
            StatusError: There is no service of junto.
        """
        functions: list[dict[str, Any]] = (await self._ask(RPC, DESCRIBE, timeout=timeout)).param
        return functions

    # -- streams --

    async def open_stream(self, tunnel: int, *, timeout: float = 10.0) -> TunnelStream:
        """Connect to a stream that the server offers, beside this connection.

        Args:
            tunnel: The port, as `Reply.tunnel` tells it.
            timeout: Seconds to wait for the connection.

        Raises:
            ConnectionFailed: It could not be opened in time.
            ConnectionLost: The client is not connected.
            ValueError: *tunnel* is no port.
        """
        if not isinstance(tunnel, int) or not 0 < tunnel <= 65535:
            raise ValueError(f"a tunnel is a port from 1 to 65535, not {tunnel!r}")
        self._check_open()
        peer = self.get_extra_info("peername")
        if not isinstance(peer, tuple):
            raise ConnectionLost("the client is not connected just now")
        # By the name that its certificate shows, if there is one.
        host = plain_host(peer[0]) if self._tls is None or not self._host else self._host
        return await open_stream(self._runtime, host, tunnel, self._tls, timeout)

    # -- the end --

    def continue_after(self, before: Client) -> None:
        """Number requests as if this client were *before*, which has ended."""
        self._asking.continue_after(before._asking)

    @property
    def connected(self) -> bool:
        """Whether there is a connection just now."""
        return self._connection is not None

    @property
    def pending(self) -> int:
        """How many requests have no reply yet."""
        return len(self._asking.open)

    @property
    def late_replies(self) -> int:
        return self._asking.late_replies

    @property
    def client_id(self) -> int | None:
        """Our number at the server, from 0; ``None`` without a connection."""
        return None if self._connection is None else self._connection.session.client_id

    @property
    def priority(self) -> int:
        """What priority the server has given us, 0 to 7."""
        return 0 if self._connection is None else self._connection.priority

    def disconnect(self) -> None:
        """End this connection in order; a client that reconnects does so."""
        if self._connection is not None:
            self._connection.close()

    def is_closing(self) -> bool:
        """Tell whether the client is closed, or has lost its connection for good."""
        return self._gone is not None

    async def wait_closed(self) -> None:
        """Wait until the client is closed, or has lost its connection for good."""
        await self._closed.wait()

    async def close(self, timeout: float | None = 5.0) -> None:
        """End the connection in order, for *timeout* seconds at most; closing twice is fine."""
        if self._gone is None:
            gone = self._give_up()
            connection = self._connection
            if connection is None:
                self._ended(gone)
            else:
                connection.close()
                timer = None if timeout is None else self._runtime.call_later(timeout, connection.abort)
                try:
                    await self._closed.wait()
                except BaseException:
                    connection.abort()
                    raise
                finally:
                    if timer is not None:
                        timer.cancel()
        await self._closed.wait()

    def _give_up(self) -> ConnectionLost:
        """Fail all who wait; says what they are told."""
        gone = self._gone = ConnectionLost("the client was closed")
        for subscription in list(self._subscriptions):
            subscription.finish(StopAsyncIteration())
        self._asking.fail(gone)
        return gone

    def abort(self) -> None:
        """End the connection at once; what is not sent is lost."""
        gone = self._give_up() if self._gone is None else self._gone
        if self._connection is None:
            self._ended(gone)
        else:
            self._connection.abort()

    def __repr__(self) -> str:
        return f"<Client of {self.get_extra_info('peername')}>"


def _flags_of(method: str) -> int:
    if method == "GET":
        return 0
    if method == "SET":
        return SET
    raise ValueError(f"a method is 'GET' or 'SET', not {method!r}")
