"""Primitives for large bodies, which need not wait as a whole in the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Never

from junto.errors import IncompleteRead
from junto.sansio.coroutines.buffer import check_size
from junto.sansio.coroutines.primitive import Primitive, primitive
from junto.sansio.coroutines.protocol_io import SUSPENDED, Steps, current

__all__ = ["read_chunks", "read_into", "read_view"]


class _NextChunk(Primitive[Never, bytes]):
    __slots__ = ("_chunks",)

    def __init__(self, chunks: _Chunks) -> None:
        self._chunks = chunks

    def __iter__(self) -> Steps[bytes]:
        chunks = self._chunks
        io = current()
        while not len(io.input):
            io.need_more()
            yield SUSPENDED
        data = io.input.peek(chunks.left)
        io.input.skip(len(data))
        chunks.left -= len(data)
        chunks.begun = False
        return data


_NextChunk.__name__ = "read_chunks"


class _Chunks(Iterator[Primitive[Never, bytes]]):
    def __init__(self, n: int) -> None:
        self.left = n
        self.begun = False

    def __next__(self) -> Primitive[Never, bytes]:
        if self.begun:
            raise RuntimeError("read_chunks() gives steps: write `chunk = yield from step` in the loop")
        if not self.left:
            raise StopIteration
        self.begun = True
        return _NextChunk(self)


def read_chunks(n: int) -> Iterator[Primitive[Never, bytes]]:
    """Consume *n* bytes in the pieces in which they come; *n* may be above ``max_input``.

    Use it as a loop over steps::

        for step in read_chunks(n):
            chunk = yield from step

    Raises:
        ValueError: *n* is negative.
        IncompleteRead: The input ended before, told by a step.
    """
    check_size(n)
    return _Chunks(n)


@primitive
def read_view(n: int) -> Steps[memoryview]:
    """Consume exactly *n* bytes, and give a read-only view of them; *n* may be above ``max_input``.

    Raises:
        ValueError: *n* is negative.
        IncompleteRead: The input ended before; what there is of it is not consumed.
    """
    check_size(n)
    io = current()
    full = io.full
    io.full = max(full, n)
    try:
        while (view := io.input.take_view(n)) is None:
            io.need(n)
            yield SUSPENDED
    finally:
        io.full = full
    return view


@primitive
def read_into(buffer: bytearray | memoryview) -> Steps[int]:
    """Fill *buffer* with bytes as they come, and give their number; it may be larger than ``max_input``.

    Raises:
        TypeError: *buffer* cannot be written to.
        IncompleteRead: The input ended before; what there is of it is not consumed.
    """
    with memoryview(buffer) as whole, whole.cast("B") as target:
        io = current()
        filled = 0
        while True:
            with target[filled:] as rest:
                filled += io.input.take_into(rest)
            if filled == len(target):
                return filled
            if io.ended:
                io.input.give_back(target[:filled].tobytes())
                raise IncompleteRead(io.input.peek(), len(target))
            io.need_more()
            yield SUSPENDED
