from __future__ import annotations

import tracemalloc

import pytest
from feeding import cut, sizes
from hypothesis import given
from hypothesis import strategies as st

from junto.errors import CodecError, LocalProtocolError, PacketTooLarge, RemoteProtocolError
from junto.sansio.vsoa.frames import (
    DATAGRAM,
    MAX_BODY,
    MAX_FRAME,
    MAX_QUICK_BODY,
    PUBLISH,
    REPLY,
    RPC,
    SET,
    Frame,
    FrameReader,
    encode,
    encode_result,
    read_datagram,
)

byte = st.integers(0, 255)
frames = st.builds(
    Frame,
    type=byte,
    flags=st.integers(0, 63),
    status=byte,
    seqno=st.integers(0, 2**32 - 1),
    tunid=st.integers(0, 65535),
    url=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    param=st.binary(max_size=60),
    data=st.binary(max_size=60),
)


def reader(size: int = 1 << 16) -> FrameReader:
    return FrameReader(memoryview(bytearray(size)))


def bytes_of(frame: Frame) -> bytes:
    return encode(
        frame.type,
        frame.url,
        frame.param,
        frame.data,
        flags=frame.flags,
        status=frame.status,
        seqno=frame.seqno,
        tunid=frame.tunid,
    )


def test_a_frame_has_the_bytes_that_the_description_shows() -> None:
    frame = encode(RPC, "/echo", b'{"a":1}', b"\1\2\3", flags=SET, seqno=10)
    assert frame.hex() == "290144000000000a0000000500000007000000032f6563686f7b2261223a317d01020300"


@given(st.lists(frames, max_size=8), sizes)
def test_any_cut_gives_the_same_frames(sent: list[Frame], cuts: list[int]) -> None:
    ours = reader()
    stream = b"".join(map(bytes_of, sent))
    assert len(stream) % 4 == 0
    assert [frame for piece in cut(stream, cuts) for frame in ours.receive_data(piece)] == sent
    assert ours.error is None
    assert len(ours) == 0


@given(frames, st.binary(max_size=8))
def test_what_is_behind_the_frame_of_a_datagram_means_nothing(sent: Frame, rest: bytes) -> None:
    assert read_datagram(bytes_of(sent) + rest) == sent


@given(frames)
def test_a_datagram_that_was_cut_off_is_no_frame_but_may_lack_its_pad(sent: Frame) -> None:
    datagram = bytes_of(sent)
    size = 20 + len(sent.url.encode()) + len(sent.param) + len(sent.data)
    assert read_datagram(datagram[:size]) == sent
    assert read_datagram(datagram[: size - 1]) is None


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_give_frames_or_an_error(data: bytes, step: int) -> None:
    for stream in (data, b"\x29" + data):
        ours = reader(64)
        for at in range(0, len(stream), step):
            for frame in ours.receive_data(stream[at : at + step]):
                assert type(frame) is Frame
        assert ours.error is None or isinstance(ours.error, RemoteProtocolError)
        read_datagram(stream)


def test_pad_bytes_are_skipped_whatever_they_are() -> None:
    plain = bytearray(encode(PUBLISH, "/abcde"))
    assert plain[2] >> 6 == 2
    plain[-2:] = b"xy"
    assert reader().receive_data(bytes(plain) * 2) == [Frame(PUBLISH, 0, 0, 0, 0, "/abcde", b"", b"")] * 2


def test_the_largest_frame_is_read_and_one_byte_more_is_not() -> None:
    largest = encode(PUBLISH, "/e", data=b"x" * (MAX_BODY - 2))
    (frame,) = reader(1 << 16).receive_data(largest)
    assert len(frame.data) == MAX_BODY - 2
    with pytest.raises(LocalProtocolError):
        encode(PUBLISH, "/e", data=b"x" * (MAX_BODY - 1))


def test_a_length_above_the_limit_takes_no_memory() -> None:
    head = bytearray(encode(PUBLISH)[:12]) + b"\xff" * 8
    ours = reader()
    tracemalloc.start()
    try:
        assert ours.receive_data(bytes(head)) == []
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert isinstance(ours.error, PacketTooLarge)
    assert ours.error.size == 2 * (2**32 - 1) + 20  # more than 32 bits hold


def test_a_legal_length_takes_memory_only_for_what_arrives() -> None:
    ours = [reader() for _ in range(50)]
    head = encode(PUBLISH, data=b"x" * 200_000)[:20]
    shared = memoryview(bytearray(1 << 18))
    ours = [FrameReader(shared) for _ in range(50)]
    tracemalloc.start()
    try:
        for one in ours:
            one.receive_data(head)
        assert tracemalloc.get_traced_memory()[1] < 50 * 2000
    finally:
        tracemalloc.stop()


@given(st.integers(0, 2**32 - 1), st.binary(max_size=60), st.binary(max_size=60))
def test_a_result_is_the_frame_that_encode_makes(seqno: int, param: bytes, data: bytes) -> None:
    assert encode_result(seqno, param, data) == encode(RPC, "", param, data, REPLY, seqno)


def test_a_result_has_no_more_room_than_other_frames() -> None:
    assert len(encode_result(1, b"p", bytes(MAX_BODY - 1))) == MAX_FRAME
    with pytest.raises(LocalProtocolError, match="262,125 bytes"):
        encode_result(1, b"p", bytes(MAX_BODY))


def test_a_url_is_too_long_where_its_length_has_no_room() -> None:
    encode(RPC, "/" * 65_535)
    with pytest.raises(LocalProtocolError, match="URL"):
        encode(RPC, "/" * 65_536)
    with pytest.raises(CodecError):
        encode(RPC, "/\ud800")


def test_a_datagram_has_less_room_than_a_stream() -> None:
    assert len(encode(DATAGRAM, "/e", data=b"x" * (MAX_QUICK_BODY - 2), limit=MAX_QUICK_BODY)) == 65_504
    with pytest.raises(LocalProtocolError):
        encode(DATAGRAM, "/e", data=b"x" * (MAX_QUICK_BODY - 1), limit=MAX_QUICK_BODY)
