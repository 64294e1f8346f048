"""Frames: the 20 bytes in front of every VSOA message, and what follows them.

    offset 0, 1 byte    magic (low half, 9) and version (high half, 2)
    offset 1, 1 byte    type
    offset 2, 1 byte    flags (bits 0 to 5) and the number of pad bytes (bits 6 and 7)
    offset 3, 1 byte    status
    offset 4, 4 bytes   sequence number
    offset 8, 2 bytes   tunnel: a port, if the flag says so
    offset 10           lengths of URL (2 bytes), param (4 bytes) and data (4 bytes)
    offset 20           URL, param, data, pad

Everything is unsigned and big-endian. Pad bytes make the whole a multiple of four; ours are zero,
those of others are skipped without a look. On UDP each datagram holds one frame.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from junto.errors import CodecError, LocalProtocolError, PacketTooLarge, RemoteProtocolError
from junto.sansio.buffer import ReceiveBuffer

__all__ = [
    "DATAGRAM",
    "HEADER_SIZE",
    "MAX_BODY",
    "MAX_FRAME",
    "MAX_QUICK_BODY",
    "MAX_URL",
    "NOOP",
    "PINGECHO",
    "PUBLISH",
    "QOSSETUP",
    "REPLY",
    "RPC",
    "SERVINFO",
    "SET",
    "SUBSCRIBE",
    "TUNNEL",
    "UNSUBSCRIBE",
    "Frame",
    "FrameReader",
    "encode",
    "encode_result",
    "read_datagram",
]

SERVINFO: Final = 0x00
RPC: Final = 0x01
SUBSCRIBE: Final = 0x02
UNSUBSCRIBE: Final = 0x03
PUBLISH: Final = 0x04
DATAGRAM: Final = 0x05
QOSSETUP: Final = 0x06
NOOP: Final = 0xFE
PINGECHO: Final = 0xFF

REPLY: Final = 0x01
TUNNEL: Final = 0x02
SET: Final = 0x04

HEADER_SIZE: Final = 20
MAX_FRAME: Final = 262_144
MAX_BODY: Final = MAX_FRAME - HEADER_SIZE
MAX_QUICK_BODY: Final = 65_484
"""What fits a UDP datagram in a frame that is a multiple of four."""
MAX_URL: Final = 65_535

_MAGIC: Final = 0x29
_HEADER = Struct(">BBBBIHHII")
_pack = _HEADER.pack
_unpack = _HEADER.unpack_from
_PADS = (b"", b"\0", b"\0\0", b"\0\0\0")
# The same header for a result: its first four bytes, by the number of pad bytes, as one number; and neither
# tunnel nor URL.
_pack_result = Struct(">IIIII").pack
_RESULTS = tuple(_MAGIC << 24 | RPC << 16 | (REPLY | pad << 6) << 8 for pad in range(4))


class Frame(NamedTuple):
    """One frame, as it was received.

    Attributes:
        type: One of the types above, or another number.
        flags: `REPLY`, `TUNNEL`, `SET` and bits that mean nothing yet; without the number of pad bytes.
        status: 0 for success; the priority in `QOSSETUP`.
        seqno: What a reply has in common with its request.
        tunid: A port, if `TUNNEL` is set.
        url: Empty if there is none.
        param: As on the wire; empty if there is none.
        data: Empty if there are none.
    """

    type: int
    flags: int
    status: int
    seqno: int
    tunid: int
    url: str
    param: bytes
    data: bytes


_new = tuple.__new__


def encode(
    type: int,
    url: str = "",
    param: bytes = b"",
    data: bytes = b"",
    flags: int = 0,
    seqno: int = 0,
    *,
    status: int = 0,
    tunid: int = 0,
    limit: int = MAX_BODY,
) -> bytes:
    """Make one frame.

    Args:
        type: This and the others are as in `Frame`.
        url: Empty for none.
        param: Empty for none.
        data: Empty for none.
        flags: Without the number of pad bytes.
        seqno: 0 to 0xffffffff.
        status: 0 to 255.
        tunid: 0 to 65535.
        limit: The largest sum of URL, param and data, in bytes.

    Raises:
        LocalProtocolError: URL, param and data together, or the URL alone, are too long.
        CodecError: The URL holds characters that have no UTF-8 form.
    """
    try:
        raw = url.encode()
    except UnicodeEncodeError as error:
        raise CodecError(f"this URL cannot be sent: {error}") from error
    url_size, param_size, data_size = len(raw), len(param), len(data)
    body = url_size + param_size + data_size
    if body > limit or url_size > MAX_URL:
        raise _too_large(body, limit, url_size)
    pad = -body & 3  # the header is a multiple of four itself
    header = _pack(_MAGIC, type, flags | pad << 6, status, seqno, tunid, url_size, param_size, data_size)
    return b"".join((header, raw, param, data, _PADS[pad]))


def encode_result(seqno: int, param: bytes, data: bytes) -> bytes:
    """Make the frame of a reply to an RPC with status 0, as `encode` does it, in half the time."""
    param_size, data_size = len(param), len(data)
    body = param_size + data_size
    if body > MAX_BODY:
        raise _too_large(body, MAX_BODY, 0)
    pad = -body & 3
    return b"".join((_pack_result(_RESULTS[pad], seqno, 0, param_size, data_size), param, data, _PADS[pad]))


def _too_large(body: int, limit: int, url_size: int) -> LocalProtocolError:
    if body > limit:
        return LocalProtocolError(f"URL, param and data would have {body:,} bytes; the limit is {limit:,}")
    return LocalProtocolError(f"the URL would have {url_size:,} bytes; the limit is {MAX_URL:,}")


def read_datagram(datagram: bytes) -> Frame | None:
    """Read the frame of a datagram; ``None`` if it is none, or was cut off.

    Pad bytes may be missing, and what is behind the frame means nothing.
    """
    if len(datagram) < HEADER_SIZE:
        return None
    magic, kind, flags, status, seqno, tunid, url_size, param_size, data_size = _unpack(datagram)
    param = HEADER_SIZE + url_size
    data = param + param_size
    end = data + data_size
    if magic != _MAGIC or end > len(datagram):
        return None
    try:
        url = datagram[HEADER_SIZE:param].decode()
    except UnicodeDecodeError:
        return None
    return Frame(kind, flags & 0x3F, status, seqno, tunid, url, datagram[param:data], datagram[data:end])


class FrameReader:
    """Cuts received bytes into frames.

    A transport reads into `get_buffer` and calls `buffer_updated`; or give it bytes with
    `receive_data`. Use a new one for each connection: half a frame of the last one is not the
    beginning of the next.

    Attributes:
        error: Why the stream cannot be read further; ``None`` while all is well. The frames before
            it are still returned.
    """

    __slots__ = ("_buffer", "error", "get_buffer")

    def __init__(self, shared: memoryview) -> None:
        """Read into *shared*, which others use too, where possible."""
        self._buffer = ReceiveBuffer(shared)
        self.get_buffer = self._buffer.get_buffer
        self.error: RemoteProtocolError | None = None

    def __len__(self) -> int:
        """Count the bytes of a frame that is not complete."""
        return len(self._buffer)

    def buffer_updated(self, nbytes: int) -> list[Frame]:
        """Cut *nbytes* that were read into `get_buffer`, after what was left before.

        Returns:
            The frames that are complete now, oldest first.
        """
        frames: list[Frame] = []
        view = self._buffer.buffer_updated(nbytes)
        if self.error is not None:
            self._buffer.drop()
            return frames
        # One copy of all instead of two objects for each part of each frame.
        chunk = bytes(view)
        end = len(chunk)
        at = 0
        wanted = HEADER_SIZE
        while (url := at + HEADER_SIZE) <= end:
            magic, kind, flags, status, seqno, tunid, url_size, param_size, data_size = _unpack(chunk, at)
            param = url + url_size
            data = param + param_size
            data_end = data + data_size
            following = data_end + (flags >> 6)
            if magic != _MAGIC or following - at > MAX_FRAME:
                self.error = _broken(magic, following - at)
                break
            if following > end:
                wanted = following - at
                break
            try:
                frames.append(
                    _new(
                        Frame,
                        (
                            kind,
                            flags & 0x3F,
                            status,
                            seqno,
                            tunid,
                            chunk[url:param].decode() if url_size else "",
                            chunk[param:data],
                            chunk[data:data_end],
                        ),
                    )
                )
            except UnicodeDecodeError as error:
                self.error = RemoteProtocolError("the peer sent a URL that is not UTF-8")
                self.error.__cause__ = error
                break
            at = following
        if at < end and self.error is None:
            self._buffer.keep(at, wanted)
        else:
            self._buffer.drop()
        return frames

    def receive_data(self, data: bytes) -> list[Frame]:
        """Cut *data*, after what was left before, into frames, oldest first."""
        frames: list[Frame] = []
        rest = memoryview(data)
        while rest and self.error is None:
            room = self.get_buffer()
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            frames += self.buffer_updated(size)
            rest = rest[size:]
        return frames


def _broken(first: int, size: int) -> RemoteProtocolError:
    if first != _MAGIC:
        return RemoteProtocolError(f"the peer does not speak VSOA: a frame begins with 0x{first:02x}")
    return PacketTooLarge(size, MAX_FRAME)
