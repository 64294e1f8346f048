"""The building blocks of protocols, used with ``yield from``.

Each call makes an object that says what is to be done; ``yield from`` does it. What can be done at once is
done there and then, however deep the function that asks for it is nested; only what has to wait goes out
to whoever runs the protocol.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from struct import pack
from typing import TYPE_CHECKING, Any, Never, TypeVar

from junto.sansio.coroutines.buffer import as_bytes, check_size
from junto.sansio.coroutines.primitive import DONE, WATCHED, Primitive, at_once
from junto.sansio.coroutines.protocol_io import (
    NEVER,
    OUTSIDE,
    RUNNING,
    SUSPENDED,
    ProtocolIO,
    Steps,
    Suspension,
    current,
)

if TYPE_CHECKING:
    from junto.sansio.coroutines.buffer import BytesLike

__all__ = [
    "at_eof",
    "emit",
    "flush",
    "get_io",
    "peek",
    "put",
    "put_lines",
    "put_struct",
    "read",
    "wait",
    "write",
]

E = TypeVar("E")


class read(Primitive[Never, bytes]):
    """Consume exactly *n* bytes, waiting for them; without an argument whatever is there, without waiting.

    Raises:
        ValueError: *n* is negative.
        IncompleteRead: The input ended before; what there is of it is not consumed.
        BufferFull: *n* is above ``max_input``.
    """

    __slots__ = ("_n",)

    def __init__(self, n: int | None = None) -> None:
        self._n = n
        if n is not None and n < 0:
            check_size(n)

    def __iter__(self) -> Steps[bytes]:
        n = self._n
        io = current()
        buffer = io.input
        if n is None:
            return buffer.take_all()
        while True:
            at = buffer.at
            data = buffer.data
            end = at + n
            if end <= len(data):
                # `InputBuffer.take`, without a call: it is the way of most that is received.
                buffer.at = end
                return data[at:end] if type(data) is bytes else buffer.copy(at, end)
            if io.needed or io.ended or n > io.full:
                io.need(n)
            io.needed = n
            del data  # which is not to be held while nobody needs it
            yield SUSPENDED


class peek(Primitive[Never, bytes]):
    """Look at up to *n* bytes of the input, or at all, without consuming them and without waiting.

    Raises:
        ValueError: *n* is negative.
    """

    __slots__ = ("_n",)

    def __init__(self, n: int | None = None) -> None:
        self._n = n
        if n is not None:
            check_size(n)

    def __iter__(self) -> Steps[bytes]:
        return at_once(current().input.peek(self._n))


class wait(Primitive[Never, None]):
    """Wait until anything happens: input, or somebody who takes output or asks for the result.

    What was waited for may still not be there; look again, and wait again.

    Raises:
        IncompleteRead: The input has ended, and a `wait` has already returned for that.
    """

    __slots__ = ()

    def __iter__(self) -> Steps[None]:
        if current().need_event():
            yield SUSPENDED


def _drain(io: ProtocolIO) -> Steps[None]:
    io.needed = NEVER
    io.draining = True
    try:
        yield SUSPENDED
    finally:
        io.draining = False


class flush(Primitive[Never, None]):
    """Wait until all output was taken."""

    __slots__ = ()

    def __iter__(self) -> Steps[None]:
        io = current()
        return DONE if io.flowing or not io.output.chunks else _drain(io)


class write(Primitive[Never, None]):
    """Append *data* to the output and wait until all output was taken; nothing is done for no data.

    Raises:
        TypeError: *data* is not bytes-like.
    """

    __slots__ = ("_data",)

    def __init__(self, data: BytesLike) -> None:
        self._data = data if type(data) is bytes else as_bytes(data)

    def __iter__(self) -> Steps[None]:
        data = self._data
        if not data:
            return DONE
        io = current()
        io.chunks.append(data)
        return DONE if io.flowing else _drain(io)


class _Done(Primitive[Never, None], tuple[()]):
    __slots__ = ()
    __iter__ = tuple.__iter__  # type: ignore[assignment]  # there is nothing in it, and no faster iterator


class _Full(flush):
    __slots__ = ()


_Done.__name__ = _Full.__name__ = "put"
_DONE = _Done()
iter(_DONE)  # in the development mode, this one is not to be told


def put(data: BytesLike) -> Primitive[Never, None]:
    """Append *data* to the output and go on, unless more than ``max_output`` bytes wait there: then `flush`.

    It is the one primitive that does its work when it is called: ``yield from`` only waits if it has to.

    Raises:
        TypeError: *data* is not bytes-like.
    """
    io = current()
    if io.state != RUNNING:
        raise RuntimeError(OUTSIDE)
    if type(data) is not bytes:
        data = as_bytes(data)
    if data:
        io.chunks.append(data)
        if io.max_output is not None and io.is_full(len(data)):
            return _Full()
    return _Done() if WATCHED else _DONE


def put_lines(lines: Iterable[BytesLike], eol: bytes = b"\n") -> Primitive[Never, None]:
    """Append each of *lines* and an *eol* behind it; see `put`."""
    return put(b"".join([part for line in lines for part in (line, eol)]))


def put_struct(form: str, *values: Any) -> Primitive[Never, None]:
    """Append *values* as `struct.pack` puts them into bytes; see `put`.

    Raises:
        struct.error: They do not fit the form.
    """
    return put(pack(form, *values))


class emit(Primitive[E, None]):
    """Give *event* to whoever runs the protocol, and go on.

    A protocol has one result, and any number of events.

    Args:
        event: Anything.
        after_flush: Wait first until all output was taken.
    """

    __slots__ = ("_after_flush", "_event")

    def __init__(self, event: E, *, after_flush: bool = False) -> None:
        self._event = event
        self._after_flush = after_flush

    def __iter__(self) -> Generator[Suspension[E], None, None]:
        io = current()
        if self._after_flush and io.output.chunks and not io.flowing:
            yield from _drain(io)
        if io.events is None:
            io.events = deque()
        io.events.append(self._event)


class at_eof(Primitive[Never, bool]):
    """Tell, without waiting, whether the input has ended and all of it is consumed."""

    __slots__ = ()

    def __iter__(self) -> Steps[bool]:
        io = current()
        return at_once(io.ended and not len(io.input))


class get_io(Primitive[Never, ProtocolIO]):
    """Give the protocol's side of its connection, for what can be done without waiting.

    In a tight loop, ``io.try_read(n)`` and ``io.try_until(separator)``, which are plain calls, are faster
    than primitives; where they return ``None``, use the primitive, which waits.
    """

    __slots__ = ()

    def __iter__(self) -> Steps[ProtocolIO]:
        return at_once(current())
