"""One client, as the server sees it: what its transport calls, and what the server's user may do with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

from junto.errors import LocalProtocolError
from junto.runtime import Runtime, TimerHandle, Transport
from junto.sansio.vsoa.frames import (
    DATAGRAM,
    MAX_QUICK_BODY,
    QOSSETUP,
    REPLY,
    RPC,
    TUNNEL,
    Frame,
    FrameReader,
    encode,
    encode_result,
)
from junto.sansio.vsoa.payloads import Data, encode_data, encode_param
from junto.sansio.vsoa.server import Greeted, ServerSession, Subscribed, Unsubscribed
from junto.vsoa.addresses import plain_host
from junto.vsoa.callbacks import tell
from junto.vsoa.messages import Response
from junto.vsoa.outbox import Outbox
from junto.vsoa.quick import Place, QuickEndpoint
from junto.vsoa.requests import Request
from junto.vsoa.settings import ServerSettings
from junto.vsoa.traffic import set_keepalive, set_priority
from junto.waiting import Shared

__all__ = ["Session", "SubscriptionCallback"]

logger = logging.getLogger("junto")

SubscriptionCallback = Callable[["Session", str | list[str]], object]
"""Gets the client, and the URL, or the list of those that were accepted where a list was asked for.

It may be ``async def``.
"""

_BEGINNING: Final = "the greeting did not come in time"


class _Server(Protocol):
    settings: ServerSettings

    def admits(self, session: Session) -> bool: ...
    def greeted(self, session: Session) -> None: ...
    def requested(self, request: Request) -> None: ...
    def datagram(self, session: Session, frame: Frame, quick: bool) -> None: ...
    def subscribed(self, session: Session, urls: list[str]) -> None: ...
    def unsubscribed(self, session: Session, urls: list[str]) -> None: ...
    def rearranged(self) -> None: ...
    def publish_now(self) -> None: ...
    def lost(self, session: Session) -> None: ...


class Session:
    """One client of a server.

    Attributes:
        id: Its number, unique among those that are there.
        on_subscribe: Called when it has subscribed; see `SubscriptionCallback`.
        on_unsubscribe: Called when it has unsubscribed.
        send_timeout: Seconds that it has to take something of what we send, when it has fallen behind; then
            the connection ends. ``None`` gives it all the time.
    """

    def __init__(
        self, runtime: Runtime, server: _Server, state: ServerSession, quick: QuickEndpoint | None
    ) -> None:
        self._runtime = runtime
        self._server = server
        self._state = state
        self._quick = quick
        self._publish_now = server.publish_now
        self._reader = FrameReader(runtime.read_buffer)
        self.get_buffer = self._reader.get_buffer
        self._transport: Transport | None = None
        self._timer: TimerHandle | None = None
        self._handlers = 0
        self._slow = False
        self._patience: TimerHandle | None = None
        self._peer: Any = None
        self._place: Place | None = None
        self._authed = True
        self._priority = 0
        self._closing = False
        self._closed: Shared[None] = Shared(runtime)
        self.outbox = Outbox(runtime, server.settings, self.abort)
        self.id = state.client_id
        self.send_timeout = server.settings.send_timeout
        self.on_subscribe: SubscriptionCallback | None = None
        self.on_unsubscribe: SubscriptionCallback | None = None

    # -- what the transport calls --

    def connection_made(self, transport: Transport) -> None:
        self._transport = transport
        self._peer = transport.get_extra_info("peername")
        self.outbox.connected(transport)
        if not self._server.admits(self):
            transport.abort()
            return
        self._timer = self._runtime.call_later(self._server.settings.greeting_timeout, self._give_up)

    def _give_up(self) -> None:
        logger.info("%r is sent away: %s", self, _BEGINNING)
        self.abort()

    def buffer_updated(self, nbytes: int) -> None:
        state = self._state
        outbox = self.outbox
        frames = self._reader.buffer_updated(nbytes)
        if outbox.holding and frames:
            outbox.release()  # the client has read the answer to its greeting
        receive = state.receive
        requested = self._server.requested
        outbox.gather()
        try:
            for frame in frames:
                if self._closing:
                    break  # by the handler of the frame before
                event = receive(frame)
                if event is frame:
                    if frame.type == RPC:
                        requested(Request.of(frame, self))
                    else:
                        self._server.datagram(self, frame, False)
                    continue
                if state.out:
                    outbox.add(state.out.pop())
                if event is not None and not isinstance(event, Frame):
                    self._take(event)
        finally:
            outbox.flush()
        if self._reader.error is not None:
            logger.info("%r is sent away: %s", self, self._reader.error)
            self.abort()
        elif state.exhausted:
            self.close()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._stop_patience()
        self._transport = None
        self._closing = True
        self.outbox.lost()
        self._server.lost(self)
        self._closed.set_result(None)

    def pause_writing(self) -> None:
        self._slow = True
        if self.send_timeout is not None:
            self._patience = self._runtime.call_later(self.send_timeout, self.abort)
        self.outbox.pause()
        self._look()

    def _stop_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def resume_writing(self) -> None:
        self._slow = False
        self._stop_patience()
        self.outbox.resume()
        self._look()

    def _look(self) -> None:
        """Read no more requests while the answers are not taken, or too many handlers run."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._slow or self._handlers >= self._server.settings.max_handlers:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _take(self, event: Greeted | Subscribed | Unsubscribed) -> None:
        if isinstance(event, Greeted):
            self._greet(event)
        elif isinstance(event, Subscribed):
            self._server.subscribed(self, event.new)
            self._tell(self.on_subscribe, event.urls[0] if event.single else event.urls)
        else:
            self._server.unsubscribed(self, event.gone)
            self._tell(self.on_unsubscribe, event.urls[0] if event.single else event.urls)

    def _greet(self, event: Greeted) -> None:
        port = self._state.quick_port
        self._place = None if port is None or self._quick is None else (plain_host(self._peer[0]), port)
        if not event.first:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Old clients read the answer to their greeting with one call, and lose what is behind it: it goes
        # alone, and what the server itself wants to say waits.
        self.outbox.flush()
        self.outbox.hold()
        self._server.greeted(self)

    def _tell(self, callback: SubscriptionCallback | None, urls: str | list[str]) -> None:
        tell(self._runtime, "a server", callback, self, urls)

    def receive_quick(self, frame: Frame, place: Place) -> None:
        """Take a frame from the quick channel, if it is really this client's."""
        if self._place == place and not self._closing and self._state.receive_quick(frame) is not None:
            self._server.datagram(self, frame, True)

    def began(self) -> None:
        """Take note that a handler of this client runs."""
        self._handlers += 1
        if self._handlers == self._server.settings.max_handlers:
            self._look()

    def ended(self) -> None:
        """Take note that a handler of this client has ended."""
        self._handlers -= 1
        if self._handlers == self._server.settings.max_handlers - 1:
            self._look()

    # -- what users call --

    @property
    def greeted(self) -> bool:
        """Whether it has shown itself, with the password if there is one."""
        return self._state.greeted

    @property
    def authed(self) -> bool:
        """Whether it gets what is published; may be set."""
        return self._authed and self._state.greeted

    @authed.setter
    def authed(self, authed: bool) -> None:
        self._authed = authed
        self._server.rearranged()

    @property
    def priority(self) -> int:
        """From 0 to 7, the first to get what is published; setting it tells the client.

        Raises:
            ValueError: It is set to something else.
        """
        return self._priority

    @priority.setter
    def priority(self, priority: int) -> None:
        if not isinstance(priority, int) or not 0 <= priority <= 7:
            raise ValueError(f"a priority is a number from 0 to 7, not {priority!r}")
        self._priority = priority
        self._server.rearranged()
        set_priority(self._transport, priority)
        self._send(encode(QOSSETUP, flags=REPLY, status=priority))

    @property
    def address(self) -> tuple[str, int]:
        """Its IP address and TCP port."""
        return (self._peer[0], self._peer[1]) if isinstance(self._peer, tuple) else ("", 0)

    @property
    def subscriptions(self) -> list[str]:
        """What it has subscribed to, oldest first."""
        return list(self._state.subscriptions)

    def is_subscribed(self, url: str) -> bool:
        """Tell whether it gets what is published to *url*."""
        return self.authed and not self._closing and self._state.is_subscribed(url)

    def reply(self, seqno: int, response: Response) -> bool:
        """Answer the request with the number *seqno*; tells whether the client is still there.

        Raises:
            LocalProtocolError: The response is too large.
        """
        tunnel = response.tunnel
        if not 0 <= tunnel <= 65535:
            raise LocalProtocolError(f"a tunnel is a port from 1 to 65535, not {tunnel!r}")
        frame = encode(
            RPC,
            param=response.raw,
            data=response.data,
            flags=REPLY | TUNNEL if tunnel else REPLY,
            status=response.status,
            seqno=seqno,
            tunid=tunnel,
        )
        return self._send(frame)

    def answer(self, seqno: int, param: bytes, data: bytes) -> bool:
        """Do as `reply`, with status 0 and what is on the wire."""
        return self._send(encode_result(seqno, param, data))

    def datagram(self, url: str, param: Any = None, data: Data | None = None, *, quick: bool = False) -> bool:
        """Send what is not answered.

        Returns:
            Whether the client is still there; with *quick*, whether there is a quick channel to it.

        Raises:
            CodecError: *param* or *data* cannot be sent.
            LocalProtocolError: They are too large.
        """
        raw, rest = encode_param(param), encode_data(data)
        if quick:
            return self.send_quick(encode(DATAGRAM, url, raw, rest, limit=MAX_QUICK_BODY))
        return self._send(encode(DATAGRAM, url, raw, rest))

    def _send(self, frame: bytes) -> bool:
        if self._transport is None or self._closing:
            return False
        self._publish_now()  # what was published before goes before
        self.outbox.send(frame)
        return True

    def send_quick(self, frame: bytes) -> bool:
        """Send a frame by the quick channel; tells whether there is one."""
        if self._quick is None or self._place is None or self._closing:
            return False
        return self._quick.send(frame, self._place)

    def keepalive(self, idle: float) -> None:
        """Let the system find out about a dead client: after *idle* seconds of silence, and three probes."""
        set_keepalive(self._transport, idle)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Ask the transport: ``peername``, ``sockname``, ``peercert``, ``cipher``, ``socket`` and more."""
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Tell whether the connection is closed or about to be."""
        return self._closing

    def close(self, timeout: float | None = 5.0) -> None:
        """End the connection when all was sent, for *timeout* seconds at most; closing twice is fine."""
        if not self._closing and self._transport is not None:
            self._closing = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if timeout is not None:
                self._timer = self._runtime.call_later(timeout, self.abort)
            self.outbox.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed, by whichever side."""
        await self._closed.wait()

    def __repr__(self) -> str:
        return f"<Session {self.id} of {self._peer}>"
