from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.sansio.buffer import ReceiveBuffer

MIB = 1 << 20


def read(buffer: ReceiveBuffer, data: bytes, shared: memoryview | None = None) -> memoryview:
    """Do one read, as a runtime does; other connections have used the shared buffer since the last one."""
    if shared is not None:
        shared[:] = b"\xee" * len(shared)
    room = buffer.get_buffer()
    assert len(room) >= len(data)
    room[: len(data)] = data
    return buffer.buffer_updated(len(data))


def test_what_is_read_is_given_from_the_shared_buffer() -> None:
    shared = memoryview(bytearray(16))
    buffer = ReceiveBuffer(shared)
    received = read(buffer, b"abc")
    assert bytes(received) == b"abc"
    assert received.obj is shared.obj


def test_a_small_rest_is_laid_in_front_of_the_next_read_though_others_used_the_shared_buffer() -> None:
    shared = memoryview(bytearray(16))
    buffer = ReceiveBuffer(shared)
    read(buffer, b"abc", shared)
    buffer.keep(1, wanted=4)
    assert len(buffer) == 2
    assert bytes(read(buffer, b"def", shared)) == b"bcdef"
    assert len(buffer) == 0


def test_asking_twice_for_room_changes_nothing() -> None:
    shared = memoryview(bytearray(16))
    buffer = ReceiveBuffer(shared)
    for wanted in (4, 100):  # in the shared buffer, and in one of its own
        read(buffer, b"abc", shared)
        buffer.keep(1, wanted)
        buffer.get_buffer()
        assert bytes(read(buffer, b"d", shared)) == b"bcd"


def test_a_large_rest_is_filled_up_in_place() -> None:
    shared = memoryview(bytearray(16))
    buffer = ReceiveBuffer(shared)
    read(buffer, b"x" * 16)
    buffer.keep(0, wanted=1000)
    first = read(buffer, b"y" * 10)
    buffer.keep(0, wanted=1000)
    second = read(buffer, b"z" * 10)
    assert bytes(second) == b"x" * 16 + b"y" * 10 + b"z" * 10
    assert first.obj is not shared.obj


def test_a_rest_behind_a_large_packet_survives_the_return_to_the_shared_buffer() -> None:
    shared = memoryview(bytearray(64))
    buffer = ReceiveBuffer(shared)
    read(buffer, b"x" * 64, shared)
    buffer.keep(0, wanted=100)
    read(buffer, b"y" * 36, shared)
    buffer.drop()
    for _ in range(8):
        read(buffer, b"small", shared)
        buffer.drop()
    assert bytes(read(buffer, b"abc", shared)) == b"abc"
    buffer.keep(1, wanted=4)
    assert bytes(read(buffer, b"d", shared)) == b"bcd"
    buffer.drop()
    assert buffer.get_buffer().obj is shared.obj


class Model:
    """Keeps all that is unused in one bytes object."""

    def __init__(self) -> None:
        self.unused = b""
        self.counter = 0

    def next_bytes(self, size: int) -> bytes:
        data = bytes((self.counter + at) % 251 for at in range(size))
        self.counter += size
        return data


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(1, 100), st.integers(0, 100), st.integers(1, 300)), max_size=40),
)
def test_nothing_is_lost_or_mixed_up_in_any_order_of_reads(
    size: int, steps: list[tuple[int, int, int]]
) -> None:
    shared = memoryview(bytearray(size))
    buffer = ReceiveBuffer(shared)
    model = Model()
    for nbytes, used, more in steps:
        shared[:] = b"\xee" * size
        room = buffer.get_buffer()
        assert len(room) > 0
        data = model.next_bytes(min(nbytes, len(room)))
        room[: len(data)] = data
        received = buffer.buffer_updated(len(data))
        model.unused += data
        assert bytes(received) == model.unused
        used = min(used, len(received))
        model.unused = model.unused[used:]
        if model.unused:
            buffer.keep(used, wanted=len(model.unused) + more)
        else:
            buffer.drop()
        assert len(buffer) == len(model.unused)


# CH-1: a header is no reason to allocate.
@pytest.mark.parametrize("wanted", [1 << 20, 1 << 26, (1 << 32) + 3])
def test_a_large_number_alone_takes_little_memory(wanted: int) -> None:
    buffer = ReceiveBuffer(memoryview(bytearray(1 << 16)))
    tracemalloc.start()
    try:
        read(buffer, b"\xff" * 4)
        buffer.keep(0, wanted)
        buffer.get_buffer()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MIB


def test_memory_is_at_most_about_twice_what_has_arrived() -> None:
    buffer = ReceiveBuffer(memoryview(bytearray(1 << 16)))
    piece = b"x" * (1 << 16)
    tracemalloc.start()
    try:
        arrived = 0
        while arrived < 8 * MIB:
            read(buffer, piece)
            arrived += len(piece)
            buffer.keep(0, wanted=64 * MIB)
            held = tracemalloc.get_traced_memory()[0]
            assert held < 2 * arrived + MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("behind", [b"", b"ab"])
def test_a_very_large_buffer_is_given_back_when_its_packet_was_used(behind: bytes) -> None:
    buffer = ReceiveBuffer(memoryview(bytearray(1 << 16)))
    size = 32 * MIB
    tracemalloc.start()
    try:
        left = size + len(behind)
        while left:
            nbytes = min(left, len(buffer.get_buffer()))
            left -= nbytes
            received = buffer.buffer_updated(nbytes)
            if left:
                buffer.keep(0, wanted=size)
        if behind:
            buffer.keep(size, wanted=4)
        else:
            buffer.drop()
        del received
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < MIB


def test_a_large_packet_in_small_reads_is_moved_a_few_times_only() -> None:
    buffer = ReceiveBuffer(memoryview(bytearray(1 << 10)))
    places = set()
    kept = []  # so that no place is used twice
    for _ in range(1 << 14):
        received = read(buffer, b"x" * min(1000, len(buffer.get_buffer())))
        buffer.keep(0, wanted=1 << 25)
        if id(received.obj) not in places:
            places.add(id(received.obj))
            kept.append(received)
    assert len(places) < 10


def test_small_reads_let_go_of_a_buffer_of_its_own() -> None:
    shared = memoryview(bytearray(1 << 10))
    buffer = ReceiveBuffer(shared)
    read(buffer, b"x" * 1024)
    buffer.keep(0, wanted=2000)
    read(buffer, b"x" * 976)
    buffer.drop()
    assert buffer.get_buffer().obj is not shared.obj  # as long as large packets come
    read(buffer, b"small")
    buffer.drop()
    assert buffer.get_buffer().obj is not shared.obj  # one may only announce the next large one
    for _ in range(8):
        read(buffer, b"small")
        buffer.drop()
    assert buffer.get_buffer().obj is shared.obj
