"""What junto peers find out about each other, and what they use then."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from feeding import frame
from hypothesis import given
from hypothesis import strategies as st
from pairs import agreed, carry, only_error, sent, talk

from junto.blosc import MsgPackBlosc
from junto.codecs import JSON, Codec, MsgPack
from junto.errors import CodecError, LocalProtocolError
from junto.sansio.kinds import (
    BAD_CONTENT,
    CREDIT,
    ITEM,
    NOTICE,
    REQUEST,
    RESULT,
    STOP,
    STREAM,
)
from junto.sansio.messages import BATCH_SIZE, MessageProtocol

CODECS = [JSON, MsgPack, MsgPackBlosc]


# --- agreement -----------------------------------------------------------------------------------

ORDERS = ["client first", "server first", "both at once", "client twice, then server"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("one_knows", "other_knows"), list(itertools.product([True, False], repeat=2)))
def test_peers_agree_if_both_know_how_in_any_order(
    order: str, codec: type[Codec], one_knows: bool, other_knows: bool
) -> None:
    one = MessageProtocol(codec(), extensions=one_knows)
    other = MessageProtocol(codec(), extensions=other_knows)
    events = talk(order, one, other)
    assert all(kind in (REQUEST, RESULT) for kind, _, _ in events)
    assert one.extended == other.extended == (one_knows and other_knows)
    # What they do from then on, they both understand.
    for sender, receiver in ((one, other), (other, one)):
        sender.send_request("x")
        sender.send_request(["y", "z"])
        assert [content for _, _, content in carry(sender, receiver)] == ["x", ["y", "z"]]
        if sender.extended:
            sender.send_extension(NOTICE, None, "n")
            assert carry(sender, receiver) == [(NOTICE, None, "n")]
        else:
            with pytest.raises(LocalProtocolError, match="junto too"):
                sender.send_extension(NOTICE, None, "n")
            assert sender.data_to_send() == []


@pytest.mark.parametrize("codec", CODECS)
def test_only_the_first_message_is_marked(codec: type[Codec]) -> None:
    protocol = MessageProtocol(codec())
    plain = MessageProtocol(codec(), extensions=False)
    for sender in (protocol, plain):
        sender.send_request("a")
    assert sent(protocol) != sent(plain)
    for sender in (protocol, plain):
        sender.send_request("b")
    assert sent(protocol) == sent(plain)


def test_who_hears_an_old_peer_first_does_not_mark() -> None:
    protocol = MessageProtocol(JSON())
    protocol.receive_data(frame(b"[0, 0, 1]"))
    protocol.send(RESULT, 0, 2)
    assert sent(protocol) == frame(b"[1, 0, 2]")


def test_a_message_that_was_refused_leaves_the_mark_to_the_next() -> None:
    one, other = MessageProtocol(JSON(), send_limit=20_000), MessageProtocol(JSON())
    for refused in (object(), "x" * 20_000):
        with pytest.raises((CodecError, LocalProtocolError)):
            one.send_request(refused)
    one.send_request("ok")
    assert carry(one, other) == [(REQUEST, 0, "ok")]
    assert other.extended


@pytest.mark.parametrize("options", [{"receive_limit": BATCH_SIZE - 1}, {"send_limit": BATCH_SIZE - 1}])
def test_who_cannot_take_or_send_batches_does_not_agree(options: dict[str, int]) -> None:
    small, other = MessageProtocol(JSON(), **options), MessageProtocol(JSON())
    talk("client first", small, other)
    assert not small.extended
    assert not other.extended


EXTENSIONS = [
    pytest.param(b"[[0, 1, 2], [0, 2, 3]]", id="a batch"),
    pytest.param(b'[3, null, "x"]', id="a notice"),
    pytest.param(b"[4, 0, null]", id="a stream"),
    pytest.param(b"[7, 0, null]", id="a stop"),
    pytest.param(b"[8, [[]], [0, 0, null]]", id="an attachment"),
]


@pytest.mark.parametrize("payload", EXTENSIONS)
@pytest.mark.parametrize("extensions", [True, False])
def test_a_peer_that_did_not_agree_must_not_use_extensions(payload: bytes, extensions: bool) -> None:
    client = MessageProtocol(JSON(), extensions=extensions)
    client.send_request("marked, and answered by an old peer")
    client.receive_data(frame(b'[1, 0, "plain"]'))
    assert "agreed" in str(only_error(client.receive_data(frame(payload))))
    server = MessageProtocol(JSON(), extensions=extensions)
    assert "agreed" in str(only_error(server.receive_data(frame(payload))))


# --- the kinds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "message", [(NOTICE, None, "n"), (STREAM, 0, None), (ITEM, 0, [1, 2]), (CREDIT, 0, 16), (STOP, 0, None)]
)
def test_extensions_pass_between_those_who_agreed(codec: type[Codec], message: tuple[int, Any, Any]) -> None:
    for sender, receiver in (agreed(codec), agreed(codec)[::-1]):
        sender.send_extension(*message)
        assert carry(sender, receiver) == [message]


@pytest.mark.parametrize("ident", [None, "0", 0.0, True, [], {}], ids=repr)
@pytest.mark.parametrize("kind", [STREAM, ITEM, CREDIT, STOP])
def test_a_stream_is_named_by_a_number(kind: int, ident: Any) -> None:
    _, receiver = agreed()
    only_error(receiver.receive_data(frame(JSON().encode([kind, ident, 1]))))


@pytest.mark.parametrize("credit", [-1, 1.0, True, None, "1", [1]], ids=repr)
def test_credit_is_a_number_of_items(credit: Any) -> None:
    _, receiver = agreed()
    only_error(receiver.receive_data(frame(JSON().encode([CREDIT, 0, credit]))))


# --- batches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 300])
def test_messages_of_one_turn_are_read_as_they_were_sent(codec: type[Codec], count: int) -> None:
    sender, receiver = agreed(codec)
    contents = [[n, "x" * n] for n in range(count)]
    for content in contents:
        sender.send_request(content)
    assert [content for _, _, content in carry(sender, receiver)] == contents


@given(
    st.sampled_from([JSON, MsgPack]),
    st.lists(st.one_of(st.integers(0, 50), st.integers(BATCH_SIZE // 2 - 40, BATCH_SIZE + 10)), max_size=20),
)
def test_no_batch_is_larger_than_every_peer_takes(codec: type[Codec], lengths: list[int]) -> None:
    sender, receiver = agreed(codec)
    for length in lengths:
        sender.send_request("x" * length)
    largest = max([len(codec().encode([0, 99, "x" * length])) for length in lengths], default=0)
    data = sent(sender)
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        assert size <= max(BATCH_SIZE, largest)
        at += 4 + size
    assert [len(content) for _, _, content in receiver.receive_data(data)] == lengths


def test_two_messages_that_only_just_do_not_fit_are_no_batch() -> None:
    for more in range(40):
        sender, receiver = agreed(receive_limit=BATCH_SIZE)
        sender.send_request("x" * (BATCH_SIZE // 2 - 20))
        sender.send_request("x" * (BATCH_SIZE // 2 - 20 + more))
        assert len(carry(sender, receiver)) == 2


def test_a_message_of_a_batch_that_is_none_ends_it_there() -> None:
    _, receiver = agreed()
    events = receiver.receive_data(frame(b"[[0, 5, 1], [0, 6], [0, 7, 1]]"))
    assert events[0] == (REQUEST, 5, 1)
    only_error(events[1:])


@pytest.mark.parametrize("batch", [b"[[]]", b"[[[0, 0, 0]]]", b"[[9, 0, 0]]", b"[[0, 0]]", b"[[0, 0, 0, 0]]"])
def test_a_batch_holds_triples_only(batch: bytes) -> None:
    _, receiver = agreed()
    only_error(receiver.receive_data(frame(batch)))


def test_custom_types_in_a_batch_spoil_only_their_message() -> None:
    _, receiver = agreed()
    events = receiver.receive_data(frame(b'[[0, 5, {"__type__": 9}], [0, 6, 1]]'))
    assert [(kind, ident) for kind, ident, _ in events] == [(BAD_CONTENT, (REQUEST, 5)), (REQUEST, 6)]
