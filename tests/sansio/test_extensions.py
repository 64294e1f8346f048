"""What junto peers find out about each other, and what they use then."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from feeding import cut, frame, sizes
from hypothesis import given
from hypothesis import strategies as st

from junto.blosc import MsgPackBlosc
from junto.codecs import JSON, Codec, MsgPack
from junto.custom_types import serializable
from junto.errors import CodecError, LocalProtocolError, RemoteProtocolError
from junto.sansio.attachments import ATTACH_FROM, Attachments, detach
from junto.sansio.kinds import (
    BAD_CONTENT,
    BESIDE,
    BROKEN,
    CREDIT,
    ITEM,
    NOTICE,
    REQUEST,
    RESULT,
    STOP,
    STREAM,
    Event,
)
from junto.sansio.messages import BATCH_SIZE, MessageProtocol

CODECS = [JSON, MsgPack, MsgPackBlosc]
LARGE = b"\xab" * ATTACH_FROM


def sent(protocol: MessageProtocol) -> bytes:
    return b"".join(protocol.data_to_send())


def carry(sender: MessageProtocol, receiver: MessageProtocol) -> list[Event]:
    return receiver.receive_data(sent(sender))


def agreed(codec: type[Codec] = JSON, **options: Any) -> tuple[MessageProtocol, MessageProtocol]:
    """Make two peers that know each other."""
    pair = MessageProtocol(codec(), **options), MessageProtocol(codec(), **options)
    pair[0].send_request("hello")
    carry(*pair)
    pair[1].send(RESULT, 0, "hello")
    carry(pair[1], pair[0])
    assert pair[0].extended
    assert pair[1].extended
    return pair


def only_error(events: list[Event]) -> RemoteProtocolError:
    ((kind, _, error),) = events
    assert kind == BROKEN
    assert isinstance(error, RemoteProtocolError)
    return error


# --- agreement -----------------------------------------------------------------------------------

ORDERS = ["client first", "server first", "both at once", "client twice, then server"]


def talk(order: str, one: MessageProtocol, other: MessageProtocol) -> list[Event]:
    """Let two peers exchange their first messages; returns all that both received."""
    if order == "server first":
        one, other = other, one
    one.send_request("a")
    if order == "both at once":
        other.send_request("b")
        crossing = sent(one), sent(other)
        return other.receive_data(crossing[0]) + one.receive_data(crossing[1])
    if order == "client twice, then server":
        one.send_request("b")
    events = carry(one, other)
    other.send(RESULT, 0, "c")
    other.send(RESULT, 1, "d")
    return events + carry(other, one)


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


# --- attachments ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        LARGE,
        [LARGE, 1],
        {"k": LARGE, "l": [LARGE + b"x", b"small"]},
        ["path", [LARGE, None, [LARGE]], {"k": LARGE}],
        [[[[LARGE]]]],  # too deep to be looked for
        {5: LARGE, (1,): LARGE},  # the key is no text
        [LARGE] * 20,
        [bytearray(LARGE), memoryview(LARGE)],
    ],
)
@pytest.mark.parametrize("codec", [MsgPack, MsgPackBlosc])
@pytest.mark.parametrize("step", [997, 1 << 20])
def test_large_bytes_arrive_in_their_places(codec: type[Codec], content: Any, step: int) -> None:
    sender, receiver = agreed(codec)
    expected = codec().decode(codec().encode(content))
    sender.send_request("before")
    sender.send_request(content)
    sender.send_request("after")
    data = sent(sender)
    events = [event for piece in cut(data, itertools.repeat(step)) for event in receiver.receive_data(piece)]
    assert [content for _, _, content in events] == ["before", expected, "after"]
    assert not receiver.receive_eof()


def test_the_senders_value_stays_as_it_is() -> None:
    content = {"k": [LARGE]}
    sender, _ = agreed(MsgPack)
    sender.send_request(content)
    assert content == {"k": [LARGE]}


def test_the_large_bytes_leave_uncopied() -> None:
    sender, _ = agreed(MsgPack)
    sender.send_request(LARGE)
    assert any(chunk is LARGE for chunk in sender.data_to_send())


def test_the_first_message_may_have_attachments() -> None:
    one, other = MessageProtocol(MsgPack()), MessageProtocol(MsgPack())
    one.send_request("hello")
    carry(one, other)
    other.send(RESULT, 0, LARGE)
    assert carry(other, one) == [(RESULT, 0, LARGE)]
    assert one.extended


def test_custom_types_stand_beside_attachments() -> None:
    class Point:
        def __init__(self, x: int) -> None:
            self.x = x

    types = [serializable(Point)]
    one, other = MessageProtocol(MsgPack(types)), MessageProtocol(MsgPack(types))
    talk("client first", one, other)
    one.send_request([Point(5), LARGE])
    ((_, _, (point, large)),) = carry(one, other)
    assert point.x == 5
    assert large == LARGE


# CH-2
@pytest.mark.parametrize(
    "content", [[b"x" * 70_000], [b"x" * 40_000] * 2, [LARGE, "x" * 65_536], [LARGE, object()]]
)
def test_attachments_that_cannot_be_sent_leave_no_trace(content: Any) -> None:
    sender, receiver = agreed(MsgPack, send_limit=65_536)
    sender.send_request("before")
    with pytest.raises((LocalProtocolError, CodecError)):
        sender.send_request(content)
    sender.send_request([LARGE])
    sender.send_request("after")
    assert [content for _, _, content in carry(sender, receiver)] == ["before", [LARGE], "after"]


def test_an_interrupted_message_leaves_no_attachment_to_the_next() -> None:
    class Interrupting(dict):  # type: ignore[type-arg]  # holds nothing
        def items(self) -> Any:
            raise KeyboardInterrupt

    sender, receiver = agreed(MsgPack)
    with pytest.raises(KeyboardInterrupt):
        sender.send_request([LARGE, Interrupting()])
    sender.send_request([b"small", None])
    assert [content for _, _, content in carry(sender, receiver)] == [[b"small", None]]


def beside(places: Any, triple: Any) -> bytes:
    return frame(json.dumps([BESIDE, places, triple]).encode())


@pytest.mark.parametrize(
    ("places", "triple"),
    [
        pytest.param(None, [0, 0, None], id="no places"),
        pytest.param([], [0, 0, None], id="no place"),
        pytest.param({"0": []}, [0, 0, None], id="a map of places"),
        pytest.param([[]], None, id="no message"),
        pytest.param([[]], [0, 0], id="two"),
        pytest.param([[]], [[0, 0, None]], id="a batch"),
        pytest.param([[]], [BESIDE, [[]], [0, 0, None]], id="attachments to attachments"),
        pytest.param([[]], [9, 0, None], id="an unknown type"),
        pytest.param(["k"], [0, 0, {"k": None}], id="a text as place"),
        pytest.param([5], [0, 0, [None]], id="a number as place"),
        pytest.param([[0]], [0, 0, None], id="inside nothing"),
        pytest.param([[0]], [0, 0, "abc"], id="inside a text"),
        pytest.param([[2]], [0, 0, [None]], id="beyond the end"),
        pytest.param([[-1]], [0, 0, [None]], id="from the end"),
        pytest.param([[False]], [0, 0, [None]], id="a boolean index"),
        pytest.param([["k"]], [0, 0, [None]], id="a key in an array"),
        pytest.param([["l"]], [0, 0, {"k": None}], id="an unknown key"),
        pytest.param([[["k"]]], [0, 0, {"k": None}], id="an array as key"),
        pytest.param([[0]], [0, 0, [1]], id="taken"),
        pytest.param([[]], [0, 0, [1]], id="all taken"),
        pytest.param([[0], [0]], [0, 0, [None]], id="twice the same"),
        pytest.param([[], []], [0, 0, None], id="twice all"),
        pytest.param([[], [0]], [0, 0, None], id="inside another"),
        pytest.param([["at"]], [0, 0, {"__type__": [0, {"x": None}]}], id="inside a custom value"),
    ],
)
def test_attachments_without_a_place_break_the_connection(places: Any, triple: Any) -> None:
    class Anything:
        """Takes whatever is asked of it."""

        def __init__(self, x: Any) -> None:
            self.x = x

        def __getitem__(self, name: str) -> None:
            raise AssertionError("custom values are left alone")

    receiver = MessageProtocol(JSON([serializable(Anything)]))
    talk("client first", receiver, MessageProtocol(JSON()))
    only_error(receiver.receive_data(beside(places, triple) + frame(b"data") * 2))


def test_attachments_are_measured_together() -> None:
    _, receiver = agreed(receive_limit=65_536)
    places = [[n] for n in range(3)]
    stream = beside(places, [0, 0, [None] * 3]) + frame(b"x" * 30_000) * 3
    assert "together" in str(only_error(receiver.receive_data(stream)))


def test_bad_content_with_attachments_spoils_only_its_message() -> None:
    _, receiver = agreed()
    stream = beside([[0]], [0, 4, [None, {"__type__": 9}]]) + frame(b"data") + frame(b"[0, 5, 1]")
    events = receiver.receive_data(stream)
    assert [(kind, ident) for kind, ident, _ in events] == [(BAD_CONTENT, (REQUEST, 4)), (REQUEST, 5)]


@pytest.mark.parametrize("then", [b"", frame(b"one"), frame(b"one") + b"\0\0\0\5tw"])
def test_the_end_among_attachments_is_an_end_inside_a_packet(then: bytes) -> None:
    _, receiver = agreed()
    assert receiver.receive_data(beside([[0], [1]], [0, 0, [None, None]]) + then) == []
    assert receiver.receive_eof()


contents = st.recursive(
    st.one_of(st.none(), st.integers(0, 9), st.sampled_from([LARGE, LARGE + b"x", b"small"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=2), st.integers(0, 3)), inner, max_size=3),
    ),
    max_leaves=10,
)


@given(contents)
def test_what_is_detached_is_attached_again(content: Any) -> None:
    found: list[tuple[list[Any], bytes]] = []
    detached = detach(content, found)
    if found:
        attachments = Attachments([place for place, _ in found], [REQUEST, 0, detached], limit=1 << 20)
        assert [attachments.add(data) for _, data in found] == [False] * (len(found) - 1) + [True]
        detached = attachments.put_into(detached)
    assert detached == content


@given(
    st.lists(contents, max_size=4),
    sizes.map(lambda pieces: [size * 50 for size in pieces]),
    st.integers(100, 70_000),
)
def test_any_cut_of_attachments_and_batches_gives_the_same(
    messages: list[Any], pieces: list[int], size: int
) -> None:
    sender, _ = agreed(MsgPack)
    receiver = agreed(MsgPack, shared=memoryview(bytearray(size)))[1]
    for content in messages:
        sender.send_request(content)
    events = [event for piece in cut(sent(sender), pieces) for event in receiver.receive_data(piece)]
    assert [content for _, _, content in events] == messages
