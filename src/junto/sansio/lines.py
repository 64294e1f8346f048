"""Bytes that were received and not yet read, and reads that end at a terminator.

What was received is kept as it came, in immutable chunks, as long as reads find their end in one: a reply
that is one packet and one line is that packet, never copied. Only what no terminator was found in is gathered
in a growing buffer, which remembers how far it was searched. So each byte is looked at once and moved a
bounded number of times, in however many pieces a line comes and however many lines come in one piece.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

__all__ = ["LineBuffer", "LineTooLong", "Terminator"]

_SPLIT = 64 * 1024  # what fits into a processor's nearer memory, with the lines cut from it
# Shared by all that have cut none, for an empty one is not small. Nothing is ever put into it.
_NO_LINES: deque[bytes] = deque()


class LineTooLong(Exception):
    """A line has more content than its limit.

    Attributes:
        consumed: How many bytes were looked at.
    """

    def __init__(self, consumed: int) -> None:
        super().__init__(consumed)
        self.consumed = consumed


class Terminator:
    """What ends a line: one sequence of bytes, or the first of several.

    Of several, that whose match ends first wins, and the longest of those that begin at the same place.

    Attributes:
        alternatives: The sequences, in the order given.
        single: The only sequence, or ``None``.
    """

    __slots__ = ("_nested", "_pattern", "alternatives", "longest", "single")

    def __init__(self, eol: bytes | Iterable[bytes]) -> None:
        """Prepare to look for *eol*.

        Raises:
            TypeError: It is not made of bytes.
            ValueError: It, or one of several, is empty.
        """
        alternatives = (eol,) if isinstance(eol, bytes | bytearray | memoryview) else tuple(_iterate(eol))
        for one in alternatives:
            if not isinstance(one, bytes | bytearray | memoryview):
                raise TypeError(f"a line terminator is bytes, not {type(one).__name__}")
        self.alternatives = tuple(map(bytes, alternatives))
        if not self.alternatives or not all(self.alternatives):
            raise ValueError("a line terminator has at least one byte")
        self.longest = max(map(len, self.alternatives))
        self.single = self.alternatives[0] if len(self.alternatives) == 1 else None
        by_length = sorted(self.alternatives, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, by_length)), re.DOTALL)
        # Whether one could end inside another that began before it.
        self._nested = any(short in long[1:-1] for long in by_length for short in by_length)

    def find(self, data: bytes | bytearray, start: int = 0) -> tuple[int, int] | None:
        """Find the first terminator at or behind *start*; tell where it begins and ends."""
        if self.single is not None:
            at = data.find(self.single, start)
            return None if at < 0 else (at, at + len(self.single))
        match = self._pattern.search(data, start)
        if match is None:
            return None
        begin, end = match.span()
        if self._nested:
            for one in self.alternatives:
                at = data.find(one, begin, end - 1)
                if at >= 0:
                    begin, end = at, at + len(one)
        return begin, end

    def rest(self, found: bytes | bytearray | memoryview) -> tuple[bytes, ...]:
        """Tell what, coming next, would have made the match *found* a longer one."""
        return tuple(
            one[len(found) :] for one in self.alternatives if len(one) > len(found) and one.startswith(found)
        )

    def ends(self, data: bytes) -> bytes:
        """Give the longest terminator that *data* ends with; empty for none."""
        return max((one for one in self.alternatives if data.endswith(one)), key=len, default=b"")


def _iterate(eol: Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(eol, str) or not isinstance(eol, Iterable):
        raise TypeError(f"a line terminator is bytes or a tuple of bytes, not {type(eol).__name__}")
    return eol


class LineBuffer:
    """The bytes of one connection that were received and not yet read, oldest first."""

    __slots__ = (
        "_chunk",
        "_gathered",
        "_held",
        "_lines",
        "_position",
        "_searched",
        "_searched_for",
        "_size",
        "_split_at",
        "_unwanted",
    )

    def __init__(self) -> None:
        # In this order: whole lines that were cut already, the rest of a chunk, and what came later.
        self._lines = _NO_LINES
        self._split_at: Terminator | None = None
        self._chunk = b""
        self._position = 0
        self._gathered = bytearray()
        self._searched = 0
        self._searched_for: Terminator | None = None
        self._size = 0
        self._unwanted: tuple[bytes, ...] = ()
        self._held = b""

    def __len__(self) -> int:
        return self._size + sum(map(len, self._lines)) if self._lines else self._size

    def __bool__(self) -> bool:
        return self._size > 0 or bool(self._lines)

    def append(self, data: bytes | memoryview) -> None:
        """Take what was received; of a view, a copy."""
        if self._unwanted:
            data = self._without_unwanted(bytes(data))
        chunk = self._chunk
        if not self._size:
            self._chunk = bytes(data)
            self._position = 0
            self._searched_for = None
        elif not self._gathered and len(chunk) - self._position <= len(data):
            # What is left is no longer than what it is laid in front of; that bounds how often it is moved.
            self._chunk = b"".join((memoryview(chunk)[self._position :], data))
            self._searched = max(0, self._searched - self._position)
            self._position = 0
        else:
            self._gathered += data
        self._size += len(data)

    def ignore_next(self, unwanted: Iterable[bytes]) -> None:
        """Drop one of *unwanted* if it is the very next to come, or is there already.

        Nobody waits for that. A part of it that comes is held back until it is decided.
        """
        self._unwanted = tuple(sorted(filter(None, unwanted), key=len, reverse=True))
        if self._size and self._unwanted:
            data = self._without_unwanted(self.take_all())
            self.append(data)

    def _without_unwanted(self, data: bytes) -> bytes:
        data = self._held + data
        self._held = b""
        for one in self._unwanted:
            if data.startswith(one):
                self._unwanted = ()
                return data[len(one) :]
        if any(one.startswith(data) for one in self._unwanted):
            self._held = data
            return b""
        self._unwanted = ()
        return data

    def end(self) -> None:
        """Take note that no more will come: what was held back is data."""
        self._unwanted = ()
        if self._held:
            held, self._held = self._held, b""
            self.append(held)

    def clear(self) -> None:
        """Forget all; what is to be dropped next stays so."""
        self._lines.clear()
        self._chunk = b""
        self._position = 0
        self._gathered = bytearray()
        self._searched_for = None
        self._size = 0

    def take(self, most: int) -> bytes:
        """Take up to *most* bytes."""
        if self._lines:
            self._join_lines()
        here = len(self._chunk) - self._position
        if most >= here and not self._gathered:
            return self.take_all()
        if most > here:
            self._to_chunk()
        end = min(self._position + most, len(self._chunk))
        taken = self._chunk[self._position : end]
        self._go_to(end)
        self._size -= len(taken)
        return taken

    def take_all(self) -> bytes:
        """Take everything."""
        if self._lines:
            self._join_lines()
        self._to_chunk()
        taken = self._chunk[self._position :] if self._position else self._chunk
        self._chunk = b""
        self._position = 0
        self._size = 0
        return taken

    def peek(self, most: int) -> bytes:
        """Look at up to *most* bytes, which stay."""
        if self._lines:
            self._join_lines()
        if len(self._chunk) - self._position < most:
            self._to_chunk()
        return self._chunk[self._position : self._position + most]

    def take_into(self, target: memoryview) -> int:
        """Take as many bytes as there are and *target* has room for; tell how many."""
        taken = self.take(len(target))
        target[: len(taken)] = taken
        return len(taken)

    def put_back(self, data: bytes) -> None:
        """Lay *data* in front of all."""
        self._chunk = data + self.take_all()
        self._size = len(self._chunk)
        self._searched_for = None

    def append_and_take_line(
        self, data: bytes | memoryview, terminator: Terminator, limit: int
    ) -> bytes | None:
        """Take what was received, and take one line; as `append` and `take_line`, in fewer steps."""
        if type(data) is bytes and not self._size and not self._lines and not self._unwanted:
            eol = terminator.single
            if eol is not None and 0 <= data.find(eol) == len(data) - len(eol) <= limit:
                return data  # just this line, which is the usual reply
        self.append(data)
        return self.take_line(terminator, limit)

    def take_line(self, terminator: Terminator, limit: int) -> bytes | None:
        """Take one line with its terminator; ``None`` if there is no whole one.

        Raises:
            LineTooLong: Its content is above *limit* bytes; nothing was taken.
        """
        if self._lines:
            if self._split_at is terminator:
                return self._lines.popleft()
            self._join_lines()
        if not self._size:
            return None
        if not self._gathered:
            found = terminator.find(self._chunk, self._start(terminator))
            if found is None:
                self._note_searched(terminator, limit, len(self._chunk), self._position)
                return None
        else:
            found = self._find_gathered(terminator, limit)
            if found is None:
                return None
        begin, end = found
        if begin - self._position > limit:
            raise LineTooLong(end - self._position)
        line = self._chunk[self._position : end]
        self._go_to(end)
        self._size -= len(line)
        if terminator.single is None and not self._size:
            self.ignore_next(terminator.rest(line[begin - end :]))
        return line

    def take_lines(self, terminator: Terminator, limit: int) -> list[bytes]:
        """Take whole lines, of 64 KiB or a little more together, or those that were cut already.

        Raises:
            LineTooLong: The content of the first is above *limit* bytes; nothing was taken.
        """
        if self._lines and self._split_at is terminator:
            lines = list(self._lines)
            self._lines.clear()
            return lines
        lines = self.cut_lines(terminator, limit)
        if not lines:
            first = self.take_line(terminator, limit)
            if first is None:
                return []
            lines = self.cut_lines(terminator, limit)
            lines.insert(0, first)
        return lines

    def split_lines(self, terminator: Terminator, limit: int) -> deque[bytes]:
        """Cut whole lines apart in advance, of 64 KiB or less.

        Returns:
            These lines. They are still here; who takes the oldest from this object has read it. As soon as
            anything else is read, or all is forgotten, this object is empty.
        """
        if not self._lines:
            self._lines = deque(self.cut_lines(terminator, limit))
            self._split_at = terminator
        return self._lines

    def cut_lines(self, terminator: Terminator, limit: int) -> list[bytes]:
        """Take whole lines, of 64 KiB or less together, if that can be done quickly; else none.

        None are taken, though they may be there, of terminators that are several, of a line that is
        longer, or has more content than *limit*, and of what came in many pieces: `take_line` is for these.
        """
        eol = terminator.single
        chunk = self._chunk
        start = self._position
        end = start + _SPLIT
        if eol is None or self._lines or start == len(chunk):
            return []
        if start or end < len(chunk):
            last = chunk.rfind(eol, start, end)
            if last < 0:
                return []
            chunk = chunk[start : last + len(eol)]
        if eol == b"\n" and b"\r" not in chunk:
            lines = chunk.splitlines(keepends=True)
            rest = b"" if chunk.endswith(eol) else lines.pop()
        else:
            *lines, rest = chunk.split(eol)
            lines = [line + eol for line in lines]
        size = len(chunk) - len(rest)
        if size > limit and max(map(len, lines), default=0) - len(eol) > limit:
            return []  # `take_line` will say so, in its turn
        self._go_to(self._position + size)
        self._size -= size
        return lines

    def _go_to(self, position: int) -> None:
        """Take note that the chunk was read up to *position*; one that is used up is not kept."""
        if position == len(self._chunk):
            self._chunk = b""
            position = 0
            self._searched_for = None
        self._position = position

    def _join_lines(self) -> None:
        lines = b"".join(self._lines)
        self._lines.clear()
        self._size += len(lines)
        self._chunk = lines + self._chunk[self._position :]
        self._position = 0
        self._searched_for = None

    def _to_chunk(self) -> None:
        """Make one chunk of all."""
        if self._gathered:
            self._chunk = b"".join((memoryview(self._chunk)[self._position :], self._gathered))
            self._position = 0
            self._gathered = bytearray()
        self._searched_for = None

    def _start(self, terminator: Terminator) -> int:
        """Tell from where on *terminator* has to be looked for in the chunk."""
        if self._searched_for is terminator and self._searched > self._position:
            return self._searched
        return self._position

    def _note_searched(self, terminator: Terminator, limit: int, size: int, first: int) -> None:
        self._searched = max(first, size - terminator.longest + 1)
        self._searched_for = terminator
        if self._searched - first > limit:
            raise LineTooLong(size - first)

    def _find_gathered(self, terminator: Terminator, limit: int) -> tuple[int, int] | None:
        if self._chunk:
            if self._position < len(self._chunk):
                found = terminator.find(self._chunk, self._start(terminator))
                if found is not None and found[1] < len(self._chunk):
                    return found
                # Not in the chunk alone, or perhaps a longer one across its end.
                self._gathered[:0] = memoryview(self._chunk)[self._position :]
                self._searched_for = None
            self._chunk = b""
            self._position = 0
        start = self._searched if self._searched_for is terminator else 0
        found = terminator.find(self._gathered, start)
        if found is None:
            self._note_searched(terminator, limit, len(self._gathered), 0)
            return None
        self._chunk = bytes(self._gathered)
        self._gathered = bytearray()
        self._searched_for = None
        return found
