"""What a transport calls: the lower half of a channel, where messages meet the connection.

All that happens per message happens here, in a callback. Our own requests are in `junto.asking`, the peer's
in `junto.answering`; the upper half, what a user calls, is `junto.channel`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Final

from junto.answering import NO_REPLY, Answering, Handler
from junto.asking import Asking
from junto.codecs import make_codec
from junto.errors import ConnectionLost, RemoteProtocolError
from junto.options import Options
from junto.outgoing import Outgoing
from junto.runtime import Future, Runtime, Transport
from junto.sansio.kinds import (
    BAD_CONTENT,
    BROKEN,
    FAILURE,
    ITEM,
    NOTICE,
    REQUEST,
    RESULT,
    STOP,
    STREAM,
    Event,
)
from junto.sansio.messages import MessageProtocol
from junto.waiting import Shared

__all__ = ["BURST", "ChannelEndpoint"]

# Of many messages at once, so many leave together: the peer begins with them while we make the rest.
BURST: Final = 32


class ChannelEndpoint:
    """The endpoint of one channel, for one connection after the other."""

    def __init__(
        self,
        runtime: Runtime,
        options: Options,
        handler: Handler | None = None,
        *,
        pool: Executor | None = None,
        connected: Callable[[Any], object] | None = None,
        lost: Callable[[Any], object] | None = None,
    ) -> None:
        """Prepare an endpoint, which becomes a channel when a transport is connected.

        Args:
            runtime: The world it lives in.
            options: Its settings.
            handler: Answers the peer's requests; without one they wait for `recv`.
            pool: Where plain generators make their steps.
            connected: Called when a connection is there.
            lost: Called when the channel is closed, by whichever side.
        """
        self._runtime = runtime
        self._create_future = runtime.create_future
        self._options = options
        self._usual_time = options.request_timeout
        self._handler = handler
        self._pool = pool
        self._on_connected = connected
        self._on_lost = lost
        self._reconnect: Callable[[], Coroutine[Any, Any, object]] | None = None
        self._reconnecting: Future[object] | None = None
        self._transport: Transport | None = None
        self._outgoing: Outgoing | None = None
        self._asking = Asking(runtime, options.max_pending, self._send_control)
        self._futures = self._asking.futures
        self._flushing = False
        self._closing = False
        self._eof = False
        self._half_closed = False
        # Whether a request cannot go the usual way; one look instead of five for each request.
        self._hindered = True
        self._error: BaseException | None = None
        self._closed: Shared[None] = Shared(runtime)
        self._idle: Shared[None] | None = None
        self._begin()

    def _begin(self) -> None:
        """Begin a connection: numbers, and what is known of the peer, begin anew."""
        options = self._options
        self._protocol = MessageProtocol(
            make_codec(options.codec),
            shared=self._runtime.read_buffer,
            receive_limit=options.receive_limit,
            send_limit=options.send_limit,
            failures=options.failures,
            extensions=options.extensions,
        )
        self._answering = Answering(
            self._runtime,
            self._protocol,
            options,
            self._handler,
            self._pool,
            self._flush_soon,
            self._all_answered,
        )
        self.get_buffer = self._protocol.get_buffer
        self._take = self._answering.take
        self._send_request = self._protocol.send_request

    def keep_connected(self, reconnect: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run the flow *reconnect* whenever the connection is lost; it connects this endpoint anew.

        Requests in flight fail then, since nobody knows whether the peer saw them; later ones wait.
        """
        self._reconnect = reconnect

    def connection_made(self, transport: Transport) -> None:
        self._transport = transport
        self._outgoing = Outgoing(transport)
        self._look()
        if self._closing:
            transport.abort()
            return
        self._asking.send_waiting(self._send_request)
        self._flush()
        if self._on_connected is not None:
            self._on_connected(self)

    def _look(self) -> None:
        self._hindered = (
            self._transport is None
            or self._closing
            or self._eof
            or self._half_closed
            or self._error is not None
            or self._answering.paused
        )

    def buffer_updated(self, nbytes: int) -> None:
        events = self._protocol.buffer_updated(nbytes)
        if len(events) <= BURST:
            self._receive(events)
        else:
            for start in range(0, len(events), BURST):
                self._receive(events[start : start + BURST])

    def _receive(self, events: list[Event]) -> None:
        futures = self._futures
        for kind, ident, content in events:
            if kind == RESULT:
                # As `Asking.pop`, without the call: this is the way of each reply.
                future = futures.pop(ident, None) if type(ident) is int else None
                if future is not None and not future.done():
                    if self._asking.timers:
                        self._asking.stop_timer(ident)
                    future.set_result(content)
                else:
                    self._asking.end_stream(ident, None)
            elif kind == REQUEST:
                if not self._take(ident, content):
                    self._refused()
            else:
                self._other_event(kind, ident, content)
        self._flush()

    def eof_received(self) -> bool:
        self._eof = True
        self._look()
        if self._reconnect is not None:
            return False
        error = ConnectionLost("the peer closed the connection")
        self._asking.fail(error)
        self._answering.end_of_requests(error)
        # What was accepted is still answered; the last answer closes.
        return self._answering.unanswered > 0 and not self._half_closed

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = self._outgoing = None
        if self._error is None:
            why = "the peer closed the connection" if error is None else f"the connection broke: {error}"
            self._error = ConnectionLost("the channel is closed" if self._closing else why)
            self._error.__cause__ = error
        self._asking.fail(self._error)
        self._answering.connection_lost(self._error)
        if self._idle is not None:
            self._idle.set_result(None)
        if self._reconnect is None or self._closing:
            self._ended(self._error)
            return
        self._error = None
        self._eof = self._half_closed = False
        self._begin()
        self._look()
        self._reconnecting = self._runtime.create_task(self._reconnect())

    def _ended(self, error: BaseException) -> None:
        """End for good, which happens once."""
        if self._closed.done():
            return
        self._error = self._error or error
        self._look()
        self._asking.fail_waiting(self._error)
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        self._closed.set_result(None)
        if self._on_lost is not None:
            self._on_lost(self)

    def pause_writing(self) -> None:
        if self._outgoing is not None:
            self._outgoing.paused = True
        self._answering.pause()
        self._look()

    def resume_writing(self) -> None:
        if self._outgoing is not None:
            self._outgoing.resume()
            if not self._outgoing.paused:
                self._asking.unsent = 0
                self._answering.resume()
                self._look()
                self._flush()

    def _other_event(self, kind: int, ident: Any, content: Any) -> None:
        if kind == BROKEN:
            self._break(content)
        elif kind == BAD_CONTENT:
            kind, ident = ident
            if kind in (REQUEST, NOTICE):
                self._answering.refuse_one(NO_REPLY if kind == NOTICE else ident, content)
            else:
                self._asking.settle(ident, content)
                if kind == ITEM:
                    self._send_control(STOP, ident, None)
        elif kind in (FAILURE, STREAM, ITEM):
            try:
                self._asking.receive(kind, ident, content, self.peername)
            except RemoteProtocolError as error:
                self._break(error)
        else:
            self._answering.receive(kind, ident, content)

    def _send_control(self, kind: int, ident: int, content: Any) -> None:
        if self._transport is not None and self._protocol.extended and not self._half_closed:
            self._protocol.send_extension(kind, ident, content)
            self._flush_soon()

    def _refused(self) -> None:
        if self._outgoing is not None and self._outgoing.is_stuck():
            self._break(ConnectionLost("the peer sends requests and does not read the answers"))

    def _break(self, error: BaseException) -> None:
        self._error = error
        self._look()
        self._outgoing = None
        if self._transport is not None:
            self._transport.abort()  # and `connection_lost` tells all who wait

    def _all_answered(self) -> None:
        if self._idle is not None:
            self._idle.set_result(None)
        elif self._eof:
            self._close_transport()

    def _close_transport(self) -> None:
        self._flush()
        if self._transport is not None and self._outgoing is not None:
            self._outgoing.finish(self._transport.close)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._runtime.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._outgoing is not None:
            data = self._protocol.data_to_send()
            if data:
                self._outgoing.write(data)

    @property
    def peername(self) -> Any:
        """The peer's address as the transport tells it: a tuple, a path, or ``None``."""
        return self.get_extra_info("peername")

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Ask the transport: ``peername``, ``sockname``, ``peercert``, ``cipher`` and more."""
        return default if self._transport is None else self._transport.get_extra_info(name, default)
