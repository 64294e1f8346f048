"""The protocol's side of a connection: what primitives work on, and what they wait for."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any, Final, Generic, Never, NoReturn, TypeAlias, TypeVar, cast

from junto.errors import BufferFull, IncompleteRead, ProtocolViolation
from junto.sansio.coroutines.buffer import InputBuffer
from junto.sansio.coroutines.output import Output

__all__ = [
    "NEVER",
    "OUTSIDE",
    "SUSPENDED",
    "EventSteps",
    "ProtocolIO",
    "Steps",
    "Suspension",
    "current",
    "set_current",
]

T = TypeVar("T")
E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)

# The state of a connection. In the first, and in no other, everything may be done.
READY: Final = 0
RUNNING: Final = 1
INPUT_ENDED: Final = 2
FINISHED: Final = 3
FAILED: Final = 4
CLOSED: Final = 5

NEVER: Final = 1 << 62
"""More bytes than there will ever be."""

OUTSIDE: Final = "primitives are for protocols: this one was used where none is running"

# Without this error, a loop over a step would go round for ever: what it waits for never comes.
BY_HAND: Final = "a step that has to wait was taken by a loop or by next(): write `yield from`"

_EXCERPT = 16


class Suspension(Generic[E_co]):
    """What a waiting primitive yields to whoever runs the protocol.

    As a type, it tells which events the protocol emits.
    """

    __slots__ = ()


SUSPENDED: Final[Suspension[Never]] = Suspension()

Steps: TypeAlias = Generator[Suspension[Never], None, T]
"""What a generator function of primitives returns, in its annotation: ``Steps[int]`` gives an ``int``."""

EventSteps: TypeAlias = Generator[Suspension[E], None, T]
"""The same, of one that emits events: ``EventSteps[Line, int]``."""


class ProtocolIO:
    """What a protocol can do without waiting; ``io = yield from get_io()`` gives it.

    Attributes:
        input: What was received and not consumed.
        output: What was written and not taken.
        events: What was emitted and not taken; ``None`` before the first.
        ended: Whether there will be no more input.
    """

    __slots__ = (
        "chunks",
        "draining",
        "end_told",
        "ended",
        "events",
        "flowing",
        "full",
        "input",
        "max_output",
        "needed",
        "output",
        "put_unchecked",
        "state",
    )

    def __init__(self, max_input: int, max_output: int | None) -> None:
        self.input = InputBuffer()
        self.output = Output()
        self.chunks = self.output.chunks
        # Made when it is needed: empty, it would be most of what an idle connection holds.
        self.events: deque[Any] | None = None
        self.max_output = max_output
        self.ended = False
        self.state = READY
        # Whether a wait() has already returned because of the end.
        self.end_told = False
        # The protocol goes on when there is input, and so many bytes of it; with 0, at whichever event.
        self.needed = NEVER
        # More than so many bytes are too many while it waits for more.
        self.full = max_input
        # Whether it goes on when all output is taken.
        self.draining = False
        # Whether all that is written now is taken at once, so that nobody has to wait for it.
        self.flowing = False
        # At most how many bytes were put since the size of the output was looked at.
        self.put_unchecked = 0

    def try_read(self, n: int) -> bytes | None:
        """Consume and return exactly *n* bytes, or ``None`` if there are fewer."""
        return self.input.take(n)

    def try_until(self, separator: bytes, include: bool = True, limit: int | None = None) -> bytes | None:
        """Consume and return all up to *separator*, or ``None`` if it is not there; see `read_until`."""
        return self.input.take_until(separator, include, limit)

    @property
    def bytes_consumed(self) -> int:
        """How many bytes the protocol has consumed since its beginning."""
        return self.input.consumed

    def violation(self, message: str, at: int = 0) -> ProtocolViolation:
        """Make an error that tells where: *at* bytes after what was consumed, or before if negative."""
        excerpt = self.input.peek(max(at, 0) + _EXCERPT)[max(at, 0) :]
        return ProtocolViolation(message, self.input.consumed + at, excerpt)

    def need(self, n: int) -> None:
        """Wait, in the next suspension, until *n* bytes are there.

        Raises:
            IncompleteRead: They will never be.
            BufferFull: They are not allowed to be.
        """
        if self.ended:
            raise IncompleteRead(self.input.peek(), n)
        if n > self.full:
            raise BufferFull(self.full, f"a piece of {n:,} bytes")
        if self.needed:
            raise RuntimeError(BY_HAND)
        self.needed = n

    def need_more(self) -> None:
        """Wait, in the next suspension, for at least one more byte.

        Raises:
            IncompleteRead: There will be no more.
        """
        if self.ended:
            raise IncompleteRead(self.input.peek(), None)
        if self.needed:
            raise RuntimeError(BY_HAND)
        self.needed = 1

    def need_event(self) -> bool:
        """Wait, in the next suspension, for anything; return whether there is something to wait for.

        Raises:
            IncompleteRead: There will be no more input, and that was told before.
        """
        if self.ended:
            if self.end_told:
                raise IncompleteRead(self.input.peek(), None)
            self.end_told = True
            return False
        self.needed = 0
        return True

    def is_full(self, n: int) -> bool:
        """Tell, after *n* bytes were written, whether there is more output than may wait."""
        assert self.max_output is not None, "without a limit nobody asks"
        self.put_unchecked += n
        if self.put_unchecked > self.max_output:
            # To count it takes time, and is done only after so many bytes.
            self.put_unchecked = len(self.output)
        return self.put_unchecked > self.max_output


class _Nobody:
    state = READY

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError(OUTSIDE)


_NOBODY: Final = _Nobody()

# Whose protocol runs here, or ran here last, which its state tells: to set it at each step and to set it
# back would take longer than all the rest of a step.
_current: ContextVar[ProtocolIO] = ContextVar("junto.protocol", default=cast(ProtocolIO, _NOBODY))  # noqa: B039 -- it has no state
current: Final = _current.get
set_current: Final = _current.set
