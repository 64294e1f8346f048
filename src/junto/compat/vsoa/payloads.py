"""Headers, requests and payloads: plain holders of attributes that can be made dictionaries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from junto.errors import CodecError
from junto.sansio.vsoa.payloads import decode_param, encode_data, encode_param
from junto.vsoa.messages import Reply

__all__ = ["Header", "Payload", "Request", "as_set", "to_wire"]


class _Holder:
    """Attributes that are items too."""

    def keys(self) -> Iterator[str]:
        return iter(vars(self))

    def __getitem__(self, name: str) -> Any:
        try:
            return vars(self)[name]
        except KeyError:
            raise KeyError(name) from None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({vars(self)!r})"


class Header(_Holder):
    """The header of an answer."""

    def __init__(self, type: int, flags: int, status: int, seqno: int, tunid: int) -> None:
        self.type = type
        self.flags = flags
        self.status = status
        self.seqno = seqno
        self.tunid = tunid

    @classmethod
    def of(cls, reply: Reply) -> Header:
        return cls(1, reply.flags, reply.status, reply.seqno, reply.tunid)


class Request(_Holder):
    """What a command's handler gets besides the payload."""

    def __init__(self, url: str, seqno: int, method: int) -> None:
        self.url = url
        self.seqno = seqno
        self.method = method
        self.mwdata: dict[str, Any] = {}


class Payload(_Holder):
    """What a message carries; both are ``None`` if absent."""

    def __init__(self, param: Any = None, data: Any = None) -> None:
        self.param = param
        self.data = data

    @classmethod
    def received(cls, param: bytes, data: bytes, raw: bool) -> Payload:
        return cls((param or None) if raw else decode_param(param), data or None)


def to_wire(payload: Any) -> tuple[bytes, bytes]:
    """Make of a payload, or of a dictionary like one, param and data as they are on the wire.

    Raises:
        TypeError: One of them has no form there.
    """
    if not payload:
        return b"", b""
    if isinstance(payload, dict):
        param, data = payload.get("param"), payload.get("data")
    else:
        param, data = getattr(payload, "param", None), getattr(payload, "data", None)
    try:
        return encode_param(param), encode_data(data)
    except CodecError as error:
        raise TypeError(str(error)) from error


def as_set(method: Any) -> bool:
    """Tell whether *method*, a word or a number, means SET."""
    return method.lower() == "set" if isinstance(method, str) else bool(method)
