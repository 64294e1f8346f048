"""Channels: requests and replies over one connection, both ways at once.

A channel is an *endpoint*: the transport calls it with what arrives, and all that happens per message
happens in that callback. Only what waits more than once is a flow. Our own requests are in `junto.asking`,
the peer's in `junto.answering`; here they meet the transport.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Final

from junto.answering import Answering, Handler
from junto.asking import Asking
from junto.codecs import make_codec
from junto.errors import ConnectionLost, LocalProtocolError, RequestTimeout, fresh
from junto.options import Options
from junto.outgoing import Outgoing
from junto.request import Request
from junto.runtime import Reply, Runtime, Transport
from junto.sansio.kinds import BAD_CONTENT, BROKEN, FAILURE, ITEM, NOTICE, REQUEST, RESULT, STREAM, Event
from junto.sansio.messages import MessageProtocol
from junto.waiting import Shared, within

__all__ = ["Channel"]

# Of many messages at once, so many leave together: the peer begins with them while we make the rest.
_BURST: Final = 32


class Channel:
    """One connection's requests and replies.

    One that has lost its connection for good raises `ConnectionLost` from then on.
    """

    def __init__(
        self,
        runtime: Runtime,
        options: Options,
        handler: Handler | None = None,
        *,
        pool: Executor | None = None,
        connected: Callable[[Channel], object] | None = None,
        lost: Callable[[Channel], object] | None = None,
    ) -> None:
        """Prepare an endpoint, which becomes a channel when a transport is connected.

        Args:
            runtime: The world it lives in.
            options: Its settings.
            handler: Answers the peer's requests; without one they wait for `recv`.
            pool: Where plain generators make their steps.
            connected: Called when a connection is there.
            lost: Called when a connection has ended.
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
        self._transport: Transport | None = None
        self._outgoing: Outgoing | None = None
        self._asking = Asking(runtime, options.max_pending, self._send_control)
        self._futures = self._asking.futures
        self._flushing = False
        self._closing = False
        self._eof = False
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
        if self._closing:
            transport.abort()
            return
        self._flush()
        if self._on_connected is not None:
            self._on_connected(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._protocol.get_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        events = self._protocol.buffer_updated(nbytes)
        if len(events) <= _BURST:
            self._receive(events)
        else:
            for start in range(0, len(events), _BURST):
                self._receive(events[start : start + _BURST])

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
        error = ConnectionLost("the peer closed the connection")
        self._asking.fail(error)
        self._answering.eof_received(error)
        # What was accepted is still answered; the last answer closes.
        return self._answering.unanswered > 0

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
        if self._on_lost is not None:
            self._on_lost(self)
        if self._reconnect is None or self._closing:
            self._closed.set_result(None)
            return
        self._error = None
        self._eof = False
        self._begin()
        self._runtime.create_task(self._reconnect())

    def pause_writing(self) -> None:
        if self._outgoing is not None:
            self._outgoing.paused = True
        self._answering.pause()

    def resume_writing(self) -> None:
        if self._outgoing is not None:
            self._outgoing.resume()
            if not self._outgoing.paused:
                self._answering.resume()
                self._flush()

    def request(self, content: Any, *, timeout: float | None = None, plain: bool = False) -> Reply[Any]:
        """Send a request.

        Args:
            content: Anything that the codec can send.
            plain: Whether that is known to be built of the codec's `simple` classes; saves a look.
            timeout: How many seconds to wait for the reply; ``None`` as long as the
                channel's ``request_timeout`` says.

        Returns:
            A future of the result. Whoever stops waiting for it leaves no trace: the late
            reply is dropped, the channel lives on. It raises `RemoteError` if the handler
            failed, `RequestTimeout`, or `ConnectionLost`.

        Raises:
            CodecError: *content* cannot be sent.
            LocalProtocolError: It is larger than the ``send_limit``.
            Overloaded: Too many requests wait for replies.
            ConnectionLost: The channel is closed.
        """
        if self._error is not None or self._closing or self._eof:
            raise self._gone()
        futures = self._futures
        if len(futures) >= self._asking.sweep_at:
            self._asking.sweep()
        ident = self._send_request(content, plain)
        future = futures[ident] = self._create_future()
        if timeout is not None:
            self._asking.give_time(ident, timeout)
        elif self._usual_time is not None:
            self._asking.give_usual_time(self._usual_time)
        if not self._flushing:
            if len(futures) == 1:
                self._flush()  # nothing is in flight: waiting for others to join in would only cost
            else:
                self._flushing = True
                self._runtime.call_soon(self._flush)
        elif not ident % _BURST:
            self._flush()
        return future

    def notify(self, content: Any) -> None:
        """Send what needs no answer.

        Raises:
            LocalProtocolError: The peer is not known to understand that; it shows with the
                first message that it sends.
            CodecError: *content* cannot be sent.
            ConnectionLost: The channel is closed.
        """
        if self._error is not None or self._closing:
            raise self._gone()
        self._protocol.send_extension(NOTICE, None, content)
        self._flush_soon()

    def half_close(self) -> None:
        """Send no more; replies to the requests that were sent still come.

        Raises:
            LocalProtocolError: The transport cannot do that, as TLS.
            ConnectionLost: The channel is closed.
        """
        if self._transport is None or self._outgoing is None:
            raise self._gone()
        if not self._transport.can_write_eof():
            raise LocalProtocolError("this transport has no half-close")
        self._flush()
        self._outgoing.finish(self._transport.write_eof)

    def _gone(self) -> BaseException:
        if self._error is not None:
            return fresh(self._error)
        return ConnectionLost("the channel is closed" if self._closing else "the peer closed the connection")

    def _other_event(self, kind: int, ident: Any, content: Any) -> None:
        if kind == BROKEN:
            self._break(content)
        elif kind == BAD_CONTENT:
            kind, ident = ident
            if kind == REQUEST:
                self._protocol.send_failure(ident, content)
            else:
                self._asking.settle(ident, content)
        elif kind in (FAILURE, STREAM, ITEM):
            self._asking.receive(kind, ident, content, self.peername)
        else:
            self._answering.receive(kind, ident, content)

    def _send_control(self, kind: int, ident: int, content: Any) -> None:
        if self._transport is not None and self._protocol.extended:
            self._protocol.send_extension(kind, ident, content)
            self._flush_soon()

    def _refused(self) -> None:
        if self._outgoing is not None and self._outgoing.is_stuck():
            self._break(ConnectionLost("the peer sends requests and does not read the answers"))

    def _break(self, error: BaseException) -> None:
        self._error = error
        self._asking.fail(error)
        if self._transport is not None:
            self._transport.abort()

    async def recv(self) -> Request:
        """Wait for the peer's next request; for channels without a handler.

        Requests that arrived before the end of the connection are still given.

        Raises:
            ConnectionLost: The connection has ended and no request is left.
            RuntimeError: Somebody else waits here already, or a handler gets the requests.
        """
        return await self._answering.recv()

    async def __aiter__(self) -> AsyncIterator[Request]:
        """Give the peer's requests until the connection ends."""
        while True:
            try:
                request = await self.recv()
            except ConnectionLost:
                return
            yield request

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
            self._outgoing.write(self._protocol.data_to_send())

    @property
    def peername(self) -> Any:
        """The peer's address as the transport tells it: a tuple, a path, or ``None``."""
        return self.get_extra_info("peername")

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Ask the transport: ``peername``, ``sockname``, ``peercert``, ``cipher`` and more."""
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    @property
    def late_replies(self) -> int:
        """How many replies came for requests that nobody waited for any more."""
        return self._asking.late_replies

    @property
    def extended(self) -> bool:
        """Whether the peer has shown that it is junto too."""
        return self._protocol.extended

    def is_closing(self) -> bool:
        """Tell whether the channel is closed or about to be."""
        return self._closing or self._error is not None

    async def wait_closed(self) -> None:
        """Wait until the channel is closed, by whichever side."""
        await self._closed.wait()

    async def close(self, timeout: float | None = 5.0) -> None:
        """End the connection in order.

        Requests of ours that still wait raise `ConnectionLost` at once. Requests of the peer that
        were accepted are answered, for *timeout* seconds at most; handlers that take longer are
        cancelled. All that was written is sent, if the peer takes it within that time.
        """
        if not self._closing:
            self._closing = True
            error = ConnectionLost("the channel was closed")
            self._asking.fail(error)
            self._answering.end_of_requests(error)
            self._answering.refuse(error)
            if self._transport is None:
                self._error = self._error or error
                self._closed.set_result(None)
            else:
                try:
                    await within(self._runtime, timeout, self._end(), "closing")
                except RequestTimeout:
                    self.abort()
        await self._closed.wait()

    async def _end(self) -> None:
        if self._answering.unanswered and self._answering.inbox is None:
            self._idle = Shared(self._runtime)
            await self._idle.wait()
        self._close_transport()
        await self._closed.wait()

    def abort(self) -> None:
        """End the connection at once; what is not sent is lost, handlers are cancelled."""
        self._closing = True
        self._answering.cancel_handlers()
        if self._transport is not None:
            self._transport.abort()

    async def __aenter__(self) -> Channel:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
