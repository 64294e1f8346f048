"""Where the input of a protocol waits.

What is fed is kept as it came, as one ``bytes`` object that is walked by an offset, as long as reads keep up
with it: slices of ``bytes`` are the cheapest there are. Only where much waits and little comes, the input is
gathered in a ``bytearray``. Either way each byte is moved a bounded number of times, whatever the pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from junto.errors import LimitExceeded

if TYPE_CHECKING:
    from typing import TypeAlias

    BytesLike: TypeAlias = bytes | bytearray | memoryview

__all__ = ["Buffer", "InputBuffer", "as_bytes", "check_size"]

_FIRST_WINDOW = 256
# From here on, a view and one copy are faster than a slice of a bytearray and another copy of it.
_LARGE = 1024
_ROOM = 64 * 1024
# So many chunks are joined, wanted or not: a chunk takes more than its bytes.
_MANY = 64


def as_bytes(data: BytesLike) -> bytes:
    """Take a copy of anything bytes-like; ``bytes`` are their own copy.

    Raises:
        TypeError: It is something else; a number is not so many zeros, a text has no encoding.
    """
    return data if type(data) is bytes else memoryview(data).tobytes()


def check_size(n: int) -> None:
    """Refuse sizes that would walk backwards.

    Raises:
        ValueError: *n* is negative.
    """
    if n < 0:
        raise ValueError(f"a number of bytes cannot be negative, as {n} is")


class InputBuffer:
    """The input of one connection.

    Attributes:
        data: What is there, or its first part.
        at: How many bytes of `data` are consumed.
        before: How many bytes were consumed before those of `data`.
        scanned: Up to here, the separator that was looked for last does not begin.
        later: What came after `data`; not joined before somebody needs it.
    """

    __slots__ = ("_later_size", "_room", "_separator", "at", "before", "data", "later", "scanned")

    def __init__(self) -> None:
        self.data: bytes | bytearray = b""
        self.at = 0
        self.before = 0
        self.scanned = 0
        self.later: list[bytes] | None = None
        self._later_size = 0
        self._separator: bytes | None = None
        self._room: bytearray | None = None

    def __len__(self) -> int:
        """Count the bytes that were written and not read."""
        return len(self.data) - self.at + self._later_size

    @property
    def consumed(self) -> int:
        """How many bytes were read so far."""
        return self.before + self.at

    def read(self, n: int | None = None) -> bytes:
        """Consume and return up to *n* bytes, without an argument all; ``b""`` if there are none.

        Raises:
            ValueError: *n* is negative.
        """
        data = self.peek(n)
        self.at += len(data)
        self.trim()
        return data

    def peek(self, n: int | None = None) -> bytes:
        """Return what `read` would return, and leave it.

        Raises:
            ValueError: *n* is negative.
        """
        if self.later:
            self.gather()
        at = self.at
        end = len(self.data)
        if n is not None:
            check_size(n)
            end = min(end, at + n)
        return self.copy(at, end)

    def append(self, chunk: bytes) -> int:
        """Append *chunk* itself, which nobody will change; return how many bytes there are now."""
        later = self.later
        if later and chunk and len(later) < _MANY:
            later.append(chunk)
            self._later_size = size = self._later_size + len(chunk)
            return len(self.data) - self.at + size
        if later:
            self.gather()
        if not self.data:
            self.data = chunk
        elif chunk:
            self.later = [chunk]
            self._later_size = len(chunk)
        return len(self)

    def gather(self) -> None:
        """Put what came later behind `data`."""
        data = self.data
        later = self.later or []
        rest = len(data) - self.at
        if rest <= self._later_size:
            with memoryview(data) as view:
                self.data = b"".join((view[self.at :], *later))
            self._shift()
        else:
            if not isinstance(data, bytearray):
                with memoryview(data) as view:
                    data = self.data = bytearray(view[self.at :])
                self._shift()
            elif rest <= self.at:
                del data[: self.at]
                self._shift()
            for chunk in later:
                data += chunk
        self.later = None
        self._later_size = 0

    def clear(self) -> None:
        """Let go of the memory, when all was read."""
        self.before += self.at
        self.at = self.scanned = 0
        self.data = b""

    def trim(self) -> int:
        """Let go of what was read, if there is not more behind it; return how many bytes there are."""
        at = self.at
        data = self.data
        rest = len(data) - at
        if not rest:
            self.clear()
        elif rest <= at:
            if type(data) is bytearray:
                del data[:at]
            else:
                self.data = data[at:]
            self._shift()
        return rest

    def _shift(self) -> None:
        """Count from the first byte that was not read."""
        self.before += self.at
        self.scanned = max(0, self.scanned - self.at)
        self.at = 0

    def copy(self, start: int, stop: int) -> bytes:
        """Return a part of `data`."""
        data = self.data
        if type(data) is bytes:
            return data[start:stop]
        if stop - start < _LARGE:
            return bytes(data[start:stop])
        with memoryview(data) as view, view[start:stop] as piece:
            return bytes(piece)

    def take(self, n: int) -> bytes | None:
        """Consume and return exactly *n* bytes, or ``None`` as long as there are fewer."""
        at = self.at
        end = at + n
        data = self.data
        if end > len(data):
            return None
        self.at = end
        return data[at:end] if type(data) is bytes else self.copy(at, end)

    def take_all(self) -> bytes:
        """Consume and return all bytes."""
        data = self.copy(self.at, len(self.data))
        self.at = len(self.data)
        return data

    def take_view(self, n: int) -> memoryview | None:
        """Consume exactly *n* bytes and return them as a read-only view, or ``None``.

        Where it can be had without moving more than *n* bytes, they are not copied.
        """
        at = self.at
        end = at + n
        data = self.data
        if end > len(data):
            return None
        if type(data) is bytearray and len(data) - end <= n:
            # The view gets the whole bytearray for its own, so that ours can grow while somebody looks.
            with memoryview(data) as view:
                self.data = bytes(view[end:])
            self.at = end
            self._shift()
            return memoryview(data)[at:end].toreadonly()
        self.at = end
        return memoryview(data)[at:end] if type(data) is bytes else memoryview(self.copy(at, end))

    def take_into(self, target: memoryview) -> int:
        """Consume as many bytes as *target* takes, and put them there; return how many they were."""
        n = min(len(target), len(self.data) - self.at)
        with memoryview(self.data) as view:
            target[:n] = view[self.at : self.at + n]
        self.at += n
        return n

    def skip(self, n: int) -> int:
        """Consume up to *n* bytes; return how many they were."""
        n = min(n, len(self.data) - self.at)
        self.at += n
        return n

    def give_back(self, data: bytes) -> None:
        """Put bytes that were read in front again."""
        self.data = data + self.copy(self.at, len(self.data))
        self.before += self.at - len(data)
        self.at = self.scanned = 0

    def take_until(self, separator: bytes, include: bool = True, limit: int | None = None) -> bytes | None:
        """Consume and return all up to *separator*, or ``None`` as long as it is not there.

        A search goes on where the one before stopped.

        Raises:
            LimitExceeded: It does not end within *limit* bytes; nothing was consumed.
        """
        data = self.data
        at = self.at
        start = at if self.scanned <= at else self._resume(separator)
        stop = data.find(separator, start)
        if stop < 0:
            self._separator = separator
            self.scanned = max(at, len(data) - len(separator) + 1)
            if limit is not None and len(data) - at >= limit:
                raise LimitExceeded(limit, repr(separator))
            return None
        end = stop + len(separator)
        if limit is not None and end - at > limit:
            raise LimitExceeded(limit, repr(separator))
        self.at = end
        if include:
            stop = end
        return data[at:stop] if type(data) is bytes else self.copy(at, stop)

    def _resume(self, separator: bytes) -> int:
        return self.scanned if separator == self._separator else self.at

    def find_first(
        self, separators: tuple[bytes, ...], scanned: int, ended: bool
    ) -> tuple[int, bytes, bool] | None:
        """Find which of *separators* ends first.

        Returns:
            Where it begins, counted from the first byte here; the separator; and whether that is
            certain. It is not as long as a longer one may begin at the same place.

        Args:
            separators: What to look for.
            scanned: How many bytes are known to hold no beginning of any.
            ended: Whether there will be no more bytes.
        """
        data = self.data
        start = self.at + scanned
        window = _FIRST_WINDOW
        while True:
            # Else one that never comes would be looked for through all that waits, again and again.
            stop = min(len(data), start + window)
            ends = [
                (begin + len(one), begin, one)
                for one in separators
                if (begin := data.find(one, start, stop)) >= 0
            ]
            if ends:
                break
            if stop == len(data):
                return None
            start = max(start, stop - max(map(len, separators)) + 1)
            window *= 2
        _, begin, found = min(ends)
        certain = True
        for one in separators:
            if len(one) > len(found):
                there = data[begin : begin + len(one)]
                if there == one:
                    found = one
                elif not ended and begin + len(there) == len(data) and one.startswith(there):
                    certain = False
        return begin - self.at, found, certain

    def get_buffer(self, hint: int = -1) -> bytearray:
        """Give room for the next bytes; `buffer_updated` tells how many came.

        It becomes a part of the buffer only then, so nothing is amiss if that never happens.
        """
        if self._room is None:
            self._room = bytearray(max(hint, _ROOM))
        return self._room

    def buffer_updated(self, n: int) -> int:
        """Append *n* bytes that were put into `get_buffer`; return how many bytes there are now."""
        room = self._room
        assert room is not None, "get_buffer comes first"
        self._room = None
        if not self.data:
            del room[n:]
            self.data = room
            return n
        return self.append(bytes(memoryview(room)[:n]))


class Buffer:
    """Bytes in the order in which they came, to be read in pieces of other sizes.

    All operations take amortised time in proportion to the bytes that they move, and `len` takes none.
    """

    __slots__ = ("_input",)

    def __init__(self) -> None:
        self._input = InputBuffer()

    def __len__(self) -> int:
        """Count the bytes that were written and not read."""
        return len(self._input)

    def write(self, chunk: BytesLike) -> None:
        """Append a copy of *chunk*.

        Raises:
            TypeError: It is not bytes-like.
        """
        self._input.append(as_bytes(chunk))

    def read(self, n: int | None = None) -> bytes:
        """Consume and return up to *n* bytes, without an argument all; ``b""`` if there are none.

        Raises:
            ValueError: *n* is negative.
        """
        return self._input.read(n)

    def peek(self, n: int | None = None) -> bytes:
        """Return what `read` would return, and leave it.

        Raises:
            ValueError: *n* is negative.
        """
        return self._input.peek(n)
