"""Reads: bytes and lines that the instrument sends."""

from __future__ import annotations

from typing import Final, TypeVar

from junto.instrument.errors import ConnectionEOFError
from junto.instrument.exchange import Exchange, Steps
from junto.instrument.filling import LARGE, Meter, Progress, fill, take_large
from junto.instrument.lanes import READ
from junto.instrument.operations import OnTimeout, Operations, check_count
from junto.instrument.settings import USUAL, Eol, Timeout
from junto.instrument.wants import Everything, Exactly, Line, Peek, Some, Until, Want
from junto.sansio.lines import Terminator

__all__ = ["NEWLINE", "Reading", "lines_steps", "read_large", "sized"]

T = TypeVar("T")

NEWLINE: Final = b"\n"
_MOST: Final = 2**63


class Reading(Operations):
    """Operations that only read."""

    async def read(self, n: int = -1, *, timeout: Timeout = USUAL, on_timeout: OnTimeout = "close") -> bytes:
        """Read what comes.

        Args:
            n: The most bytes to return; -1 for all until the peer ends.
            timeout: Seconds for all of it; ``None`` for ever.
            on_timeout: ``"keep"`` to leave connection and bytes as they are when time is over.

        Returns:
            As many bytes as are there, at least one; ``b""`` only if *n* is 0.

        Raises:
            ConnectionEOFError: The peer has ended, and nothing is left.
            ConnectionTimeoutError: The time was over.
        """
        if check_count(n, -1) == 0:
            return b""
        return await self._read("read", Everything() if n < 0 else Some(n), timeout, on_timeout)

    async def read_some(self, *, timeout: Timeout = USUAL, on_timeout: OnTimeout = "close") -> bytes:
        """Read all that is there; wait for at least one byte. Errors are those of `read`."""
        return await self._read("read_some", Some(_MOST), timeout, on_timeout)

    async def peek(self, n: int, *, timeout: Timeout = USUAL) -> bytes:
        """Look at up to *n* bytes, which stay; wait for at least one. Errors are those of `read`."""
        if check_count(n) == 0:
            return b""
        return await self._read("peek", Peek(n), timeout, "close")

    async def readexactly(
        self, n: int, *, timeout: Timeout = USUAL, on_timeout: OnTimeout = "close"
    ) -> bytes:
        """Read *n* bytes, which may be more than ``buffer_size``.

        Raises:
            IncompleteReadError: The peer ended before; what had come is in ``partial``.
            ConnectionTimeoutError: The time was over.
        """
        if check_count(n) == 0:
            return b""
        if n >= LARGE and on_timeout == "close":
            return await self._steps("readexactly", read_large(n), timeout)
        return await self._read("readexactly", Exactly(n), timeout, on_timeout)

    async def readexactly_into(
        self, buffer: bytearray | memoryview, *, timeout: Timeout = USUAL, progress: Progress | None = None
    ) -> int:
        """Fill *buffer*, without a copy in between; return its size in bytes.

        Args:
            buffer: Writable memory; after a failure it holds what had come.
            timeout: Seconds for all of it.
            progress: Called with the number of bytes received and of all, at most every 64 KiB.

        Raises:
            IncompleteReadError: The peer ended before.
            ConnectionTimeoutError: The time was over.
        """
        with memoryview(buffer) as view:
            if view.readonly:
                raise TypeError("the buffer cannot be written to")
            with view.cast("B") as target:
                if not target:
                    return 0

                async def steps(exchange: Exchange) -> int:
                    filled = await fill(exchange, target, Meter(exchange, len(target), progress))
                    if filled < len(target):
                        raise exchange.cut_off(bytes(target[:filled]), len(target))
                    return filled

                return await self._steps("readexactly_into", steps, timeout)

    async def readuntil(
        self,
        separator: Eol = NEWLINE,
        *,
        timeout: Timeout = USUAL,
        on_timeout: OnTimeout = "close",
    ) -> bytes:
        """Read up to *separator*, which is returned too; the client's ``eol`` plays no part.

        Raises:
            IncompleteReadError: The peer ended before; what had come is in ``partial``.
            LimitOverrunError: More than ``buffer_size`` bytes came without it.
            ConnectionTimeoutError: The time was over.
        """
        return await self._read("readuntil", self._until(separator), timeout, on_timeout)

    async def readline(
        self, eol: Eol | None = None, *, timeout: Timeout = USUAL, on_timeout: OnTimeout = "close"
    ) -> bytes:
        """Read one line with its terminator; at the end of input, what is left without one.

        Args:
            eol: What ends it; ``None`` as the client is set.
            timeout: Seconds for all of it; ``None`` for ever.
            on_timeout: ``"keep"`` to leave connection and bytes as they are when time is over.

        Raises:
            ConnectionEOFError: The peer has ended, and nothing is left.
            LimitOverrunError: The line is longer than ``buffer_size``; the connection is closed.
            ConnectionTimeoutError: The time was over.
        """
        return await self._read("readline", self.line(eol), timeout, on_timeout)

    async def readlines(
        self, n: int, eol: Eol | None = None, *, timeout: Timeout = USUAL, on_timeout: OnTimeout = "close"
    ) -> list[bytes]:
        """Read *n* lines with their terminators.

        Raises:
            IncompleteReadError: The peer ended before; ``partial`` is the list of lines that had come,
                of which the last may have no terminator.
            LimitOverrunError: A line is longer than ``buffer_size``.
            ConnectionTimeoutError: The time was over.
        """
        line = self.line(eol)
        if check_count(n) == 0:
            return []
        keep = _keeps(on_timeout)
        return await self._steps("readlines", lines_steps(n, line, keep=keep), timeout, keep=keep)

    async def readbuffer(self) -> bytes:
        """Take all that is there, without waiting and without opening a connection.

        What another call is about to read is not there.
        """
        session = self._session
        session.enter()
        connection = session.connection
        lanes = self._lanes or session.lanes
        if connection is None or lanes.busy & READ:
            return b""
        data = connection.buffer.take_all()
        if connection.holding:
            connection.relax()
        return data

    def _until(self, separator: Eol) -> Until:
        session = self._session
        return Until(Terminator(separator), session.settings.buffer_size, session.system)

    async def _read(self, operation: str, want: Want[T], timeout: Timeout, on_timeout: OnTimeout) -> T:
        keep = _keeps(on_timeout)
        result: T = await self._session.run(
            operation, READ, timeout, None, want, keep=keep, lanes=self._lanes
        )
        return result

    async def _steps(self, operation: str, steps: Steps[T], timeout: Timeout, *, keep: bool = False) -> T:
        result: T = await self._session.run(
            operation, READ, timeout, steps=steps, keep=keep, lanes=self._lanes
        )
        return result


def _keeps(on_timeout: OnTimeout) -> bool:
    if on_timeout != "close" and on_timeout != "keep":
        raise ValueError(f"on_timeout is 'close' or 'keep', not {on_timeout!r}")
    return on_timeout == "keep"


def sized(n: int) -> Want[bytes] | None:
    """Give what ``read(n)`` waits for, or nothing if *n* is 0."""
    return None if n == 0 else Everything() if n < 0 else Some(n)


def lines_steps(n: int, line: Line, *, keep: bool = False) -> Steps[list[bytes]]:
    """Give what reads *n* lines."""

    async def steps(exchange: Exchange) -> list[bytes]:
        lines: list[bytes] = []
        try:
            while len(lines) < n:
                lines.append(await exchange.take(line))
        except ConnectionEOFError:
            raise exchange.cut_off(lines, n) from None
        except BaseException:
            if keep:
                exchange.connection.buffer.put_back(b"".join(lines))
            raise
        return lines

    return steps


def read_large(n: int) -> Steps[bytes]:
    """Give what reads *n* bytes into memory of its own."""

    async def steps(exchange: Exchange) -> bytes:
        return await take_large(exchange, n, Meter(exchange, n))

    return steps
