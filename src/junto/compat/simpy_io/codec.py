"""The JSON codec, with custom types by their classes, and converters that look at each value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from junto import codecs
from junto.custom_types import KEY, CustomType, TypeTable
from junto.errors import CodecError, text_of

__all__ = ["JSON"]

Converter = tuple[Callable[[Any], Any], Callable[[Any], Any]]


class JSON(codecs.JSON):
    """JSON, with values of other classes as ``{"__type__": [number, data]}``."""

    def __init__(
        self, types: Iterable[Any] = (), converters: Iterable[Converter] = (), key: str = KEY
    ) -> None:
        """Use *types* and then *converters*, numbered in their order.

        Args:
            types: A class, its encoder and its decoder each; or a class with the functions ``encode`` and
                ``decode``. Values of exactly this class are meant.
            converters: Pairs of an encoder, which returns `None` for what is not its own, and a decoder.
            key: What stands for ``__type__``.

        Raises:
            ValueError: One of *types* is neither, or a class is there twice.
        """
        super().__init__()
        self._key = key
        self._types = _ConvertingTable([_custom_type(entry) for entry in types], tuple(converters), key)

    def may_hold_types(self, data: bytes | bytearray, start: int, end: int) -> bool:
        return self._key != KEY or super().may_hold_types(data, start, end)

    def dump(self, value: Any) -> bytes:
        # Not the short way: what is plain for others may hold our key.
        try:
            return self.write(self._types.to_wire(value, binary=False))
        except CodecError:
            raise
        except codecs.ENCODE_ERRORS as error:
            raise CodecError(f"the value cannot be encoded as JSON: {text_of(error)}") from error


class _ConvertingTable(TypeTable):
    __slots__ = ("_converters", "_key")

    def __init__(self, types: list[CustomType[Any]], converters: tuple[Converter, ...], key: str) -> None:
        super().__init__(types)
        self._converters = converters
        self._key = key

    def _map_to_wire(self, value: dict[Any, Any], *, binary: bool) -> dict[Any, Any]:
        if _is_pair(value.get(self._key)):
            raise CodecError(f"a map with a pair at {self._key!r} would be misread by the peer")
        return {
            self._key_to_wire(key, binary=binary): self.to_wire(item, binary=binary)
            for key, item in value.items()
        }

    def _object_to_wire(self, value: Any, kind: type, *, binary: bool) -> Any:
        number = self._numbers.get(kind)
        try:
            if number is not None:
                data = self._types[number].serialize(value)
            else:
                number, data = self._convert(value, len(self._types))
        except CodecError:
            raise
        except Exception as error:
            raise CodecError(f"a {kind.__qualname__} could not be encoded: {text_of(error)}") from error
        return {self._key: [number, self.to_wire(data, binary=binary)]}

    def _convert(self, value: Any, first: int) -> tuple[int, Any]:
        for number, (encode, _) in enumerate(self._converters, first):
            data = encode(value)
            if data is not None:
                return number, data
        raise CodecError(f"a value of type {type(value).__qualname__} has no form on the wire")

    def from_wire(self, data: Any) -> Any:
        if isinstance(data, list):
            return [self.from_wire(item) for item in data]
        if not isinstance(data, dict):
            return data
        if not _is_pair(data.get(self._key)):
            return {key: self.from_wire(item) for key, item in data.items()}
        number, content = data[self._key]
        decoders = [entry.deserialize for entry in self._types] + [decode for _, decode in self._converters]
        if not isinstance(number, int) or not 0 <= number < len(decoders):
            raise CodecError(f"no custom type has the number {number!r:.40}")
        try:
            return decoders[number](self.from_wire(content))
        except CodecError:
            raise
        except Exception as error:
            raise CodecError(
                f"a value of custom type {number} could not be decoded: {text_of(error)}"
            ) from error


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _custom_type(entry: Any) -> CustomType[Any]:
    if isinstance(entry, tuple):
        if len(entry) != 3:
            raise ValueError(f"a custom type is a class, an encoder and a decoder, not {len(entry)} things")
        return CustomType(*entry)
    return CustomType(entry, entry.encode, entry.decode)
