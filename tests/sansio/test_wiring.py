"""Protocols that speak with each other in memory, and are written down."""

from __future__ import annotations

import codecs
import zlib
from typing import Any, NoReturn

import pytest

from junto.errors import IncompleteRead
from junto.sansio.coroutines import (
    Connection,
    Recorded,
    Steps,
    protocol,
    put,
    read,
    read_some,
    read_to_eof,
    readline,
    subprotocol,
    wire,
    write,
)
from junto.testing import feed


@protocol
def ask(question: bytes) -> Steps[bytes]:
    yield from put(question + b"\n")
    return (yield from readline(include=False))


@protocol
def echo() -> Steps[NoReturn]:
    while True:
        yield from write((yield from readline()))


@protocol
def listen() -> Steps[bytes]:
    return (yield from read(1))


@protocol
def chatter() -> Steps[NoReturn]:
    yield from write(b"x")
    while True:
        yield from write((yield from read_some()))


@protocol
def write_for_ever() -> Steps[NoReturn]:
    while True:
        yield from write(b"x" * 100)


def test_so403_a_client_and_a_server_are_wired() -> None:
    client = ask(b"hello")
    report = wire(client, echo())
    assert client.get_result() == b"hello"
    assert report.steps == 2
    assert not report.deadlock


def test_so403_a_deadlock_is_told() -> None:
    a, b = listen(), listen()
    assert wire(a, b).deadlock
    assert wire(a, ask(b"help")).steps == 1


@pytest.mark.parametrize("other", [chatter, write_for_ever])
def test_so403_wiring_is_bounded(other: Any) -> None:
    with pytest.raises(RuntimeError, match="after 100 steps"):
        wire(chatter(), other(), max_steps=100)


def rot13(data: bytes) -> bytes:
    return codecs.encode(data.decode("ascii"), "rot13").encode("ascii")


@protocol
def disguised(inner: Connection[bytes, Any]) -> Steps[bytes]:
    yield from put(b"ROT13\n")
    result = yield from subprotocol(inner, incoming=rot13, outgoing=rot13)
    yield from put(b"BYE\n")
    return result


def test_so403_a_protocol_runs_another_on_transformed_bytes() -> None:
    outcome = feed(lambda: disguised(ask(b"who")), b"uryyb\n")
    assert outcome.result == b"hello"
    assert outcome.output == b"ROT13\njub\nBYE\n"


def test_so403_the_inner_protocol_may_see_the_end() -> None:
    @protocol
    def inner() -> Steps[bytes]:
        return (yield from read_to_eof())

    @protocol
    def outer() -> Steps[bytes]:
        return (yield from subprotocol(inner(), incoming=zlib.decompressobj().decompress))

    data = zlib.compress(b"text" * 1000)
    assert feed(outer, data, eof=True).result == b"text" * 1000
    outcome = feed(lambda: disguised(ask(b"who")), b"urYY", eof=True)
    assert outcome.error is not None
    assert outcome.error[0] is IncompleteRead


def test_so904_a_transcript_tells_what_passed() -> None:
    connection = Recorded(ask(b"who"))
    assert connection.read() == b"who\n"
    assert connection.read() == b""
    data = bytearray(b"me")
    connection.send(data)
    data[:] = b"xx"
    connection.send(b"\n")
    connection.send_eof()
    assert connection.get_result() == b"me"
    assert (connection.finished, connection.failed, list(connection.events())) == (True, False, [])
    assert connection.transcript == [("out", b"who\n"), ("in", b"me"), ("in", b"\n"), ("in", None)]
