"""What leaves by a transport: large pieces slice by slice, as fast as the peer takes them.

A transport copies what the network does not take at once. A message of many megabytes would so be
in memory twice, and moved again with each part of it that leaves; of a slice, little is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from junto.runtime import Transport

__all__ = ["Outgoing"]

SLICE: Final = 512 * 1024
_STUCK: Final = 16 * 1024 * 1024


class Outgoing:
    """The way out of one connection.

    Attributes:
        paused: Whether the peer, or the network, does not take what we send.
    """

    __slots__ = ("_last", "_size", "_transport", "_waiting", "paused")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._waiting: deque[bytes | memoryview] | None = None  # most connections never need one
        self._size = 0  # of what waits, in bytes
        self._last: Callable[[], object] | None = None
        self.paused = False

    def is_empty(self) -> bool:
        """Tell whether all has left, as far as we know."""
        return not self._waiting and self._transport.get_write_buffer_size() == 0

    def is_stuck(self) -> bool:
        """Tell whether far more waits than a slow peer makes wait."""
        # Counted here, for the transport would count what it has anew each time.
        return self.paused and self._size > _STUCK

    def write(self, chunks: list[bytes]) -> None:
        """Send *chunks*, behind what waits."""
        for chunk in chunks:
            if not self._waiting and not self.paused and len(chunk) <= SLICE:
                self._transport.write(chunk)
                continue
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append(chunk)
            self._size += len(chunk)
        if self._waiting:
            self._send_waiting()

    def resume(self) -> None:
        """Go on: the transport takes more."""
        self.paused = False
        if self._waiting:
            self._send_waiting()

    def _send_waiting(self) -> None:
        waiting = self._waiting
        while waiting and not self.paused:
            piece = waiting.popleft()
            if len(piece) > SLICE:
                view = memoryview(piece)
                waiting.appendleft(view[SLICE:])
                piece = view[:SLICE]
            elif waiting:
                piece = _join_front(piece, waiting)
            self._size -= len(piece)
            self._transport.write(piece)
        if not waiting and self._last is not None:
            self._last()

    def finish(self, last: Callable[[], object]) -> None:
        """Do *last*, which ends the transport or its writing, when all was handed to it."""
        if self._waiting:
            self._last = last
        else:
            last()


def _join_front(first: bytes | memoryview, waiting: deque[bytes | memoryview]) -> bytes:
    """Take the small pieces behind *first* too, as far as they make one of a slice's size together."""
    pieces = [first]
    size = len(first)
    while waiting and size + len(waiting[0]) <= SLICE:
        piece = waiting.popleft()
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
