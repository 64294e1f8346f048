"""Servers: commands that clients ask for, what is published to them, and datagrams."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from junto.address import Address
from junto.errors import ConnectionFailed, LocalProtocolError
from junto.runtime import Listener, Runtime
from junto.sansio.vsoa.frames import MAX_QUICK_BODY, PUBLISH, Frame, encode
from junto.sansio.vsoa.payloads import Data, encode_data, encode_param
from junto.sansio.vsoa.server import Gate, ServerSession
from junto.sansio.vsoa.statuses import INVALID_URL
from junto.sansio.vsoa.urls import HandlerTable, check_url
from junto.vsoa.addresses import ServerURL, plain_host
from junto.vsoa.callbacks import tell
from junto.vsoa.messages import Message, Response
from junto.vsoa.publishing import Publisher
from junto.vsoa.quick import Place, QuickEndpoint
from junto.vsoa.requests import Command, Handler, Request, answering
from junto.vsoa.sessions import Session
from junto.vsoa.settings import ServerSettings
from junto.vsoa.tunnels import StreamOffer
from junto.waiting import Shared

if TYPE_CHECKING:
    import ssl

__all__ = ["Server"]

logger = logging.getLogger("junto")

H = TypeVar("H", bound=Handler)

_PORT_TRIES = 16


class Server:
    """Serves clients at one or more addresses.

    Attributes:
        settings: What it was made with.
        tls: The context of its TLS, or ``None``.
        on_client: Called with a client and ``True`` when it has shown itself, and with ``False``
            when it is gone; may be ``async def``.
        on_datagram: Called with a client and the `Message` for each datagram; may be ``async def``.
    """

    def __init__(
        self, runtime: Runtime, *, info: Any = "", password: str = "", settings: ServerSettings | None = None
    ) -> None:
        """Prepare a server; `listen` opens it.

        Args:
            runtime: The world it lives in.
            info: What it tells of itself: what JSON has a form for, or bytes.
            password: What clients must show; empty for nothing.
            settings: The rest.

        Raises:
            CodecError: *info* cannot be sent.
        """
        self._runtime = runtime
        self._gate = Gate(info, password)
        self._commands: HandlerTable[Command] = HandlerTable()
        self._publisher = Publisher(runtime)
        self.publish_now = self._publisher.flush
        self._listeners: list[tuple[Listener, ServerURL]] = []
        self._quicks: list[QuickEndpoint] = []
        self._sessions: dict[int, Session] = {}  # every connection, by its number, the oldest first
        self._offers: weakref.WeakSet[StreamOffer] = weakref.WeakSet()
        self._next_id = 0
        self._closing = False
        self._closed: Shared[None] = Shared(runtime)
        self.settings = settings or ServerSettings()
        self.tls: ssl.SSLContext | None = None
        self.on_client: Callable[[Session, bool], object] | None = None
        self.on_datagram: Callable[[Session, Message], object] | None = None

    # -- listening --

    @property
    def addresses(self) -> list[str]:
        """Where it listens, with the ports that the system chose."""
        return [str(url) for _, url in self._listeners]

    async def listen(self, urls: Sequence[str | ServerURL], tls: ssl.SSLContext | None = None) -> None:
        """Accept clients at each of *urls*, and their quick datagrams at the same port, unless with TLS.

        Raises:
            ConnectionFailed: One of them cannot be used; none is then.
            ValueError: One of them is no address, or there is none.
        """
        places = [ServerURL.parse(url) for url in urls]
        if not places:
            raise ValueError("a server needs an address to listen at")
        if any(not place.is_direct for place in places):
            raise ValueError("a server listens at an IP address, as in 'vsoa://127.0.0.1:3000'")
        self.tls = tls
        try:
            for place in places:
                await self._listen(place)
        except BaseException:
            self._stop_listening()
            raise

    async def _listen(self, place: ServerURL) -> None:
        address = place.to_address(tls=self.tls is not None)
        for attempt in range(_PORT_TRIES):
            quick = None if self.tls is not None else QuickEndpoint(self._receive_quick)
            listener = await self._runtime.listen(
                address,
                partial(self._make, quick),
                tls=self.tls,
                handshake_timeout=self.settings.handshake_timeout,
            )
            # The quick channel has the port that the stream got, which may be in use there.
            try:
                if quick is not None:
                    await self._open_quick(quick, address.host, listener.address.port)
            except ConnectionFailed:
                listener.close()
                if address.port or attempt == _PORT_TRIES - 1:
                    raise
                continue
            self._listeners.append((listener, replace(place, port=listener.address.port, path="")))
            return

    async def _open_quick(self, quick: QuickEndpoint, host: str, port: int) -> None:
        try:
            await self._runtime.open_datagram(Address("tcp", host or "::", port), lambda: quick)
        except ConnectionFailed:
            if host:
                raise
            await self._runtime.open_datagram(Address("tcp", "0.0.0.0", port), lambda: quick)
        self._quicks.append(quick)

    def _make(self, quick: QuickEndpoint | None) -> Session:
        state = ServerSession(self._gate, self._next_id)
        self._next_id = (self._next_id + 1) & 0xFFFFFFFF
        while self._next_id in self._sessions:
            self._next_id = (self._next_id + 1) & 0xFFFFFFFF
        return Session(self._runtime, self, state, quick)

    def _stop_listening(self) -> None:
        for listener, _ in self._listeners:
            listener.close()
        for quick in self._quicks:
            quick.close()
        for offer in list(self._offers):
            offer.close()
        self._listeners.clear()
        self._quicks.clear()

    # -- what sessions call --

    def admits(self, session: Session) -> bool:
        if self._closing or len(self._sessions) >= self.settings.max_clients:
            return False
        self._sessions[session.id] = session
        return True

    def greeted(self, session: Session) -> None:
        self._tell_client(session, True)

    def lost(self, session: Session) -> None:
        if self._sessions.get(session.id) is session:
            del self._sessions[session.id]
        self._publisher.unsubscribe(session, session.subscriptions)
        if session.greeted:
            self._tell_client(session, False)

    def _tell_client(self, session: Session, connected: bool) -> None:
        tell(self._runtime, "a server", self.on_client, session, connected)

    def requested(self, request: Request) -> None:
        command = self._commands.find(request.url)
        if command is None:
            request.respond(Response(status=INVALID_URL))
            return
        try:
            command(request)
        except Exception as error:
            if request.answered:
                logger.error("a command failed", exc_info=error)
            else:
                request.fail(error)

    def datagram(self, session: Session, frame: Frame, quick: bool) -> None:
        if self.on_datagram is not None:
            tell(self._runtime, "a server", self.on_datagram, session, Message.of(frame, quick))

    def subscribed(self, session: Session, urls: list[str]) -> None:
        self._publisher.subscribe(session, urls)

    def unsubscribed(self, session: Session, urls: list[str]) -> None:
        self._publisher.unsubscribe(session, urls)

    def rearranged(self) -> None:
        self._publisher.rearrange()

    def _receive_quick(self, frame: Frame, place: Place) -> None:
        session = self._sessions.get(frame.seqno)
        if session is not None:
            session.receive_quick(frame, place)

    # -- what users call --

    @property
    def password(self) -> str:
        """What clients must show; setting it is for those who come later."""
        return self._gate.password

    @password.setter
    def password(self, password: str) -> None:
        self._gate.password = password

    @property
    def clients(self) -> list[Session]:
        """Those who have shown themselves: by priority, then by age."""
        greeted = [session for session in self._sessions.values() if session.greeted]
        return sorted(greeted, key=lambda session: (-session.priority, session.id))

    def command(self, url: str, *, pool: Executor | None = None) -> Callable[[H], H]:
        """Let the decorated function handle requests to *url*.

        Args:
            url: ``/a/b`` for just that; ``/a/b/`` also for all below; ``/`` for what nothing else handles.
            pool: In whose threads it is called, such as a `WorkQueue`; ``None`` calls it where all else
                happens, so that it must not block. What it returns is the answer; what it calls of the
                request, its session or the server goes by ``call_soon_threadsafe``, as everywhere in
                asyncio, or ``trio.from_thread``; only the blocking flavour needs none of that.

        Raises:
            ValueError: *url* does not begin with a slash.
        """
        check_url(url)

        def register(handler: H) -> H:
            self.add_command(url, answering(self._runtime, handler, pool))
            return handler

        return register

    def add_command(self, url: str, command: Command) -> None:
        """Let *command*, which sees to the answer itself, handle requests to *url*; as `command`."""
        self._commands.add(url, command)

    def remove_command(self, url: str) -> bool:
        """Handle *url* no more; tells whether that was done before."""
        return self._commands.remove(url)

    def publish(self, url: str, param: Any = None, data: Data | None = None, *, quick: bool = False) -> bool:
        """Send to all who have subscribed.

        Nobody waits for a subscriber that is too slow; the server's policy says what it misses.

        Args:
            url: Begins with a slash.
            param: What JSON has a form for, or bytes.
            data: Bytes beside it.
            quick: By the quick channel, to those who have one.

        Returns:
            Whether that is possible; there is no quick channel with TLS, and none before `listen`.

        Raises:
            ValueError: *url* does not begin with a slash.
            CodecError: *param* or *data* cannot be sent.
            LocalProtocolError: They are too large.
        """
        check_url(url)
        raw = b"" if param is None else encode_param(param)
        rest = b"" if data is None else encode_data(data)
        if not quick:
            self._publisher.publish(url, encode(PUBLISH, url, raw, rest))
            return bool(self._listeners)
        frame = encode(PUBLISH, url, raw, rest, limit=MAX_QUICK_BODY)
        for session in self._publisher.subscribers(url):
            session.send_quick(frame)
        return bool(self._quicks)

    def is_subscribed(self, url: str) -> bool:
        """Tell whether anybody gets what is published to *url*."""
        return bool(self._publisher.subscribers(url))

    async def offer_stream(self, session: Session | None = None, *, timeout: float = 5.0) -> StreamOffer:
        """Listen for one connection beside the others: a stream of bytes.

        Its port is for a reply, ``Response(tunnel=offer.port)``; `StreamOffer.accept` waits for the client.

        Args:
            session: The client for which it is: only its IP address is accepted. ``None``
                accepts whoever comes first.
            timeout: Seconds that the client has to connect.

        Raises:
            ConnectionFailed: There is no port for it.
            LocalProtocolError: The server does not listen.
        """
        name = None if session is None else session.get_extra_info("sockname")
        if isinstance(name, tuple):
            host = plain_host(name[0])
        elif self._listeners:
            host = self._listeners[0][0].address.host
        else:
            raise LocalProtocolError("a server offers streams while it listens")
        offer = StreamOffer(self._runtime, None if session is None else plain_host(session.address[0]))
        await offer.listen(host, self.tls, timeout, self.settings.handshake_timeout)
        self._offers.add(offer)
        return offer

    async def close(self, timeout: float | None = 5.0) -> None:
        """Stop listening, and end all connections when what must arrive was sent.

        A client that does not take it within *timeout* seconds is cut off. Closing twice is fine.
        """
        self._closing = True
        self._stop_listening()
        self._publisher.flush()
        sessions = list(self._sessions.values())
        for session in sessions:
            session.close(timeout)
        try:
            for session in sessions:
                await session.wait_closed()
        except BaseException:  # whoever waited here does not any more; nothing may be left for ever
            _abort_all(sessions)
            raise
        finally:
            self._closed.set_result(None)

    def abort(self) -> None:
        """Stop listening, and end all connections at once; what is not sent is lost."""
        self._closing = True
        self._stop_listening()
        _abort_all(list(self._sessions.values()))
        self._closed.set_result(None)

    async def wait_closed(self) -> None:
        """Wait until somebody has closed the server."""
        await self._closed.wait()

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Server at {', '.join(self.addresses)}>"


def _abort_all(sessions: list[Session]) -> None:
    for session in sessions:
        session.abort()
