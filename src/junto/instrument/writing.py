"""Writes, and transactions: a write and the read of its reply, which no other call comes between."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from junto.instrument.errors import ConnectionEOFError, ConnectionTimeoutError
from junto.instrument.exchange import Exchange, Steps
from junto.instrument.filling import LARGE
from junto.instrument.lanes import BOTH, WRITE
from junto.instrument.operations import Buffer, as_bytes, check_count, joined
from junto.instrument.reading import NEWLINE, Reading, lines_steps, read_large, sized
from junto.instrument.settings import USUAL, Eol, Timeout
from junto.instrument.wants import Exactly, Until, Want
from junto.sansio.lines import Terminator

__all__ = ["Writing"]

T = TypeVar("T")


class Writing(Reading):
    """Operations that write, and those that read the reply too.

    All of the latter take ``timeout``, in seconds for all of it; ``resend``, how often the request may be
    sent again, on a new connection, if the peer ends or breaks the connection, which is only for requests
    that do no harm if they are carried out twice; ``resend_on_timeout``, whether that holds for running out
    of time, too; and ``query_delay``, the seconds between the write and the read, by default as the client is
    set.
    """

    async def write(self, data: Buffer, *, timeout: Timeout = USUAL) -> None:
        """Send *data* as it is; wait while the peer does not take it.

        Raises:
            ConnectionTimeoutError: The time was over; what was not sent never is.
            ConnectionError: The connection broke, or none could be opened.
        """
        await self._session.run("write", WRITE, timeout, as_bytes(data), lanes=self._lanes)

    async def writelines(self, lines: Iterable[Buffer], *, timeout: Timeout = USUAL) -> None:
        """Send *lines* as they are, one behind the other; errors are those of `write`."""
        data, _ = joined(lines)
        await self._session.run("writelines", WRITE, timeout, data, lanes=self._lanes)

    async def drain(self, *, timeout: Timeout = USUAL) -> None:
        """Wait until the system has all that was written; errors are those of `write`."""

        async def steps(exchange: Exchange) -> None:
            await exchange.drain()

        session = self._session
        session.enter()
        if session.connection is not None:
            await session.run("drain", WRITE, timeout, steps=steps, lanes=self._lanes)

    async def write_read(
        self,
        data: Buffer,
        n: int = -1,
        *,
        timeout: Timeout = USUAL,
        resend: int = 0,
        resend_on_timeout: bool = False,
        query_delay: float | None = None,
    ) -> bytes:
        """Send *data* and read like ``read(n)``."""
        want = sized(check_count(n, -1))
        reply = await self._transact(
            "write_read", data, want, None, timeout, resend, resend_on_timeout, query_delay
        )
        return reply or b""

    async def write_readline(
        self,
        data: Buffer,
        eol: Eol | None = None,
        *,
        timeout: Timeout = USUAL,
        resend: int = 0,
        resend_on_timeout: bool = False,
        query_delay: float | None = None,
    ) -> bytes:
        """Send *data* and read like ``readline(eol)``."""
        line = self.line(eol)
        if resend or type(data) is not bytes:
            return await self._transact(
                "write_readline", data, line, None, timeout, resend, resend_on_timeout, query_delay
            )
        if query_delay is None:
            session = self._session
            future = session.begin(data, line, timeout, self._lanes)
            if future is not None:
                try:
                    return await future  # type: ignore[no-any-return]  # what `line` takes
                except BaseException as error:
                    raise session.give_up(future, error, "write_readline", timeout, kept=False)  # noqa: B904  # it has its cause
                finally:
                    session.end(future, timeout)
        reply: bytes = await self._session.run(
            "write_readline", BOTH, timeout, data, line, delay=query_delay, lanes=self._lanes
        )
        return reply

    async def write_readlines(
        self,
        data: Buffer,
        n: int,
        eol: Eol | None = None,
        *,
        timeout: Timeout = USUAL,
        resend: int = 0,
        resend_on_timeout: bool = False,
        query_delay: float | None = None,
    ) -> list[bytes]:
        """Send *data* and read like ``readlines(n, eol)``."""
        steps = lines_steps(check_count(n), self.line(eol))
        return await self._transact(
            "write_readlines", data, None, steps, timeout, resend, resend_on_timeout, query_delay
        )

    async def writelines_readlines(
        self,
        lines: Iterable[Buffer],
        n: int | None = None,
        eol: Eol | None = None,
        *,
        timeout: Timeout = USUAL,
        resend: int = 0,
        resend_on_timeout: bool = False,
        query_delay: float | None = None,
    ) -> list[bytes]:
        """Send *lines* and read *n* lines, as many as were sent if *n* is ``None``."""
        data, count = joined(lines)
        n = count if n is None else check_count(n)
        line = self.line(eol)
        if not count and not n:
            return []
        return await self._transact(
            "writelines_readlines",
            data,
            None,
            lines_steps(n, line),
            timeout,
            resend,
            resend_on_timeout,
            query_delay,
        )

    async def write_readexactly(
        self,
        data: Buffer,
        n: int,
        *,
        timeout: Timeout = USUAL,
        resend: int = 0,
        resend_on_timeout: bool = False,
        query_delay: float | None = None,
    ) -> bytes:
        """Send *data* and read like ``readexactly(n)``."""
        want = Exactly(check_count(n)) if n < LARGE else None
        steps = read_large(n) if n >= LARGE else None
        return await self._transact(
            "write_readexactly", data, want, steps, timeout, resend, resend_on_timeout, query_delay
        )

    async def write_readuntil(
        self,
        data: Buffer,
        separator: Eol = NEWLINE,
        *,
        timeout: Timeout = USUAL,
        resend: int = 0,
        resend_on_timeout: bool = False,
        query_delay: float | None = None,
    ) -> bytes:
        """Send *data* and read like ``readuntil(separator)``."""
        session = self._session
        want = Until(Terminator(separator), session.settings.buffer_size, session.system)
        return await self._transact(
            "write_readuntil", data, want, None, timeout, resend, resend_on_timeout, query_delay
        )

    async def _transact(
        self,
        operation: str,
        data: Buffer,
        want: Want[T] | None,
        steps: Steps[T] | None,
        timeout: Timeout,
        resend: int = 0,
        resend_on_timeout: bool = False,
        query_delay: float | None = None,
    ) -> T:
        """Carry out a transaction, and again where that is allowed."""
        session = self._session
        request = as_bytes(data)
        left = check_count(resend)
        until: float | None = None
        if left:
            timeout, until = self._deadline(timeout)
        while True:
            try:
                result: T = await session.run(
                    operation,
                    BOTH,
                    timeout,
                    request,
                    want,
                    steps=steps,
                    delay=query_delay,
                    lanes=self._lanes,
                )
                return result
            except (ConnectionEOFError, ConnectionError) as error:
                if not left or not getattr(error, "sent", False):
                    raise
                if isinstance(error, ConnectionTimeoutError) and not resend_on_timeout:
                    raise
            left -= 1
            if until is not None:
                timeout = max(0.0, until - session.time())

    def _deadline(self, timeout: Timeout) -> tuple[float | None, float | None]:
        """Tell the seconds for a call, and the time at which they are over."""
        session = self._session
        seconds = session.settings.timeout if timeout is USUAL else timeout
        return seconds, None if seconds is None else session.enter().time() + seconds
