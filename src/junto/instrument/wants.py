"""What a read waits for: each kind looks at the buffer and takes what satisfies it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from junto.instrument.errors import ConnectionEOFError, LimitOverrunError
from junto.instrument.system import System
from junto.sansio.lines import LineBuffer, LineTooLong, Terminator

__all__ = ["Everything", "Exactly", "Line", "Look", "Peek", "Plain", "Some", "Until", "Want", "ended"]


T = TypeVar("T")
R = TypeVar("R", covariant=True)


class Want(Protocol[R]):
    """A condition on what was received."""

    def take(self, buffer: LineBuffer) -> R | None:
        """Take what satisfies it; ``None`` if there is not enough yet."""
        ...

    def take_from(self, buffer: LineBuffer, data: bytes | memoryview) -> R | None:
        """Put *data* in the buffer, and do as `take`."""
        ...

    def finish(self, buffer: LineBuffer, system: System) -> R:
        """Take what there is, now that no more will come; raise if that is too little."""
        ...


def ended() -> ConnectionEOFError:
    """Make the error for one who needs more than came."""
    return ConnectionEOFError("the peer ended the connection")


class Plain:
    """One for which it makes no difference whether data are in the buffer, or just came."""

    __slots__ = ()

    def take_from(self: Want[T], buffer: LineBuffer, data: bytes | memoryview) -> T | None:
        buffer.append(data)
        return self.take(buffer)


class Some(Plain):
    """At least one byte, at most so many."""

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        self._most = most

    def take(self, buffer: LineBuffer) -> bytes | None:
        return buffer.take(self._most) if buffer else None

    def finish(self, buffer: LineBuffer, system: System) -> bytes:
        raise ended()


class Peek(Some):
    """The same, but it stays there."""

    __slots__ = ()

    def take(self, buffer: LineBuffer) -> bytes | None:
        return buffer.peek(self._most) if buffer else None


class Everything(Plain):
    """All until the peer ends."""

    __slots__ = ()

    def take(self, buffer: LineBuffer) -> None:
        return None

    def finish(self, buffer: LineBuffer, system: System) -> bytes:
        data = buffer.take_all()
        if not data:
            raise ended()
        return data


class Exactly(Plain):
    """So many bytes."""

    __slots__ = ("_size",)

    def __init__(self, size: int) -> None:
        self._size = size

    def take(self, buffer: LineBuffer) -> bytes | None:
        return buffer.take(self._size) if len(buffer) >= self._size else None

    def finish(self, buffer: LineBuffer, system: System) -> bytes:
        raise system.incomplete(buffer.take_all(), self._size)


class Look(Exactly):
    """So many bytes, but they stay there."""

    __slots__ = ()

    def take(self, buffer: LineBuffer) -> bytes | None:
        return buffer.peek(self._size) if len(buffer) >= self._size else None


class Line:
    """A line with its terminator; at the end of input, what is left.

    Attributes:
        terminator: What ends it.
        limit: How many bytes its content may have.
    """

    __slots__ = ("_system", "limit", "terminator")

    def __init__(self, terminator: Terminator, limit: int, system: System) -> None:
        self.terminator = terminator
        self.limit = limit
        self._system = system

    def take(self, buffer: LineBuffer) -> bytes | None:
        try:
            return buffer.take_line(self.terminator, self.limit)
        except LineTooLong as error:
            raise self.overrun(error) from None

    def take_from(self, buffer: LineBuffer, data: bytes | memoryview) -> bytes | None:
        try:
            return buffer.append_and_take_line(data, self.terminator, self.limit)
        except LineTooLong as error:
            raise self.overrun(error) from None

    def overrun(self, error: LineTooLong) -> LimitOverrunError:
        return self._system.overrun(
            f"a line is longer than {self.limit:,} bytes, the buffer_size", error.consumed
        )

    def finish(self, buffer: LineBuffer, system: System) -> bytes:
        data = buffer.take_all()
        if not data:
            raise ended()
        return data


class Until(Line):
    """Bytes up to a separator; at the end of input, an error."""

    __slots__ = ()

    def finish(self, buffer: LineBuffer, system: System) -> bytes:
        raise system.incomplete(buffer.take_all(), None)
