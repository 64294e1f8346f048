"""Every error that junto raises, in one tree.

    JuntoError
    ├── ProtocolError
    │   ├── LocalProtocolError     we were asked for something the protocol forbids
    │   │   ├── NoResult           … what the protocol has not given yet (also RuntimeError)
    │   │   └── ProtocolFinished   … to go on after its end (also RuntimeError)
    │   └── RemoteProtocolError    the peer sent something it forbids (also ConnectionError)
    │       ├── PacketTooLarge     … a length above the limit
    │       ├── LimitExceeded      … more than a limit without what should have come
    │       │   └── BufferFull     … more than may wait on a connection
    │       ├── IncompleteRead     … its end where more should have come (also EOFError)
    │       └── ProtocolViolation  … bytes that the protocol does not know (also ValueError)
    ├── CodecError                 a value has no form on the wire, or the reverse (also ValueError)
    ├── ConnectionFailed           a connection could not be opened (also ConnectionError)
    ├── ConnectionLost             … broke or was closed while in use (also ConnectionError)
    ├── RequestTimeout             the time given was over (also TimeoutError)
    ├── RemoteError                the peer's handler failed
    └── Overloaded                 a limit of this connection is reached

Local against remote says who has to mend it. The facts of an error are its attributes.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = [
    "BufferFull",
    "CodecError",
    "ConnectionFailed",
    "ConnectionLost",
    "IncompleteRead",
    "JuntoError",
    "LimitExceeded",
    "LocalProtocolError",
    "NoResult",
    "Overloaded",
    "PacketTooLarge",
    "ProtocolError",
    "ProtocolFinished",
    "ProtocolViolation",
    "RemoteError",
    "RemoteProtocolError",
    "RequestTimeout",
    "fresh",
]


class JuntoError(Exception):
    """The root of all errors that junto raises on purpose."""


class ProtocolError(JuntoError):
    """The rules of a protocol were broken, by us or by the peer."""


class LocalProtocolError(ProtocolError):
    """We were asked to do what the protocol, or this connection's peer, does not allow.

    Nothing was sent; the connection is as it was.
    """


class RemoteProtocolError(ProtocolError, ConnectionError):
    """The peer sent what the protocol forbids; the connection is closed.

    The decoder's own error, if there was one, is the ``__cause__``.
    """


class PacketTooLarge(RemoteProtocolError):
    """The peer announced a packet above the limit; nothing was stored for it.

    Attributes:
        size: The announced length in bytes.
        max_size: The limit it exceeds, in bytes.
    """

    def __init__(self, size: int, max_size: int) -> None:
        super().__init__(size, max_size)
        self.size = size
        self.max_size = max_size

    def __str__(self) -> str:
        return f"the peer announced a packet of {self.size:,} bytes; the limit is {self.max_size:,}"


class NoResult(LocalProtocolError, RuntimeError):
    """A protocol was asked for its result, or its next event, before there is one."""


class ProtocolFinished(LocalProtocolError, RuntimeError):
    """A protocol was given something after its end; why it ended is the ``__cause__``, if it failed."""


class LimitExceeded(RemoteProtocolError):
    """The peer sent as much as it may, and what should have come was not in it.

    Attributes:
        limit: The limit, in bytes.
    """

    def __init__(self, limit: int, what: str = "what should have come") -> None:
        super().__init__(limit, what)
        self.limit = limit
        self.what = what

    def __str__(self) -> str:
        return f"the limit is {self.limit:,} bytes, and {self.what} is not within it"


class BufferFull(LimitExceeded):
    """More bytes wait on a connection, or are announced for it, than may wait there."""


class IncompleteRead(RemoteProtocolError, EOFError):
    """The peer ended its stream where the protocol needs more.

    Attributes:
        partial: What there was of it.
        expected: How many bytes were needed; ``None`` if that was not known.
    """

    def __init__(self, partial: bytes, expected: int | None) -> None:
        super().__init__(partial, expected)
        self.partial = partial
        self.expected = expected

    def __str__(self) -> str:
        wanted = "more" if self.expected is None else f"{self.expected:,} bytes"
        return f"the stream ended after {len(self.partial):,} bytes where the protocol needs {wanted}"


class ProtocolViolation(RemoteProtocolError, ValueError):
    """The peer sent bytes that have no meaning in the protocol at this place.

    Attributes:
        message: What is wrong.
        offset: Where, in bytes from the beginning of the stream; ``None`` if unknown.
        excerpt: Some bytes from there on.
    """

    def __init__(self, message: str, offset: int | None = None, excerpt: bytes = b"") -> None:
        super().__init__(message)
        self.args = (message, offset, excerpt)  # an OSError would take the third for a file's name
        self.message = message
        self.offset = offset
        self.excerpt = excerpt

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at offset {self.offset:,}"
        return f"{self.message}{where}" + (f": {self.excerpt!r}" if self.excerpt else "")


class CodecError(JuntoError, ValueError):
    """A value cannot be put on the wire, or bytes cannot be read as a value."""


class ConnectionFailed(JuntoError, ConnectionError):
    """A connection could not be opened; the system's own error is the ``__cause__``."""


class ConnectionLost(JuntoError, ConnectionError):
    """The connection broke, ended, or was closed by us while somebody still waited on it."""


class RequestTimeout(JuntoError, TimeoutError):
    """The time given for an operation was over before it ended; the connection lives on."""


class Overloaded(JuntoError):
    """A limit of this connection is reached; nothing was sent. Try again when some work is done."""


# How Python begins the text of an exception that is not the first one in it, ...
_CHAINED = re.compile(
    r"\n\nThe above exception was the direct cause of the following exception:\n\n"
    r"|\n\nDuring handling of the above exception, another exception occurred:\n\n"
)
# ... and that of one that was raised; all steps are indented.
_STEPS = re.compile(r"Traceback \(most recent call last\):\n(?:[ \t].*\n)*")
_NAME_AND_MESSAGE = re.compile(
    r"(?P<name>[^\W\d]\w*(?:\.(?:\w+|<locals>))*)(?:: (?P<message>.*))?\Z", re.DOTALL
)


class RemoteError(JuntoError):
    """The peer's handler failed, and said so.

    Attributes:
        origin: The peer's name: its address on TCP, the path of a unix socket.
        content: What the peer sent as the failure, decoded, of any shape.
        text: The failure as text to show.
        type_name: The name of the remote exception's type, or ``None`` where
            *content* does not tell.
        message: The remote exception's message, or ``None``.
    """

    def __init__(self, content: Any, origin: Any = None) -> None:
        super().__init__(content, origin)
        self.content = content
        self.origin = origin
        self.type_name: str | None = None
        self.message: str | None = None
        if isinstance(content, str):
            self.text = content.rstrip("\n")
            self._read_text()
        elif isinstance(content, list | tuple):
            self.text = "\n".join(text_of(part).rstrip("\n") for part in content)
            self._read_list(content)
        else:
            self.text = text_of(content)

    def _read_text(self) -> None:
        last = _CHAINED.split(self.text)[-1]
        steps = _STEPS.match(last)
        match = _NAME_AND_MESSAGE.match(last, 0 if steps is None else steps.end())
        if match is not None:
            self.type_name = match["name"]
            self.message = match["message"] or ""

    def _read_list(self, content: list[Any] | tuple[Any, ...]) -> None:
        if len(content) > 0 and isinstance(content[0], str):
            self.type_name = content[0]
        if len(content) > 1 and isinstance(content[1], str):
            self.message = content[1]

    def __str__(self) -> str:
        if self.type_name is not None and self.message is not None:
            return f"{self.type_name}: {self.message}" if self.message else self.type_name
        return self.text


def text_of(value: object) -> str:
    """Give a text of anything, also of what fails when it is asked for one."""
    try:
        return str(value)
    except Exception:  # too deep, or a number too long
        return f"<{type(value).__qualname__}>"


def fresh(error: BaseException) -> BaseException:
    """Make a new error that says what *error* says, chained to it.

    An exception object that is raised twice collects the tracebacks of both; so
    each waiter for one event gets its own.
    """
    try:
        copy = type(error)(*error.args)
    except Exception:  # a foreign class with arguments of its own
        copy = ConnectionLost(text_of(error))
    copy.__cause__ = error
    return copy
