"""Binary blocks of IEEE 488.2: a header that tells a length, and so many bytes.

Forms::

    #15hello             one digit says how many digits of length follow: 1; the length is 5
    #3005hello           leading zeros are fine
    #A1234567890...      more than nine digits: their number as a hexadecimal digit
    #(1234567890)...     or the length in brackets
    #0...                of indefinite length: what ends it is agreed on elsewhere
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from junto.instrument.errors import BlockFormatError

__all__ = ["Header", "LongForm", "Parsed", "format_block", "format_header", "parse_block", "parse_header"]

LongForm = Literal["hex", "paren"]

_BRACKET_DIGITS: Final = 20
_LONGEST_PLAIN: Final = 999_999_999


class Header(NamedTuple):
    """The header of a block.

    Attributes:
        size: How many bytes the header has.
        length: How many bytes of payload follow; ``None`` for an indefinite length.
    """

    size: int
    length: int | None


class Parsed(NamedTuple):
    """What `parse_block` found.

    Attributes:
        payload: The payload, or ``None`` while something is missing.
        used: How many bytes the block has with its header; 0 while something is missing.
        missing: How many more bytes are needed at least before it is worth to look again.
    """

    payload: bytes | None
    used: int
    missing: int


def parse_header(data: bytes | bytearray | memoryview, *, extended: bool = True) -> Header | int:
    """Read a header at the beginning of *data*.

    Args:
        data: What was received, cut anywhere.
        extended: Whether lengths of more than nine digits may be told.

    Returns:
        The header; or, while it is not complete, how many more bytes it has at least.

    Raises:
        BlockFormatError: It is no header.
    """
    head = bytes(data[: _BRACKET_DIGITS + 3])
    if not head:
        return 2
    if head[:1] != b"#":
        raise BlockFormatError(f"a block begins with #, not with {_shown(head)}")
    if len(head) == 1:
        return 1
    kind = head[1:2]
    if kind == b"0":
        return Header(2, None)
    if kind == b"(" and extended:
        return _bracketed(head)
    digits = int(kind, 16) if kind in b"123456789ABCDEF" else 0
    if digits > 9 and not extended:
        digits = 0
    if not digits:
        raise BlockFormatError(f"{_shown(head)} is no header of a block")
    number = head[2 : 2 + digits]
    if number and not number.isdigit():
        raise BlockFormatError(f"the length in {_shown(head)} is no number")
    if len(number) < digits:
        return digits - len(number)
    return Header(2 + digits, int(number))


def _bracketed(head: bytes) -> Header | int:
    number, bracket, _ = head[2:].partition(b")")
    if (number and not number.isdigit()) or (bracket and not number) or len(number) > _BRACKET_DIGITS:
        raise BlockFormatError(f"the length in {_shown(head)} is no number in brackets")
    if not bracket:
        return 1 if number else 2
    return Header(len(number) + 3, int(number))


def parse_block(data: bytes | bytearray | memoryview, *, extended: bool = True) -> Parsed:
    """Read a block at the beginning of *data*.

    Raises:
        BlockFormatError: It does not begin with a block of definite length.
    """
    header = parse_header(data, extended=extended)
    if isinstance(header, int):
        return Parsed(None, 0, header)
    if header.length is None:
        raise BlockFormatError("a block of indefinite length does not tell its end")
    end = header.size + header.length
    if len(data) < end:
        return Parsed(None, 0, end - len(data))
    return Parsed(bytes(data[header.size : end]), end, 0)


def format_header(length: int, *, extended: LongForm | None = None) -> bytes:
    """Make the header for a payload of *length* bytes.

    Args:
        length: The payload's size in bytes.
        extended: How to tell a length of more than nine digits.

    Raises:
        ValueError: *length* needs *extended*, which is not given, or is none of these.
    """
    if extended not in (None, "hex", "paren"):
        raise ValueError(f"extended is 'hex', 'paren' or None, not {extended!r}")
    number = b"%d" % length
    if length <= _LONGEST_PLAIN:
        return b"#%d%b" % (len(number), number)
    if extended == "hex" and len(number) <= 15:
        return b"#%X%b" % (len(number), number)
    if extended == "paren":
        return b"#(%b)" % number
    raise ValueError(f"a block of {length:,} bytes needs extended='hex' or 'paren'")


def format_block(payload: bytes | bytearray | memoryview, *, extended: LongForm | None = None) -> bytes:
    """Make a block of *payload*; see `format_header`."""
    return format_header(memoryview(payload).nbytes, extended=extended) + bytes(payload)


def _shown(head: bytes) -> str:
    return ascii(head)[1:]
