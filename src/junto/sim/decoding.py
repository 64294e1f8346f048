"""What was said: the messages in the excerpts of a trace, read by the protocols that junto speaks.

Channels (JSON and MessagePack), other packets with a length in front, VSOA and text are recognised by how a
stream begins. All is guessed from the first bytes of each write; so nothing here fails, and what is not
known to the end is said to be cut.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import Any, NamedTuple

from junto.codecs import JSON, Codec, MsgPack
from junto.errors import CodecError, RemoteError
from junto.sansio import kinds
from junto.sansio.vsoa import frames
from junto.sansio.vsoa.payloads import decode_param
from junto.sansio.vsoa.statuses import describe_status
from junto.sim.cutting import Cutter, Piece
from junto.sim.flights import Flight
from junto.sim.showing import visible
from junto.sim.trace import Event

__all__ = ["Content", "decode", "decode_datagram"]

_LARGEST = 1 << 28
_VSOA_HEADER = Struct(">BBBBIHHII")

_JSON: Codec = JSON()
_MSGPACK: Codec = MsgPack()

_values = reprlib.Repr()
_values.maxstring = _values.maxother = 120
_values.maxlist = _values.maxtuple = _values.maxdict = 12
_values.maxlevel = 5


class Content(NamedTuple):
    """What one write, or one datagram, said.

    Attributes:
        protocol: As what it was read: ``channel``, ``packet``, ``VSOA``, ``text`` or ``bytes``.
        messages: A line for each message that ends in it, or is cut in it.
        cut: Whether the trace does not hold all of it.
    """

    protocol: str
    messages: tuple[str, ...]
    cut: bool

    @property
    def label(self) -> str:
        """All of it in one line."""
        return " · ".join(self.messages)


def decode(events: Sequence[Event], flights: Iterable[Flight]) -> dict[int, Content]:
    """Read what was sent in *events*, each thing once, by the number of the event that sent it first."""
    streams: dict[tuple[int | None, str, str | None], _Stream] = {}
    contents: dict[int, Content] = {}
    for flight in flights:
        _, host, _, about, peer, length, excerpt, _ = events[flight.start]
        if length is None or excerpt is None:
            continue
        if flight.kind == "dgram":
            contents[flight.start] = decode_datagram(excerpt, length)
            continue
        way = (about, host, peer)
        stream = streams.get(way)
        if stream is None:
            stream = streams[way] = _Stream()
        contents[flight.start] = stream.read(excerpt, length)
    return contents


def decode_datagram(excerpt: bytes, length: int) -> Content:
    """Read one datagram of *length* bytes that begins with *excerpt*."""
    return _Stream().read(excerpt, length)


class _Stream:
    """One direction of one connection."""

    __slots__ = ("_cutter", "_describe", "_protocol")

    def __init__(self) -> None:
        self._cutter: Cutter | None = None
        self._describe: Callable[[Piece], list[str]] = _describe_packet
        self._protocol = ""

    def read(self, excerpt: bytes, length: int) -> Content:
        unknown = max(length - len(excerpt), 0)
        if self._cutter is None:
            self._recognise(excerpt, length)
        if self._cutter is None:
            return _plain(excerpt, length)
        pieces = self._cutter.feed(excerpt, unknown)
        if any(piece.size < 0 for piece in pieces):
            self._cutter = None  # it was something else
            return _plain(excerpt, length)
        lines = [line for piece in pieces for line in self._describe(piece)]
        return Content(self._protocol, tuple(lines) or (f"{length:,} bytes of a message",), unknown > 0)

    def _recognise(self, excerpt: bytes, length: int) -> None:
        if _measure_vsoa(excerpt) >= 0:
            self._cutter = Cutter(frames.HEADER_SIZE, _measure_vsoa)
            self._describe = _describe_vsoa
            self._protocol = "VSOA"
        elif len(excerpt) > 4:
            size = _measure_packet(excerpt)
            # An array of three, in one of the codecs; or something else that is exactly one packet.
            if excerpt[4] in b"[\x93\xdc\xdd" and size >= 0:
                self._protocol = "channel"
            elif size == length:
                self._protocol = "packet"
            else:
                return
            self._cutter = Cutter(4, _measure_packet)
            self._describe = _describe_packet


def _plain(excerpt: bytes, length: int) -> Content:
    cut = length > len(excerpt)
    try:
        text = excerpt.decode("utf-8", "strict" if not cut else "ignore")
    except UnicodeDecodeError:
        text = ""
    seen = sum(character.isprintable() or character in "\r\n\t" for character in text)
    if text and seen >= 0.9 * len(text):
        end = f"… ({length:,} bytes)" if cut else ""
        return Content("text", (visible(text.rstrip("\r\n")) + end,), cut)
    shown = excerpt[:16].hex(" ") + (" …" if length > 16 else "")
    return Content("bytes", (f"{length:,} bytes: {shown}",), cut)


def _measure_packet(header: bytes) -> int:
    size = int.from_bytes(header[:4], "big")
    return 4 + size if size < _LARGEST else -1


def _describe_packet(piece: Piece) -> list[str]:
    payload = piece.data[4:]
    if len(piece.data) < piece.size:
        return [_describe_beginning(payload, piece.size)]
    codec = _JSON if payload[:1] in (b"[", b"{", b'"', b" ") else _MSGPACK
    try:
        value = codec.load(payload)
    except CodecError:
        return [f"packet of {len(payload):,} bytes"]
    if isinstance(value, list) and value and all(_is_message(item) for item in value):
        return [describe_message(*item) for item in value]
    return [describe_message(*value) if _is_message(value) else f"packet: {show(value)}"]


_JSON_BEGINNING = re.compile(rb"\[(\d), (\d+|null), ")
_JSON_CALL = re.compile(r'\["([\w.]+)", \[(.*)', re.DOTALL)


def _describe_beginning(payload: bytes, size: int) -> str:
    missing = f"… (cut, {size:,} bytes)"
    found = _JSON_BEGINNING.match(payload)
    if found is None:
        if payload[:1] == b"\x93" and len(payload) > 1 and payload[1] <= kinds.BESIDE:
            return f"{_NAMES[payload[1]]} {missing}"
        return f"packet {missing}"
    text = payload[found.end() :].decode("utf-8", "ignore")
    call = _JSON_CALL.match(text)
    if call is not None:
        text = f"{call[1]}({call[2]}"
    ident = "" if found[2] == b"null" else f" {found[2].decode()}"
    return f"{_NAMES.get(int(found[1]), 'message')}{ident}: {visible(text)}{missing}"


_NAMES = {
    kinds.REQUEST: "request",
    kinds.RESULT: "result",
    kinds.FAILURE: "failure",
    kinds.NOTICE: "notice",
    kinds.STREAM: "stream",
    kinds.ITEM: "item",
    kinds.CREDIT: "credit",
    kinds.STOP: "stop",
    kinds.BESIDE: "beside",
}


def _is_message(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and type(value[0]) is int and value[0] in _NAMES


def describe_message(kind: int, ident: Any, content: Any) -> str:
    """Tell of one message of a channel in a line."""
    name = _NAMES[kind]
    if kind == kinds.BESIDE:
        message = describe_message(*content) if _is_message(content) else show(content)
        return f"{message} (with {len(ident) if isinstance(ident, list) else 1} attached)"
    head = f"{name}:" if ident is None else f"{name} {show(ident)}:"
    if kind in (kinds.REQUEST, kinds.NOTICE):
        return f"{head} {_show_call(content)}"
    if kind == kinds.FAILURE:
        return f"{head} {visible(str(RemoteError(content)))}"
    if kind in (kinds.STREAM, kinds.STOP):
        return head.rstrip(":")
    return f"{head} {show(content)}" + (" more" if kind == kinds.CREDIT else "")


def _show_call(content: Any) -> str:
    match content:
        case [str(path), list(args), dict(kwargs)]:
            shown = [*map(show, args), *(f"{key}={show(value)}" for key, value in kwargs.items())]
            return visible(f"{path}({', '.join(shown)})")
        case _:
            return show(content)


def show(value: Any) -> str:
    """Write a decoded value as Python would, shortened where it is long."""
    return visible(_values.repr(value))


def _measure_vsoa(header: bytes) -> int:
    if len(header) < frames.HEADER_SIZE or header[0] != 0x29:
        return -1
    fields = _VSOA_HEADER.unpack_from(header)
    size = frames.HEADER_SIZE + (fields[2] >> 6) + sum(fields[6:])
    return size if size <= frames.MAX_FRAME else -1


_VSOA_NAMES = {
    frames.SERVINFO: "greeting",
    frames.RPC: "RPC",
    frames.SUBSCRIBE: "subscribe",
    frames.UNSUBSCRIBE: "unsubscribe",
    frames.PUBLISH: "publish",
    frames.DATAGRAM: "datagram",
    frames.QOSSETUP: "priority",
    frames.NOOP: "no-op",
    frames.PINGECHO: "ping",
}


def _describe_vsoa(piece: Piece) -> list[str]:
    missing = piece.size - len(piece.data)
    frame = frames.read_datagram(piece.data + bytes(missing))
    if frame is None:  # its URL is no text
        return [f"VSOA frame of {piece.size:,} bytes"]
    words = [_VSOA_NAMES.get(frame.type, f"type {frame.type}")]
    if frame.type == frames.RPC and not frame.flags & frames.REPLY:
        words.append("SET" if frame.flags & frames.SET else "GET")
    if frame.flags & frames.REPLY:
        words.append("reply")
    if frame.seqno and frame.type != frames.PUBLISH:
        words.append(str(frame.seqno))
    if frame.url:
        words.append(visible(frame.url.rstrip("\0")))
    if frame.status and frame.type != frames.QOSSETUP:
        words.append(f"({describe_status(frame.status)})")
    if missing:
        words.append(f"… (cut, {piece.size:,} bytes)")
    else:
        if frame.param:
            words.append(show(decode_param(frame.param)))
        if frame.data:
            words.append(f"+ {len(frame.data):,} bytes")
    return [" ".join(words)]
