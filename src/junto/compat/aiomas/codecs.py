"""Codecs as objects with a table of types, and `serializable`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from junto import codecs as _codecs
from junto.blosc import MsgPackBlosc as _MsgPackBlosc
from junto.codecs import Buffer
from junto.compat.aiomas.exceptions import SerializationError, translating
from junto.custom_types import CustomType

__all__ = ["JSON", "Codec", "MsgPack", "MsgPackBlosc", "serializable"]

Serializer = tuple[type[Any], Callable[[Any], Any], Callable[[Any], Any]]


def serializable(cls: Any = None, repr: bool = True) -> Any:
    """Let objects of a class travel by the parameters of its constructor, which are attributes too.

    The class gets ``__serializer__`` for ``extra_serializers``, and a ``repr``, if wanted.
    """

    def wrap(cls: Any) -> Any:
        names = list(inspect.signature(cls).parameters)

        def as_dict(self: Any) -> dict[str, Any]:
            return {name: getattr(self, name) for name in names}

        def from_dict(cls: Any, data: dict[str, Any]) -> Any:
            return cls(**data)

        def serializer(cls: Any) -> Serializer:
            return cls, cls.__asdict__, cls.__fromdict__

        def show(self: Any) -> str:
            arguments = (f"{name}={getattr(self, name)!r}" for name in names)
            return f"{type(self).__name__}({', '.join(arguments)})"

        cls.__asdict__ = as_dict
        cls.__fromdict__ = classmethod(from_dict)
        cls.__serializer__ = classmethod(serializer)
        if repr:
            cls.__repr__ = show
        return cls

    return wrap if cls is None else wrap(cls)


class Codec:
    """What puts values on the wire; codecs of one's own have ``encode`` and ``decode``."""

    kind: ClassVar[type[_codecs.Codec] | None] = None

    def __init__(self) -> None:
        self.types: list[CustomType[Any]] = []

    def encode(self, data: Any) -> bytes:
        """Make bytes of *data*."""
        if self.kind is None:
            raise NotImplementedError
        with translating():
            return self.kind(self.types).encode(data)

    def decode(self, data: Buffer) -> Any:
        """Make a value of bytes."""
        if self.kind is None:
            raise NotImplementedError
        return self.kind(self.types).decode(bytes(data))

    def add_serializer(
        self, type: type[Any], serialize: Callable[[Any], Any], deserialize: Callable[[Any], Any]
    ) -> None:
        """Let objects of exactly that class travel; both sides add the same, in the same order.

        Raises:
            ValueError: There is one for it already.
        """
        if any(known.cls is type for known in self.types):
            raise ValueError(f"there is a serializer for {type!r} already")
        self.types.append(CustomType(type, serialize, deserialize))

    def serialize_obj(self, obj: Any) -> dict[str, Any]:
        """Make of an object what stands for it on the wire.

        Raises:
            SerializationError: There is no serializer for it, or it failed.
        """
        kinds = [known.cls for known in self.types]
        kind = type(obj) if type(obj) in kinds else object
        if kind not in kinds:
            raise SerializationError(f"there is no serializer for {type(obj)!r}")
        number = kinds.index(kind)
        try:
            return {"__type__": (number, self.types[number].serialize(obj))}
        except Exception as error:
            raise SerializationError(f"{type(obj)!r} could not be serialized: {error}") from error

    def deserialize_obj(self, obj_repr: dict[str, Any]) -> Any:
        """Make an object of what stands for it; other maps come back as they are."""
        if "__type__" not in obj_repr:
            return obj_repr
        number, data = obj_repr["__type__"]
        return self.types[number].deserialize(data)

    def __str__(self) -> str:
        return f"{type(self).__name__}[{', '.join(known.cls.__name__ for known in self.types)}]"


def _tuples(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return tuple(map(_tuples, value))
    if kind is dict:
        return {key: _tuples(item) for key, item in value.items()}
    return value


class _Tuples(_codecs.MsgPack):
    """Gives tuples for arrays, as aiomas did, so that they may be keys; a message itself stays an array."""

    def __init__(self, types: Any = ()) -> None:
        super().__init__(types)
        read, read_triple = self._read, self.read_triple

        def read_with_tuples(data: Buffer) -> Any:
            value = read(data)
            return list(map(_tuples, value)) if type(value) is list else _tuples(value)

        def read_triple_with_tuples(data: Buffer) -> Any:
            kind, ident, content = read_triple(data)
            return kind, _tuples(ident), _tuples(content)

        self._read = read_with_tuples
        self.read_triple = read_triple_with_tuples

    def decode(self, payload: Buffer, limit: int = 2**32 - 1) -> Any:
        return _tuples(super().decode(payload, limit))


class _TuplesBlosc(_Tuples, _MsgPackBlosc):
    """The same, compressed."""


class JSON(Codec):
    """JSON, which gives lists for tuples."""

    kind = _codecs.JSON


class MsgPack(Codec):
    """MessagePack, which gives tuples for lists."""

    kind = _Tuples


class MsgPackBlosc(Codec):
    """The same, compressed; needs the extra ``blosc``."""

    kind = _TuplesBlosc
