"""Channels: requests and replies over one connection, both ways at once.

A channel is an *endpoint*: the transport calls it with what arrives, and all that happens per message
happens in that callback; that half is `junto.endpoint`. Here is what a user calls. Only what waits more than
once is a flow.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from junto.endpoint import BURST, ChannelEndpoint
from junto.errors import ConnectionLost, LocalProtocolError, Overloaded, RequestTimeout, fresh
from junto.request import Request
from junto.runtime import Future, Runtime, Transport
from junto.sansio.kinds import NOTICE
from junto.streaming import StreamReader
from junto.waiting import Inbox, Shared, within

__all__ = ["Channel"]

# Seconds that cancelled handlers have to end, and their answers to leave, when closing took too long.
_GRACE: Final = 0.25
# Seconds that a peer has to notice our end, after the system has taken all that was for it.
_LINGER: Final = 1.0


class Channel(ChannelEndpoint):
    """One connection's requests and replies.

    One that has lost its connection for good raises `ConnectionLost` from then on.
    """

    def request(self, content: Any, *, timeout: float | None = None, plain: bool = False) -> Future[Any]:
        """Send a request.

        Args:
            content: Anything that the codec can send.
            plain: Whether that is known to be built of the codec's `simple` classes; saves a look.
            timeout: How many seconds to wait for the reply; ``None`` as long as the
                channel's ``request_timeout`` says.

        Returns:
            A future of the result. Whoever stops waiting for it leaves no trace; the late
            reply is dropped, the channel lives on. It raises `RemoteError` if the handler
            failed, `RequestTimeout`, or `ConnectionLost`.

        Raises:
            CodecError: *content* cannot be sent.
            LocalProtocolError: It is larger than the ``send_limit``.
            Overloaded: Too many requests wait for replies, or to be sent.
            ConnectionLost: The channel is closed.
        """
        if timeout is not None and timeout != timeout + 0:
            raise ValueError("a timeout is a number of seconds")  # not NaN
        if self._hindered and self._is_waiting():
            return self._asking.wait(content, self._usual_time if timeout is None else timeout)
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
        elif not ident % BURST:
            self._flush()
        return future

    def _is_waiting(self) -> bool:
        """Tell whether a request must wait for the next connection; refuse it if none will come."""
        if self._closing or self._half_closed or self._reconnect is None:
            self._check_open()
        elif self._transport is None or self._eof or self._error is not None:
            return True
        self._asking.count_unsent()
        return False

    def _check_open(self) -> None:
        if self._error is not None or self._closing or self._eof:
            raise self._gone()
        if self._half_closed:
            raise LocalProtocolError("after half_close() nothing more can be sent")

    def notify(self, content: Any) -> None:
        """Send what needs no answer.

        Raises:
            LocalProtocolError: The peer is not known to understand that; it shows with the
                first message that it sends.
            CodecError: *content* cannot be sent.
            Overloaded: The peer has not taken what was sent before, 16 MiB of it.
            ConnectionLost: The channel is closed.
        """
        self._check_open()
        if self._outgoing is not None and self._outgoing.is_stuck():
            raise Overloaded("the peer does not take what was sent before")
        self._protocol.send_extension(NOTICE, None, content)
        self._flush_soon()

    def half_close(self) -> None:
        """Send no more; replies to the requests that were sent still come.

        The peer's own requests are not answered any more, which it is told by that end. Doing so
        twice is fine.

        Raises:
            LocalProtocolError: The transport cannot do that, as TLS.
            ConnectionLost: The channel is closed.
        """
        if self._transport is None or self._outgoing is None or self._closing or self._error is not None:
            raise self._gone()
        if self._half_closed:
            return
        if not self._transport.can_write_eof():
            raise LocalProtocolError("this transport has no half-close")
        self._stop_sending(self._transport)

    def _stop_sending(self, transport: Transport) -> None:
        self._flush()
        self._half_closed = True
        self._look()
        self._answering.hang_up(LocalProtocolError("nothing more is sent on this connection"))
        if self._outgoing is not None:
            self._outgoing.finish(transport.write_eof)

    def _gone(self) -> BaseException:
        if self._error is not None:
            return fresh(self._error)
        return ConnectionLost("the channel is closed" if self._closing else "the peer closed the connection")

    async def recv(self) -> Request:
        """Wait for the peer's next request; for channels without a handler.

        Requests that arrived before the end of the connection are still given.

        Raises:
            ConnectionLost: The connection has ended and no request is left.
            RuntimeError: Somebody else waits here already, or a handler gets the requests.
        """
        return await self.inbox.get()

    @property
    def inbox(self) -> Inbox[Request]:
        """The peer's requests that wait for `recv`, in this connection; the next one has its own.

        Raises:
            RuntimeError: A handler gets the requests.
        """
        return self._answering.require_inbox()

    def make_streams_by(self, make_stream: Callable[[StreamReader, Runtime], Any]) -> None:
        """Have *make_stream* make the streams that our requests give, in place of `Stream`."""
        self._asking.make_stream = make_stream

    async def __aiter__(self) -> AsyncIterator[Request]:
        """Give the peer's requests until the connection ends."""
        while True:
            try:
                request = await self.recv()
            except ConnectionLost:
                return
            yield request

    @property
    def late_replies(self) -> int:
        """How many replies came for requests that nobody waited for any more."""
        return self._asking.late_replies

    @property
    def extended(self) -> bool:
        """Whether the peer has shown that it is junto too."""
        return self._protocol.extended

    def is_closing(self) -> bool:
        """Tell whether the channel is closed or about to be, as it is when the peer has sent its end."""
        return self._closing or self._error is not None or (self._eof and self._reconnect is None)

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
            self._look()
            error = ConnectionLost("the channel was closed")
            self._asking.fail(error)
            self._answering.end_of_requests(error)
            self._answering.refuse(error)
            if self._transport is None:
                self._ended(error)
            else:
                await self._end_within(timeout)
        await self._closed.wait()

    async def hang_up(self, timeout: float | None = 5.0) -> None:
        """End the connection without answering what the peer asked.

        As `close`, but nobody waits for handlers: they go on, and what they return is dropped.
        """
        if not self._closing:
            self._closing = True
            self._look()
            error = ConnectionLost("the channel was closed")
            self._asking.fail(error)
            self._answering.end_of_requests(error)
            self._answering.hang_up(error)
            if self._transport is None:
                self._ended(error)
            else:
                self._close_transport()
        try:
            await within(self._runtime, timeout, self._closed.wait(), "closing")
        except RequestTimeout:  # the peer does not take what was written
            self.abort()
            await self._closed.wait()

    async def _end_within(self, timeout: float | None) -> None:
        try:
            try:
                await within(self._runtime, timeout, self._end(), "closing")
            except RequestTimeout:
                if not self._answering.unanswered:
                    raise
                self._answering.cancel_handlers()
                await within(self._runtime, _GRACE, self._end(), "closing")
        except RequestTimeout:
            self.abort()
        except BaseException:
            self.abort()
            raise

    async def _end(self) -> None:
        if self._answering.unanswered and self._answering.inbox is None:
            self._idle = Shared(self._runtime)
            await self._idle.wait()
        if self._answering.refused:
            await self._linger()
        self._close_transport()
        await self._closed.wait()

    async def _linger(self) -> None:
        """Wait for the end of a peer that goes on sending, while it reads our last answers.

        The system would destroy what is under way to it, if we closed with something of it unread.
        """
        transport = self._transport
        if transport is None or not transport.can_write_eof():
            return
        if not self._half_closed:
            self._stop_sending(transport)
        while (outgoing := self._outgoing) is not None:
            try:
                await within(self._runtime, _LINGER, self._closed.wait(), "the end of the peer")
            except RequestTimeout:
                if outgoing.is_empty():
                    return

    def abort(self, error: ConnectionLost | None = None) -> None:
        """End the connection at once; what is not sent is lost, handlers are cancelled.

        Args:
            error: What those get who wait for something; ``None`` says that the channel was closed.
        """
        self._closing = True
        self._error = self._error or error
        self._look()
        self._answering.cancel_handlers()
        self._outgoing = None
        if self._transport is not None:
            self._transport.abort()
        else:
            self._ended(ConnectionLost("the channel was closed"))

    async def __aenter__(self) -> Channel:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
