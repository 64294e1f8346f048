"""Where received bytes wait until enough of them are there.

Reads go to one buffer that all connections of a runtime share, and are parsed there at once; a
connection that has nothing half-received holds no memory. What is left over, part of a
packet or of a line, is kept aside: small leftovers are laid in front of the next read, large ones
get a buffer of their own that further reads fill in place, and that stays for the next large
packet as long as large packets come.

Memory grows with what has arrived, never with what a header only announces.
"""

from __future__ import annotations

__all__ = ["ReceiveBuffer"]

_FIRST_OWN = 1 << 18
_KEEP_OWN = 1 << 23
_SMALL_READS = 8


class ReceiveBuffer:
    """The bytes of one connection that were received and not yet used."""

    __slots__ = (
        "_own",
        "_received",
        "_rest",
        "_shared",
        "_size",
        "_small_reads",
        "_start",
        "_stop",
        "_wanted",
    )

    def __init__(self, shared: memoryview) -> None:
        """Read into *shared*, which others use too, as long as possible."""
        self._shared = shared
        self._rest = b""
        # Of a buffer of our own, _start to _stop is kept.
        self._own: memoryview | None = None
        self._start = 0
        self._stop = 0
        self._wanted = 0
        self._small_reads = 0
        # What `buffer_updated` gave last: so many bytes of the shared buffer, or a view of our own.
        self._size = 0
        self._received: memoryview | None = None

    def __len__(self) -> int:
        """Count the bytes that are kept."""
        return len(self._rest) + self._stop - self._start

    def get_buffer(self, sizehint: int = -1) -> memoryview:
        """Give room for the next read; never empty, whatever *sizehint* asks for."""
        own = self._own
        if own is not None:
            if self._start:
                # Only now, when nobody looks any more at what was in front of it.
                size = self._stop - self._start
                own[:size] = own[self._start : self._stop]
                self._start, self._stop = 0, size
            if self._stop == len(own):
                own = self._grow(own)
            return own[self._stop :]
        rest = self._rest
        if rest:
            self._shared[: len(rest)] = rest
            return self._shared[len(rest) :]
        return self._shared

    def buffer_updated(self, nbytes: int) -> memoryview:
        """Take note that *nbytes* were read into the room that `get_buffer` gave.

        Returns:
            All bytes that are not used yet, from the beginning of a ``bytearray`` on. What
            of them is not used now must be kept by `keep`, before the next read.
        """
        own = self._own
        if own is None:
            if self._rest:
                nbytes += len(self._rest)
                self._rest = b""
            self._size = nbytes
            return self._shared[:nbytes]
        received = self._received = own[: self._stop + nbytes]
        if nbytes >= len(self._shared) >> 2:
            self._small_reads = 0
        elif self._stop == 0:
            # One small packet may only announce the next large one; many say that it was the last.
            self._small_reads += 1
            if self._small_reads > _SMALL_READS:
                self._own = None  # the view keeps these bytes alive
                self._small_reads = 0
        self._start = self._stop = 0
        return received

    def keep(self, start: int, wanted: int) -> None:
        """Keep what `buffer_updated` gave, from *start* on, for the next time.

        Args:
            start: How many bytes were used.
            wanted: How many bytes, the kept ones included, the next step of the parser
                needs, as far as known.
        """
        received = self._shared[: self._size] if self._received is None else self._received
        size = len(received) - start
        self._received = None
        own = self._own
        if wanted < len(self._shared) and (own is None or len(own) > _KEEP_OWN):
            self._rest = bytes(received[start:])
            self._own = None
            return
        if own is None:
            self._own = own = memoryview(bytearray(max(min(wanted, _FIRST_OWN), size)))
            own[:size] = received[start:]
            start = 0
        self._start, self._stop, self._wanted = start, start + size, wanted

    def drop(self) -> None:
        """Forget a large buffer of our own; all bytes of it were used."""
        if self._received is not None:
            self._received = None
            if self._own is not None and len(self._own) > _KEEP_OWN:
                self._own = None

    def _grow(self, own: memoryview) -> memoryview:
        # By what has arrived: a header alone, however large its number, allocates little.
        size = min(max(self._wanted, self._stop + 1), 2 * len(own))
        self._own = memoryview(bytearray(size))
        self._own[: self._stop] = own
        return self._own
