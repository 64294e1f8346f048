"""MessagePack, compressed by Blosc: for large arrays of numbers over slow lines.

Needs the extra ``blosc`` to read what is compressed; what is stored without compression, as every
packet below 128 bytes, is read and written without.
"""

from __future__ import annotations

from struct import Struct

from junto.codecs import Buffer, MsgPack
from junto.errors import CodecError

try:
    import blosc  # type: ignore[import-untyped]  # it ships no types
except ImportError:
    blosc = None

__all__ = ["MsgPackBlosc"]

# Format version, version of the inner format, flags, type size; then the lengths: of the
# data, of a block, of the whole with this header.
_HEADER = Struct("<BBBBIII")
_TYPE_SIZE = 8
_STORED = 0x02
_WRITE_STORED = 0x13
_WORTH_COMPRESSING = 128


class MsgPackBlosc(MsgPack):
    """MessagePack in a Blosc-1 frame (blosclz, level 9, byte shuffle, items of 8 bytes)."""

    name = "msgpack+blosc"

    @staticmethod
    def compress(data: bytes) -> bytes:
        """Put *data* in one frame; as they are if short or if the extra is missing."""
        if blosc is not None and len(data) >= _WORTH_COMPRESSING:
            packed: bytes = blosc.compress(
                data, typesize=_TYPE_SIZE, clevel=9, shuffle=blosc.SHUFFLE, cname="blosclz"
            )
            return packed
        size = len(data)
        block = size - size % _TYPE_SIZE or 1  # whole items, as the library does
        return _HEADER.pack(2, 1, _WRITE_STORED, _TYPE_SIZE, size, block, size + _HEADER.size) + data

    @staticmethod
    def decompress(payload: Buffer, limit: int) -> bytes:
        """Take the data out of one frame.

        Raises:
            CodecError: The frame is malformed, announces more than *limit* bytes
                (nothing is allocated then), or is compressed and the extra is missing.
        """
        if len(payload) < _HEADER.size:
            raise CodecError(f"a Blosc frame has a header of {_HEADER.size} bytes, not {len(payload)}")
        version, _inner, flags, _type_size, size, _block, whole = _HEADER.unpack_from(payload)
        if version != 2 or whole != len(payload):
            raise CodecError(
                f"not a Blosc frame: version {version}, {whole:,} bytes announced, {len(payload):,} there"
            )
        if size > limit:
            raise CodecError(f"a Blosc frame announces {size:,} bytes; the limit is {limit:,}")
        if flags & _STORED:
            if size + _HEADER.size != whole:
                raise CodecError(
                    f"a stored Blosc frame announces {size:,} bytes and holds {whole - _HEADER.size:,}"
                )
            return bytes(payload[_HEADER.size :])
        if blosc is None:
            raise CodecError("reading compressed packets needs the extra: pip install 'junto[blosc]'")
        try:
            data: bytes = blosc.decompress(bytes(payload))
        except Exception as error:  # the extension has no public error class
            raise CodecError(f"a Blosc frame cannot be decompressed: {error}") from error
        return data
