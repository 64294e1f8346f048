"""Servers with handlers that reply by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from junto.compat.vsoa.contexts import server_context
from junto.compat.vsoa.payloads import Payload, Request, to_wire
from junto.compat.vsoa.streams import Stream as _Stream
from junto.compat.vsoa.toolbox import WorkQueue
from junto.errors import JuntoError, LocalProtocolError
from junto.sansio.vsoa.statuses import NO_RESPONDING, check_status
from junto.sansio.vsoa.urls import check_url
from junto.vsoa import sync
from junto.vsoa.addresses import ServerURL
from junto.vsoa.messages import Response

__all__ = ["RemoteClient", "Server"]

Handler = Callable[["RemoteClient", Request, Payload], Any]

_NOBODY: Callable[..., None] = lambda *args: None  # noqa: E731


class RemoteClient:
    """A client of the server.

    Attributes:
        id: Its number.
        onsubscribe: Called with it, and the URL or the list of URLs.
        onunsubscribe: The same.
    """

    def __init__(self, inner: sync.Session) -> None:
        self._inner = inner
        self.id = inner.id
        self.onsubscribe: Callable[..., Any] = _NOBODY
        self.onunsubscribe: Callable[..., Any] = _NOBODY
        inner.on_subscribe = lambda session, urls: self.onsubscribe(self, urls)
        inner.on_unsubscribe = lambda session, urls: self.onunsubscribe(self, urls)

    @property
    def authed(self) -> bool:
        """Whether it gets what is published."""
        return self._inner.authed

    @authed.setter
    def authed(self, authed: bool) -> None:
        self._inner.authed = authed

    @property
    def priority(self) -> int:
        """From 0 to 7."""
        return self._inner.priority

    @priority.setter
    def priority(self, priority: int) -> None:
        self._inner.priority = priority

    def close(self) -> None:
        """Send it away."""
        self._inner.close()

    def is_closed(self) -> bool:
        """Tell whether it is gone."""
        return self._inner.is_closing()

    def address(self) -> tuple[str, int]:
        """Give its IP address and TCP port."""
        return self._inner.address

    def is_subscribed(self, url: str) -> bool:
        """Tell whether it gets what is published to *url*."""
        return self._inner.is_subscribed(url)

    def reply(self, seqno: int, payload: Any = None, status: int = 0, tunid: int = 0) -> bool:
        """Answer a request, from any thread; tells whether the client is still there.

        Raises:
            ValueError: *status* is not from 0 to 255, or the payload is too large.
            TypeError: *payload* cannot be sent.
        """
        check_status(status)
        response = Response(status=status, tunnel=tunid if 0 < tunid <= 65535 else 0)
        response.raw, response.data = to_wire(payload)
        return _sent(lambda: self._inner.reply(seqno, response))

    def datagram(self, url: str, payload: Any = None, quick: bool = False) -> bool:
        """Send a datagram; tells whether that was possible."""
        param, data = to_wire(payload)
        return _sent(lambda: self._inner.datagram(url, param or None, data, quick=quick))

    def keepalive(self, idle: int) -> None:
        """Let the system find out about a dead client."""
        self._inner.keepalive(idle)

    def sendtimeout(self, timeout: float) -> None:
        """Send it away when it takes nothing for *timeout* seconds; nobody here waits for that."""
        self._inner.inner.send_timeout = timeout

    def getpeercert(self, binary: bool = False) -> Any:
        """Give the client's certificate; ``None`` if it showed none."""
        secured = self._inner.get_extra_info("ssl_object")
        return None if secured is None else secured.getpeercert(binary)


class _Answering:
    """A handler in a work queue, where it is found as itself; if it fails, the client is told so."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def __call__(self, client: RemoteClient, request: Request, payload: Payload) -> None:
        try:
            self._handler(client, request, payload)
        except Exception:
            client.reply(request.seqno, status=NO_RESPONDING)
            raise

    def __eq__(self, other: object) -> bool:
        return self._handler == other

    def __hash__(self) -> int:
        return hash(self._handler)


class Server:
    """Serves clients, in the thread that calls `run`.

    Attributes:
        onclient: Called with a client, and whether it has come or gone.
        ondata: Called with a client, URL, payload, and whether it came by the quick channel.
    """

    Client = RemoteClient
    #: :meta private:
    Stream = _Stream

    def __init__(self, info: Any = "", passwd: str = "", raw: bool = False) -> None:
        self._info = info if isinstance(info, str | dict | list | bytes) else None
        self._password = passwd or ""
        self._raw = raw
        self._commands: dict[str, tuple[Handler, WorkQueue | None]] = {}
        self._send_timeout: float | None = None
        self._server: sync.Server | None = None
        self._clients: dict[int, RemoteClient] = {}
        self.onclient: Callable[..., Any] = _NOBODY
        self.ondata: Callable[..., Any] = _NOBODY

    def run(
        self, host: str = "", port: int = 0, sslopt: dict[str, Any] | None = None, *, addr: str = ""
    ) -> None:
        """Serve at *host*, which was once called *addr*, and do not return.

        Raises:
            ConnectionError: The address cannot be used.
        """
        server = sync.serve(
            str(ServerURL(host or addr, port)),
            info=self._info,
            password=self._password,
            tls=server_context(sslopt) if sslopt else None,
        )
        server.on_client = self._came_or_went
        server.on_datagram = lambda session, message: self.ondata(
            self._client(session),
            message.url,
            Payload.received(message.raw, message.data, self._raw),
            message.quick,
        )
        for url, (handler, queue) in self._commands.items():
            self._register(server, url, handler, queue)
        self._server = server
        with server:
            server.serve_forever()

    def _client(self, session: sync.Session) -> RemoteClient:
        client = self._clients.get(session.id)
        if client is None:
            client = self._clients[session.id] = RemoteClient(session)
            if self._send_timeout is not None:
                client.sendtimeout(self._send_timeout)
        return client

    def _came_or_went(self, session: sync.Session, here: bool) -> None:
        client = self._client(session)
        if not here:
            del self._clients[session.id]
        self.onclient(client, here)

    def _register(self, server: sync.Server, url: str, handler: Handler, queue: WorkQueue | None) -> None:
        def handle(request: sync.Request) -> None:
            asked = Request(request.url, request.seqno, 1 if request.method == "SET" else 0)
            payload = Payload.received(request.raw, request.data, self._raw)
            client = self._client(request.session)
            if queue is None:
                handler(client, asked, payload)
            else:
                queue.add(_Answering(handler), (client, asked, payload))

        server.add_command(url, handle)

    def command(self, url: str, wq: WorkQueue | None = None) -> Callable[[Handler], Handler]:
        """Let the decorated function handle requests to *url*, in the thread of *wq* if there is one.

        Raises:
            ValueError: *url* does not begin with a slash.
        """
        check_url(url)

        def register(handler: Handler) -> Handler:
            self._commands[url] = (handler, wq)
            if self._server is not None:
                self._register(self._server, url, handler, wq)
            return handler

        return register

    def clients(self) -> list[RemoteClient]:
        """List the clients, by priority, then by age."""
        return [] if self._server is None else [self._client(one) for one in self._server.clients]

    def address(self) -> tuple[str, int]:
        """Give host and port.

        Raises:
            Exception: The server does not run.
        """
        if self._server is None or not self._server.addresses:
            raise Exception("the server does not run")
        url = ServerURL.parse(self._server.addresses[0])
        return url.host, url.port or 0

    def passwd(self, passwd: str | None = "") -> None:
        """Want another password of those who come later; ``None`` or empty for none."""
        self._password = passwd or ""
        if self._server is not None:
            self._server.password = self._password

    def publish(self, url: str, payload: Any = None, quick: bool = False) -> bool:
        """Send to all who have subscribed, from any thread; ``False`` if that is not possible at all.

        Raises:
            Exception: *url* does not begin with a slash, or the payload cannot be sent.
        """
        check_url(url)
        param, data = to_wire(payload)
        server = self._server
        if server is None:
            return False
        return _sent(lambda: server.publish(url, param or None, data, quick=quick))

    def is_subscribed(self, url: str) -> bool:
        """Tell whether anybody gets what is published to *url*."""
        return self._server is not None and self._server.is_subscribed(url)

    def create_stream(
        self, onlink: Any, ondata: Callable[..., Any] | None = None, timeout: float = 5.0
    ) -> _Stream:
        """Listen for one connection beside the others.

        Raises:
            Exception: The server does not run.
        """
        if self._server is None:
            raise Exception("the server does not run")
        offer = self._server.offer_stream(timeout=timeout)
        stream = _Stream(self._server.runtime, offer.port, onlink, ondata)
        stream.withdrawn_by(offer.close)
        offer.accept_then(stream.serve)
        return stream

    def sendtimeout(self, timeout: float, sync_to_clis: bool = True) -> None:
        """Send clients away that take nothing for *timeout* seconds: new ones, and by default all."""
        self._send_timeout = timeout
        if sync_to_clis:
            for client in self.clients():
                client.sendtimeout(timeout)


def _sent(send: Callable[[], bool]) -> bool:
    try:
        return send()
    except LocalProtocolError as error:
        raise ValueError(str(error)) from error
    except JuntoError:
        return False
