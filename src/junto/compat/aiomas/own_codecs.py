"""Codecs that a program brings along, as channels want them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from junto import codecs as _codecs
from junto.codecs import Buffer
from junto.compat.aiomas.codecs import JSON, Codec, MsgPack, MsgPackBlosc
from junto.compat.aiomas.exceptions import SerializationError
from junto.custom_types import References
from junto.errors import CodecError

__all__ = ["for_connection"]


def for_connection(codec: Codec) -> _codecs.Codec:
    """Make the codec of one connection of one that programs know."""
    if type(codec) in (JSON, MsgPack, MsgPackBlosc):
        assert codec.kind is not None, "these three have one"
        return codec.kind(codec.types)
    return _OwnCodec(codec)


class _OwnCodec(_codecs.Codec):
    """Does what a class with ``encode`` and ``decode`` does."""

    name = "a codec of its own"
    binary = True

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self._codec = codec
        self.write = self.compact = codec.encode
        self._echo = self._read_nothing  # an id of a strange kind, which no peer of these sends
        self._read = self._decode
        self.read_triple = self.read_batch = self._read_nothing

    def with_references(self, references: References) -> _codecs.Codec:
        codec = copy.copy(self._codec)
        codec.types = list(codec.types)

        def serialize(value: Any) -> Any:
            data = references.to_data(value)
            if data is None:
                raise SerializationError(f"there is no serializer for {type(value)!r}")
            return data

        codec.add_serializer(object, serialize, references.from_data)
        return _OwnCodec(codec)

    def dump(self, value: Any) -> bytes:
        try:
            return self._codec.encode(value)
        except Exception as error:
            raise SerializationError(str(error)) from error

    def _decode(self, data: Buffer) -> Any:
        try:
            value = self._codec.decode(bytes(data))
        except Exception as error:
            raise CodecError(f"the codec failed: {error}") from error
        return list(value) if type(value) is tuple else value

    @staticmethod
    def _read_nothing(data: Any) -> Any:
        raise ValueError("a codec of its own is read by itself")

    def revive(self, value: Any) -> Any:
        return value

    def may_hold_types(self, data: bytes | bytearray, start: int, end: int) -> bool:
        return False

    def join(self, items: Sequence[bytes] | Iterable[bytes]) -> bytes:
        raise CodecError("a codec of its own has no arrays of what is encoded already")

    def mark(self, data: bytes) -> bytes:
        return data

    def is_marked(self, data: Buffer) -> bool:
        return False
