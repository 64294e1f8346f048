"""A protocol without I/O as what a transport of junto's runtimes calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from junto.driving import Drivable, hand_over, lose, take_output
from junto.runtime import Runtime, Transport
from junto.waiting import Shared

__all__ = ["ProtocolEndpoint"]

T = TypeVar("T")
E = TypeVar("E")


class ProtocolEndpoint(Generic[T, E]):
    """The endpoint of one protocol, for one connection, on any runtime.

    Make it in the factory that ``connect`` or ``listen`` of a runtime is given. While the peer does not take
    what the protocol writes, the protocol waits, and nothing more is read from that peer. The transport
    is closed when the protocol has ended and its output is out.

    Attributes:
        connection: What runs the protocol.
    """

    def __init__(
        self,
        runtime: Runtime,
        connection: Drivable[T, E],
        *,
        on_event: Callable[[E], object] | None = None,
    ) -> None:
        """Prepare an endpoint; see `junto.driving.run` for *on_event*."""
        self.connection = connection
        self._buffer = runtime.read_buffer
        self._on_event = on_event
        self._transport: Transport | None = None
        self._paused = False
        self._ended: Shared[T] = Shared(runtime)

    async def wait(self) -> T:
        """Wait for the result of the protocol.

        Raises:
            ConnectionLost: The connection was lost, and the protocol has no answer to that.
            Exception: A copy of what the protocol raised.
        """
        return await self._ended.wait()

    def connection_made(self, transport: Transport) -> None:
        self._transport = transport
        self._pass_on()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        hand_over(self.connection, self._buffer[:nbytes])
        self._pass_on()

    def eof_received(self) -> bool:
        hand_over(self.connection, b"")
        self._pass_on()
        # If so, its output is still to be sent, and its end closes the transport.
        return not self._ended.done()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if not self._ended.done():
            self._settle(lambda: lose(self.connection, error))

    def pause_writing(self) -> None:
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self._pass_on()
        if self._transport is not None and not self._paused and not self._transport.is_closing():
            self._transport.resume_reading()

    def _pass_on(self) -> None:
        """Bring what the protocol gives to where it belongs."""
        while self._transport is not None and not self._paused and (data := take_output(self.connection)):
            self._transport.write(data)
        if self._on_event is not None:
            for event in self.connection.events():
                self._on_event(event)
        if self.connection.finished and not self._paused and not self._ended.done():
            self._settle(self.connection.get_result)
            if self._transport is not None:
                self._transport.close()

    def _settle(self, outcome: Callable[[], T]) -> None:
        try:
            result = outcome()
        except Exception as error:
            self._ended.set_exception(error)
        else:
            self._ended.set_result(result)
