"""What was written for ohneio runs with its import line changed, and meets none of its faults."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from junto.compat import ohneio
from junto.testing import feed


def wait_for(s: bytes) -> Any:
    while True:
        data = yield from ohneio.peek()
        pos = data.find(s)
        if pos >= 0:
            return pos
        yield from ohneio.wait()


def read_until(s: bytes) -> Any:
    pos = yield from wait_for(s)
    data = yield from ohneio.read(pos)
    return data


@ohneio.protocol
def echo_base64(separator: bytes) -> Any:
    while True:
        segment = yield from read_until(separator)
        yield from ohneio.read(len(separator))
        yield from ohneio.write(base64.b64encode(segment) + separator)


def test_the_sample_of_the_readme() -> None:
    connection = echo_base64(b"\r\n")
    connection.send(b"hello")
    assert connection.read() == b""
    connection.send(b"\r\nworld\r\n")
    assert connection.read() == b"aGVsbG8=\r\nd29ybGQ=\r\n"
    assert isinstance(connection, ohneio.Consumer)
    assert feed(lambda: echo_base64(b"\r\n"), b"hello\r\nworld\r\n").output == b"aGVsbG8=\r\nd29ybGQ=\r\n"


def test_a_result_and_what_is_left() -> None:
    @ohneio.protocol
    def two_bytes() -> Any:
        return (yield from ohneio.read(nbytes=2))

    connection = two_bytes()
    assert connection.has_result is False
    with pytest.raises(ohneio.NoResult):
        connection.get_result()
    connection.send(b"abc")
    assert connection.has_result is True
    assert connection.get_result() == b"ab"
    assert not connection.is_consumed()


def test_a_buffer() -> None:
    buffer = ohneio.Buffer()
    buffer.write(b"hello")
    assert (len(buffer), buffer.peek(2), buffer.read(3), buffer.read()) == (5, b"he", b"hel", b"lo")


def test_a_zero_length_read_does_not_swallow_what_is_there() -> None:
    @ohneio.protocol
    def body() -> Any:
        empty = yield from ohneio.read(0)
        peeked = yield from ohneio.peek(0)
        rest = yield from ohneio.read(3)
        return [empty, peeked, rest]

    assert feed(body, b"abc").result == [b"", b"", b"abc"]


def test_what_is_no_generator_function_is_refused() -> None:
    with pytest.raises(ValueError, match="generator function"):
        ohneio.protocol(lambda: 3)  # type: ignore[arg-type,return-value]
