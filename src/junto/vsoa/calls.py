"""How a call of a function travels: its arguments as param and data, its result as those of the reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from junto.errors import CodecError, text_of
from junto.sansio.vsoa.payloads import Payload

__all__ = ["BY_PLACE", "DESCRIBE", "from_reply", "to_json", "to_payload"]

DESCRIBE: Final = "/_describe"
# Under this name, which no parameter has, an object of arguments by name holds those by place.
BY_PLACE: Final = ""


def to_payload(args: Sequence[Any], kwargs: dict[str, Any]) -> Payload:
    """Make of a call's arguments what carries them.

    Raises:
        CodecError: An argument cannot be sent.
    """
    data = b""
    if args and isinstance(args[-1], bytes | bytearray | memoryview):
        data = bytes(args[-1])
        args = args[:-1]
    param: Any = None
    if kwargs:
        param = {BY_PLACE: list(args), **kwargs} if args else kwargs
    elif args:
        param = list(args)
    return Payload(to_json(param), data)


def to_json(value: Any) -> Any:
    """Make of dataclasses, dates, enumerations and the like what JSON has a form for."""
    if value is None or isinstance(value, bytes | bytearray | memoryview):
        return value
    try:
        return msgspec.to_builtins(value, str_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise CodecError(f"the value cannot be sent: {text_of(error)}") from error


def from_reply(reply: Payload) -> Any:
    """Give the result that a reply carries."""
    return reply.data if reply.data and not reply.raw else reply.param
