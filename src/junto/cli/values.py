"""Values on the command line and on stdout: from words to values, and from values to JSON."""

from __future__ import annotations

import base64
import json
import math
import re
import sys
from collections.abc import Iterable
from typing import Any

from junto.proxies import Proxy

__all__ = ["printable", "read_arguments", "read_value", "write_json"]

_BY_NAME = re.compile(r"(?P<name>[^\W\d]\w*)=(?P<value>.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def read_value(word: str) -> Any:
    """Read a JSON value, or take a word that is none for a text."""
    try:
        return json.loads(word, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return word


def _refuse(name: str) -> Any:
    # Python reads NaN and Infinity, which are not JSON and may well be meant as texts.
    raise ValueError(f"{name} is not JSON")


def read_arguments(words: Iterable[str]) -> tuple[list[Any], dict[str, Any]]:
    """Read the arguments of a call.

    Args:
        words: JSON values or plain texts; ``name=value`` is an argument by name.

    Returns:
        The positional arguments, and those by name.

    Raises:
        ValueError: A name is there twice.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for word in words:
        match = _BY_NAME.fullmatch(word)
        if match is None:
            args.append(read_value(word))
        elif match["name"] in kwargs:
            raise ValueError(f"the argument {match['name']!r} is given twice")
        else:
            kwargs[match["name"]] = read_value(match["value"])
    return args, kwargs


def write_json(value: Any) -> None:
    """Write *value* to stdout, as one line of JSON.

    What JSON has no form for is written as follows: bytes as base64 text, not-a-number and infinities
    as ``null``, a service of the peer as ``{"service": path}``, a key that is no text as its JSON.
    """
    sys.stdout.write(f"{json.dumps(_to_json(value), allow_nan=False)}\n")
    sys.stdout.flush()


def _to_json(value: Any) -> Any:
    kind = type(value)
    if kind is float and not math.isfinite(value):
        return None
    if kind is bytes:
        return base64.b64encode(value).decode("ascii")
    if kind is dict:
        return {_to_key(key): _to_json(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_to_json(item) for item in value]
    if kind is Proxy:
        return {"service": value._path}
    return value


def _to_key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(_to_json(key))


def printable(text: str) -> str:
    """Make a peer's text harmless to a terminal: control characters are shown, not obeyed."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text.replace("\r\n", "\n"))
