"""What can go wrong between a client and its instrument.

Which is which::

    JuntoError
    ├── ConnectionEOFError       the peer has ended the connection (also ConnectionError, EOFError)
    │   └── IncompleteReadError  … before all that was asked for had come
    ├── ConnectionTimeoutError   the time given was over (also ConnectionError, TimeoutError)
    ├── ConnectionClosedError    there is no connection, or it was closed by us (also ConnectionError)
    ├── LimitOverrunError        a line is longer than allowed (also ValueError)
    ├── StaleInputError          bytes were there that nobody asked for
    ├── InstrumentError          the instrument has said that something went wrong
    └── BlockFormatError         what should be a binary block is none (also ValueError)

Each error that a call raises, one of the system's too, tells what it was about in attributes: ``address``,
``operation``, ``generation`` (of the connection) and ``sent`` (whether a byte of a request may have left).
"""

from __future__ import annotations

from typing import Any, TypeVar

from junto.errors import JuntoError

__all__ = [
    "BlockFormatError",
    "ConnectionClosedError",
    "ConnectionEOFError",
    "ConnectionTimeoutError",
    "IncompleteReadError",
    "InstrumentError",
    "LimitOverrunError",
    "StaleInputError",
    "annotated",
]

E = TypeVar("E", bound=BaseException)


class ConnectionEOFError(JuntoError, ConnectionError, EOFError):
    """The peer has ended the connection; both ends are closed now."""


class ConnectionTimeoutError(JuntoError, ConnectionError, TimeoutError):
    """The time given was over.

    If the call had sent or consumed something, the connection is closed, so that a late reply is
    never taken for the answer to another request.
    """


class ConnectionClosedError(JuntoError, ConnectionError):
    """There is no connection and none may be opened, or it was closed while the call waited."""


class IncompleteReadError(ConnectionEOFError):
    """The peer ended the connection before all had come that was asked for.

    Attributes:
        partial: What had come: bytes, or a list of lines.
        expected: How many bytes or lines were asked for, or ``None`` if that is not a number.
    """

    def __init__(self, partial: Any, expected: int | None) -> None:
        super().__init__(partial, expected)
        self.partial = partial
        self.expected = expected

    def __str__(self) -> str:
        asked = "the terminator" if self.expected is None else f"{self.expected} were asked for"
        kind = "lines" if isinstance(self.partial, list) else "bytes"
        return f"the peer ended the connection after {len(self.partial)} {kind}, before {asked}"

    def __reduce__(self) -> Any:
        return type(self), (self.partial, self.expected), self.__dict__


class LimitOverrunError(JuntoError, ValueError):
    """A line is longer than ``buffer_size``; the connection is closed.

    Attributes:
        consumed: How many bytes were looked at.
    """

    def __init__(self, message: str, consumed: int) -> None:
        super().__init__(message, consumed)
        self.consumed = consumed

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> Any:
        return type(self), (self.args[0], self.consumed), self.__dict__


class BlockFormatError(JuntoError, ValueError):
    """What should be a binary block is none; the connection is closed."""


class StaleInputError(JuntoError):
    """Bytes were there before the request was sent, and the client is to refuse that; nothing was sent."""


class InstrumentError(JuntoError):
    """The instrument has said that something went wrong.

    Attributes:
        errors: Pairs of number and message, oldest first.
    """

    def __init__(self, errors: list[tuple[int, str]]) -> None:
        super().__init__(errors)
        self.errors = errors

    def __str__(self) -> str:
        return "; ".join(f"{number}, {message}" for number, message in self.errors)


def annotated(error: E, *, address: str, operation: str, generation: int, sent: bool) -> E:
    """Write on *error* what it was about, unless somebody nearer to it has done so."""
    if not hasattr(error, "operation"):
        error.__dict__.update(address=address, operation=operation, generation=generation, sent=sent)
    return error
