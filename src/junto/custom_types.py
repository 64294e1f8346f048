"""Values of other classes: how they become plain data, and plain data becomes them.

A value whose class is in the table travels as a map of one member,
``{"__type__": [number, data]}``. The number is the class's place in the table; nothing on the
wire names the class, so both peers register the same types in the same order.

Values that need no table, because the receiver's annotations tell what they are, travel as
`msgspec` writes them: dataclasses and `msgspec.Struct` as maps, enumerations as their
value, dates and times as ISO 8601 text, `decimal.Decimal` and `uuid.UUID` as text.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import inspect
import reprlib
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from junto.errors import CodecError, text_of

__all__ = ["DATETIME", "CustomType", "References", "TypeTable", "serializable"]

T = TypeVar("T")

KEY = "__type__"

_RESERVED = f"a map with the key {KEY!r} would be misread by the peer: the key is reserved"

_UNTAGGED = (
    msgspec.Struct,
    enum.Enum,
    datetime.datetime,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    uuid.UUID,
)


@dataclasses.dataclass(frozen=True, slots=True)
class CustomType(Generic[T]):
    """A class, and how its values become data and come back.

    Attributes:
        cls: The class; values of its subclasses are not meant. ``object``
            stands for every class that has no entry of its own.
        serialize: Makes data of a value: plain, or holding further custom values.
        deserialize: Makes the value of such data.
    """

    cls: type[T]
    serialize: Callable[[T], Any]
    deserialize: Callable[[Any], T]


def serializable(cls: type[T]) -> CustomType[T]:
    """Describe a class by the parameters of its constructor.

    The data are a map of each parameter's name to the attribute of the same name.

    Raises:
        ValueError: The constructor takes ``*args``, ``**kwargs`` or
            positional-only parameters, which no map of names can fill.
    """
    parameters = inspect.signature(cls).parameters.values()
    wrong = [str(p) for p in parameters if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if wrong:
        raise ValueError(f"{cls.__qualname__} cannot be rebuilt from names alone: {', '.join(wrong)}")
    names = tuple(parameter.name for parameter in parameters)

    def serialize(value: T) -> dict[str, Any]:
        return {name: getattr(value, name) for name in names}

    def deserialize(data: Any) -> T:
        return cls(**data)

    return CustomType(cls, serialize, deserialize)


DATETIME: CustomType[datetime.datetime] = CustomType(
    datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat
)
"""Aware dates as ISO 8601 text with their offset."""


class References(Protocol):
    """Objects that stay where they are: what travels is how to find them."""

    def to_data(self, value: object) -> Any:
        """Tell how the peer finds an object; ``None`` if it is no such object.

        Raises:
            CodecError: It is one, but cannot be found through this connection.
        """
        ...

    def from_data(self, data: Any) -> Any:
        """Make what stands here for the peer's object.

        Raises:
            CodecError: *data* mean nothing.
        """
        ...


class TypeTable:
    """The custom types of one connection, and its references, which come last."""

    __slots__ = ("_fallback", "_numbers", "_references", "_types")

    def __init__(self, types: Iterable[CustomType[Any]] = (), references: References | None = None) -> None:
        """Number *types* in their order.

        Raises:
            ValueError: A class is there twice.
        """
        self._types = tuple(types)
        self._references = references
        self._numbers = {entry.cls: number for number, entry in enumerate(self._types)}
        if len(self._numbers) < len(self._types):
            raise ValueError("a class can be registered once only")
        self._fallback = self._numbers.get(object)

    def with_references(self, references: References) -> TypeTable:
        """Make a table of the same types for a connection that has references."""
        return TypeTable(self._types, references)

    def to_wire(self, value: Any, *, binary: bool) -> Any:
        """Make plain data of any value.

        Args:
            value: What is to be sent.
            binary: Whether the codec can carry bytes, and keys of any plain type.

        Raises:
            CodecError: A part of *value* has no form on the wire.
        """
        kind = type(value)
        if value is None or kind is bool or kind is int or kind is float or kind is str:
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int.__int__(value)
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, list | tuple):
            return [self.to_wire(item, binary=binary) for item in value]
        if isinstance(value, dict):
            return self._map_to_wire(value, binary=binary)
        if binary and isinstance(value, bytes | bytearray | memoryview):
            return bytes(value)
        return self._object_to_wire(value, kind, binary=binary)

    def _map_to_wire(self, value: dict[Any, Any], *, binary: bool) -> dict[Any, Any]:
        if KEY in value:
            raise CodecError(_RESERVED)
        return {
            self._key_to_wire(key, binary=binary): self.to_wire(item, binary=binary)
            for key, item in value.items()
        }

    def _key_to_wire(self, key: Any, *, binary: bool) -> Any:
        if isinstance(key, tuple) and binary:
            return tuple(self._key_to_wire(part, binary=binary) for part in key)
        if key is None or isinstance(key, str | int | float) or (binary and isinstance(key, bytes)):
            return self.to_wire(key, binary=binary)
        raise CodecError(f"a map's key of type {type(key).__qualname__} has no form on the wire")

    def _object_to_wire(self, value: Any, kind: type, *, binary: bool) -> Any:
        number = self._numbers.get(kind)
        if number is None and self._references is not None:
            data = self._references.to_data(value)
            if data is not None:
                return {KEY: [len(self._types), data]}
        if number is None and (isinstance(value, _UNTAGGED) or dataclasses.is_dataclass(kind)):
            return self._untagged_to_wire(value, binary=binary)
        if number is None:
            number = self._fallback
        if number is None:
            hint = (
                " (MessagePack can carry bytes)" if isinstance(value, bytes | bytearray | memoryview) else ""
            )
            raise CodecError(
                f"a value of type {kind.__qualname__} has no form on the wire; register its type{hint}"
            )
        try:
            data = self._types[number].serialize(value)
        except CodecError:
            raise
        except Exception as error:
            raise CodecError(
                f"a value of type {kind.__qualname__} could not be serialized: {text_of(error)}"
            ) from error
        return {KEY: [number, self.to_wire(data, binary=binary)]}

    def _untagged_to_wire(self, value: Any, *, binary: bool) -> Any:
        if isinstance(value, enum.Enum):
            return self.to_wire(value.value, binary=binary)
        if isinstance(value, msgspec.Struct):
            return self._struct_to_wire(value, binary=binary)
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            return self._members_to_wire([(name, getattr(value, name)) for name in names], binary=binary)
        return msgspec.to_builtins(value, builtin_types=())

    def _struct_to_wire(self, value: msgspec.Struct, *, binary: bool) -> Any:
        config = value.__struct_config__
        fields = msgspec.structs.fields(value)
        data = [(field.encode_name, getattr(value, field.name)) for field in fields]
        if config.tag is not None:
            data.insert(0, (config.tag_field or "type", config.tag))
        if config.array_like:
            return [self.to_wire(item, binary=binary) for _, item in data]
        return self._members_to_wire(data, binary=binary)

    def _members_to_wire(self, members: list[tuple[str, Any]], *, binary: bool) -> dict[str, Any]:
        data = {
            name: self.to_wire(item, binary=binary) for name, item in members if item is not msgspec.UNSET
        }
        if KEY in data:
            raise CodecError(_RESERVED)
        return data

    def from_wire(self, data: Any) -> Any:
        """Rebuild the custom values in decoded *data*, inner ones first.

        Raises:
            CodecError: A number is unknown, or a value could not be rebuilt.
        """
        if isinstance(data, list):
            return [self.from_wire(item) for item in data]
        if isinstance(data, tuple):
            return tuple(self.from_wire(item) for item in data)
        if isinstance(data, dict):
            if KEY in data:
                return self._rebuild(data[KEY])
            return {key: self.from_wire(item) for key, item in data.items()}
        return data

    def _rebuild(self, pair: Any) -> Any:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise CodecError(f"{KEY!r} holds {reprlib.repr(pair)}, not a number and its data")
        number, data = pair
        data = self.from_wire(data)
        if self._references is not None and number == len(self._types):
            return self._references.from_data(data)
        for known, entry in enumerate(self._types):  # by equality: 1.0 is 1 for the old peers
            if number == known:
                try:
                    return entry.deserialize(data)
                except Exception as error:
                    raise CodecError(
                        f"a {entry.cls.__qualname__} could not be rebuilt: {text_of(error)}"
                    ) from error
        raise CodecError(f"no custom type has the number {reprlib.repr(number)}")
