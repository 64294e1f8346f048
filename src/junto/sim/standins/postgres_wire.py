"""Messages of PostgreSQL's protocol 3.0, without I/O."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from junto.sim.standins.postgres_sql import Column, SqlError, Value

__all__ = [
    "Fields",
    "complaint",
    "decode_value",
    "encode_value",
    "message",
    "parameter_description",
    "row",
    "row_description",
]

OIDS = {"text": 25, "int4": 23, "int8": 20}
SIZES = {"text": -1, "int4": 4, "int8": 8}


class Fields:
    """Reads the fields of a message one after the other; raises `ValueError` where it ends too early."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def take(self, size: int) -> bytes:
        if not 0 <= size <= len(self._body) - self._at:
            raise ValueError("message too short")
        self._at += size
        return self._body[self._at - size : self._at]

    def text(self) -> str:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise ValueError("text without end")
        text = self.take(end - self._at).decode()
        self._at += 1
        return text

    def short(self) -> int:
        return int.from_bytes(self.take(2), "big", signed=True)

    def long(self) -> int:
        return int.from_bytes(self.take(4), "big", signed=True)

    def shorts(self) -> list[int]:
        return [self.short() for _ in range(self.short())]

    def values(self) -> list[bytes | None]:
        return [None if (size := self.long()) == -1 else self.take(size) for _ in range(self.short())]


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Frame a message."""
    return kind + struct.pack(">i", 4 + len(body)) + body


def parameter_description(types: Sequence[str]) -> bytes:
    """Tell a client the types of a statement's parameters."""
    return message(b"t", struct.pack(f">h{len(types)}i", len(types), *(OIDS[kind] for kind in types)))


def row_description(columns: Sequence[Column], formats: Sequence[int] = ()) -> bytes:
    """Tell a client which columns the rows will have."""
    body = struct.pack(">h", len(columns))
    for number, column in enumerate(columns):
        head = column.name.encode() + b"\0"
        form = _format(formats, number)
        body += head + struct.pack(">ihihih", 0, 0, OIDS[column.type], SIZES[column.type], -1, form)
    return message(b"T", body)


def row(columns: Sequence[Column], values: Sequence[Value], formats: Sequence[int]) -> bytes:
    """Write one row."""
    body = struct.pack(">h", len(values))
    for number, (column, value) in enumerate(zip(columns, values, strict=True)):
        if value is None:
            body += struct.pack(">i", -1)
        else:
            data = encode_value(value, column.type, _format(formats, number))
            body += struct.pack(">i", len(data)) + data
    return message(b"D", body)


def complaint(error: SqlError) -> bytes:
    """Write why a statement was not done."""
    fields = {b"S": "ERROR", b"V": "ERROR", b"C": error.code, b"M": str(error)}
    return message(b"E", b"".join(key + text.encode() + b"\0" for key, text in fields.items()) + b"\0")


def encode_value(value: str | int, kind: str, form: int) -> bytes:
    """Write a value as text, or (1) in binary; raises `SqlError` if it does not fit its type."""
    if isinstance(value, int) and form == 1:
        try:
            return value.to_bytes(SIZES[kind], "big", signed=True)
        except OverflowError:
            raise SqlError("22003", f"{value} is out of range for {kind}") from None
    return str(value).encode()


def decode_value(data: bytes | None, kind: str, formats: Sequence[int], number: int) -> Value:
    """Read a parameter; raises `SqlError` for what its type cannot be."""
    if data is None:
        return None
    if kind == "text":
        return data.decode()
    if _format(formats, number) == 1:
        return int.from_bytes(data, "big", signed=True)
    try:
        return int(data)
    except ValueError:
        raise SqlError("22P02", f"invalid input for type {kind}") from None


def _format(formats: Sequence[int], number: int) -> int:
    """Tell the format of one of several values: none given means text, one is for all."""
    return 0 if not formats else formats[0] if len(formats) == 1 else formats[number]
