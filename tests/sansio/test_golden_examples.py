"""The examples by which the layer of protocols without I/O is known, one test or more for each."""

from __future__ import annotations

import base64
import struct
from typing import NoReturn

import pytest

from junto.errors import (
    BufferFull,
    IncompleteRead,
    NoResult,
    ProtocolFinished,
    ProtocolViolation,
)
from junto.sansio.coroutines import (
    Connection,
    EventSteps,
    Steps,
    emit,
    expect,
    peek,
    peek_exactly,
    protocol,
    read,
    read_int,
    read_until,
    readline,
    wait,
    wire,
    write,
)
from junto.testing import cut, feed

SIZES = [1, 2, 3, 5, 7, 16, 100, 210, 256]


def wait_for(separator: bytes) -> Steps[int]:
    while True:
        position = (yield from peek()).find(separator)
        if position >= 0:
            return position
        yield from wait()


def read_before(separator: bytes) -> Steps[bytes]:
    return (yield from read((yield from wait_for(separator))))


@protocol
def echo_lines() -> Steps[NoReturn]:
    while True:
        yield from write((yield from readline()))


@protocol
def echo_units(n: int) -> Steps[NoReturn]:
    while True:
        yield from write((yield from read(n)))


@protocol
def first_line() -> Steps[bytes]:
    return (yield from read_before(b"\n"))


@protocol
def first_line_and_end() -> Steps[bytes]:
    return (yield from readline(include=False))


def test_g1_lines_are_echoed_when_they_are_complete() -> None:
    connection = echo_lines()
    connection.send(b"hello")
    assert connection.read() == b""
    connection.send(b"\nworld")
    assert connection.read() == b"hello\n"
    connection.send(b"\nand the rest\n")
    assert connection.read() == b"world\nand the rest\n"


def test_g1_lines_are_echoed_one_read_for_each_send() -> None:
    connection = echo_lines()
    assert connection.exchange(b"Hello World") == b""
    assert connection.exchange(b"\nAnd") == b"Hello World\n"
    assert connection.exchange(b" the universe\n") == b"And the universe\n"


def test_g1_an_empty_line_is_a_line() -> None:
    assert echo_lines().exchange(b"\n") == b"\n"


def test_g1_in_all_cuts() -> None:
    assert feed(echo_lines, b"hello\n\nworld\nand").output == b"hello\n\nworld\n"


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("size", SIZES)
def test_g2_units_are_echoed_when_they_are_complete(n: int, size: int) -> None:
    connection = echo_units(n)
    data = bytes(range(256)) * 2
    sent = 0
    for piece in cut(data, [size]):
        assert connection.read() == b""
        connection.send(piece)
        sent += len(piece)
        if sent >= n:
            break
    assert connection.read(n) == data[:n]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("data", "line"), [(b"\nhello", b""), (b"hello\n", b"hello"), (b"hello\nhello", b"hello")]
)
def test_g3_the_first_line_is_the_result(data: bytes, line: bytes, size: int) -> None:
    for factory, left in (first_line, len(line)), (first_line_and_end, len(line) + 1):
        connection = factory()
        for piece in [*cut(data, [size]), b""]:
            connection.send(piece)
        assert connection.has_result
        assert connection.get_result() == line
        assert connection.unused_data == data[left:]


def test_g3_without_an_end_there_is_no_line() -> None:
    connection = first_line()
    connection.send(b"hello")
    assert not connection.has_result
    with pytest.raises(NoResult):
        connection.get_result()


@protocol
def write_and_return() -> Steps[str]:
    yield from write(b"Hello")
    return "Hello"


def test_g4_the_result_comes_after_the_output_was_taken() -> None:
    connection = write_and_return()
    with pytest.raises(NoResult):
        connection.get_result()
    assert connection.read(5) == b"Hello"
    assert connection.get_result() == "Hello"


@protocol
def write_twice() -> Steps[str]:
    yield from write(b"one")
    yield from write(b"two")
    return "done"


def test_g5_two_writes_are_taken_in_twos() -> None:
    connection = write_twice()
    assert connection.read(2) == b"on"
    assert connection.read(2) == b"et"
    assert not connection.has_result
    assert connection.read(2) == b"wo"
    assert connection.has_result
    assert connection.get_result() == "done"
    assert connection.read(2) == b""


@protocol
def greet() -> Steps[bytes]:
    yield from write(b"220 hi\r\n")
    return (yield from read(3))


def test_g6_a_protocol_may_speak_first() -> None:
    connection = greet()
    assert connection.read() == b"220 hi\r\n"
    connection.send(b"abcd")
    assert connection.get_result() == b"abc"
    assert connection.unused_data == b"d"
    assert feed(greet, b"abcd").unused == b"d"


def test_g7_while_output_is_not_taken_input_waits() -> None:
    connection = echo_units(1)
    for byte in cut(b"12345", [1]):
        connection.send(byte)
    assert connection.pending_output == 1
    assert connection.pending_input == 4
    assert connection.read() == b"12345"


@protocol
def echo_base64(separator: bytes) -> Steps[NoReturn]:
    while True:
        segment = yield from read_before(separator)
        yield from read(len(separator))
        yield from write(base64.b64encode(segment) + separator)


def test_g8_functions_are_composed() -> None:
    connection = echo_base64(b"\r\n")
    assert connection.exchange(b"hello") == b""
    assert connection.exchange(b"\r\nworld\r\n") == b"aGVsbG8=\r\nd29ybGQ=\r\n"
    connection = echo_base64(b"\r\n")
    assert connection.exchange(b"hello\r") == b""
    assert connection.exchange(b"\nworld\r\n") == b"aGVsbG8=\r\nd29ybGQ=\r\n"
    assert feed(lambda: echo_base64(b"\r\n"), b"hello\r\nworld\r\n\r").unused == b"\r"


@protocol(max_input=1000)
def read_frames(count: int) -> Steps[list[bytes]]:
    frames = []
    for _ in range(count):
        frames.append((yield from read((yield from read_int(4)))))
    return frames


def test_g9_frames_tell_their_lengths() -> None:
    data = b"".join(struct.pack(">I", len(body)) + body for body in (b"", b"hi", b"x"))
    outcome = feed(lambda: read_frames(3), data)
    assert outcome.result == [b"", b"hi", b"x"]
    assert outcome.unused == b""


def test_g9_a_length_above_the_limit_fails_before_any_body() -> None:
    connection = read_frames(1)
    with pytest.raises(BufferFull):
        connection.send(struct.pack(">I", 1001))
    assert connection.failed


def length_in(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def read_body(head: bytes) -> Steps[bytes]:
    return (yield from read(length_in(head)))


def read_message() -> Steps[tuple[bytes, bytes]]:
    head = yield from read_until(b"\r\n\r\n", include=False)
    return head, (yield from read_body(head))


@protocol
def one_message() -> Steps[tuple[bytes, bytes]]:
    return (yield from read_message())


@protocol
def all_messages() -> EventSteps[tuple[bytes, bytes], NoReturn]:
    while True:
        yield from emit((yield from read_message()))


FIRST = b"Content-Length: 5\r\nX: y\r\n\r\nhello"
SECOND = b"Content-Length: 0\r\n\r\n"


def test_g10_headers_and_body() -> None:
    assert feed(one_message, FIRST).result == (b"Content-Length: 5\r\nX: y", b"hello")
    assert feed(one_message, SECOND).result == (b"Content-Length: 0", b"")
    assert feed(one_message, FIRST + SECOND).unused == SECOND


def test_g10_messages_as_events() -> None:
    outcome = feed(all_messages, FIRST + SECOND + b"Con")
    assert outcome.events == [
        (b"Content-Length: 5\r\nX: y", b"hello"),
        (b"Content-Length: 0", b""),
    ]
    assert outcome.unused == b"Con"


@protocol
def read_address() -> Steps[tuple[str, int]]:
    kind = (yield from peek_exactly(1))[0]
    if kind == 1:
        yield from read(1)
        host = ".".join(map(str, (yield from read(4))))
    elif kind == 3:
        yield from read(1)
        host = (yield from read((yield from read_int(1)))).decode("ascii")
    elif kind == 4:
        yield from read(1)
        host = (yield from read(16)).hex()
    else:
        raise ProtocolViolation("no such kind of address", 0, bytes([kind]))
    return host, (yield from read_int(2))


@pytest.mark.parametrize(
    ("data", "address"),
    [
        ("01 7f000001 1f90", ("127.0.0.1", 8080)),
        ("03 0b 6578616d706c652e636f6d 01bb", ("example.com", 443)),
        ("04 00000000000000000000000000000001 0050", ("0" * 31 + "1", 80)),
    ],
)
def test_g11_addresses_of_several_kinds(data: str, address: tuple[str, int]) -> None:
    assert feed(read_address, bytes.fromhex(data)).result == address


def test_g11_an_unknown_kind_is_a_violation() -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_address().send(b"\x05")
    assert caught.value.offset == 0


@protocol
def read_chunked() -> Steps[bytes]:
    body = b""
    while True:
        size = int((yield from read_until(b"\r\n", include=False)), 16)
        body += yield from read(size)
        yield from expect(b"\r\n")
        if not size:
            return body


def test_g12_a_body_in_chunks() -> None:
    outcome = feed(read_chunked, b"4\r\nwiki\r\nA\r\n\r\npedia\r\n\n\r\n0\r\n\r\nrest")
    assert outcome.result == b"wiki\r\npedia\r\n\n"
    assert outcome.unused == b"rest"


def test_g12_a_chunk_that_is_longer_than_it_says() -> None:
    outcome = feed(read_chunked, b"4\r\nwikis\r\n0\r\n\r\n")
    assert outcome.error is not None
    assert outcome.error[0] is ProtocolViolation
    assert "at offset 7" in outcome.error[1]


@protocol
def read_lines() -> EventSteps[bytes, None]:
    while True:
        yield from emit((yield from readline(include=False)))


@protocol
def read_last_line() -> Steps[bytes]:
    try:
        return (yield from readline(include=False))
    except IncompleteRead:
        return (yield from read())


@protocol(eof_ok=True)
def read_whole_lines() -> EventSteps[bytes, None]:
    while True:
        yield from emit((yield from readline(include=False)))


def test_g13_the_input_ends_within_a_line() -> None:
    connection = read_lines()
    connection.send(b"abc")
    with pytest.raises(IncompleteRead) as caught:
        connection.send_eof()
    assert caught.value.partial == b"abc"
    assert connection.failed
    assert feed(read_last_line, b"abc", eof=True).result == b"abc"


def test_g13_the_input_may_end_between_lines() -> None:
    outcome = feed(read_whole_lines, b"abc\nd\n", eof=True)
    assert outcome.has_result
    assert outcome.result is None
    assert outcome.events == [b"abc", b"d"]
    outcome = feed(read_whole_lines, b"abc\nd", eof=True)
    assert outcome.error is not None


@protocol
def read_block() -> Steps[bytes]:
    yield from expect(b"#")
    digits = int((yield from read(1)))
    if not digits:
        raise ProtocolViolation("a block without a length")
    body = yield from read(int((yield from read(digits))))
    yield from expect(b"\n")
    return body


def test_g14_blocks_of_instruments() -> None:
    assert feed(read_block, b"#15hello\n").result == b"hello"
    assert feed(read_block, b"#10\n").result == b""
    for refused in (b"#0hello\n", b"junk#15hello\n"):
        error = feed(read_block, refused).error
        assert error is not None
        assert error[0] is ProtocolViolation


@protocol
def ask() -> Steps[bytes]:
    yield from write(b"PING\n")
    return (yield from readline(include=False))


@protocol
def answer() -> Steps[bytes]:
    line = yield from readline(include=False)
    yield from write(b"PONG\n")
    return line


def test_g15_two_connections_are_wired() -> None:
    client, server = ask(), answer()
    report = wire(client, server)
    assert client.get_result() == b"PONG"
    assert server.get_result() == b"PING"
    assert not report.deadlock
    for connection in (client, server):
        assert connection.pending_input == connection.pending_output == 0


def count_turns(turns: list[int]) -> Connection[bytes, object]:
    @protocol
    def first_three() -> Steps[bytes]:
        while len((yield from peek())) < 3:
            yield from wait()
            turns.append(1)
        return (yield from read(3))

    return first_three()


def test_g16_a_loop_that_looks_and_waits_survives_being_woken() -> None:
    turns: list[int] = []
    connection = count_turns(turns)
    for _ in range(3):
        with pytest.raises(NoResult):
            connection.get_result()
    assert connection.read() == connection.read() == b""
    assert not connection.has_result
    assert connection.is_consumed()
    assert len(turns) == 5
    connection.send(b"abcd")
    assert connection.get_result() == b"abc"
    assert connection.unused_data == b"d"


@protocol
def fail() -> Steps[None]:
    yield from read(1)
    raise KeyError("no")


def test_g17_a_failure_is_remembered() -> None:
    connection = fail()
    with pytest.raises(KeyError) as first:
        connection.send(b"x")
    assert not connection.has_result
    assert connection.failed
    with pytest.raises(KeyError) as second:
        connection.get_result()
    assert second.value is first.value
    with pytest.raises(ProtocolFinished) as third:
        connection.send(b"y")
    assert third.value.__cause__ is first.value
