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

from typing import Any, Final, TypeVar

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

_NOTES: Final = frozenset({"address", "operation", "generation", "sent"})


class _Told(JuntoError):
    """What the call was about, for errors of our own; on those of the system it is written likewise.

    Attributes:
        address: Of the instrument.
        operation: The name of the method.
        generation: The number of the connection.
        sent: Whether any byte of a request may have left.
    """

    address: str
    operation: str
    generation: int
    sent: bool

    def __getattr__(self, name: str) -> Any:
        # SimPy gives each process an error of its own, made of the arguments, whose cause is the real one.
        if name in _NOTES and type(self.__cause__) is type(self):
            return getattr(self.__cause__, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __reduce__(self) -> Any:
        return type(self), self.args, self._told()

    def _told(self) -> dict[str, Any]:
        """Give all attributes, for a copy, which has no cause."""
        return {name: getattr(self, name) for name in _NOTES if hasattr(self, name)} | self.__dict__


class ConnectionEOFError(_Told, ConnectionError, EOFError):
    """The peer has ended the connection; both ends are closed now."""


class ConnectionTimeoutError(_Told, ConnectionError, TimeoutError):
    """The time given was over.

    If the call had sent or consumed something, the connection is closed, so that a late reply is
    never taken for the answer to another request.
    """


class ConnectionClosedError(_Told, ConnectionError):
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
        return type(self), (self.partial, self.expected), self._told()


class LimitOverrunError(_Told, ValueError):
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
        return type(self), (self.args[0], self.consumed), self._told()


class BlockFormatError(_Told, ValueError):
    """What should be a binary block is none; the connection is closed."""


class StaleInputError(_Told):
    """Bytes were there before the request was sent, and the client is to refuse that; nothing was sent."""


class InstrumentError(_Told):
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
    if "operation" not in error.__dict__:
        error.__dict__.update(address=address, operation=operation, generation=generation, sent=sent)
    return error
