"""Streams: lines and blocks of one connection, as they come.

A stream belongs to the connection that was there when it began: it never connects again in the middle, so
that nobody takes what comes after a gap for what came before it. `LineStream` does it if told to,
and then says so.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final

from junto.instrument.errors import ConnectionClosedError, ConnectionEOFError, ConnectionTimeoutError
from junto.instrument.exchange import Exchange
from junto.instrument.lanes import READ
from junto.instrument.operations import Operations, check_count
from junto.instrument.session import GoneError
from junto.instrument.settings import USUAL, Eol, Timeout
from junto.instrument.system import System
from junto.instrument.wants import Exactly, Line, Until, Want
from junto.sansio.lines import LineBuffer, LineTooLong, Terminator

__all__ = ["END", "Batches", "BlockStream", "Gap", "LineStream", "Stream"]

_TURN: Final = 256 * 1024  # bytes after which others get their turn
END: Final = object()


class Gap:
    """An item of a stream: here the connection was lost, and another one begins.

    Attributes:
        error: What broke it; ``None`` if it was ended in order.
        generation: The number of the new connection.
    """

    __slots__ = ("error", "generation")

    def __init__(self, error: BaseException | None, generation: int) -> None:
        self.error = error
        self.generation = generation

    def __repr__(self) -> str:
        return f"Gap(error={self.error!r}, generation={self.generation})"


class Stream:
    """Items of one generation."""

    def __init__(self, client: Operations, timeout: Timeout) -> None:
        self._session = client.session
        self._lanes = client.lanes
        self._timeout = timeout
        self._generation = 0
        self._since_turn = 0

    async def _next(self, want: Want[Any]) -> Any:
        """Wait for the next item; `END` when the connection has ended in order, or is another one."""
        session = self._session
        connection = session.connection
        if connection is not None and not connection.buffer and self._generation:
            # The way of a stream whose reader is faster than the instrument.
            future = session.begin_read(want, self._timeout, self._lanes, self._generation)
            if future is not None:
                try:
                    item = await future
                    self._since_turn = 0
                    return item
                except ConnectionEOFError as error:
                    if getattr(error, "partial", b""):
                        raise session.give_up(  # noqa: B904  # it is its own cause
                            future, error, "stream", self._timeout, kept=False, needs=READ
                        )
                    session.drop_generation(self._generation)
                    return END
                except BaseException as error:
                    raise session.give_up(  # noqa: B904  # it has its cause
                        future, error, "stream", self._timeout, kept=False, needs=READ
                    )
                finally:
                    session.end(future, self._timeout, READ)
        await self._begin()
        try:
            item = await session.run(
                "stream",
                READ,
                self._timeout,
                steps=functools.partial(self._take, want),
                lanes=self._lanes,
                only=self._generation,
            )
        except GoneError:
            return END
        if item is END:
            session.drop_generation(self._generation)
        return item

    async def _begin(self) -> None:
        """Open the client, if there is need to, and bind the stream to that connection."""
        session = self._session
        session.enter()
        if self._generation == 0:
            if session.connection is None:
                await session.run("stream", READ, self._timeout, lanes=self._lanes)  # which opens
            self._generation = session.generation

    async def _take(self, want: Want[Any], exchange: Exchange) -> Any:
        if self._since_turn >= _TURN:
            self._since_turn = 0
            await exchange.give_way()
        try:
            return await exchange.take(want)
        except ConnectionEOFError as error:
            if getattr(error, "partial", b""):
                raise
            return END

    async def _begin_again(self) -> Gap:
        """Connect anew, and tell of the gap."""
        session = self._session
        error = session.last_error if session.broken == self._generation else None
        await session.run("stream", READ, self._timeout, lanes=self._lanes)
        self._generation = session.generation
        return Gap(error, self._generation)


class LineStream(Stream):
    """Lines as they come: ``async for line in LineStream(client)``.

    Leaving the loop loses nothing; it can be entered again. It ends when the peer ends, with the last line
    even if that has no terminator.
    """

    def __init__(
        self,
        client: Operations,
        eol: Eol | None = None,
        *,
        timeout: Timeout = USUAL,
        reconnect: bool = False,
        on_gap: Callable[[Gap], object] | None = None,
    ) -> None:
        """Prepare to read from *client*, which is opened with the first item if it is not.

        Args:
            client: Where the lines come from.
            eol: What ends a line; ``None`` as the client is set.
            timeout: Seconds for each item.
            reconnect: Whether to go on with a new connection when one is lost, as the client's ``retry``
                says; each is told of by a `Gap`, as an item or to *on_gap*.
            on_gap: Called with each `Gap`, which is no item then.
        """
        super().__init__(client, timeout)
        self._line = client.line(eol)
        self._reconnect = reconnect
        self._on_gap = on_gap
        # Whole lines that the buffer of the connection has cut in advance.
        self._ready: deque[bytes] = deque()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._ready:
            return self._ready.popleft()
        item = await self._next_item()
        if item is END:
            raise StopAsyncIteration
        return item

    async def generate(self) -> AsyncGenerator[Any, None]:
        """Give the lines as a generator, which takes less for each than a coroutine; in the end the same.

        It may be left at any time: what it has not given is still in the connection's buffer.
        """
        while True:
            next_line = self._ready.popleft
            try:
                while True:
                    yield next_line()
            except IndexError:
                pass  # it is empty
            item = await self._next_item()
            if item is END:
                return
            yield item

    def _quick(self) -> LineBuffer | None:
        """Give the buffer of our connection, if it may be read at once, and others had their turn."""
        session = self._session
        connection = session.connection
        if (
            connection is None
            or connection.generation != self._generation
            or not connection.buffer
            or (session.lanes if self._lanes is None else self._lanes).busy & READ
            or self._since_turn >= _TURN
        ):
            return None
        if connection.holding:
            connection.relax()
        return connection.buffer

    async def _next_item(self) -> Any:
        buffer = self._quick()
        if buffer is not None:
            ready = buffer.split_lines(self._line.terminator, self._line.limit)
            if ready:
                self._ready = ready
                self._since_turn += 64 * len(ready)  # more or less
                return ready.popleft()
        item = await self._item(self._line)
        connection = self._session.connection
        if connection is not None and item is not END and not isinstance(item, Gap):
            self._ready = connection.buffer.split_lines(self._line.terminator, self._line.limit)
            self._since_turn += len(item) + 64 * len(self._ready)  # more or less
        return item

    async def _item(self, want: Want[Any]) -> Any:
        while True:
            try:
                item = await self._next(want)
            except OSError as error:
                if not self._reconnect or isinstance(error, ConnectionTimeoutError | ConnectionClosedError):
                    raise
                item = END
            if item is not END or not self._reconnect:
                return item
            gap = await self._begin_again()
            if self._on_gap is None:
                return gap
            self._on_gap(gap)

    def batch(self) -> Batches:
        """Give lists of all whole lines that are there, at least one each."""
        return Batches(self)

    async def next_batch(self) -> list[Any]:
        """Wait for the next list; it is empty when the stream has ended."""
        buffer = self._quick()
        if buffer is not None:
            lines = buffer.cut_lines(self._line.terminator, self._line.limit)
            if lines:
                self._since_turn += 64 * len(lines)  # more or less
                return lines
        batch = await self._item(_Lines(self._line))
        if batch is END:
            return []
        if isinstance(batch, Gap):
            return [batch]
        self._since_turn += 64 * len(batch)  # more or less
        return batch  # type: ignore[no-any-return]  # what `_Lines` takes


class Batches:
    """The lines of a stream in lists."""

    def __init__(self, stream: LineStream) -> None:
        self._stream = stream

    def __aiter__(self) -> Batches:
        return self

    async def __anext__(self) -> list[Any]:
        batch = await self._stream.next_batch()
        if not batch:
            raise StopAsyncIteration
        return batch


class _Lines:
    """All whole lines, at least one; at the end of input, what is left."""

    __slots__ = ("_line",)

    def __init__(self, line: Line) -> None:
        self._line = line

    def take(self, buffer: LineBuffer) -> list[bytes] | None:
        try:
            return buffer.take_lines(self._line.terminator, self._line.limit) or None
        except LineTooLong as error:
            raise self._line.overrun(error) from None

    def take_from(self, buffer: LineBuffer, data: bytes | memoryview) -> list[bytes] | None:
        buffer.append(data)
        return self.take(buffer)

    def finish(self, buffer: LineBuffer, system: System) -> list[bytes]:
        return [self._line.finish(buffer, system)]


class BlockStream(Stream):
    """Blocks as they come: so many bytes each, or up to a terminator.

    It ends when the peer ends; a block that is not complete then raises `IncompleteReadError`.
    """

    def __init__(self, client: Operations, limit: int | bytes, *, timeout: Timeout = USUAL) -> None:
        """Prepare to read from *client*, which is opened with the first item if it is not.

        Args:
            client: Where the blocks come from.
            limit: How many bytes a block has, or what it ends with.
            timeout: Seconds for each item.
        """
        super().__init__(client, timeout)
        settings = client.session.settings
        self._want: Want[bytes]
        if isinstance(limit, int):
            self._want = Exactly(check_count(limit, 1))
        else:
            self._want = Until(Terminator(limit), settings.buffer_size, client.session.system)

    def __aiter__(self) -> BlockStream:
        return self

    async def __anext__(self) -> bytes:
        block = await self._next(self._want)
        if block is END:
            raise StopAsyncIteration
        self._since_turn += len(block)
        return block  # type: ignore[no-any-return]  # these wants take bytes
