from __future__ import annotations

import struct
import tracemalloc

import pytest
from feeding import cut, frame, sizes
from hypothesis import given
from hypothesis import strategies as st

from junto.errors import LocalProtocolError, PacketTooLarge
from junto.sansio.packets import MAX_SIZE, PacketReader, make_packet

SHARED = 64


def make_reader(limit: int = 1 << 20, shared: int = SHARED) -> PacketReader:
    return PacketReader(limit, memoryview(bytearray(shared)))


def read_shared(reader: PacketReader, data: bytes, shared: memoryview) -> list[bytes]:
    """Give *data* in reads as large as there is room, while others use the shared buffer between them."""
    payloads = []
    while data:
        shared[:] = b"\xee" * len(shared)
        room = reader.get_buffer()
        piece, data = data[: len(room)], data[len(room) :]
        room[: len(piece)] = piece
        payloads += [bytes(payload) for payload in reader.buffer_updated(len(piece))]
    return payloads


PAYLOADS = [
    pytest.param([b""], id="empty"),
    pytest.param([b"x"], id="one byte"),
    pytest.param([b"one", b"", b"three"], id="several"),
    *(pytest.param([b"a" * (SHARED - 4 + n), b"b"], id=f"the shared buffer {n:+}") for n in range(-2, 3)),
    pytest.param([b"a" * 1000, b"b" * 3, b"c" * 2000, b""], id="large and small"),
]


@pytest.mark.parametrize("payloads", PAYLOADS)
@pytest.mark.parametrize("step", [1, 2, 3, 5, SHARED - 1, SHARED, SHARED + 1, 10_000])
def test_packets_are_cut_from_pieces_of_any_size(payloads: list[bytes], step: int) -> None:
    stream = b"".join(map(frame, payloads))
    reader = make_reader()
    received = [p for piece in cut(stream, [step] * len(stream)) for p in reader.receive_data(piece)]
    assert received == payloads
    assert len(reader) == 0


@pytest.mark.parametrize("payloads", PAYLOADS)
def test_the_beginning_of_the_next_packet_waits(payloads: list[bytes]) -> None:
    reader = make_reader()
    assert reader.receive_data(b"".join(map(frame, payloads)) + b"\0\0\0\x05abc") == payloads
    assert len(reader) == 7
    assert reader.receive_data(b"de") == [b"abcde"]


@given(st.lists(st.binary(max_size=300), max_size=12), sizes, st.integers(1, 200))
def test_any_cut_gives_the_same_packets_though_others_use_the_shared_buffer(
    payloads: list[bytes], pieces: list[int], size: int
) -> None:
    shared = memoryview(bytearray(size))
    reader = PacketReader(1000, shared)
    received: list[bytes] = []
    for piece in cut(b"".join(map(frame, payloads)), pieces):
        received += read_shared(reader, piece, shared)
    assert received == payloads
    assert len(reader) == 0


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=100)), max_size=30))
def test_two_readers_of_one_buffer_do_not_disturb_each_other(reads: list[tuple[bool, bytes]]) -> None:
    shared = memoryview(bytearray(SHARED))
    both = {
        which: (PacketReader(1000, shared), PacketReader(1000, memoryview(bytearray(4096))))
        for which in (True, False)
    }
    for which, data in reads:
        tested, alone = both[which]
        assert read_shared(tested, frame(data)[:-1], shared) == alone.receive_data(frame(data)[:-1])
        assert read_shared(tested, data[-1:], shared) == alone.receive_data(data[-1:])


# CH-1
@pytest.mark.parametrize("size", [11, 1 << 20, MAX_SIZE])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_a_length_above_the_limit_is_an_error_before_the_payload_comes(size: int, step: int) -> None:
    reader = make_reader(limit=10)
    received = [
        p
        for piece in cut(frame(b"0123456789") + struct.pack(">I", size), [step] * 99)
        for p in reader.receive_data(piece)
    ]
    assert received == [b"0123456789"]
    assert isinstance(reader.error, PacketTooLarge)
    assert (reader.error.size, reader.error.max_size) == (size, 10)


def test_after_a_length_above_the_limit_nothing_is_read_and_the_error_stays() -> None:
    reader = make_reader(limit=10)
    room = reader.get_buffer()
    room[:9] = struct.pack(">I", 11) + b"\0\0\0\x01a"
    assert reader.buffer_updated(9) == []
    error = reader.error
    assert reader.receive_data(frame(b"ok")) == []
    reader.get_buffer()[:5] = frame(b"a")
    assert reader.buffer_updated(5) == []
    assert reader.error is error
    assert len(reader) == 0


# CH-1
@pytest.mark.parametrize("size", [(1 << 26) - 1, 1 << 26, (1 << 26) + 1, MAX_SIZE])
def test_a_header_takes_little_memory_whatever_it_announces(size: int) -> None:
    reader = make_reader(limit=1 << 26, shared=1 << 16)
    tracemalloc.start()
    try:
        for byte in struct.pack(">I", size) + b"x":
            reader.receive_data(bytes([byte]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 19


def test_a_very_large_packet_leaves_no_memory_behind() -> None:
    reader = make_reader(limit=1 << 26, shared=1 << 16)
    size = 1 << 25
    tracemalloc.start()
    try:
        left = size + 4
        reader.get_buffer()[:4] = struct.pack(">I", size)
        count = 0
        while left:
            nbytes = min(left, len(reader.get_buffer()))
            left -= nbytes
            count += len(reader.buffer_updated(nbytes))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert count == 1
    assert held < 1 << 19


def bytes_kept(packets: int, size: int, step: int) -> int:
    """Count the bytes that are still unused after each read: each of them is moved once more."""
    reader = make_reader(limit=1 << 26, shared=1 << 12)
    kept = 0
    for piece in cut(frame(b"x" * size) * packets, [step] * (packets * (size + 4))):
        reader.receive_data(piece)
        kept += len(reader)
    return kept


def test_ten_times_as_many_packets_are_ten_times_the_work() -> None:
    once = bytes_kept(packets=100, size=100, step=77)
    assert bytes_kept(packets=1000, size=100, step=77) <= 12 * once


@pytest.mark.parametrize("size", [0, 1, 255, 256, 70_000])
def test_a_packet_that_was_made_is_read_again(size: int) -> None:
    assert make_packet(b"x" * size) == frame(b"x" * size)
    assert make_reader().receive_data(make_packet(b"x" * size)) == [b"x" * size]


# CH-2, CH-3
def test_a_payload_above_the_send_limit_is_refused() -> None:
    assert len(make_packet(b"x" * 16_384, 16_384)) == 16_388
    with pytest.raises(LocalProtocolError, match="16,385"):
        make_packet(b"x" * 16_385, 16_384)
