"""What groups of operations have in common: a session, and the lanes to call it in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from junto.instrument.lanes import Lanes
from junto.instrument.session import Session
from junto.instrument.settings import Eol
from junto.instrument.wants import Line
from junto.sansio.lines import Terminator

__all__ = ["Buffer", "OnTimeout", "Operations", "as_bytes", "check_count", "joined"]

Buffer = bytes | bytearray | memoryview
OnTimeout = Literal["close", "keep"]


class Operations:
    """Operations on a session.

    Attributes:
        _session: The session.
        _lanes: The lanes of a transaction; ``None`` for those of the client.
    """

    _session: Session
    _lanes: Lanes | None
    _usual_line: Line | None

    @property
    def session(self) -> Session:
        """The session, for streams."""
        return self._session

    @property
    def lanes(self) -> Lanes | None:
        """The lanes of a transaction, for streams."""
        return self._lanes

    def line(self, eol: Eol | None) -> Line:
        """Give what waits for a line."""
        session = self._session
        settings = session.settings
        if eol is not None and eol != settings.eol:
            return Line(Terminator(eol), settings.buffer_size, session.system)
        line = self._usual_line
        if line is None or line.terminator is not settings.terminator:
            line = self._usual_line = Line(settings.terminator, settings.buffer_size, session.system)
        return line


def as_bytes(data: Any) -> bytes:
    """Give *data* as bytes that nobody can change any more.

    Raises:
        TypeError: It is made of something else.
    """
    if type(data) is bytes:
        return data
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(f"bytes are needed, not {type(data).__name__}")


def joined(lines: Iterable[Buffer]) -> tuple[bytes, int]:
    """Join *lines*; tell how many there were.

    Raises:
        TypeError: They are made of something else than bytes.
    """
    if isinstance(lines, str | bytes | bytearray | memoryview):
        raise TypeError(f"an iterable of bytes is needed, not {type(lines).__name__}")
    pieces = [as_bytes(line) for line in lines]
    return b"".join(pieces), len(pieces)


def check_count(count: Any, least: int = 0) -> int:
    """Refuse what is no count of bytes or lines.

    Raises:
        TypeError: It is no number.
        ValueError: It is below *least*.
    """
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"a count is a number, not {count!r}")
    if count < least:
        raise ValueError(f"a count must be at least {least}, not {count}")
    return count
