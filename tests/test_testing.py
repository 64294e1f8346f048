"""The kit with which protocols and parsers are tested."""

from __future__ import annotations

import struct

import pytest

from junto.errors import ProtocolViolation
from junto.sansio.coroutines import (
    EventSteps,
    Steps,
    emit,
    peek,
    protocol,
    put,
    read,
    read_some,
    readline,
)
from junto.sansio.packets import PacketReader, make_packet
from junto.testing import cut, feed, feed_parser, ways_to_cut


@protocol
def echo() -> EventSteps[bytes, str]:
    line = b""
    while line != b"end\n":
        line = yield from readline()
        yield from put(line)
        yield from emit(line)
    return "ended"


@protocol
def trusts_the_pieces() -> Steps[bytes]:
    return (yield from read_some())


@protocol
def looks_only_once() -> Steps[bytes]:
    if (yield from read_some()).endswith(b"\n"):
        return b"a line"
    raise ProtocolViolation("no line")


def test_so903_an_outcome_has_all_that_the_protocol_gave() -> None:
    outcome = feed(echo, b"one\nend\nmore")
    assert outcome.output == b"one\nend\n"
    assert outcome.events == [b"one\n", b"end\n"]
    assert (outcome.result, outcome.has_result, outcome.error) == ("ended", True, None)
    assert outcome.unused == b"more"


@pytest.mark.parametrize("factory", [trusts_the_pieces, looks_only_once])
def test_so903_a_protocol_that_trusts_the_pieces_is_found(factory: object) -> None:
    with pytest.raises(AssertionError, match="the same input must give the same") as caught:
        feed(factory, b"line\n")  # type: ignore[arg-type]
    assert r"cut as [b'line\n']" in str(caught.value)


def test_so903_pieces_of_given_sizes() -> None:
    assert feed(trusts_the_pieces, b"abc", [[3], [5]]).result == b"abc"
    with pytest.raises(AssertionError):
        feed(trusts_the_pieces, b"abc", [[3], [2]])


def test_so903_the_ways_are_all_in_one_all_single_all_in_two_and_some_by_chance() -> None:
    data = bytes(range(100))
    ways = list(ways_to_cut(data))
    assert ways[0] == (data,)
    assert len(ways[1]) == 100
    assert {len(pieces[0]) for pieces in ways if len(pieces) == 2} >= set(range(1, 100))
    assert all(b"".join(pieces) == data for pieces in ways)
    assert ways == list(ways_to_cut(data))
    assert ways != list(ways_to_cut(data, seed=1))
    assert list(ways_to_cut(b""))[:2] == [(b"",), ()]


def test_so903_errors_are_compared_by_what_they_say_and_not_by_what_came_already() -> None:
    @protocol
    def body() -> Steps[None]:
        yield from read(3)
        raise ProtocolViolation("wrong", 3, (yield from peek()))

    outcome = feed(body, b"abcdef")
    assert outcome.error == (ProtocolViolation, "wrong at offset 3")


def test_so903_an_error_of_the_driver_is_not_taken_for_one_of_the_protocol() -> None:
    @protocol(strict=True)
    def body() -> Steps[None]:
        yield from read(1)

    with pytest.raises(RuntimeError, match="at its end"):
        feed(body, b"ab")


def test_so903_packets_are_read_in_all_cuts() -> None:
    def make() -> object:
        return PacketReader(100, memoryview(bytearray(16))).receive_data

    packets = [b"", b"x", b"y" * 40, b"", b"z" * 15]
    stream = b"".join(map(make_packet, packets))
    assert feed_parser(make, stream + b"\0\0") == packets  # type: ignore[arg-type]
    too_large = stream + struct.pack(">I", 101) + b"x" * 5
    assert feed_parser(make, too_large) == packets  # type: ignore[arg-type]


def test_so903_a_parser_that_trusts_the_pieces_is_found() -> None:
    with pytest.raises(AssertionError, match="cut as"):
        feed_parser(lambda: bytes.splitlines, b"one\ntwo\n")


def test_pieces_are_of_the_given_sizes_over_and_over() -> None:
    assert list(cut(b"abcdefg", [1, 2])) == [b"a", b"bc", b"d", b"ef", b"g"]
