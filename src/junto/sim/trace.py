"""The trace: what happened in a run, as tuples while it runs and as JSON lines afterwards.

An event is a tuple of eight, appended to `Trace.events` by whoever sees it happen; its place in that list
is its number. On the way of each message nothing more is done than that: no object, no text.

    time      the world's, in nanoseconds
    host      where it happened
    kind      one of `KINDS`
    number    of the connection, of the datagram or of the fault; in `CAUSED` events, that of the event that
              made them runnable
    peer      the other host
    length    how many bytes
    excerpt   the first `EXCERPT` of them, of what is not encrypted
    detail    a text; it says what happened where nothing else does

A file begins with a line about the run and has one line for each event, with its keys in a fixed order and no
floats (`junto-trace/1`). The digest of a run is that of its lines of events.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as quote
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from junto.errors import JuntoError

__all__ = [
    "CAUSED",
    "EXCERPT",
    "FORMAT",
    "KINDS",
    "Event",
    "Level",
    "Trace",
    "TraceError",
    "escape",
    "make_trace",
    "read_trace",
    "unescape",
]

FORMAT: Final = "junto-trace/1"
EXCERPT: Final = 64
"""How many bytes of a message are kept."""

KINDS: Final = frozenset(
    {
        *("turn", "task", "task_end", "thread", "simpy"),
        *(
            "connect",
            "accept",
            "refuse",
            "send",
            "recv",
            "fin",
            "reset",
            "drop",
            "dup",
            "hold",
            "dgram",
            "dns",
        ),
        *("fault", "fault_end", "kill", "start", "pause", "resume", "clock"),
        *("note", "error", "oracle", "log"),
    }
)
CAUSED: Final = frozenset({"task", "task_end", "turn"})
"""The kinds whose number is that of the event that made them runnable."""

Event: TypeAlias = tuple[int, str, str, int | None, str | None, int | None, bytes | None, str | None]
Level: TypeAlias = Literal["off", "net", "turns", "all"]


class TraceError(JuntoError, ValueError):
    """A file is no trace, or one of another format."""


class Trace:
    """The events of one run, oldest first.

    Attributes:
        events: Append to it; nothing else is done while a run is recorded.
        level: How much is recorded: ``net``, ``turns`` or ``all``.
        turns: Whether turns of event loops are recorded.
        tasks: Whether tasks, threads and SimPy's events are recorded.
        seed: The run's.
        options: The run's, of JSON's types; floats are written as texts.
        hosts: Their addresses, by name, in the order of their making.
    """

    __slots__ = ("events", "hosts", "level", "options", "seed", "tasks", "turns")

    def __init__(
        self,
        level: Level = "net",
        *,
        seed: int = 0,
        options: Mapping[str, Any] | None = None,
        hosts: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Begin with no events.

        Raises:
            ValueError: *level* is none at which something is recorded.
        """
        if level not in ("net", "turns", "all"):
            raise ValueError(f"a trace records 'net', 'turns' or 'all', not {level!r}")
        self.events: list[Event] = []
        self.level = level
        self.turns = level != "net"
        self.tasks = level == "all"
        self.seed = seed
        self.options = dict(options or {})
        self.hosts = {name: list(addresses) for name, addresses in (hosts or {}).items()}

    def header(self) -> str:
        """Make the first line, without its end."""
        hosts = {name: list(addresses) for name, addresses in self.hosts.items()}
        fields = {
            "format": FORMAT,
            "seed": self.seed,
            "level": self.level,
            "options": _without_floats(self.options),
            "hosts": hosts,
        }
        return msgspec.json.encode(fields).decode()

    def lines(self) -> Iterator[str]:
        """Make the lines of the events, without their ends."""
        texts: dict[tuple[str, str], str] = {}  # few hosts and kinds, many events
        for number, event in enumerate(self.events):
            yield _line(number, event, texts)

    def digest(self) -> str:
        """Compute the BLAKE2b digest of the lines of events, as 64 hexadecimal digits."""
        digest = blake2b(digest_size=32)
        for line in self.lines():
            digest.update(line.encode("ascii") + b"\n")
        return digest.hexdigest()

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file at *path* anew; raises `OSError` as `open`."""
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(self.header() + "\n")
            for line in self.lines():
                file.write(line + "\n")


def make_trace(level: Level, **header: Any) -> Trace | None:
    """Begin a trace; ``None``, which costs nothing, at the level ``off``."""
    return None if level == "off" else Trace(level, **header)


def read_trace(source: str | os.PathLike[str] | io.BufferedIOBase) -> Trace:
    """Read a file that `Trace.write` wrote.

    Args:
        source: Its path, or the open file.

    Raises:
        TraceError: It is no trace, of another format, or lines are missing in it.
        OSError: It cannot be read.
    """
    data = source.read() if isinstance(source, io.BufferedIOBase) else Path(source).read_bytes()
    first, _, rest = data.partition(b"\n")
    try:
        header = _read_header(first)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TraceError(f"this is no trace: its first line is not the header of {FORMAT}") from error
    if header.format != FORMAT:
        raise TraceError(f"this trace has the format {header.format!r}; {FORMAT!r} can be read")
    trace = Trace(header.level, seed=header.seed, options=header.options, hosts=header.hosts)
    append = trace.events.append
    for number, line in enumerate(rest.splitlines()):
        try:
            event = _read_event(line)
            excerpt = None if event.x is None else unescape(event.x)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise TraceError(f"line {number + 2} is no event: {error}") from error
        if event.n != number:
            raise TraceError(f"line {number + 2} is event {event.n}, not {number}: lines are missing")
        about = event.by if event.c is None else event.c
        append((event.t, event.h, event.k, about, event.p, event.len, excerpt, event.d))
    return trace


def escape(data: bytes) -> str:
    r"""Write bytes as printable ASCII: what is not is ``\\xNN``, and a backslash is doubled."""
    text = data.decode("latin-1")
    return text if text.isascii() and text.isprintable() and "\\" not in text else text.translate(_ESCAPES)


def unescape(text: str) -> bytes:
    """Undo `escape`.

    Raises:
        ValueError: It was not written by `escape`.
    """
    if "\\" not in text:
        return text.encode("ascii")
    head, *parts = text.split("\\\\")
    whole = [_unescape_part(head), *map(_unescape_part, parts)]
    return b"\\".join(whole)


def _unescape_part(text: str) -> bytes:
    head, *rest = text.split("\\x")
    pieces = [head.encode("ascii")]
    for part in rest:
        pieces += (bytes.fromhex(part[:2].rjust(2, "?")), part[2:].encode("ascii"))
    if text.count("\\") > len(rest):
        raise ValueError("a backslash that escapes nothing")
    return b"".join(pieces)


_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0x100))} | {ord("\\"): "\\\\"}


class _Header(msgspec.Struct):
    format: str
    seed: int
    level: Literal["net", "turns", "all"]
    options: dict[str, Any]
    hosts: dict[str, list[str]]


class _Event(msgspec.Struct):
    n: int
    t: int
    h: str
    k: str
    c: int | None = None
    by: int | None = None
    p: str | None = None
    len: int | None = None
    x: str | None = None
    d: str | None = None


_read_header = msgspec.json.Decoder(_Header).decode
_read_event = msgspec.json.Decoder(_Event).decode


def _line(number: int, event: Event, texts: dict[tuple[str, str], str]) -> str:
    time, host, kind, about, peer, length, excerpt, detail = event
    place = texts.get((host, kind))
    if place is None:
        place = texts[host, kind] = f',"h":{_quote(host)},"k":{_quote(kind)}'
    line = f'{{"n":{number},"t":{time}{place}'
    if about is not None:
        line += f',"by":{about}' if kind in CAUSED else f',"c":{about}'
    if peer is not None:
        line += f',"p":{_quote(peer)}'
    if length is not None:
        line += f',"len":{length}'
    if excerpt is not None:
        line += f',"x":{quote(escape(excerpt[:EXCERPT]))}'
    if detail is not None:
        line += f',"d":{_quote(detail)}'
    return line + "}"


def _quote(text: str) -> str:
    if not text.isascii():  # perhaps with halves of surrogates, which JSON's readers refuse
        text = text.encode("utf-8", "backslashreplace").decode()
    return quote(text)


def _without_floats(value: Any) -> Any:
    """Make JSON's types without floats of a run's options: what has no form of its own is a text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _without_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_floats(item) for item in value]
    if isinstance(value, float):
        return repr(value)
    # Not its `repr`, in which there may be its address.
    return str(getattr(value, "__qualname__", type(value).__qualname__))
