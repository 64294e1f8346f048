"""Arguments and results between agents of one container: isolated as if they had travelled.

Nobody gets hold of an object of another agent. Plain data are copied in the way in which the codec would
change them: tuples become lists, and with JSON keys become texts. What is not plain goes through the
codec, there and back, so that custom types come from their serializers and what has no form fails alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from junto.codecs import JSON, Codec
from junto.custom_types import KEY
from junto.errors import CodecError

__all__ = ["Isolation"]


class Isolation:
    """Isolates values, as one codec would.

    Attributes:
        free: Classes whose values may pass as they are.
    """

    __slots__ = ("_codec", "_is_json", "_is_strict", "free")

    def __init__(self, codec: Codec) -> None:
        """Do as *codec*, which has the references of the container."""
        self._codec = codec
        self._is_json = isinstance(codec, JSON)
        self._is_strict = self._is_json and _is_strict(codec)
        # MessagePack has limits for numbers, and for texts that are no Unicode.
        self.free: frozenset[type] = frozenset({type(None), bool})
        if self._is_json:
            self.free |= {int, str} if self._is_strict else {int, str, float}
        else:
            self.free |= {float}

    def args(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Isolate arguments by place.

        Raises:
            CodecError: One of them has no form on the wire.
        """
        free = self.free
        for arg in args:
            if type(arg) not in free:
                return tuple([self.value(arg) for arg in args])
        return args

    def kwargs(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Isolate arguments by name; raises as `args`."""
        return {name: self.value(value) for name, value in kwargs.items()}

    def value(self, value: Any) -> Any:
        """Isolate one value; raises as `args`."""
        if type(value) in self.free:
            return value
        try:
            return self._copy(value)
        except _NotPlain:
            return self._through_the_codec(value)
        except RecursionError:
            raise CodecError(f"the value cannot be encoded as {self._codec.name}: it is too deep") from None

    def _copy(self, value: Any) -> Any:
        kind = type(value)
        if kind in self.free:
            return value
        if kind is list or kind is tuple:
            free = self.free
            copy = self._copy
            return [item if type(item) in free else copy(item) for item in value]
        if kind is dict:
            return self._copy_map(value)
        if kind is float and math.isfinite(value):
            return value
        if kind is str and value.isascii():
            return value
        if kind is int and -(2**63) <= value < 2**64:
            return value
        if kind is bytes and not self._is_json:
            return value
        raise _NotPlain

    def _copy_map(self, value: dict[Any, Any]) -> dict[Any, Any]:
        if KEY in value:
            raise _NotPlain
        free = self.free
        copy = self._copy
        for key in value:
            # With JSON other keys become texts.
            if type(key) is not str or not (self._is_json or key.isascii()):
                raise _NotPlain
        return {key: item if type(item) in free else copy(item) for key, item in value.items()}

    def _through_the_codec(self, value: Any) -> Any:
        codec = self._codec
        return codec.revive(codec.load(codec.dump(value)))


class _NotPlain(Exception):
    """What the short copy does not know."""


def _is_strict(codec: Codec) -> bool:
    write: Callable[[Any], bytes] = codec.write
    try:
        write(math.nan)
    except ValueError:
        return True
    return False
