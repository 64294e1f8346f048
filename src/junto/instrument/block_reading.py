"""How binary blocks are read: the steps, for one block and for several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from junto.instrument.errors import BlockFormatError, ConnectionEOFError
from junto.instrument.exchange import Exchange
from junto.instrument.filling import LARGE, Meter, Progress, take_large
from junto.instrument.settings import Settings, check_callback, check_timeout
from junto.instrument.wants import Everything, Exactly, Line, Look, Some, Want
from junto.sansio.blocks import parse_header

__all__ = [
    "AfterBlock",
    "BlockForm",
    "Indefinite",
    "read_blocks_of",
    "read_header",
    "read_one",
    "read_terminator",
]

AfterBlock = Literal["optional", "require", "none"]
Indefinite = Literal["error", "eof", "idle", "eol"]

_IDLE: Final = 0.2
_MOST: Final = 2**63


@dataclass(slots=True, kw_only=True)
class BlockForm:
    """What a block looks like, and how it is read.

    Attributes:
        terminator: What follows it: a terminator that is dropped if it comes, or has to come, or is
            none of our business.
        skip: How many bytes may come before it.
        indefinite: What ends a block that does not tell its length.
        idle_timeout: Seconds of silence that end a read, or an indefinite block.
        extended: Whether lengths of more than nine digits are read.
        progress: Called with the bytes received and the length, at most every 64 KiB.
        prefix: What was skipped.
    """

    terminator: AfterBlock = "optional"
    skip: int = 0
    indefinite: Indefinite = "error"
    idle_timeout: float | None = None
    extended: bool = True
    progress: Progress | None = None
    prefix: bytes = b""

    def __post_init__(self) -> None:
        if self.terminator not in ("optional", "require", "none"):
            raise ValueError(f"terminator is 'optional', 'require' or 'none', not {self.terminator!r}")
        if self.indefinite not in ("error", "eof", "idle", "eol"):
            raise ValueError(f"indefinite is 'error', 'eof', 'idle' or 'eol', not {self.indefinite!r}")
        if self.skip < 0:
            raise ValueError(f"skip must not be negative, as {self.skip!r} is")
        check_timeout(self.idle_timeout, "idle_timeout")
        check_callback(self.progress, "progress")


async def read_header(exchange: Exchange, form: BlockForm, settings: Settings) -> int | None:
    """Read the header, and what may be skipped before it; tell the payload's length.

    Raises:
        BlockFormatError: It is none, or the length is above ``max_block``.
    """
    await _skip(exchange, form)
    size = 2
    while True:
        head = await _take(exchange, Look(size), form)
        header = parse_header(head, extended=form.extended)
        if not isinstance(header, int):
            break
        size = len(head) + header
    await exchange.take(Exactly(header.size))
    length = header.length
    if length is not None and settings.max_block is not None and length > settings.max_block:
        raise BlockFormatError(f"a block of {length:,} bytes; max_block is {settings.max_block:,}")
    return length


async def _skip(exchange: Exchange, form: BlockForm) -> None:
    buffer = exchange.connection.buffer
    skipped = b""
    while True:
        await _take(exchange, Look(1), form)
        left = form.skip - len(skipped)
        seen = buffer.peek(left + 1)
        at = seen.find(b"#")
        if at < 0 and len(seen) > left:
            raise BlockFormatError(f"a block begins with #, not with {ascii(skipped + seen)[1:]}")
        skipped += buffer.take(len(seen) if at < 0 else at)
        if at >= 0:
            break
    form.prefix = skipped


async def _take(exchange: Exchange, want: Want[bytes], form: BlockForm) -> bytes:
    """Take *want*, and let no more than the idle time pass."""
    connection = exchange.connection
    taken: bytes | None = want.take(connection.buffer)
    if taken is not None:
        return taken
    if form.idle_timeout is None or form.indefinite == "idle":
        return await exchange.take(want)
    idle = exchange.time() + form.idle_timeout
    return await exchange.take(want, idle)


async def read_one(exchange: Exchange, form: BlockForm, settings: Settings) -> bytes:
    """Read one block, without what follows it."""
    length = await read_header(exchange, form, settings)
    if length is None:
        return await _indefinite(exchange, form, settings)
    if length < LARGE and form.progress is None and form.idle_timeout is None:
        return await exchange.take(Exactly(length))
    meter = Meter(exchange, length, form.progress, form.idle_timeout)
    return await take_large(exchange, length, meter)


async def _indefinite(exchange: Exchange, form: BlockForm, settings: Settings) -> bytes:
    match form.indefinite:
        case "error":
            raise BlockFormatError("a block of indefinite length, and nothing says what ends it")
        case "eof":
            form.terminator = "none"
            try:
                return await exchange.take(Everything())
            except ConnectionEOFError:
                return b""
        case "idle":
            form.terminator = "none"
            data = await _until_idle(exchange, form.idle_timeout or _IDLE)
            return data.removesuffix(settings.terminator.ends(data))
        case "eol":
            form.terminator = "none"
            line = Line(settings.terminator, settings.buffer_size, exchange.system)
            text: bytes = await exchange.take(line)
            return text.removesuffix(settings.terminator.ends(text))


async def _until_idle(exchange: Exchange, idle: float) -> bytes:
    pieces: list[bytes] = []
    while True:
        try:
            pieces.append(await exchange.take(Some(_MOST), exchange.time() + idle))
        except TimeoutError:
            if exchange.deadline is not None and exchange.time() >= exchange.deadline:
                raise
            return b"".join(pieces)
        except ConnectionEOFError:
            return b"".join(pieces)


async def read_terminator(exchange: Exchange, form: BlockForm, settings: Settings) -> None:
    """Do with what follows a block as *form* says."""
    terminator = settings.terminator
    buffer = exchange.connection.buffer
    if form.terminator == "optional":
        buffer.ignore_next(terminator.alternatives)
    elif form.terminator == "require":
        size = min(map(len, terminator.alternatives))
        while True:
            seen: bytes = await exchange.take(Look(size))
            found = [one for one in terminator.alternatives if seen.startswith(one)]
            if found:
                buffer.take(len(max(found, key=len)))
                buffer.ignore_next(terminator.rest(max(found, key=len)) if not buffer else ())
                return
            if not any(one.startswith(seen) for one in terminator.alternatives):
                raise BlockFormatError(f"behind a block came {ascii(seen)[1:]}, no terminator")
            size = len(seen) + 1


async def read_blocks_of(
    exchange: Exchange, form: BlockForm, settings: Settings, count: int, separator: bytes
) -> list[bytes]:
    """Read *count* blocks, and what follows them."""
    blocks: list[bytes] = []
    for number in range(count):
        if number and separator:
            between: bytes = await exchange.take(Exactly(len(separator)))
            if between != separator:
                raise BlockFormatError(f"between two blocks came {ascii(between)[1:]}, no separator")
        blocks.append(await read_one(exchange, form, settings))
    await read_terminator(exchange, form, settings)
    return blocks
