"""Cuts a stream of which only parts are known into its packets.

A trace keeps the first bytes of each write. What is missing is only counted; where the header of a packet
is known, so is where the next one begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Cutter", "Piece"]


class Piece(NamedTuple):
    """One packet, header and all.

    Attributes:
        data: Its bytes as far as they are known: its beginning.
        size: How many it has; -1 if what is there is no packet.
    """

    data: bytes
    size: int


class Cutter:
    """The packets of one direction of one connection."""

    __slots__ = ("_header", "_lost", "_measure", "_pending", "_skip")

    def __init__(self, header: int, measure: Callable[[bytes], int]) -> None:
        """Know a packet's size by its first bytes.

        Args:
            header: How many bytes are needed for that.
            measure: Gives the size of a whole packet, or -1 if no packet begins so.
        """
        self._header = header
        self._measure = measure
        self._pending = b""  # the beginning of a packet, all that came of it
        self._skip = 0  # how much of a packet that was given already is still to come
        self._lost = False  # whether it is not known where the next packet begins

    def feed(self, known: bytes, unknown: int) -> list[Piece]:
        """Take a write.

        Args:
            known: Its first bytes.
            unknown: How many more it had.

        Returns:
            The packets that end in it, and the one in which it begins to be unknown.
        """
        if self._lost:  # most programs write whole packets
            self._lost = False
            self._pending = b""
        skipped = min(self._skip, len(known))
        self._skip -= skipped
        data = self._pending + known[skipped:]
        pieces: list[Piece] = []
        at = 0
        while len(data) - at >= self._header:
            size = self._measure(data[at : at + self._header])
            if size < 0:
                self._lost = True
                self._pending = b""
                return [*pieces, Piece(data[at:], -1)]
            if len(data) - at < size:
                break
            pieces.append(Piece(data[at : at + size], size))
            at += size
        self._pending = data[at:]
        if unknown:
            self._pass(unknown, pieces)
        return pieces

    def _pass(self, unknown: int, pieces: list[Piece]) -> None:
        if not self._pending:
            skipped = min(self._skip, unknown)
            self._skip -= skipped
            self._lost = skipped < unknown
            return
        begun, self._pending = self._pending, b""
        if len(begun) < self._header:
            self._lost = True
            return
        size = self._measure(begun[: self._header])
        pieces.append(Piece(begun, size))
        missing = size - len(begun)
        self._skip = max(missing - unknown, 0)
        self._lost = missing < unknown
