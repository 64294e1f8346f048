"""Text: requests and replies of instruments that speak SCPI."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from junto.instrument.blocks import Blocks
from junto.instrument.errors import InstrumentError
from junto.instrument.exchange import Exchange
from junto.instrument.lanes import BOTH, WRITE
from junto.instrument.operations import check_count
from junto.instrument.settings import USUAL, Timeout
from junto.instrument.wants import Until

__all__ = ["Identity", "Text"]

_SPECIAL: Final = {9.9e37: math.inf, -9.9e37: -math.inf, 9.91e37: math.nan}


class Identity(NamedTuple):
    """What an instrument says of itself."""

    manufacturer: str
    model: str
    serial: str
    version: str


class Text(Blocks):
    """Operations on texts: a terminator is added to what is sent and taken from what is received."""

    async def query(
        self, text: str, *, timeout: Timeout = USUAL, resend: int = 0, resend_on_timeout: bool = False
    ) -> str:
        """Send *text* and return the reply, a line without its terminator, which may be empty.

        Raises:
            IncompleteReadError: The peer ended before the terminator.
            UnicodeError: *text*, or the reply, is not in the client's encoding.
            ConnectionTimeoutError: The time was over.
        """
        reply = await self._transact(
            "query", self._encoded(text), self._whole_line(), None, timeout, resend, resend_on_timeout
        )
        return self._text(reply)

    async def command(self, text: str, *, timeout: Timeout = USUAL) -> None:
        """Send *text*, to which there is no reply.

        Raises:
            InstrumentError: The client is to ``check_errors``, and there were some.
        """
        request = self._encoded(text)
        if not self._session.settings.check_errors:
            await self._session.run("command", WRITE, timeout, request, lanes=self._lanes)
            return

        async def steps(exchange: Exchange) -> list[tuple[int, str]]:
            return await self._drain_errors(exchange, 64)

        errors = await self._session.run("command", BOTH, timeout, request, steps=steps, lanes=self._lanes)
        if errors:
            raise InstrumentError(errors)

    async def query_many(
        self, texts: Iterable[str], *, pipeline: bool = False, timeout: Timeout = USUAL
    ) -> list[str]:
        """Send several requests and return their replies.

        Args:
            texts: The requests.
            pipeline: Whether to send all before the first reply is read, in one transaction.
            timeout: Seconds for each, or for all of a pipeline.
        """
        if isinstance(texts, str):
            raise TypeError("an iterable of texts is needed, not one text")
        texts = list(texts)
        requests = [self._encoded(text) for text in texts]
        if not pipeline:
            return [await self.query(text, timeout=timeout) for text in texts]
        line = self._whole_line()

        async def steps(exchange: Exchange) -> list[bytes]:
            return [await exchange.take(line) for _ in requests]

        if not requests:
            return []
        replies = await self._transact("query_many", b"".join(requests), None, steps, timeout)
        return [self._text(reply) for reply in replies]

    async def query_ascii(
        self,
        request: str,
        convert: Callable[[str], Any] = float,
        separator: str = ",",
        *,
        special: bool = False,
        timeout: Timeout = USUAL,
    ) -> list[Any]:
        """Send *request* and return the values in the reply; an empty reply has none.

        Args:
            request: The text to send.
            convert: Makes a value of each text.
            separator: What stands between them.
            special: Whether 9.9E37, -9.9E37 and 9.91E37 mean infinity, minus infinity and not a number.
            timeout: Seconds for all of it.

        Raises:
            ValueError: *convert* refuses a text.
        """
        if not callable(convert):
            raise TypeError(f"convert makes a value of a text, which {convert!r} cannot")
        reply = await self.query(request, timeout=timeout)
        if not reply.strip():
            return []
        values = [convert(part.strip()) for part in reply.split(separator)]
        return [_SPECIAL.get(value, value) for value in values] if special else values

    async def idn(self, *, timeout: Timeout = USUAL) -> Identity:
        """Ask the instrument who it is.

        Raises:
            ValueError: The reply does not have four fields.
        """
        reply = await self.query("*IDN?", timeout=timeout)
        fields = [field.strip() for field in reply.split(",", 3)]
        if len(fields) != 4:
            raise ValueError(f"an identity has four fields, which {reply!r} has not")
        return Identity(*fields)

    async def wait_complete(self, timeout: Timeout = USUAL) -> None:
        """Wait until the instrument has done all that it was told.

        Raises:
            ValueError: The reply is not 1.
        """
        reply = await self.query("*OPC?", timeout=timeout)
        if reply.strip() != "1":
            raise ValueError(f"*OPC? is answered with 1, not with {reply!r}")

    async def errors(self, limit: int = 64, *, timeout: Timeout = USUAL) -> list[tuple[int, str]]:
        """Fetch the instrument's errors, oldest first, until there are no more or *limit* are there.

        Returns:
            Pairs of number and message.

        Raises:
            ValueError: A reply is not a number and a message.
        """
        check_count(limit)

        async def steps(exchange: Exchange) -> list[tuple[int, str]]:
            return await self._drain_errors(exchange, limit)

        return await self._session.run("errors", BOTH, timeout, steps=steps, lanes=self._lanes)  # type: ignore[no-any-return]  # what `steps` gives

    async def _drain_errors(self, exchange: Exchange, limit: int) -> list[tuple[int, str]]:
        line = self._whole_line()
        found: list[tuple[int, str]] = []
        while len(found) < limit:
            await exchange.send(self._encoded("SYST:ERR?"))
            reply = self._text(await exchange.take(line))
            number, _, message = reply.partition(",")
            if int(number) == 0:
                break
            found.append((int(number), message.strip().strip('"')))
        return found

    def _encoded(self, text: str) -> bytes:
        # Bytes would be sent as they are, without a terminator, and never answered.
        if not isinstance(text, str):
            raise TypeError(
                f"a text is needed, not {type(text).__name__}; write_readline and its like take bytes"
            )
        return self._request(text)

    def _whole_line(self) -> Until:
        session = self._session
        return Until(session.settings.terminator, session.settings.buffer_size, session.system)

    def _text(self, line: bytes) -> str:
        settings = self._session.settings
        return line.removesuffix(settings.terminator.ends(line)).decode(settings.encoding)
