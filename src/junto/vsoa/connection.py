"""One connection of a client: what its transport calls, from the greeting to the end."""

from __future__ import annotations

import logging
from typing import Any, Final, Protocol

from junto.address import Address
from junto.errors import ConnectionFailed, ConnectionLost
from junto.outgoing import Outgoing
from junto.runtime import Future, Runtime, TimerHandle, Transport
from junto.sansio.vsoa.client import ClientSession, PriorityChanged, Refused, Welcomed
from junto.sansio.vsoa.frames import PINGECHO, REPLY, Frame, FrameReader, encode
from junto.sansio.vsoa.statuses import PASSWORD, describe_status
from junto.vsoa.addresses import plain_host
from junto.vsoa.messages import PasswordRefused
from junto.vsoa.quick import Place, QuickEndpoint
from junto.vsoa.traffic import set_priority

__all__ = ["Connection"]

logger = logging.getLogger("junto")

# Of many requests at once, so many leave together: the server begins with them while we make the rest.
BURST: Final = 32
LOST_PINGS: Final = 4
_APART: Final = 0xFFFF << 16  # a number that no request has whose answer somebody waits for


class _Owner(Protocol):
    send_timeout: float | None

    def received(self, frame: Frame, quick: bool) -> None: ...
    def replied(self, frame: Frame) -> None: ...
    def lost(self, connection: Connection, error: Exception | None) -> None: ...


class Connection:
    """The endpoint of one connection; a client that reconnects has one after the other.

    Attributes:
        transport: While there is a connection.
        session: What both sides know of each other.
        quick: The quick channel, if there is one.
        priority: What the server has set.
        paused: Whether the server, or the network, does not take what we send.
    """

    def __init__(self, runtime: Runtime, owner: _Owner) -> None:
        self._runtime = runtime
        self._owner = owner
        self._reader = FrameReader(runtime.read_buffer)
        self.get_buffer = self._reader.get_buffer
        self.transport: Transport | None = None
        self.session = ClientSession()
        self.quick: QuickEndpoint | None = None
        self.priority = 0
        self.paused = False
        self._quick_place: Place | None = None
        self._outgoing: Outgoing | None = None
        self._out: list[bytes] = []
        self._flushing = False
        self._welcome: Future[Welcomed] | None = None
        self._error: Exception | None = None
        self._heard = False
        self._keepalive = 0.0
        self._timer: TimerHandle | None = None
        self._unanswered = 0
        self._patience: TimerHandle | None = None

    # -- what the transport calls --

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        self._outgoing = Outgoing(transport)

    def buffer_updated(self, nbytes: int) -> None:
        self._heard = True
        session = self.session
        reader = self._reader
        received = self._owner.received
        replied = self._owner.replied
        for frame in reader.buffer_updated(nbytes):
            event = session.receive(frame)
            if event is frame:
                if frame.flags & REPLY:
                    replied(frame)
                else:
                    received(frame, False)
            elif event is not None and not isinstance(event, Frame):
                self._take(event)
        if session.out:
            if not self.is_stuck():  # who asks for signs of life and reads none gets none
                self._out += session.out
            session.out.clear()
            self.flush()
        if reader.error is not None:
            self.abort(reader.error)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._error = self._error or error
        self.transport = self._outgoing = None
        if self._timer is not None:
            self._timer.cancel()
        self._stop_patience()
        if self.quick is not None:
            self.quick.close()
        if self._welcome is not None and not self._welcome.done():
            failed = ConnectionFailed("the server closed the connection before it answered the greeting")
            failed.__cause__ = self._error
            self._welcome.set_exception(failed)
        self._owner.lost(self, self._error)

    def pause_writing(self) -> None:
        self.paused = True
        if self._outgoing is not None:
            self._outgoing.paused = True
        timeout = self._owner.send_timeout
        if timeout is not None:
            lost = ConnectionLost(f"the server took nothing for {timeout:g} s")
            self._patience = self._runtime.call_later(timeout, self.abort, lost)

    def _stop_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def resume_writing(self) -> None:
        self._stop_patience()
        if self._outgoing is not None:
            self._outgoing.resume()
            self.paused = self._outgoing.paused

    # -- the greeting --

    async def greet(self, password: str, *, quick: bool) -> Welcomed:
        """Show ourselves to the server; the transport must be connected.

        Args:
            password: Empty for none.
            quick: Whether to open a quick channel, which there is none beside TLS.

        Raises:
            PasswordRefused: The server does not accept *password*.
            ConnectionFailed: It refuses us for another reason, or is gone.
        """
        transport = self.transport
        if transport is None:
            raise ConnectionFailed("the server closed the connection at once")
        port = await self._open_quick(transport) if quick else None
        if self.transport is None:  # while we waited
            raise ConnectionFailed("the server closed the connection at once")
        self._welcome = self._runtime.create_future()
        transport.write(self.session.greet(password, port))
        welcome = await self._welcome
        if welcome.quick_port is not None and self._quick_place is not None:
            self._quick_place = (self._quick_place[0], welcome.quick_port)
        return welcome

    async def _open_quick(self, transport: Transport) -> int | None:
        """Open the quick channel from the very address that the server sees; give its port."""
        name, peer = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if not isinstance(name, tuple) or not isinstance(peer, tuple):
            return None
        quick = QuickEndpoint(self._receive_quick)
        try:
            await self._runtime.open_datagram(Address("tcp", plain_host(name[0]), 0), lambda: quick)
        except ConnectionFailed as error:
            logger.debug("there is no quick channel: %s", error)
            return None
        self.quick = quick
        self._quick_place = (plain_host(peer[0]), peer[1])
        if self.transport is None:
            quick.close()
        return quick.port

    def _take(self, event: Welcomed | Refused | PriorityChanged) -> None:
        if isinstance(event, PriorityChanged):
            self.priority = event.priority
            set_priority(self.transport, event.priority)
            set_priority(None if self.quick is None else self.quick.transport, event.priority)
        elif self._welcome is not None and not self._welcome.done():
            if isinstance(event, Welcomed):
                self._welcome.set_result(event)
            else:
                kind = PasswordRefused if event.status == PASSWORD else ConnectionFailed
                self._welcome.set_exception(kind(f"the server refuses us: {describe_status(event.status)}"))

    # -- what the client calls --

    def send(self, frame: bytes, *, at_once: bool = False) -> None:
        """Send a frame, together with others of this turn, or *at_once*."""
        if self._flushing:
            self._out.append(frame)
            if len(self._out) >= BURST:
                self._write()
        elif at_once:
            if self._outgoing is not None:
                self._outgoing.write([frame])
        else:
            self._out.append(frame)
            self._flushing = True
            self._runtime.call_soon(self.flush)

    def flush(self) -> None:
        """Send what was queued."""
        self._flushing = False
        self._write()

    def _write(self) -> None:
        out = self._out
        if out and self._outgoing is not None:
            self._out = []
            self._outgoing.write(out if len(out) == 1 else [b"".join(out)])

    def is_stuck(self) -> bool:
        """Tell whether the server has not taken far more than a slow one leaves."""
        return self._outgoing is not None and self._outgoing.is_stuck()

    def send_quick(self, frame: bytes) -> bool:
        """Send a frame on the quick channel; tells whether there is one."""
        if self.quick is None or self._quick_place is None or self.session.client_id is None:
            return False
        return self.quick.send(frame, self._quick_place)

    def _receive_quick(self, frame: Frame, place: Place) -> None:
        if place == self._quick_place and self.session.receive_quick(frame) is not None:
            self._owner.received(frame, True)

    def keep_alive(self, interval: float) -> None:
        """Ask for a sign of life every *interval* seconds; without one to four questions, give up."""
        self._keepalive = interval
        self._timer = self._runtime.call_later(interval, self._look_for_life)

    def _look_for_life(self) -> None:
        if self.transport is None:
            return
        if self._heard:
            self._heard = False
            self._unanswered = 0
        if self._unanswered >= LOST_PINGS:
            self.abort(ConnectionLost(f"the server gave no sign of life to {LOST_PINGS} pings"))
            return
        self._unanswered += 1
        self.send(encode(PINGECHO, seqno=_APART), at_once=True)
        self._timer = self._runtime.call_later(self._keepalive, self._look_for_life)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Ask the transport."""
        return default if self.transport is None else self.transport.get_extra_info(name, default)

    def close(self) -> None:
        """End the connection when all was sent."""
        self.flush()
        if self.transport is not None and self._outgoing is not None:
            self._outgoing.finish(self.transport.close)

    def abort(self, error: Exception | None = None) -> None:
        """End the connection at once, because of *error*."""
        self._error = self._error or error
        if self.transport is not None:
            self.transport.abort()
