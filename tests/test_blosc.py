from __future__ import annotations

import struct
from typing import Any

import blosc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import junto.blosc
from junto.blosc import MsgPackBlosc
from junto.codecs import MsgPack
from junto.errors import CodecError

LONG = ["a long text"] * 100


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junto.blosc, "blosc", None)


def stored(data: bytes, *, flags: int = 0x13, size: int | None = None, whole: int | None = None) -> bytes:
    size = len(data) if size is None else size
    return struct.pack("<BBBBIII", 2, 1, flags, 8, size, size, whole or len(data) + 16) + data


@given(st.lists(st.one_of(st.integers(0, 9), st.binary(max_size=100)), max_size=80))
def test_what_was_compressed_is_given_back(value: Any) -> None:
    codec = MsgPackBlosc()
    assert codec.decode(codec.encode(value)) == value


def test_short_payloads_are_stored_and_long_ones_compressed() -> None:
    codec = MsgPackBlosc()
    assert codec.encode("x" * 125)[16:] == MsgPack().encode("x" * 125)
    assert len(codec.encode(LONG)) < len(MsgPack().encode(LONG)) / 2


@pytest.mark.parametrize("compressor", blosc.compressor_list())
def test_every_inner_compressor_is_read(compressor: str) -> None:
    frame = blosc.compress(MsgPack().encode(LONG), typesize=8, cname=compressor)
    assert MsgPackBlosc().decode(frame) == LONG


@pytest.mark.parametrize("flags", [0x02, 0x03, 0x13, 0x33])
def test_every_stored_frame_is_read(flags: int) -> None:
    assert MsgPackBlosc().decode(stored(MsgPack().encode([1, 2]), flags=flags)) == [1, 2]


def test_a_frame_is_read_from_a_view() -> None:
    assert MsgPackBlosc().decode(memoryview(bytearray(MsgPackBlosc().encode(LONG)))) == LONG


# CH-17
@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="empty"),
        pytest.param(stored(b"\x01")[:15], id="a part of a header"),
        pytest.param(b"\x01" + stored(b"\x01")[1:], id="another version"),
        pytest.param(stored(b"\x01", whole=16), id="too short a whole"),
        pytest.param(stored(b"\x01", whole=18), id="too long a whole"),
        pytest.param(stored(b"\x01", size=2), id="more stored than there is"),
        pytest.param(stored(b"\x01", size=0), id="less stored than there is"),
        pytest.param(stored(b"\x01" * 40, flags=0x11, size=100), id="garbage to decompress"),
        pytest.param(stored(b"\xc1"), id="what is no MessagePack"),
    ],
)
def test_a_malformed_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(CodecError):
        MsgPackBlosc().decode(frame)


# CH-17
@pytest.mark.parametrize("flags", [0x11, 0x13])
def test_a_frame_that_announces_more_than_the_limit_is_refused_unread(
    flags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blosc, "decompress", None)  # would fail in another way
    with pytest.raises(CodecError, match="announces 1,001 bytes; the limit is 1,000"):
        MsgPackBlosc().decode(stored(b"x", flags=flags, size=1001), limit=1000)


@given(st.binary(min_size=3, max_size=3), st.integers(0, 30), st.binary(max_size=40))
def test_any_bytes_are_a_value_or_refused(start: bytes, size: int, data: bytes) -> None:
    frame = b"\x02" + start + struct.pack("<III", size, 8, 16 + len(data)) + data
    try:
        MsgPackBlosc().decode(frame, limit=1000)
    except CodecError:
        pass


# --- without the library -------------------------------------------------------------------------


@pytest.mark.usefixtures("without_library")
@pytest.mark.parametrize("value", [[], "short", LONG, b"\0" * 1000])
def test_without_the_library_frames_are_stored(value: Any) -> None:
    codec = MsgPackBlosc()
    frame = codec.encode(value)
    assert codec.decode(frame) == value
    assert blosc.decompress(frame) == MsgPack().encode(value)


@pytest.mark.usefixtures("without_library")
def test_without_the_library_a_compressed_frame_names_what_is_missing() -> None:
    frame = blosc.compress(MsgPack().encode(LONG), typesize=8)
    with pytest.raises(CodecError, match=r"junto\[blosc\]"):
        MsgPackBlosc().decode(frame)
