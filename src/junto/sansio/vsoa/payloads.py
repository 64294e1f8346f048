"""What a message carries besides its URL: a *param*, which is JSON or bytes, and *data*, which are bytes.

On the wire, nothing tells whether a param is JSON. The reader tries, and takes for bytes what is not; so
bytes that happen to be JSON arrive as a value. What is binary belongs into the data.
"""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec

from junto.errors import CodecError

__all__ = ["Data", "Payload", "decode_param", "encode_data", "encode_param"]

Data: TypeAlias = bytes | bytearray | memoryview
"""What can be sent as bytes."""

_JSON_TYPES = (dict, list, tuple, str, int, float)  # a bool is an int
_BYTES = (bytes, bytearray, memoryview)


def _make_writer() -> Callable[[Any], str]:
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # PyPy
        encoder = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
        return encoder.encode
    text = json.encoder.encode_basestring_ascii
    write: Callable[[Any, int], Iterable[str]] = make(
        None, _refuse, text, None, ":", ",", False, False, False
    )
    return lambda value: "".join(write(value, 0))


def _refuse(value: Any) -> Any:
    raise TypeError(f"a {type(value).__qualname__} has no JSON form")


_write_json = _make_writer()
_write_quickly: Callable[[Any], bytes] = msgspec.json.Encoder().encode
_read_json: Callable[[bytes], Any] = msgspec.json.Decoder().decode


def encode_param(value: Any) -> bytes:
    """Encode a param: JSON, pure ASCII without blanks; bytes as they are; ``None`` as nothing.

    Raises:
        CodecError: It is neither, or holds what JSON has no form for, such as not-a-number.
    """
    if value is None:
        return b""
    if type(value) is bytes:
        return value
    try:
        # This writes more than JSON has a form for, such as dates and bytes, as something else: to read it
        # again tells, and both together take half as long as the other way.
        raw = _write_quickly(value)
        if raw.isascii() and _read_json(raw) == value:
            return raw
    except Exception:  # of the writer or of a comparison: the other way tells
        pass
    if isinstance(value, _BYTES):
        return bytes(value)
    if not isinstance(value, _JSON_TYPES):
        raise CodecError(f"a param is bytes or what JSON has a form for, not {type(value).__qualname__}")
    try:
        return _write_json(value).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise CodecError(f"this param cannot be sent: {error}") from error


def encode_data(data: Data | None) -> bytes:
    """Give the bytes of *data*; ``None`` as nothing.

    Raises:
        CodecError: It is something else, such as text.
    """
    if type(data) is bytes:
        return data
    if data is None:
        return b""
    if not isinstance(data, _BYTES):
        raise CodecError(f"data are bytes, not {type(data).__qualname__}")
    return bytes(data)


def decode_param(param: bytes) -> Any:
    """Read a param: a value where it is JSON, the bytes themselves where it is not, ``None`` for nothing."""
    if not param:
        return None
    try:
        return _read_json(param)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    try:
        return json.loads(param)  # other encodings than UTF-8, and words that JSON does not have
    except (ValueError, RecursionError):
        return param


class Payload:
    """What a message carries.

    Attributes:
        data: Bytes, empty if there are none.
        raw: The param as it is on the wire.
    """

    __slots__ = ("_decoded", "_param", "data", "raw")

    def __init__(self, param: Any = None, data: Data | None = None) -> None:
        """Carry *param* and *data*.

        Raises:
            CodecError: One of them cannot be sent.
        """
        self.raw = encode_param(param)
        self.data = encode_data(data)
        self._param = param
        self._decoded = True

    @classmethod
    def received(cls, raw: bytes, data: bytes) -> Payload:
        """Hold what was received; the param is decoded when somebody asks for it."""
        payload = cls.__new__(cls)
        payload.raw = raw
        payload.data = data
        payload._decoded = False
        return payload

    @property
    def param(self) -> Any:
        """The param: what JSON says, or bytes, or ``None``."""
        if not self._decoded:
            self._param = decode_param(self.raw)
            self._decoded = True
        return self._param

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.param!r}, {self.data!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Payload):
            return NotImplemented
        return self.raw == other.raw and self.data == other.data

    __hash__ = None  # type: ignore[assignment]  # what a param holds may change
