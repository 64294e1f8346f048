"""Codecs: one value to bytes and back, in the three forms that old and new peers agree on.

A connection uses one codec in both directions, agreed on out of band; nothing on the wire
names it. `JSON` is the default. `MsgPack` is faster and carries bytes.
`junto.blosc.MsgPackBlosc` compresses, and needs the extra ``blosc``.

The style of JSON is fixed to the byte (a blank behind each comma and colon, pure ASCII, floats as
Python prints them), because recorded sessions of other programs are compared with it. That
is why the standard library writes it; `msgspec` reads it, and what only JSON's old
dialect allows (``NaN``, lone surrogates) is read by the standard library again.

Encoding has a short way for values that are plain already, which nearly all are, and a
long way through `junto.custom_types.TypeTable` for the rest.
"""

from __future__ import annotations

import copy
import json
import json.encoder
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal

import msgspec

from junto.custom_types import KEY, CustomType, References, TypeTable
from junto.errors import CodecError, text_of

__all__ = [
    "ENCODE_ERRORS",
    "JSON",
    "NOT_SIMPLE",
    "SCALARS",
    "Codec",
    "CodecName",
    "MsgPack",
    "is_plain",
    "make_codec",
]

Buffer = bytes | bytearray | memoryview
CodecName = Literal["json", "msgpack", "msgpack+blosc"]

SCALARS = frozenset({type(None), bool, int, float, str})
"""The classes whose values every codec writes as they are."""

ENCODE_ERRORS = (TypeError, ValueError, OverflowError, RecursionError)
"""All that a codec's ``write`` raises for a value it cannot write."""
NOT_SIMPLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""All that a codec's decoders raise for bytes that they do not take."""

# A request, a result or a failure. Checked where it is decoded, in C.
_Triple = tuple[Literal[0, 1, 2], Any, Any]


class Codec(ABC):
    """Puts values on the wire and takes them off.

    One object serves one connection: it holds the connection's types and references.

    Attributes:
        name: What users call it in ``codec=``.
        binary: Whether bytes can travel.
        compress: What is done to each packet at the end, if anything.
        decompress: The reverse; it takes the limit in bytes for what comes out.
        write: The encoder behind `dump`, for values for which `is_plain` holds.
        simple: Classes of values that `compact` takes, as do arrays of them.
        compact: As `write`, perhaps in another style, which is for peers that are junto.
        read_triple: Decodes a message of one of the kinds that every peer knows.
        read_batch: Decodes an array of such messages. Both raise one of `NOT_SIMPLE` for all else,
            which may still be readable in other ways.
    """

    name: ClassVar[str]
    binary: ClassVar[bool]
    compress: Callable[[bytes], bytes] | None = None
    decompress: Callable[[Buffer, int], bytes] | None = None

    simple: ClassVar[frozenset[type]] = SCALARS
    write: Callable[[Any], bytes]
    compact: Callable[[Any], bytes]
    read_triple: Callable[[Buffer], _Triple]
    read_batch: Callable[[Buffer], list[_Triple]]
    _read: Callable[[Buffer], Any]
    _echo: Callable[[Any], bytes]

    def __init__(self, types: Iterable[CustomType[Any]] = ()) -> None:
        """Use the custom *types*, numbered in their order.

        Raises:
            ValueError: A class is there twice.
        """
        self._types = TypeTable(types)

    def with_references(self, references: References) -> Codec:
        """Make the same codec for one connection, with its *references*."""
        bound = copy.copy(self)
        bound._types = self._types.with_references(references)
        return bound

    def dump(self, value: Any) -> bytes:
        """Encode *value*, before any compression.

        Raises:
            CodecError: A part of *value* has no form on the wire.
        """
        try:
            return self.write(value if is_plain(value) else self._types.to_wire(value, binary=self.binary))
        except CodecError:
            raise
        except Exception as error:  # the codec's own, or of a value that is not what it seems
            raise CodecError(f"the value cannot be encoded as {self.name}: {text_of(error)}") from error

    def echo(self, value: Any) -> bytes:
        """Encode again what `load` gave, just as it was, even where `dump` would refuse it.

        Raises:
            CodecError: It is nested too deep.
        """
        try:
            return self._echo(value)
        except ENCODE_ERRORS as error:
            raise CodecError(f"the value cannot be encoded as {self.name}: {error}") from error

    def load(self, data: Buffer) -> Any:
        """Decode *data*, after any decompression; custom types stay in their wire form.

        Raises:
            CodecError: *data* are not one value in this codec's form.
        """
        try:
            return self._read(data)
        except NOT_SIMPLE as error:
            raise CodecError(f"not {self.name}: {error}") from error

    def revive(self, value: Any) -> Any:
        """Rebuild the custom types in a loaded *value*.

        Raises:
            CodecError: A custom type is unknown or cannot be rebuilt.
        """
        try:
            return self._types.from_wire(value)
        except RecursionError as error:
            raise CodecError(f"the value cannot be rebuilt: {error}") from error

    def encode(self, value: Any) -> bytes:
        """Encode *value* to the payload of one packet.

        Raises:
            CodecError: A part of *value* has no form on the wire.
        """
        data = self.dump(value)
        return data if self.compress is None else self.compress(data)

    def decode(self, payload: Buffer, limit: int = 2**32 - 1) -> Any:
        """Decode the payload of one packet to a value, custom types rebuilt.

        Raises:
            CodecError: *payload* is malformed, larger than *limit* bytes when
                decompressed, or holds a custom type that cannot be rebuilt.
        """
        data = payload if self.decompress is None else self.decompress(payload, limit)
        return self.revive(self.load(data))

    @abstractmethod
    def may_hold_types(self, data: bytes | bytearray, start: int, end: int) -> bool:
        """Tell quickly whether loaded *data* could need `revive`; may err towards yes."""

    @abstractmethod
    def join(self, items: Sequence[bytes]) -> bytes:
        """Make one array of dumped *items*."""

    @abstractmethod
    def mark(self, data: bytes) -> bytes:
        """Write a dumped triple in a second way that every reader takes for the same.

        It tells a peer who looks for it that we understand more than the plain wire.
        """

    @abstractmethod
    def is_marked(self, data: Buffer) -> bool:
        """Tell whether a triple was written by `mark`."""


def is_plain(value: Any) -> bool:
    """Tell whether *value* is built of numbers, texts, lists, tuples and maps alone."""
    kind = type(value)
    if kind is list or kind is tuple:
        items = value
    elif kind is dict:
        if KEY in value or not SCALARS.issuperset(map(type, value)):
            return False
        items = value.values()
    else:
        return kind in SCALARS
    for item in items:
        kind = type(item)
        # An empty container needs no look inside; few calls carry keyword arguments.
        if kind not in SCALARS and (
            (kind is not list and kind is not tuple and kind is not dict) or (item and not is_plain(item))
        ):
            return False
    return True


def _refuse(value: Any) -> Any:
    raise TypeError(f"unexpected {type(value).__qualname__}")


def _json_writer(*, strict: bool) -> Callable[[Any], bytes]:
    # The C encoder behind `json.dumps`, kept: dumps makes a new one for each call, at five
    # times the price. Where there is none (PyPy), the public class does the same.
    options = (
        None,
        _refuse,
        json.encoder.encode_basestring_ascii,
        None,
        ": ",
        ", ",
        False,
        False,
        not strict,
    )
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is not None:
        chunks: Callable[[Any, int], Iterable[str]] = make(*options)
        return lambda value: "".join(chunks(value, 0)).encode("ascii")
    encoder = json.JSONEncoder(allow_nan=not strict, check_circular=False)
    return lambda value: encoder.encode(value).encode("ascii")


def _read_any_json(data: Buffer) -> Any:
    try:
        return _read_json(data)
    except (msgspec.MsgspecError, ValueError):
        return json.loads(str(data, "utf-8"))


class JSON(Codec):
    """JSON as Python's standard library writes it: the form that every peer of old knows."""

    name = "json"
    binary = False
    simple = SCALARS - {float}  # not-a-number would become null
    _MARK = b"\t \t"

    def __init__(self, types: Iterable[CustomType[Any]] = (), *, strict: bool = False) -> None:
        """Use the custom *types*, numbered in their order.

        Args:
            types: Classes that JSON does not know.
            strict: Refuse to send not-a-number and infinities, which are not JSON
                though the old peers take them.

        Raises:
            ValueError: A class is there twice.
        """
        super().__init__(types)
        self.write = _json_writer(strict=strict)
        self.compact = _write_compact_json
        self.read_triple = _read_json_triple
        self.read_batch = _read_json_batch
        self._read = _read_any_json
        self._echo = _write_any_json

    def may_hold_types(self, data: bytes | bytearray, start: int, end: int) -> bool:
        # The second form: an escape by which the key could be written otherwise.
        return data.find(b"__type__", start, end) >= 0 or data.find(b"\\u00", start, end) >= 0

    def join(self, items: Sequence[bytes]) -> bytes:
        return b"[%b]" % b", ".join(items)

    def mark(self, data: bytes) -> bytes:
        return data + self._MARK  # white space behind a JSON text means nothing

    def is_marked(self, data: Buffer) -> bool:
        return data[-3:] == self._MARK


class MsgPack(Codec):
    """MessagePack without extension types: smaller and faster than JSON, and carries bytes.

    Arrays are read as lists, as in JSON, so that a service sees the same with both. The one
    extension that the format itself has, timestamps, is read as aware dates, but never written.
    """

    name = "msgpack"
    binary = True
    _MARK = b"\xdc\x00\x03"

    # Set on each object, since a function in a class would be bound at each use.

    def __init__(self, types: Iterable[CustomType[Any]] = ()) -> None:
        super().__init__(types)
        self.write = self.compact = _write_msgpack
        self.read_triple = _read_msgpack_triple
        self.read_batch = _read_msgpack_batch
        self._read = _read_msgpack
        self._echo = _write_msgpack

    def may_hold_types(self, data: bytes | bytearray, start: int, end: int) -> bool:
        return data.find(b"__type__", start, end) >= 0

    def join(self, items: Sequence[bytes]) -> bytes:
        count = len(items)
        if count < 16:
            head = bytes((0x90 | count,))
        elif count < 0x1_0000:
            head = b"\xdc" + count.to_bytes(2, "big")
        else:
            head = b"\xdd" + count.to_bytes(4, "big")
        return head + b"".join(items)

    def mark(self, data: bytes) -> bytes:
        return self._MARK + data[1:]  # an array of three with a longer head than it needs

    def is_marked(self, data: Buffer) -> bool:
        return data[:3] == self._MARK


def _no_extensions(code: int, data: memoryview) -> Any:
    raise ValueError(f"extension type {code}, of {len(data)} bytes, is not used between these peers")


# Made once: a prepared encoder and decoder, and their methods already bound.
_read_json: Callable[[Buffer], Any] = msgspec.json.Decoder().decode
_write_any_json = _json_writer(strict=False)
_read_msgpack: Callable[[Buffer], Any] = msgspec.msgpack.Decoder(ext_hook=_no_extensions).decode
_write_msgpack: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode
_write_compact_json: Callable[[Any], bytes] = msgspec.json.Encoder().encode
_read_json_triple: Callable[[Buffer], _Triple] = msgspec.json.Decoder(_Triple).decode
_read_json_batch: Callable[[Buffer], list[_Triple]] = msgspec.json.Decoder(list[_Triple]).decode
_read_msgpack_triple: Callable[[Buffer], _Triple] = msgspec.msgpack.Decoder(_Triple).decode
_read_msgpack_batch: Callable[[Buffer], list[_Triple]] = msgspec.msgpack.Decoder(list[_Triple]).decode


def make_codec(codec: CodecName | Codec) -> Codec:
    """Give the codec of that name, or *codec* itself.

    Raises:
        ValueError: There is no such codec.
    """
    if isinstance(codec, Codec):
        return codec
    if codec == "json":
        return JSON()
    if codec == "msgpack":
        return MsgPack()
    if codec == "msgpack+blosc":
        from junto.blosc import MsgPackBlosc  # an extra: imported where it is asked for

        return MsgPackBlosc()
    raise ValueError(f"no codec is called {codec!r}; there are 'json', 'msgpack' and 'msgpack+blosc'")
