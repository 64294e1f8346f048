"""Large bytes beside their message, between junto peers."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from feeding import cut, frame, sizes
from hypothesis import given
from hypothesis import strategies as st
from pairs import agreed, carry, only_error, sent, talk

from junto.blosc import MsgPackBlosc
from junto.codecs import JSON, Codec, MsgPack
from junto.custom_types import serializable
from junto.errors import CodecError, LocalProtocolError
from junto.sansio.attachments import ATTACH_FROM, Attachments, detach
from junto.sansio.kinds import BAD_CONTENT, BESIDE, REQUEST, RESULT
from junto.sansio.messages import MessageProtocol

LARGE = b"\xab" * ATTACH_FROM


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
