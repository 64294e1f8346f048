"""Where the output of a protocol waits until somebody takes it."""

from __future__ import annotations

__all__ = ["Output"]


class Output:
    """Chunks of bytes in the order in which they were written; they are joined only when taken.

    Attributes:
        chunks: What was written; append to it, but no empty chunk. It is empty if all was taken.
    """

    __slots__ = ("_at", "_first", "chunks")

    def __init__(self) -> None:
        # A list, since an empty deque has more than half a KiB.
        self.chunks: list[bytes] = []
        # So many chunks were taken and are still in the list, and so much of the one behind them.
        self._first = 0
        self._at = 0

    def __len__(self) -> int:
        """Count the bytes; it takes time in proportion to the chunks."""
        return sum(map(len, self.chunks)) - sum(map(len, self.chunks[: self._first])) - self._at

    def take_all(self) -> bytes:
        """Take all bytes."""
        if self._first or self._at:
            self._cut()
        chunks = self.chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        return data

    def take_chunks(self) -> list[bytes]:
        """Take all bytes, as the chunks that they are."""
        self._cut()
        chunks = self.chunks.copy()
        self.chunks.clear()
        return chunks

    def take(self, n: int) -> bytes:
        """Take up to *n* bytes."""
        chunks = self.chunks
        taken: list[bytes] = []
        while n and chunks:
            chunk = chunks[self._first]
            piece = chunk[self._at : self._at + n]
            taken.append(piece)
            n -= len(piece)
            self._at += len(piece)
            if self._at == len(chunk):
                self._at = 0
                self._first += 1
                if 2 * self._first >= len(chunks):
                    del chunks[: self._first]
                    self._first = 0
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def give_back(self, data: bytes) -> None:
        """Put bytes that were taken in front again."""
        self._cut()
        if data:
            self.chunks.insert(0, data)

    def _cut(self) -> None:
        """Remove from the list what was taken."""
        del self.chunks[: self._first]
        self._first = 0
        if self._at:
            self.chunks[0] = self.chunks[0][self._at :]
            self._at = 0
