from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from junto.errors import CodecError
from junto.sansio.vsoa.positions import (
    Position,
    decode_answer,
    decode_query,
    domain_of,
    encode_answer,
    encode_query,
    read_servers,
    read_servers_file,
)


def test_a_question_goes_there_and_back() -> None:
    query = decode_query(encode_query("myserver", 2))
    assert query is not None
    assert (query.name, query.domain) == ("myserver", 2)
    assert encode_query("x") == b'{"name":"x","domain":-1}'


@pytest.mark.parametrize("position", [Position("127.0.0.1", 3000), Position("::1", 1, security=True)])
def test_an_answer_goes_there_and_back(position: Position) -> None:
    answer = encode_answer(position)
    assert decode_answer(answer) == position
    assert b'"domain":%d' % domain_of(position.host) in answer


def test_no_such_server_is_an_answer_too() -> None:
    assert encode_answer(None) == b"{}"
    assert decode_answer(b"{}") is None
    assert decode_answer(b' { "name" : "x" } ') is None


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"{}",
        b"[]",
        b'{"name": 5}',
        b'{"name": ""}',
        b'{"name": "%b"}' % (b"x" * 5000),
        b'{"name": true}',
    ],
)
def test_a_question_without_a_name_is_none(datagram: bytes) -> None:
    assert decode_query(datagram) is None


def test_a_question_may_come_without_a_domain_or_with_nonsense() -> None:
    for text in (b'{"name": "x"}', b'{"name": "x", "domain": "all"}', b'{"name": "x", "domain": -1}'):
        query = decode_query(text)
        assert query is not None
        assert query.domain == -1


@given(st.binary(max_size=100))
def test_any_datagram_is_a_question_an_answer_or_neither(datagram: bytes) -> None:
    decode_query(datagram)
    try:
        decode_answer(datagram)
    except CodecError:
        pass


@pytest.mark.parametrize(
    ("host", "port"), [("nowhere", 1), ("127.0.0.1", -1), ("127.0.0.1", 65536), ("::1", None)]
)
def test_a_position_is_an_address_and_a_port(host: str, port: int) -> None:
    with pytest.raises(ValueError):
        Position(host, port)


@pytest.mark.parametrize("name", ["", "x" * 513, 5])
def test_only_a_name_can_be_asked_for(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        encode_query(name)


def test_position_servers_are_read_from_a_variable() -> None:
    assert read_servers("127.0.0.1:3000, 10.0.0.1 ,,[::1]:99,[::2],::3,localhost:5, :7, x:y, x:0") == [
        ("127.0.0.1", 3000),
        ("10.0.0.1", 54),
        ("::1", 99),
        ("::2", 54),
        ("::3", 54),
        ("localhost", 5),
    ]


def test_position_servers_are_read_from_a_file() -> None:
    text = "# ours\n127.0.0.1 3000 rest means nothing\n\n10.0.0.1\t\t5\n  10.0.0.2:6\n[::1] 7\n10.0.0.3 # why\nx y\n[::1\n"
    assert read_servers_file(text) == [
        ("127.0.0.1", 3000),
        ("10.0.0.1", 5),
        ("10.0.0.2", 6),
        ("::1", 7),
        ("10.0.0.3", 54),
    ]
