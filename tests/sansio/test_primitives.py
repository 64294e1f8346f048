"""What a protocol asks for: the statements about primitives, one test or more for each."""

from __future__ import annotations

import struct
from collections.abc import Generator
from typing import Any, NoReturn

import pytest
from feeding import sizes
from hypothesis import given
from hypothesis import strategies as st

from junto.errors import (
    BufferFull,
    IncompleteRead,
    LimitExceeded,
    ProtocolViolation,
    RemoteProtocolError,
)
from junto.sansio.coroutines import (
    Connection,
    EventSteps,
    Steps,
    Wants,
    emit,
    expect,
    flush,
    get_io,
    peek,
    peek_exactly,
    protocol,
    put,
    put_lines,
    put_struct,
    read,
    read_at_least,
    read_chunks,
    read_int,
    read_into,
    read_some,
    read_struct,
    read_to_eof,
    read_until,
    read_until_any,
    read_varint,
    read_view,
    readline,
    skip,
    wait,
    write,
)
from junto.testing import cut, feed


@protocol(max_input=None)
def do(step: Any) -> Generator[Any, None, Any]:
    """Take one step."""
    return (yield from step)


def after(data: bytes, step: Any) -> Connection[Any, Any]:
    connection = do(step)
    connection.send(data)
    return connection


def error_of(data: bytes, step: Any, *, eof: bool = False) -> Any:
    """Feed in all cuts, and give the type of the error in which they all end."""
    outcome = feed(lambda: do(step), data, eof=eof)
    assert outcome.error is not None, outcome
    return outcome.error[0]


# 3. The primitives


def test_so301_peek_neither_consumes_nor_waits() -> None:
    @protocol
    def body() -> Steps[list[bytes]]:
        found = [(yield from peek())]
        yield from wait()
        found += [(yield from peek()), (yield from peek(2)), (yield from peek(9)), (yield from peek(0))]
        return [*found, (yield from read(4))]

    connection = body()
    connection.send(b"abcd")
    assert connection.get_result() == [b"", b"abcd", b"ab", b"abcd", b"", b"abcd"]


def test_so302_read_waits_for_exactly_so_many_bytes() -> None:
    connection = do(read(3))
    connection.send(b"ab")
    assert not connection.has_result
    connection.send(b"cd")
    assert connection.get_result() == b"abc"
    assert connection.unused_data == b"d"


def test_so303_read_takes_what_is_there_and_read_0_takes_nothing() -> None:
    @protocol
    def body() -> Steps[list[bytes]]:
        found = [(yield from read())]
        yield from wait()
        return [*found, (yield from read(0)), (yield from read()), (yield from read())]

    connection = body()
    connection.send(b"abc")
    assert connection.get_result() == [b"", b"", b"abc", b""]


@pytest.mark.parametrize("make", [read, peek, read_at_least, peek_exactly, skip, read_view])
def test_so208_negative_sizes_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="negative"):
        do(make(-1))
    with pytest.raises(ValueError, match="negative"):
        read_chunks(-1)


def test_so304_each_event_releases_a_wait() -> None:
    for event in (
        lambda connection: connection.send(b"x"),
        lambda connection: connection.read(),
        lambda connection: connection.read(3),
        lambda connection: connection.read_chunks(),
    ):
        connection = do(wait())
        event(connection)
        assert connection.has_result
    assert do(wait()).get_result() is None


def test_so305_one_event_releases_one_wait() -> None:
    turns = []

    @protocol
    def body() -> Steps[NoReturn]:
        while True:
            yield from wait()
            turns.append(1)

    connection = body()
    connection.send(b"a")
    connection.send(b"b")
    connection.read()
    assert len(turns) == 3


def test_so305_the_read_that_took_the_output_does_not_release_the_next_wait() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from write(b"one")
        yield from wait()
        yield from write(b"two")

    connection = body()
    assert connection.read() == b"one"
    assert connection.read() == b"two"


def test_so306_a_write_waits_until_all_output_is_taken() -> None:
    steps = []

    @protocol
    def body() -> Steps[None]:
        yield from put(b"a")
        yield from write(b"bc")
        steps.append(1)

    connection = body()
    connection.send(b"xyz")
    connection.read(2)
    assert steps == []
    assert connection.pending_input == 3
    connection.read(1)
    assert steps == [1]


def test_so307_put_does_not_wait_and_flush_does() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from flush()
        yield from put(b"one ")
        yield from put(bytearray(b"two "))
        yield from put_lines([b"three", b"four"], b";")
        yield from put_struct(">HB", 0x4142, 0x43)
        yield from flush()

    connection = body()
    assert not connection.has_result
    assert connection.read() == b"one two three;four;ABC"
    assert connection.has_result


def test_so307_what_is_put_may_be_changed_afterwards() -> None:
    buffer = bytearray(b"abc")

    @protocol
    def body() -> Steps[None]:
        for step in (put, write):
            yield from step(buffer)
            buffer[:] = b"xyz"

    assert body().read() == b"abcxyz"


@pytest.mark.parametrize("make", [put, write])
def test_so307_text_is_no_output(make: Any) -> None:
    @protocol
    def body() -> Steps[None]:
        yield from make("text")

    with pytest.raises(TypeError):
        body()


def test_so308_empty_writes_leave_nothing() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from write(b"")
        yield from put(b"")
        yield from flush()

    connection = body()
    assert connection.has_result
    assert connection.read_chunks() == []


# 3.1 Helpers that read


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"ab-ab"])
@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("limit", [None, 12])
def test_so320_read_until_consumes_the_separator(separator: bytes, include: bool, limit: int | None) -> None:
    step = read_until(separator, include=include, limit=limit)
    outcome = feed(lambda: do(step), b"some-ab" + separator + b"rest")
    assert outcome.result == b"some-ab" + (separator if include else b"")
    assert outcome.unused == b"rest"


def test_so320_a_separator_must_end_within_the_limit() -> None:
    assert feed(lambda: do(read_until(b"\r\n", limit=5)), b"abc\r\nd").result == b"abc\r\n"
    assert error_of(b"abcd\r\n", read_until(b"\r\n", limit=5)) is LimitExceeded
    assert error_of(b"abcde", readline(limit=5, include=False)) is LimitExceeded
    assert error_of(b"abcde\n", readline(limit=5)) is LimitExceeded


def test_so320_the_protocol_may_catch_it_and_nothing_was_consumed() -> None:
    @protocol
    def body() -> Steps[bytes]:
        with pytest.raises(LimitExceeded) as caught:
            yield from readline(limit=3)
        assert isinstance(caught.value, RemoteProtocolError)
        assert caught.value.limit == 3
        return (yield from readline())

    assert feed(body, b"abcdef\n").result == b"abcdef\n"


def test_so320_a_separator_has_at_least_one_byte() -> None:
    for step in (read_until_any(()), read_until_any((b"a", b""))):
        with pytest.raises(ValueError, match="separator"):
            do(step)
    with pytest.raises(ValueError, match="separator"):
        read_until(b"")


ANY = [
    ((b"\n", b"\r\n"), b"one\r\ntwo", b"one", b"\r\n"),
    ((b"\r\n", b"\r"), b"one\rtwo\r\n", b"one", b"\r"),
    ((b"\r", b"\r\n"), b"one\r\ntwo", b"one", b"\r\n"),
    ((b"abc", b"b"), b"-abc-", b"-a", b"b"),
    ((b"abcd", b"cd", b"d"), b"-abcd-", b"-", b"abcd"),
    ((b"x", b"xyz"), b"--xy", b"--", b"x"),
    ((b"x", b"xyz", b"y"), b"--xyz", b"--", b"xyz"),
]


@pytest.mark.parametrize(("separators", "data", "before", "which"), ANY)
@pytest.mark.parametrize("include", [True, False])
def test_so321_the_earliest_end_wins_and_the_longest_of_one_place(
    separators: tuple[bytes, ...], data: bytes, before: bytes, which: bytes, include: bool
) -> None:
    step = read_until_any(separators, include=include, limit=100)
    outcome = feed(lambda: do(step), data + b"-" * 10)
    assert outcome.result == (before + (which if include else b""), which)
    assert outcome.unused == data[len(before + which) :] + b"-" * 10


def test_so321_at_the_end_of_the_input_the_shorter_one_counts() -> None:
    assert feed(lambda: do(read_until_any((b"\r", b"\r\n"))), b"a\r", eof=True).result == (b"a\r", b"\r")
    assert error_of(b"abc", read_until_any((b"\r", b"\r\n")), eof=True) is IncompleteRead


@pytest.mark.parametrize(
    ("data", "fits"), [(b"a\r-", True), (b"a\r\n", False), (b"ab\r", False), (b"ab", False), (b"abc", False)]
)
def test_so321_with_a_limit(data: bytes, fits: bool) -> None:
    step = read_until_any((b"\r", b"\r\n"), limit=2)
    if fits:
        assert feed(lambda: do(step), data).result == (b"a\r", b"\r")
    else:
        assert error_of(data, step) is LimitExceeded


@given(st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=4), st.binary(max_size=40))
def test_so321_it_is_what_a_look_at_every_place_would_find(separators: list[bytes], data: bytes) -> None:
    ends = [
        (end, -len(one), one)
        for end in range(len(data) + 1)
        for one in separators
        if data[:end].endswith(one)
    ]
    outcome = feed(lambda: do(read_until_any(tuple(separators))), data, eof=True)
    if not ends:
        assert outcome.error is not None
        return
    end, size, found = min(ends)
    begin = end + size
    found = max((one for one in separators if data.startswith(one, begin)), key=len)
    assert outcome.result == (data[:begin] + found, found)


def test_so322_at_least_so_many_bytes() -> None:
    assert after(b"abc", read_at_least(2)).get_result() == b"abc"
    assert after(b"a", read_at_least(0)).get_result() == b""
    assert after(b"abc", read_some()).get_result() == b"abc"
    connection = do(read_at_least(2))
    connection.send(b"a")
    assert not connection.has_result
    connection.send(b"bcd")
    assert connection.get_result() == b"abcd"


def test_so323_numbers() -> None:
    data = struct.pack(">HiB", 1, -2, 3)
    assert feed(lambda: do(read_struct(">HiB")), data).result == (1, -2, 3)
    assert feed(lambda: do(read_struct(struct.Struct(">HiB"))), data).result == (1, -2, 3)
    assert after(b"\x01\x02", read_int(2)).get_result() == 0x102
    assert after(b"\xfe\xff", read_int(2, "little", signed=True)).get_result() == -2


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 2**63, 2**70 - 1])
def test_so323_numbers_of_variable_length(number: int) -> None:
    data = bytearray()
    rest = number
    while True:
        data.append(rest & 0x7F | (0x80 if rest > 0x7F else 0))
        rest >>= 7
        if not rest:
            break
    outcome = feed(lambda: do(read_varint()), bytes(data) + b"x")
    assert outcome.result == number
    assert outcome.unused == b"x"


def test_so323_a_number_of_variable_length_is_bounded() -> None:
    assert error_of(b"\x80" * 10 + b"\x01", read_varint()) is LimitExceeded
    assert error_of(b"\x80\x80\x01", read_varint(2)) is LimitExceeded
    assert error_of(b"\x80\x80", read_varint(), eof=True) is IncompleteRead


def test_so324_skip_and_expect() -> None:
    @protocol(max_input=10)
    def body() -> Steps[bytes]:
        yield from skip(30)
        yield from expect(b"end")
        yield from skip(0)
        return (yield from read(1))

    outcome = feed(body, b"x" * 30 + b"end!", [[1], [10], [7, 3]])
    assert outcome.result == b"!"


def test_so324_expect_fails_at_the_first_byte_that_differs() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from skip(2)
        yield from expect(b"GET ")

    connection = body()
    connection.send(b"xxG")
    with pytest.raises(ProtocolViolation) as caught:
        connection.send(b"O")
    assert caught.value.offset == 3
    assert caught.value.excerpt == b"O"
    assert isinstance(caught.value, ValueError)
    assert str(caught.value) == "here should be b'E' of b'GET ' at offset 3: b'O'"
    assert connection.unused_data == b"GO"


def test_so325_peek_exactly_waits_and_does_not_consume() -> None:
    @protocol
    def body() -> Steps[tuple[bytes, bytes]]:
        return (yield from peek_exactly(3)), (yield from read(4))

    assert feed(body, b"abcde").result == (b"abc", b"abcd")


@protocol(max_input=10)
def read_body(n: int) -> EventSteps[bytes, bytes]:
    for step in read_chunks(n):
        yield from emit((yield from step))
    return (yield from read(1))


def test_so326_a_body_comes_in_the_pieces_in_which_it_arrives() -> None:
    connection = read_body(100)
    for piece in (b"a" * 40, b"b" * 50, b"c" * 20):
        connection.send(piece)
    assert list(connection.events()) == [b"a" * 40, b"b" * 50, b"c" * 10]
    assert connection.get_result() == b"c"
    assert connection.unused_data == b"c" * 9
    assert after(b"x", read(1)).get_result() == b"x"
    empty = read_body(0)
    empty.send(b"x")
    assert empty.get_result() == b"x"


def test_so326_a_forgotten_yield_from_in_the_loop_is_told() -> None:
    with pytest.raises(RuntimeError, match="yield from step"):
        for _ in read_chunks(3):
            pass


def test_so326_a_view_is_read_only_and_stays_valid() -> None:
    views: list[memoryview] = []

    @protocol(max_input=10)
    def body() -> Steps[None]:
        while True:
            views.append((yield from read_view(20)))

    data = bytes(range(200))
    for way in ([1], [7], [200], [30, 2]):
        views.clear()
        connection = body()
        for piece in cut(data, way):
            connection.send(piece)
        assert b"".join(views) == data
        assert all(view.readonly for view in views)


def test_so326_a_buffer_of_the_protocol_is_filled() -> None:
    @protocol(max_input=10)
    def body() -> Steps[tuple[int, bytes, bytes]]:
        target = bytearray(100)
        size = yield from read_into(memoryview(target)[10:90])
        return size, bytes(target), (yield from read(1))

    data = bytes(range(81))
    assert feed(body, data).result == (80, bytes(10) + data[:80] + bytes(10), data[80:])
    assert after(b"", read_into(bytearray())).get_result() == 0


def test_so326_what_is_left_at_the_end_of_the_input_is_still_there() -> None:
    @protocol
    def body(step: Any) -> Steps[tuple[bytes, int | None, bytes]]:
        try:
            yield from step
        except IncompleteRead as error:
            return error.partial, error.expected, (yield from read())
        raise AssertionError

    for step in (read_into(bytearray(5)), read_view(5), read_at_least(5), peek_exactly(5)):
        for pieces in ([b"abc"], [b"a", b"b", b"c"]):
            connection = body(step)
            for piece in pieces:
                connection.send(piece)
            connection.send_eof()
            assert connection.get_result() == (b"abc", 5, b"abc")
            assert connection.bytes_consumed == 3


# 8. Bounds


def test_so805_too_much_input_fails_the_connection() -> None:
    @protocol(max_input=10)
    def body() -> Steps[bytes]:
        return (yield from readline())

    connection = body()
    connection.send(b"1234567890")
    with pytest.raises(BufferFull) as caught:
        connection.send(b"1")
    assert caught.value.limit == 10
    assert connection.failed
    connection = body()
    connection.send(b"1234567890\nand much more than that")
    assert connection.has_result


def test_so805_the_default_is_a_mebibyte_and_none_is_no_bound() -> None:
    @protocol
    def bounded() -> Steps[bytes]:
        return (yield from readline())

    mebibyte = bytes(1 << 20)
    connection = bounded()
    connection.send(mebibyte)
    with pytest.raises(BufferFull):
        connection.send(b"x")
    unbounded = do(readline())
    unbounded.send(mebibyte + b"xx")
    unbounded.send(b"\n")
    assert unbounded.has_result


def test_so805_a_length_above_the_bound_is_refused_inside_before_it_comes() -> None:
    @protocol(max_input=10)
    def body() -> Steps[str]:
        for step in (read(11), read_at_least(11), peek_exactly(11)):
            with pytest.raises(BufferFull):
                yield from step
        return "refused"

    assert body().get_result() == "refused"


def test_so805_while_output_waits_input_only_waits_too() -> None:
    @protocol(max_input=10)
    def body() -> Steps[bytes]:
        yield from write(b"x")
        return (yield from read(5))

    connection = body()
    connection.send(bytes(100))
    connection.read()
    assert connection.has_result


def test_so806_much_output_stops_a_put() -> None:
    steps: list[int] = []

    @protocol(max_output=10)
    def body() -> Steps[NoReturn]:
        while True:
            yield from put(b"1234")
            steps.append(1)

    connection = body()
    assert len(steps) == 2
    assert connection.pending_output == 12
    assert connection.wants == Wants.OUTPUT_DRAINED
    assert connection.read(12) == b"1234" * 3
    assert len(steps) == 5
    assert connection.read(5) == b"12341"
    assert len(steps) == 5


def test_so806_output_that_is_taken_in_time_stops_nothing() -> None:
    @protocol(max_output=10)
    def body() -> Steps[NoReturn]:
        while True:
            yield from put((yield from read(4)))

    connection = body()
    for _ in range(20):
        assert connection.exchange(b"1234") == b"1234"
        assert connection.wants == Wants.INPUT


def test_so807_bytes_are_received_into_the_input() -> None:
    @protocol
    def body() -> Steps[NoReturn]:
        while True:
            yield from put((yield from readline()))

    connection = body()
    for piece in (b"on", b"e\ntwo\nth", b"ree", b"\n"):
        room = connection.get_buffer(8)
        assert len(room) >= 8
        room[: len(piece)] = piece
        connection.buffer_updated(len(piece))
    assert connection.read() == b"one\ntwo\nthree\n"
    connection.get_buffer()
    assert connection.exchange(b"not disturbed\n") == b"not disturbed\n"


def test_so807_after_the_end_it_is_unused() -> None:
    connection = after(b"a", read(1))
    connection.get_buffer()[:2] = b"bc"
    connection.buffer_updated(2)
    assert connection.unused_data == b"bc"


# The protocol's side of the connection


def test_so1004_what_is_there_can_be_had_without_a_step() -> None:
    @protocol
    def body() -> Steps[list[Any]]:
        io = yield from get_io()
        found: list[Any] = [io.try_read(2), io.try_until(b"\n")]
        yield from wait()
        found += [io.try_read(2), io.try_until(b"\n"), io.try_until(b"\n"), io.bytes_consumed]
        violation = io.violation("wrong", -1)
        return [*found, violation.offset, io.violation("wrong", 1).excerpt]

    connection = body()
    connection.send(b"abcd\nefg")
    assert connection.get_result() == [None, None, b"ab", b"cd\n", None, 5, 4, b"fg"]


LINES = st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=20)


@given(LINES, sizes)
def test_lines_survive_any_cut(lines: list[bytes], sizes: list[int]) -> None:
    @protocol
    def body() -> EventSteps[bytes, None]:
        while True:
            yield from emit((yield from readline(include=False)))

    data = b"".join(line + b"\n" for line in lines)
    assert feed(body, data, [[len(data) + 1], sizes or [1]]).events == lines


@given(st.lists(st.binary(max_size=300), max_size=10), sizes)
def test_frames_survive_any_cut(frames: list[bytes], sizes: list[int]) -> None:
    @protocol
    def body() -> EventSteps[bytes, None]:
        while True:
            yield from emit((yield from read((yield from read_int(4)))))

    data = b"".join(struct.pack(">I", len(frame)) + frame for frame in frames)
    outcome = feed(body, data, [[len(data) + 1], sizes or [1]])
    assert outcome.events == frames
    assert outcome.unused == b""


@given(st.data())
def test_any_mixture_of_steps_gives_the_same_in_any_cut(data: st.DataObject) -> None:
    steps = data.draw(
        st.lists(
            st.one_of(
                st.integers(0, 9).map(lambda n: lambda: read(n)),
                st.integers(0, 9).map(lambda n: lambda: read_view(n)),
                st.integers(0, 9).map(lambda n: lambda: peek_exactly(n)),
                st.integers(0, 9).map(lambda n: lambda: skip(n)),
                st.sampled_from([b"a", b"ab", b"ba"]).map(lambda one: lambda: read_until(one)),
                st.just(lambda: readline(b"b", include=False, limit=5)),
                st.just(lambda: read_until_any((b"aa", b"b"))),
                st.integers(0, 3).map(lambda n: lambda: read_into(bytearray(n))),
                st.just(lambda: read_varint(3)),
                st.just(lambda: expect(b"a")),
            ),
            max_size=8,
        )
    )

    @protocol
    def body() -> EventSteps[object, bytes]:
        for step in steps:
            found = yield from step()
            yield from emit(bytes(found) if isinstance(found, memoryview) else found)
        return (yield from read_to_eof())

    feed(body, data.draw(st.text("ab", max_size=40)).encode(), eof=True)
