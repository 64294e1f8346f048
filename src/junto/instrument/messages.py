"""Messages as they come: what a protocol without I/O makes of an instrument's bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from junto.instrument.lanes import WRITE
from junto.instrument.operations import Operations
from junto.instrument.session import GoneError
from junto.instrument.settings import USUAL, Timeout
from junto.instrument.streams import END, Stream
from junto.instrument.system import System
from junto.instrument.wants import Plain, ended
from junto.sansio.lines import LineBuffer

if TYPE_CHECKING:
    from junto.sansio.coroutines import Connection

__all__ = ["MakeProtocol", "MessageStream"]

MakeProtocol: TypeAlias = "Callable[[], Connection[Any, Any]]"
"""What `junto.protocols.protocol` makes of a generator function, with its arguments, if it has any."""


class MessageStream(Stream):
    """The events that a protocol emits, and its results.

    A protocol that has returned is begun anew with what it left, so one that reads a single message
    gives one after the other; a result ``None`` is no item. What it writes is sent. The stream ends when the
    peer ends, or when a protocol returns that has consumed and written nothing.

    When the loop is left, what belongs to a message that is not complete stays in the protocol, and
    all else in the client.
    """

    def __init__(self, client: Operations, protocol: MakeProtocol, *, timeout: Timeout = USUAL) -> None:
        """Prepare to read from *client*, which is opened with the first item if it is not.

        Args:
            client: Where the bytes come from.
            protocol: Makes a run of the protocol.
            timeout: Seconds for each item.
        """
        super().__init__(client, timeout)
        self._make = protocol
        self._run: Connection[Any, Any] | None = None
        self._wrote = False
        self._items: deque[Any] = deque()
        self._over = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        """Wait for the next item.

        Raises:
            StopAsyncIteration: There are no more.
            ConnectionTimeoutError: The time was over; the connection is closed.
            Exception: What the protocol raised; the connection is closed.
        """
        while not self._items:
            if self._over:
                raise StopAsyncIteration
            if self._run is None:
                await self._begin()
                self._run = self._make()
                self._wrote = False
            run = self._run
            output = run.read()
            if output:
                self._wrote = True
                await self._send(output)
            elif not (self._items or run.finished) and await self._next(_Fed(self)) is END:
                self._over = True
                if run.bytes_consumed or run.pending_input:
                    run.send_eof()
            self._collect(run)
        return self._items.popleft()

    async def _send(self, data: bytes) -> None:
        try:
            await self._session.run(
                "stream", WRITE, self._timeout, data, lanes=self._lanes, only=self._generation
            )
        except GoneError:
            self._over = True

    def feed(self, buffer: LineBuffer) -> bool:
        """Give the protocol all that is in *buffer*; tell whether something came of it."""
        run = self._run
        assert run is not None, "who waits has begun"
        self._since_turn += len(buffer)
        run.send(buffer.take_all())
        if run.finished:
            buffer.put_back(run.take_unused())
        self._items.extend(run.events())
        return bool(self._items or run.finished or run.pending_output)

    def _collect(self, run: Connection[Any, Any]) -> None:
        self._items.extend(run.events())
        if run.finished and not run.pending_output:
            self._run = None
            result = run.get_result()
            if result is not None:
                self._items.append(result)
            elif not (run.bytes_consumed or self._wrote):
                self._over = True


class _Fed(Plain):
    """Whatever lets a protocol go on."""

    __slots__ = ("_stream",)

    def __init__(self, stream: MessageStream) -> None:
        self._stream = stream

    def take(self, buffer: LineBuffer) -> bool | None:
        return (bool(buffer) and self._stream.feed(buffer)) or None

    def finish(self, buffer: LineBuffer, system: System) -> bool:
        raise ended()
