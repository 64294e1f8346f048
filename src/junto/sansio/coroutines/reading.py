"""Primitives that read more than a number of bytes: lines, numbers, literals, all there is."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Literal, Never

from junto.errors import LimitExceeded
from junto.sansio.coroutines.buffer import as_bytes, check_size
from junto.sansio.coroutines.primitive import Primitive, cached, primitive
from junto.sansio.coroutines.primitives import read
from junto.sansio.coroutines.protocol_io import SUSPENDED, Steps, current

if TYPE_CHECKING:
    from junto.sansio.coroutines.buffer import BytesLike

__all__ = [
    "expect",
    "peek_exactly",
    "read_at_least",
    "read_int",
    "read_some",
    "read_struct",
    "read_to_eof",
    "read_until",
    "read_until_any",
    "read_varint",
    "readline",
    "skip",
]


class _ReadUntil(Primitive[Never, bytes]):
    __slots__ = ("_include", "_limit", "_separator", "_size")

    def __init__(self, separator: bytes, include: bool, limit: int | None) -> None:
        _check_separators(separator)
        self._separator = separator
        self._include = include
        self._limit = limit
        # 0 if it is not the usual case.
        self._size = len(separator) if include and limit is None else 0

    def __iter__(self) -> Steps[bytes]:
        io = current()
        buffer = io.input
        if self._size:
            # The usual case of the loop below, without calls: nothing is there, or all that is wanted. What
            # is there is not to be held while nobody needs it.
            while type(there := buffer.data) is bytes:
                at = buffer.at
                end = there.find(self._separator, at)
                if end >= 0:
                    buffer.at = end = end + self._size
                    return there[at:end]
                if at < len(there) or io.ended or io.needed:
                    break
                del there
                io.needed = 1
                yield SUSPENDED
            del there
        while (data := buffer.take_until(self._separator, self._include, self._limit)) is None:
            io.need_more()
            yield SUSPENDED
        return data


class _ReadLine(_ReadUntil):
    __slots__ = ()


_ReadUntil.__name__ = "read_until"
_ReadLine.__name__ = "readline"


@cached
def read_until(
    separator: bytes, *, include: bool = True, limit: int | None = None
) -> Primitive[Never, bytes]:
    """Consume all up to *separator*, and it too.

    Args:
        separator: One byte or more.
        include: Whether the separator is a part of what is returned.
        limit: How many bytes there may be, the separator included.

    Raises:
        ValueError: *separator* is empty.
        LimitExceeded: It does not end within *limit* bytes. Nothing was consumed.
        IncompleteRead: The input ended before it. Nothing was consumed.
    """
    return _ReadUntil(separator, include, limit)


@cached
def readline(
    eol: bytes = b"\n", *, include: bool = True, limit: int | None = None
) -> Primitive[Never, bytes]:
    """Consume a line, up to its *eol*; it is `read_until` for the common case."""
    return _ReadLine(eol, include, limit)


def _check_separators(*separators: bytes) -> None:
    if not separators or not all(separators):
        raise ValueError("a separator has at least one byte")


@primitive
def read_until_any(
    separators: tuple[BytesLike, ...], *, include: bool = True, limit: int | None = None
) -> Steps[tuple[bytes, bytes]]:
    r"""Consume all up to whichever of *separators* ends first; give that, and the separator found.

    Where several begin at the same place, the longest counts: with ``\r`` and ``\r\n``, a ``\r`` waits for
    one more byte, or the end of the input, to tell which it is.

    Raises:
        ValueError: One of *separators* is empty, or there are none.
        LimitExceeded: As for `read_until`.
        IncompleteRead: As for `read_until`.
    """
    wanted = tuple(map(as_bytes, separators))
    _check_separators(*wanted)
    longest = max(map(len, wanted))
    io = current()
    scanned = 0
    while True:
        found = io.input.find_first(wanted, scanned, io.ended)
        begin, separator, certain = found or (len(io.input), b"", False)
        end = begin + len(separator)
        if limit is not None and (end > limit or (not found and end == limit)):
            raise LimitExceeded(limit, " or ".join(map(repr, wanted)))
        if certain:
            break
        scanned = max(0, len(io.input) - longest + 1)
        io.need_more()
        yield SUSPENDED
    data = io.input.take(end)
    assert data is not None, "it was found there"
    return (data if include else data[:begin]), separator


@primitive
def read_at_least(n: int) -> Steps[bytes]:
    """Wait until *n* bytes are there, and consume all that are there then.

    Raises:
        ValueError: *n* is negative.
        IncompleteRead: As for `read`.
        BufferFull: As for `read`.
    """
    check_size(n)
    io = current()
    while len(io.input) < n:
        io.need(n)
        yield SUSPENDED
    return io.input.take_all()


@primitive
def read_some() -> Steps[bytes]:
    """Wait for one byte or more, and consume all that are there then."""
    return (yield from read_at_least(1))


@primitive
def read_to_eof() -> Steps[bytes]:
    """Wait for the end of the input, and consume all of it.

    It is bounded by ``max_input``; for more, use `read_chunks` or `read_some`.
    """
    io = current()
    while not io.ended:
        io.need_more()
        yield SUSPENDED
    return io.input.take_all()


@primitive
def read_struct(form: str | Struct) -> Steps[tuple[Any, ...]]:
    """Consume as many bytes as *form* has, and give the values in them, as `struct.unpack` does."""
    layout = form if isinstance(form, Struct) else Struct(form)
    return layout.unpack((yield from read(layout.size)))


@primitive
def read_int(n: int, byteorder: Literal["big", "little"] = "big", signed: bool = False) -> Steps[int]:
    """Consume *n* bytes, and give the whole number that they are."""
    return int.from_bytes((yield from read(n)), byteorder, signed=signed)


@primitive
def read_varint(limit: int = 10) -> Steps[int]:
    """Consume a whole number of variable length.

    Each byte has 7 bits of it, the lowest first; all bytes but the last have their high bit set.

    Raises:
        LimitExceeded: It has more than *limit* bytes. Nothing was consumed.
        IncompleteRead: The input ended within it. Nothing was consumed.
    """
    io = current()
    while True:
        number = 0
        for size, byte in enumerate(io.input.peek(limit), 1):
            number |= (byte & 0x7F) << 7 * (size - 1)
            if byte < 0x80:
                io.input.skip(size)
                return number
        if len(io.input) >= limit:
            raise LimitExceeded(limit, "the end of a number")
        io.need_more()
        yield SUSPENDED


@primitive
def skip(n: int) -> Steps[None]:
    """Consume *n* bytes, as they come, and forget them; *n* may be above ``max_input``.

    Raises:
        ValueError: *n* is negative.
        IncompleteRead: The input ended before.
    """
    check_size(n)
    io = current()
    while n := n - io.input.skip(n):
        io.need_more()
        yield SUSPENDED


@primitive
def expect(literal: BytesLike) -> Steps[None]:
    """Consume *literal*.

    Raises:
        ProtocolViolation: The input differs; that is found at the first byte that does, without waiting
            for the rest. Nothing was consumed.
        IncompleteRead: The input ended within it. Nothing was consumed.
    """
    wanted = as_bytes(literal)
    io = current()
    while True:
        there = io.input.peek(len(wanted))
        if not wanted.startswith(there):
            at = next(at for at, (a, b) in enumerate(zip(there, wanted, strict=False)) if a != b)
            raise io.violation(f"here should be {wanted[at : at + 1]!r} of {wanted!r}", at)
        if len(there) == len(wanted):
            io.input.skip(len(wanted))
            return
        io.need_more()
        yield SUSPENDED


@primitive
def peek_exactly(n: int) -> Steps[bytes]:
    """Wait until *n* bytes are there, and look at them without consuming them.

    Raises:
        ValueError: *n* is negative.
        IncompleteRead: As for `read`.
        BufferFull: As for `read`.
    """
    check_size(n)
    io = current()
    while len(io.input) < n:
        io.need(n)
        yield SUSPENDED
    return io.input.peek(n)
