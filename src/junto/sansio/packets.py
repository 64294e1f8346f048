"""Packets: bytes with their length in front.

    offset 0, 4 bytes   length n of the payload, unsigned, big-endian, not counting itself
    offset 4, n bytes   payload

There is no magic number, no version, no handshake and no checksum. This is the frame of aiomas,
of simpy.io and of mosaik.
"""

from __future__ import annotations

from struct import Struct

from junto.errors import LocalProtocolError, PacketTooLarge
from junto.sansio.buffer import ReceiveBuffer

__all__ = ["MAX_SIZE", "PacketReader", "make_packet"]

MAX_SIZE = 2**32 - 1
"""The largest payload that the length can tell."""

_HEADER = Struct(">I")
_unpack = _HEADER.unpack_from
pack_length = _HEADER.pack


def make_packet(payload: bytes, max_size: int = MAX_SIZE) -> bytes:
    """Put the length in front of *payload*.

    Raises:
        LocalProtocolError: It has more than *max_size* bytes.
    """
    check_size(len(payload), max_size)
    return pack_length(len(payload)) + payload


def check_size(size: int, max_size: int) -> None:
    """Refuse what the peer, or the format, cannot take.

    Raises:
        LocalProtocolError: *size* is above *max_size*.
    """
    if size > max_size:
        raise LocalProtocolError(f"the packet would have {size:,} bytes; the limit is {max_size:,}")


def join_small(chunks: list[bytes], size: int) -> list[bytes]:
    """Join neighbours of less than *size* bytes; larger ones are not worth a copy."""
    joined: list[bytes] = []
    small: list[bytes] = []
    for chunk in chunks:
        if len(chunk) < size:
            small.append(chunk)
            continue
        if small:
            joined.append(b"".join(small))
            small = []
        joined.append(chunk)
    if small:
        joined.append(b"".join(small))
    return joined


class PacketReader:
    """Cuts received bytes into packets.

    Either give it bytes with `receive_data`, or let a transport read into `get_buffer` and call
    `buffer_updated`, which saves a copy.

    Attributes:
        error: Why the stream cannot be read further: a length above the limit. ``None``
            while all is well. The packets before it are still returned.
        used: Up to where the last payloads lie in what they are views of; they begin at its
            beginning.
    """

    __slots__ = ("_buffer", "_max_size", "error", "get_buffer", "used")

    def __init__(self, max_size: int, shared: memoryview) -> None:
        """Accept payloads of up to *max_size* bytes; read into *shared* where possible."""
        self._max_size = max_size
        self._buffer = ReceiveBuffer(shared)
        self.get_buffer = self._buffer.get_buffer
        self.error: PacketTooLarge | None = None
        self.used = 0

    def __len__(self) -> int:
        """Count the bytes of a packet that is not complete."""
        return len(self._buffer)

    def buffer_updated(self, nbytes: int) -> list[memoryview]:
        """Cut *nbytes* that were read into `get_buffer`, after what was left before.

        Returns:
            The payloads that are complete now, oldest first. They are views of a buffer
            that others share: valid until the next read of any connection.
        """
        data = self._buffer.buffer_updated(nbytes)
        end = len(data)
        if end >= 4 and _unpack(data)[0] == end - 4 <= self._max_size:
            # One whole packet: each read of a dialogue.
            self.used = end
            self._buffer.drop()
            return [data[4:]]
        at = 0
        wanted = 4
        payloads: list[memoryview] = []
        while end - at >= 4:
            size = _unpack(data, at)[0]
            if size > self._max_size:
                self.error = self.error or PacketTooLarge(size, self._max_size)
                self._max_size = -1  # nothing that comes now is read, or kept
                end = at
                break
            following = at + 4 + size
            if following > end:
                wanted = 4 + size
                break
            payloads.append(data[at + 4 : following])
            at = following
        self.used = at
        if at < end:
            self._buffer.keep(at, wanted)
        else:
            self._buffer.drop()
        return payloads

    def receive_data(self, data: bytes) -> list[bytes]:
        """Cut *data*, after what was left before, into payloads, oldest first."""
        payloads: list[bytes] = []
        rest = memoryview(data)
        while rest and self.error is None:
            room = self.get_buffer()
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            payloads.extend(map(bytes, self.buffer_updated(size)))
            rest = rest[size:]
        return payloads
