"""Large reads: into memory of their own, with a look at the progress and at how long nothing came."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

from junto.instrument.exchange import Exchange
from junto.runtime import Future

__all__ = ["LARGE", "Meter", "Progress", "fill", "take_large"]

Progress = Callable[[int, int | None], object]

# Reads of at least so many bytes are received into memory of their own.
LARGE: Final = 128 * 1024
_PIECE: Final = 64 * 1024 * 1024
_STEP: Final = 64 * 1024


class Meter:
    """Counts what has come of one read.

    Attributes:
        received: How many bytes.
    """

    def __init__(
        self,
        exchange: Exchange,
        total: int | None,
        progress: Progress | None = None,
        idle: float | None = None,
    ) -> None:
        """Begin at 0.

        Args:
            exchange: The call.
            total: How many bytes are to come, if known.
            progress: Called with the bytes received and the total, at most every 64 KiB and at the end.
            idle: Seconds without any byte after which the call fails.
        """
        self._exchange = exchange
        self._total = total
        self._progress = progress
        self._told = 0
        self._idle = idle
        self._future: Future[None] | None = None
        self.received = 0

    def arrived(self, size: int) -> None:
        self.received += size
        if self._progress is not None and (
            self.received - self._told >= _STEP or self.received == self._total
        ):
            self._told = self.received
            self._progress(self.received, self._total)
        if self._idle is not None and self._future is not None:
            self._exchange.alarm.entries[self._future] = self.deadline(self._future)  # type: ignore[assignment]  # it is limited

    def deadline(self, future: Future[None]) -> float | None:
        """Tell until when the next byte has to be there for *future*."""
        self._future = future
        whole = self._exchange.deadline
        if self._idle is None:
            return whole
        idle = self._exchange.time() + self._idle
        return idle if whole is None or idle < whole else whole


async def fill(exchange: Exchange, view: memoryview, meter: Meter) -> int:
    """Fill *view*; return the number of bytes that came, which is less if the peer has ended."""
    connection = exchange.connection
    filled = connection.buffer.take_into(view)
    if filled:
        meter.arrived(filled)
        if connection.holding:
            connection.relax()
    if filled == len(view) or connection.eof or connection.lost:
        return filled
    with view[filled:] as rest:
        filling = connection.fill(rest, meter.arrived)
        await exchange.until(filling.future, meter.deadline(filling.future))
        return filled + filling.filled


async def take_large(exchange: Exchange, n: int, meter: Meter) -> bytes:
    """Read *n* bytes; little more memory is taken than has come, whatever was announced.

    Raises:
        IncompleteReadError: The peer ended before.
    """
    pieces: list[bytes] = []
    left = n
    while left:
        size = min(left, _PIECE)
        # The only bytes that can be written to and then given away without a copy.
        memory = io.BytesIO(bytes(size))
        with memory.getbuffer() as view:
            filled = await fill(exchange, view, meter)
        left -= filled
        if filled < size:
            pieces.append(memory.getvalue()[:filled])
            raise exchange.cut_off(b"".join(pieces), n)
        pieces.append(memory.getvalue())
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
