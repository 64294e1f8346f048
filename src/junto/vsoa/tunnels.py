"""Streams beside a connection: bytes both ways, as fast as the slower side reads.

A stream is a connection of its own, without frames and without a greeting. The server offers a port for it,
and tells the client by a reply; whoever connects first has it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from junto.address import Address
from junto.errors import ConnectionFailed, ConnectionLost, RequestTimeout, fresh
from junto.runtime import Future, Listener, Runtime, TimerHandle, Transport
from junto.vsoa.addresses import plain_host
from junto.vsoa.traffic import set_keepalive
from junto.waiting import Shared, within

if TYPE_CHECKING:
    import ssl

__all__ = ["StreamOffer", "TunnelStream", "open_stream"]

logger = logging.getLogger("junto")

_FULL: Final = 256 * 1024
_LOW: Final = 64 * 1024
_SLICE: Final = 256 * 1024


class TunnelStream(AsyncIterator[bytes]):
    """A stream of bytes: iterate over what comes, or `receive` it piece by piece."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._transport: Transport | None = None
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._reading = True
        self._reader: Future[None] | None = None
        self._writable: Shared[None] | None = None
        self._end: BaseException | None = None
        self._eof = False
        self._closing = False
        self._closed: Shared[None] = Shared(runtime)

    # -- what the transport calls --

    def connection_made(self, transport: Transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size >= _FULL and self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._eof = True
        self._wake()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if error is not None:
            self._end = ConnectionLost(f"the stream broke: {error}")
            self._end.__cause__ = error
        else:
            self._end = ConnectionLost("the stream was closed")
            self._eof = True
        self._wake()
        if self._writable is not None:
            self._writable.set_exception(self._end)
        self._closed.set_result(None)

    def pause_writing(self) -> None:
        self._writable = Shared(self._runtime)

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.set_result(None)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # -- what users call --

    @property
    def connected(self) -> bool:
        """Whether bytes can be sent."""
        return self._transport is not None and not self._closing

    async def receive(self, most: int = _FULL) -> bytes:
        """Wait for bytes.

        Args:
            most: How many to give at most.

        Returns:
            What is there, at least one byte; ``b""`` at the end of the stream.

        Raises:
            ConnectionLost: The stream broke, and all that came before was given.
            RuntimeError: Somebody else waits here.
        """
        while not (self._chunks or self._has_ended()):
            await self.arrival()
        return self.take(most)

    def _has_ended(self) -> bool:
        return self._eof or self._end is not None

    def arrival(self) -> Future[None]:
        """Give a future that is done when there is something to `take`; who waits no more cancels it.

        Raises:
            RuntimeError: Somebody else waits here.
        """
        if self._reader is not None and not self._reader.done():
            raise RuntimeError("another receiver waits here already")
        self._reader = self._runtime.create_future()
        if self._chunks or self._has_ended():
            self._reader.set_result(None)
        return self._reader

    def take(self, most: int = _FULL) -> bytes:
        """Take what is there; as `receive`."""
        if not self._chunks:
            if self._eof:
                return b""
            if self._end is not None:
                raise fresh(self._end)
            raise RuntimeError("another receiver was faster")
        chunk = self._chunks.popleft()
        if len(chunk) > most:
            self._chunks.appendleft(chunk[most:])
            chunk = chunk[:most]
        self._size -= len(chunk)
        if not self._reading and self._size <= _LOW:
            self._reading = True
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
        return chunk

    def __aiter__(self) -> TunnelStream:
        return self

    async def __anext__(self) -> bytes:
        """Wait for bytes; raises as `receive`."""
        chunk = await self.receive()
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of *data*; wait while the peer does not take it.

        When cancelled, a part of it may have been sent.

        Raises:
            ConnectionLost: The stream is closed, or broke before all was sent.
        """
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _SLICE):
            while self._writable is not None:
                await self._writable.wait()
            if self._transport is None or self._closing:
                raise ConnectionLost("the stream is closed") if self._end is None else fresh(self._end)
            self._transport.write(view[start : start + _SLICE])
        while self._writable is not None:
            await self._writable.wait()

    def send_nowait(self, data: bytes | bytearray | memoryview) -> None:
        """Send all of *data*, and keep what the peer does not take yet, however much that is.

        Raises:
            ConnectionLost: The stream is closed.
        """
        if self._transport is None or self._closing:
            raise ConnectionLost("the stream is closed") if self._end is None else fresh(self._end)
        self._transport.write(data)

    def keepalive(self, idle: float) -> None:
        """Let the system find out about a dead peer: after *idle* seconds of silence, and three probes."""
        set_keepalive(self._transport, idle)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Ask the transport: ``peername``, ``sockname``, ``socket`` and more."""
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    async def wait_closed(self) -> None:
        """Wait until the stream is closed, by whichever side."""
        await self._closed.wait()

    async def close(self, timeout: float | None = 5.0) -> None:
        """Send what waits, for *timeout* seconds at most, and close; closing twice is fine."""
        if not self._closing and self._transport is not None:
            self._closing = True
            self._transport.close()
            timer = None if timeout is None else self._runtime.call_later(timeout, self.abort)
            try:
                await self._closed.wait()
            except BaseException:
                self.abort()
                raise
            finally:
                if timer is not None:
                    timer.cancel()

    aclose = close

    def abort(self) -> None:
        """Close at once; what is not sent is lost."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    async def __aenter__(self) -> TunnelStream:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


class StreamOffer:
    """A port that waits for the one connection that becomes a stream.

    Attributes:
        port: What the client is told.
    """

    def __init__(self, runtime: Runtime, peer: str | None) -> None:
        """Accept connections of the IP address *peer* only, or of all."""
        self._runtime = runtime
        self._peer = peer
        self._listener: Listener | None = None
        self._timer: TimerHandle | None = None
        self._stream: Shared[TunnelStream] = Shared(runtime)
        self._unclaimed: TunnelStream | None = None
        self.port = 0

    async def listen(
        self, host: str, tls: ssl.SSLContext | None, timeout: float, handshake_timeout: float | None = None
    ) -> None:
        address = Address("tcp" if tls is None else "tls", host, 0)
        self._listener = await self._runtime.listen(
            address,
            lambda: _Arriving(self._runtime, self),
            tls=tls,
            handshake_timeout=handshake_timeout,
        )
        self.port = self._listener.address.port
        self._timer = self._runtime.call_later(timeout, self._expire, timeout)

    def arrived(self, stream: TunnelStream) -> None:
        """Take the first connection of the right address; others are cut off."""
        peer = stream.get_extra_info("peername")
        stranger = self._peer is not None and isinstance(peer, tuple) and plain_host(peer[0]) != self._peer
        if stranger or self._stream.done():
            logger.info("a connection from %s to a stream's port is cut off", peer)
            stream.abort()
            return
        self._stop()
        self._unclaimed = stream
        self._stream.set_result(stream)

    def _expire(self, timeout: float) -> None:
        self._stop()
        self._stream.set_exception(RequestTimeout(f"nobody connected to the stream within {timeout:g} s"))

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            self._listener.close()

    async def accept(self) -> TunnelStream:
        """Wait for the client.

        Raises:
            RequestTimeout: It did not come in time.
            ConnectionLost: The offer was withdrawn.
        """
        stream = await self._stream.wait()
        self._unclaimed = None
        return stream

    def close(self) -> None:
        """Withdraw the offer, if it is still one; a client that came, and was not accepted, is cut off."""
        self._stop()
        unclaimed, self._unclaimed = self._unclaimed, None
        if unclaimed is not None:
            unclaimed.abort()
            self._stream = Shared(self._runtime)  # nobody has seen what it held
        self._stream.set_exception(ConnectionLost("the offer of a stream was withdrawn"))


class _Arriving(TunnelStream):
    def __init__(self, runtime: Runtime, offer: StreamOffer) -> None:
        super().__init__(runtime)
        self._offer = offer

    def connection_made(self, transport: Transport) -> None:
        super().connection_made(transport)
        self._offer.arrived(self)


async def open_stream(
    runtime: Runtime, host: str, port: int, tls: ssl.SSLContext | None, timeout: float | None
) -> TunnelStream:
    """Connect to an offered stream; see `Client.open_stream`."""
    stream = TunnelStream(runtime)
    address = Address("tcp" if tls is None else "tls", host, port)
    try:
        await within(
            runtime, timeout, runtime.connect(address, lambda: stream, tls=tls), f"connecting to {address}"
        )
    except RequestTimeout as error:
        raise ConnectionFailed(str(error)) from error
    return stream
