"""Where the bytes of a protocol wait: what they cost in time and memory, and that none is lost."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import NoReturn

import pytest
from feeding import sizes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from junto.sansio.coroutines import (
    Buffer,
    Connection,
    Steps,
    get_io,
    peek,
    protocol,
    put,
    read,
    read_chunks,
    read_until,
    read_until_any,
    readline,
    wait,
    write,
)
from junto.sansio.coroutines.buffer import InputBuffer
from junto.sansio.coroutines.output import Output
from junto.testing import cut

KIB = 1 << 10
MIB = 1 << 20


def test_so801_reads_span_chunks() -> None:
    buffer = Buffer()
    for chunk in (b"Hello", b"World", b"No?"):
        buffer.write(chunk)
    assert len(buffer) == 13
    assert buffer.peek(7) == b"HelloWo"
    assert [buffer.read(n) for n in (3, 3, 3, 4)] == [b"Hel", b"loW", b"orl", b"dNo?"]
    assert len(buffer) == 0
    assert buffer.read() == buffer.read(3) == buffer.peek() == b""


def test_so801_a_buffer_takes_anything_bytes_like_and_keeps_its_own() -> None:
    buffer = Buffer()
    data = bytearray(b"abc")
    buffer.write(data)
    buffer.write(memoryview(data)[1:])
    data[:] = b"xyz"
    assert buffer.read() == b"abcbc"
    for wrong in ("abc", 3, None):
        with pytest.raises(TypeError):
            buffer.write(wrong)  # type: ignore[arg-type]


def test_so208_negative_sizes_do_no_harm() -> None:
    buffer = Buffer()
    buffer.write(b"abc")
    buffer.read(1)
    for use in (buffer.read, buffer.peek):
        with pytest.raises(ValueError, match="negative"):
            use(-1)
    assert buffer.read(0) == b""
    assert buffer.read() == b"bc"


class AgainstPlainBytes(RuleBasedStateMachine):
    """A buffer does what plain bytes would do, only faster."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = InputBuffer()
        self.plain = b""
        self.consumed = 0

    def take(self, n: int) -> bytes:
        taken, self.plain = self.plain[:n], self.plain[n:]
        self.consumed += len(taken)
        return taken

    @rule(chunk=st.one_of(st.binary(max_size=4), st.text("ab", max_size=40).map(str.encode)))
    def write(self, chunk: bytes) -> None:
        self.buffer.append(chunk)
        self.plain += chunk

    @rule(n=st.integers(0, 3), size=st.integers(1, 40))
    def write_many(self, n: int, size: int) -> None:
        for _ in range(40 * n):
            self.write(b"x" * size)

    @rule(chunk=st.binary(max_size=20))
    def receive(self, chunk: bytes) -> None:
        self.buffer.get_buffer()[: len(chunk)] = chunk
        assert self.buffer.buffer_updated(len(chunk)) == len(self.plain) + len(chunk)
        self.plain += chunk

    @rule(n=st.one_of(st.none(), st.integers(0, 60), st.integers(0, 1500)))
    def read(self, n: int | None) -> None:
        assert self.buffer.peek(n) == self.plain[:n]
        assert self.buffer.read(n) == self.take(len(self.plain) if n is None else n)

    @rule(n=st.integers(0, 60))
    def take_exactly(self, n: int) -> None:
        self.buffer.gather()
        self.buffer.trim()
        expected = self.take(n) if n <= len(self.plain) else None
        assert self.buffer.take(n) == expected

    @rule(n=st.integers(0, 60))
    def take_view(self, n: int) -> None:
        self.buffer.gather()
        expected = self.take(n) if n <= len(self.plain) else None
        view = self.buffer.take_view(n)
        assert (None if view is None else bytes(view)) == expected

    @rule(separator=st.sampled_from([b"a", b"ab", b"aba", b"x", b"\0"]), include=st.booleans())
    def take_until(self, separator: bytes, include: bool) -> None:
        self.buffer.gather()
        at = self.plain.find(separator)
        found = self.buffer.take_until(separator, include)
        if at < 0:
            assert found is None
        else:
            expected = self.take(at + len(separator))
            assert found == (expected if include else expected[:at])

    @rule(n=st.integers(0, 60))
    def take_into(self, n: int) -> None:
        self.buffer.gather()
        target = bytearray(n)
        taken = self.buffer.take_into(memoryview(target))
        assert bytes(target[:taken]) == self.take(n)

    @rule(n=st.integers(0, 9))
    def give_back(self, n: int) -> None:
        self.buffer.gather()
        data = self.buffer.read(n)
        self.buffer.give_back(data)

    @invariant()
    def same_size(self) -> None:
        assert len(self.buffer) == len(self.plain)
        assert self.buffer.consumed == self.consumed


TestAgainstPlainBytes = AgainstPlainBytes.TestCase


@given(st.lists(st.binary(min_size=1, max_size=9)), sizes)
def test_output_is_taken_in_pieces_of_any_size(chunks: list[bytes], sizes: list[int]) -> None:
    output = Output()
    output.chunks += chunks
    whole = b"".join(chunks)
    taken = b""
    for size in sizes:
        assert len(output) == len(whole) - len(taken)
        assert bool(output.chunks) == (len(output) > 0)
        piece = output.take(size)
        assert len(piece) == min(size, len(whole) - len(taken))
        taken += piece
        output.give_back(piece)
        assert output.take(len(piece)) == piece
    rest = output.take_all() if len(taken) % 2 else b"".join(output.take_chunks())
    assert taken + rest == whole


# Time


@protocol(max_input=None)
def read_line() -> Steps[bytes]:
    return (yield from readline())


@protocol(max_input=None)
def read_line_of_some_kind() -> Steps[bytes]:
    return (yield from read_until_any((b"\r\n", b"\n")))[0]


@protocol(max_input=None)
def try_line() -> Steps[bytes]:
    io = yield from get_io()
    while (line := io.try_until(b"\n")) is None:
        yield from wait()
    return line


@protocol(max_input=None)
def read_large(n: int) -> Steps[bytes]:
    return (yield from read(n))


@protocol(max_input=None)
def read_in_pieces(n: int, size: int) -> Steps[None]:
    for _ in range(n // size):
        yield from read(size)


@protocol(max_input=None)
def echo_in_pieces(size: int) -> Steps[NoReturn]:
    while True:
        yield from write((yield from read(size)))


@protocol(max_input=None)
def read_short_lines() -> Steps[NoReturn]:
    while True:
        yield from read_until_any((b"\r\n", b"\n", b"never"))


@protocol
def write_at_once(n: int) -> Steps[None]:
    yield from put(bytes(n))
    yield from put(bytes(n))
    yield from wait()


def send_in_pieces(connection: Connection[object, object], data: bytes, size: int) -> None:
    for piece in cut(data, [size]):
        connection.send(piece)
    assert connection.finished


def send_at_once(connection: Connection[object, object], data: bytes) -> None:
    connection.send(data)
    assert connection.is_consumed()


def echo_by_pieces(n: int) -> None:
    connection = echo_in_pieces(4)
    connection.send(bytes(n))
    for _ in range(n // 4):
        connection.read(4)
    assert connection.is_consumed()


def take_by_pieces(n: int) -> None:
    connection = write_at_once(n)
    while connection.read(4):
        pass


def read_buffer_by_pieces(n: int) -> None:
    buffer = Buffer()
    buffer.write(bytes(n))
    while buffer.read(4):
        pass


def write_buffer_by_pieces(n: int) -> None:
    buffer = Buffer()
    for _ in range(n // 16):
        buffer.write(b"0123456789abcdef")
        buffer.peek(1)
    assert len(buffer.read()) == n


def send_to_one_that_does_not_listen(n: int) -> None:
    connection = echo_in_pieces(4)
    for _ in range(n // 16):
        connection.send(b"0123456789abcdef")
    assert connection.pending_input == n - 4


def keep_much_and_read_little(n: int) -> None:
    @protocol(max_input=None)
    def body() -> Steps[NoReturn]:
        yield from wait()
        while True:
            yield from read(8)
            yield from wait()

    connection = body()
    connection.send(bytes(n))
    for _ in range(n // 16):
        connection.send(bytes(16))
        assert len((connection.bytes_consumed, connection.pending_input)) == 2


PATTERNS: list[Callable[[int], object]] = [
    lambda n: send_at_once(read_in_pieces(n, 4), bytes(n)),
    lambda n: send_in_pieces(read_line(), bytes(n) + b"\n", 64),
    lambda n: send_in_pieces(read_line_of_some_kind(), bytes(n) + b"\n", 64),
    lambda n: send_in_pieces(try_line(), bytes(n) + b"\n", 64),
    lambda n: send_in_pieces(read_large(n), bytes(n), 16),
    lambda n: send_in_pieces(read_in_pieces(n, 48), bytes(n), 32),
    lambda n: send_at_once(read_short_lines(), b"\n" * (n // 8)),
    echo_by_pieces,
    take_by_pieces,
    read_buffer_by_pieces,
    write_buffer_by_pieces,
    send_to_one_that_does_not_listen,
    keep_much_and_read_little,
]


def least_time(work: Callable[[int], object], n: int, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        work(n)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("work", PATTERNS)
def test_so802_time_grows_with_the_bytes_and_not_faster(work: Callable[[int], object]) -> None:
    # Four doublings, each of which may take 2.5 times as long.
    small, large = 64 * KIB, MIB
    factor = 2.5**4
    for _ in range(3):
        if least_time(work, large, 2) < factor * least_time(work, small, 5):
            return
    pytest.fail("it grows faster than the bytes")


def test_so802_len_takes_no_time() -> None:
    def look(n: int) -> None:
        buffer = Buffer()
        for _ in range(n):
            buffer.write(b"x")
        start = time.process_time()
        for _ in range(10_000):
            len(buffer)
        times.append(time.process_time() - start)

    times: list[float] = []
    for _ in range(5):
        look(10)
        look(100_000)
    assert min(times[1::2]) < 5 * min(times[::2])


def test_so803_a_search_goes_on_where_it_stopped() -> None:
    looked_at = 0

    class Bytes(bytearray):
        def find(self, separator: bytes, start: int = 0, *stop: int) -> int:  # type: ignore[override]
            nonlocal looked_at
            looked_at += len(self) - start
            return super().find(separator, start, *stop)

    buffer = InputBuffer()
    buffer.data = Bytes()
    for _ in range(1000):
        buffer.data += b"x" * 64
        assert buffer.take_until(b"\r\n") is None
    assert looked_at < 1000 * (64 + 2)


# Memory


def test_so804_what_is_consumed_is_let_go() -> None:
    @protocol(max_input=None)
    def body() -> Steps[NoReturn]:
        while True:
            yield from read(MIB)

    connection = body()
    connection.send(b"x")
    tracemalloc.start()
    try:
        for _ in range(3):
            connection.send(bytes(MIB))
            used, _ = tracemalloc.get_traced_memory()
            assert used < 8 * KIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make", [read_line, lambda: read_large(4)])
def test_so804_an_idle_connection_is_small(make: Callable[[], object]) -> None:
    make()
    gc.collect()
    tracemalloc.start()
    try:
        connections = [make() for _ in range(200)]
        used, _ = tracemalloc.get_traced_memory()
        assert used / len(connections) < 1024
    finally:
        tracemalloc.stop()


def test_so804_a_connection_that_was_used_is_small_again() -> None:
    @protocol
    def body() -> Steps[NoReturn]:
        while True:
            yield from put((yield from readline()))

    connections = [body() for _ in range(200)]
    gc.collect()
    tracemalloc.start()
    try:
        for connection in connections:
            for piece in cut(b"x" * 100_000 + b"\n", [1000]):
                connection.exchange(piece)
        used, _ = tracemalloc.get_traced_memory()
        assert used / len(connections) < 1024
    finally:
        tracemalloc.stop()


def test_so804_empty_chunks_are_not_kept() -> None:
    connection = read_large(10)
    connection.send(b"x")
    tracemalloc.start()
    try:
        for _ in range(10_000):
            connection.send(b"")
        used, _ = tracemalloc.get_traced_memory()
        assert used < KIB
    finally:
        tracemalloc.stop()
    assert connection.pending_input == 1


def test_so805_single_bytes_take_no_more_than_a_few_times_their_size() -> None:
    connection = read_large(MIB)
    tracemalloc.start()
    try:
        for number in range(200_000):
            connection.send(bytes((number & 0xFF, 0)))
        used, _ = tracemalloc.get_traced_memory()
        assert used < 3 * connection.pending_input
    finally:
        tracemalloc.stop()


def test_so326_a_large_body_never_sits_in_the_input() -> None:
    @protocol(max_input=64 * KIB)
    def body() -> Steps[int]:
        size = 0
        for step in read_chunks(64 * MIB):
            size += len((yield from step))
        return size

    connection = body()
    chunk = bytes(64 * KIB)
    tracemalloc.start()
    try:
        for _ in range(1024):
            connection.send(chunk)
        _, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert connection.get_result() == 64 * MIB
    assert highest < 8 * KIB


def test_a_separator_is_found_across_the_end_of_a_window() -> None:
    @protocol(max_input=None)
    def body() -> Steps[tuple[bytes, bytes]]:
        return (yield from read_until_any((b"<end>", b"never")))

    for before in range(245, 270):
        connection = body()
        connection.send(bytes(before) + b"<end>")
        assert connection.get_result() == (bytes(before) + b"<end>", b"<end>")


def test_a_separator_straddles_what_was_searched() -> None:
    @protocol
    def body() -> Steps[bytes]:
        yield from peek()
        return (yield from read_until(b"--end--"))

    for size in range(1, 12):
        connection = body()
        for piece in cut(b"-" * 20 + b"end--", [size]):
            connection.send(piece)
        assert connection.get_result() == b"-" * 20 + b"end--"
