"""RESP without I/O: commands out of bytes, replies into bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

__all__ = ["CommandReader", "Push", "Refusal", "encode"]

MAX_ITEMS = 1 << 16
MAX_SIZE = 64 << 20


class Refusal(Exception):
    """A command was not done; the text begins with a code in capitals."""


class Push(list[Any]):
    """Items that are no reply to a command."""


class CommandReader:
    """Cuts received bytes into commands, which are lists of at least one bulk string."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive_data(self, data: bytes) -> Iterator[list[bytes]]:
        """Give the commands that *data* completed; raises `ValueError` for what is no command."""
        self._buffer += data
        position = 0
        try:
            while self._buffer:
                found = self._read(position)
                if found is None:
                    return
                command, position = found
                if command:
                    yield command
        finally:
            del self._buffer[:position]

    def _read(self, position: int) -> tuple[list[bytes], int] | None:
        found = self._number(position, b"*", MAX_ITEMS)
        if found is None:
            return None
        count, position = found
        items: list[bytes] = []
        for _ in range(count):
            found = self._number(position, b"$", MAX_SIZE)
            if found is None:
                return None
            size, position = found
            if len(self._buffer) < position + size + 2:
                return None
            items.append(bytes(self._buffer[position : position + size]))
            position += size + 2
        return items, position

    def _number(self, position: int, kind: bytes, limit: int) -> tuple[int, int] | None:
        end = self._buffer.find(b"\r\n", position, position + 32)
        if position < len(self._buffer) and self._buffer[position] != kind[0]:
            raise ValueError(f"expected '{kind.decode()}'")
        if end < 0:
            if len(self._buffer) - position >= 32:
                raise ValueError("number too long")
            return None
        digits = bytes(self._buffer[position + 1 : end])
        if not digits.isdigit() or int(digits) > limit:
            raise ValueError("invalid length")
        return int(digits), end + 2


def encode(value: object, version: int) -> bytes:
    """Write a reply in RESP 2 or 3; a `str` is a status, `bytes` are a bulk string."""
    match value:
        case None:
            return b"_\r\n" if version == 3 else b"$-1\r\n"
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(value), value)
        case str():
            return b"+%b\r\n" % value.encode()
        case int():
            return b":%d\r\n" % value
        case Refusal():
            return b"-%b\r\n" % str(value).encode()
        case dict():
            entries = cast("dict[object, object]", value)
            parts = [encode(part, version) for entry in entries.items() for part in entry]
            head = b"%%%d\r\n" % len(entries) if version == 3 else b"*%d\r\n" % len(parts)
            return head + b"".join(parts)
        case list():
            items = cast("list[object]", value)
            kind = b">" if version == 3 and isinstance(value, Push) else b"*"
            return b"%b%d\r\n" % (kind, len(items)) + b"".join(encode(item, version) for item in items)
        case _:
            raise TypeError(f"no form in RESP for {value!r}")
