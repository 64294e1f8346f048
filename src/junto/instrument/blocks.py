"""Binary blocks of IEEE 488.2, and numbers in them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import AsyncIterator
from typing import Any, Final, Literal, TypedDict, Unpack

from junto.instrument.block_reading import (
    AfterBlock,
    BlockForm,
    Indefinite,
    read_blocks_of,
    read_header,
    read_terminator,
)
from junto.instrument.errors import BlockFormatError
from junto.instrument.exchange import Exchange
from junto.instrument.filling import Meter, Progress, fill
from junto.instrument.lanes import READ, WRITE
from junto.instrument.operations import Buffer, as_bytes, check_count
from junto.instrument.settings import USUAL, Timeout
from junto.instrument.writing import Writing
from junto.sansio.blocks import LongForm, format_header

__all__ = ["BlockOptions", "Blocks", "DType"]

DType = Literal["b", "B", "h", "H", "i", "I", "q", "Q", "f", "d"]

_DTYPES: Final = "bBhHiIqQfd"
_AT_ONCE: Final = 64 * 1024


class BlockOptions(TypedDict, total=False):
    """The keyword arguments of all that reads blocks; see `BlockForm` for what each means."""

    terminator: AfterBlock
    skip: int
    indefinite: Indefinite
    idle_timeout: float | None
    extended: bool
    progress: Progress | None


class Blocks(Writing):
    """Operations on binary blocks.

    Those that read take the options of `BlockForm`. With ``idle_timeout``, which begins anew with every
    packet, the client's usual time limit does not apply.

    Attributes:
        last_block_prefix: What came before the last block that was read.
    """

    last_block_prefix: bytes = b""

    async def read_block(self, *, timeout: Timeout = USUAL, **options: Unpack[BlockOptions]) -> bytes:
        """Read one block; return its payload.

        Raises:
            BlockFormatError: It is none, or longer than ``max_block``; the connection is closed.
            IncompleteReadError: The peer ended inside it.
            ConnectionTimeoutError: The time was over.
        """
        (block,) = await self._read_blocks("read_block", None, 1, b"", timeout, options)
        return block

    async def read_blocks(
        self,
        k: int,
        separator: bytes = b",",
        *,
        timeout: Timeout = USUAL,
        **options: Unpack[BlockOptions],
    ) -> list[bytes]:
        """Read *k* blocks with *separator* between them; errors are those of `read_block`."""
        return await self._read_blocks("read_blocks", None, check_count(k, 1), separator, timeout, options)

    async def write_read_block(
        self, request: Buffer, *, timeout: Timeout = USUAL, **options: Unpack[BlockOptions]
    ) -> bytes:
        """Send *request* as it is and read one block; errors are those of `read_block`."""
        (block,) = await self._read_blocks("write_read_block", request, 1, b"", timeout, options)
        return block

    async def _read_blocks(
        self,
        operation: str,
        request: Buffer | None,
        count: int,
        separator: bytes,
        timeout: Timeout,
        options: BlockOptions,
    ) -> list[bytes]:
        form = BlockForm(**options)
        settings = self._session.settings

        async def steps(exchange: Exchange) -> list[bytes]:
            return await read_blocks_of(exchange, form, settings, count, separator)

        if form.idle_timeout is not None and timeout is USUAL:
            timeout = None
        try:
            if request is None:
                return await self._session.run(operation, READ, timeout, steps=steps, lanes=self._lanes)  # type: ignore[no-any-return]  # what `steps` gives
            return await self._transact(operation, request, None, steps, timeout)
        finally:
            self.last_block_prefix = form.prefix

    async def readblock_into(
        self, buffer: bytearray | memoryview, *, timeout: Timeout = USUAL, **options: Unpack[BlockOptions]
    ) -> int:
        """Read one block into *buffer*, without a copy in between; return its length.

        Raises:
            BlockFormatError: It is none, is of indefinite length, or is longer than *buffer*.
            IncompleteReadError: The peer ended inside it.
            ConnectionTimeoutError: The time was over.
        """
        form = BlockForm(**options)
        settings = self._session.settings
        with memoryview(buffer) as view, view.cast("B") as target:
            if view.readonly:
                raise TypeError("the buffer cannot be written to")

            async def steps(exchange: Exchange) -> int:
                length = await read_header(exchange, form, settings)
                if length is None or length > len(target):
                    what = (
                        "a block of indefinite length" if length is None else f"a block of {length:,} bytes"
                    )
                    raise BlockFormatError(f"{what} does not fit into {len(target):,}")
                with target[:length] as part:
                    meter = Meter(exchange, length, form.progress, form.idle_timeout)
                    filled = await fill(exchange, part, meter) if length else 0
                    if filled < length:
                        raise exchange.cut_off(bytes(part[:filled]), length)
                await read_terminator(exchange, form, settings)
                return length

            if form.idle_timeout is not None and timeout is USUAL:
                timeout = None
            try:
                return await self._session.run(  # type: ignore[no-any-return]  # what `steps` gives
                    "readblock_into", READ, timeout, steps=steps, lanes=self._lanes
                )
            finally:
                self.last_block_prefix = form.prefix

    async def iter_block(
        self, chunk: int = _AT_ONCE, *, timeout: Timeout = USUAL, **options: Unpack[BlockOptions]
    ) -> AsyncIterator[bytes]:
        """Read one block in pieces of *chunk* bytes, the last may be shorter; *timeout* is for each.

        Nobody else can read meanwhile. If the loop is left early the connection is closed, for its
        position is inside the block.
        """
        check_count(chunk, 1)
        form = BlockForm(**options)
        session = self._session
        settings = session.settings

        async def begin(exchange: Exchange) -> int:
            length = await read_header(exchange, form, settings)
            if length is None:
                raise BlockFormatError("a block of indefinite length cannot be read in pieces")
            return length

        async def end(exchange: Exchange) -> None:
            await read_terminator(exchange, form, settings)

        async with session.turn(self._lanes, READ, timeout, "iter_block") as inside:
            left = await session.run("iter_block", READ, timeout, steps=begin, lanes=inside)
            self.last_block_prefix = form.prefix
            generation = session.generation
            try:
                while left:
                    size = min(chunk, left)

                    async def piece(exchange: Exchange, size: int = size) -> bytes:
                        if exchange.connection.generation != generation:
                            raise BlockFormatError("the connection that the block was on is closed")
                        return await read_piece(exchange, size, form)

                    data = await session.run("iter_block", READ, timeout, steps=piece, lanes=inside)
                    left -= size
                    yield data
                await session.run("iter_block", READ, timeout, steps=end, lanes=inside)
            finally:
                if left:
                    session.drop_generation(generation)

    async def write_block(
        self,
        header: Buffer,
        payload: Buffer,
        eol: bytes | None = None,
        *,
        extended: LongForm | None = None,
        timeout: Timeout = USUAL,
    ) -> None:
        """Send *header*, *payload* as a block, and *eol*, as one unit; large payloads are not copied whole.

        Args:
            header: What stands before the block, such as ``b"CURVE "``.
            payload: Any bytes.
            eol: What stands behind it; ``None`` for the client's ``write_eol``.
            extended: How to tell a length of more than nine digits.
            timeout: Seconds for all of it.

        Raises:
            ValueError: *payload* needs *extended*, which is not given.
            ConnectionTimeoutError: The time was over; what was not sent never is.
        """
        with memoryview(payload) as view, view.cast("B") as data:
            front = as_bytes(header) + format_header(len(data), extended=extended)
            back = self._session.settings.ending if eol is None else as_bytes(eol)
            if len(data) <= _AT_ONCE:
                whole = b"".join((front, data, back))
                await self._session.run("write_block", WRITE, timeout, whole, lanes=self._lanes)
                return

            async def steps(exchange: Exchange) -> None:
                await exchange.send(front)
                await exchange.send(data)
                await exchange.send(back)

            await self._session.run("write_block", WRITE, timeout, steps=steps, lanes=self._lanes)

    async def query_binary(
        self,
        request: str | Buffer,
        dtype: DType,
        byteorder: Literal["big", "little"] = "big",
        *,
        timeout: Timeout = USUAL,
        **options: Unpack[BlockOptions],
    ) -> array[Any]:
        """Send *request* and read a block of numbers.

        Args:
            request: Bytes as they are, or a text, to which ``write_eol`` is added.
            dtype: The numbers' type, as in the modules `array` and `struct`.
            byteorder: Which of a number's bytes comes first: the ``"big"`` end or the ``"little"`` one.
            timeout: Seconds for all of it.
            **options: See `BlockForm`.

        Raises:
            BlockFormatError: It is no block, or not of whole numbers.
        """
        if dtype not in _DTYPES or len(dtype) != 1:
            raise ValueError(f"dtype is one of {', '.join(_DTYPES)}, not {dtype!r}")
        if byteorder not in ("big", "little"):
            raise ValueError(f"byteorder is 'big' or 'little', not {byteorder!r}")
        payload = await self.write_read_block(self._request(request), timeout=timeout, **options)
        numbers: array[Any] = array(dtype)
        if len(payload) % numbers.itemsize:
            raise BlockFormatError(f"{len(payload)} bytes are no whole number of {numbers.itemsize} each")
        numbers.frombytes(payload)
        if byteorder != sys.byteorder:
            numbers.byteswap()
        return numbers

    def _request(self, request: str | Buffer) -> bytes:
        if isinstance(request, str):
            settings = self._session.settings
            return request.encode(settings.encoding) + settings.ending
        return as_bytes(request)


async def read_piece(exchange: Exchange, size: int, form: BlockForm) -> bytes:
    """Read a part of a block's payload."""
    piece = bytearray(size)
    filled = await fill(exchange, memoryview(piece), Meter(exchange, None, form.progress, form.idle_timeout))
    if filled < size:
        raise exchange.cut_off(bytes(piece[:filled]), size)
    return bytes(piece)
