"""Messages as every peer knows them; what only junto peers know is in test_extensions."""

from __future__ import annotations

import math
import struct
import tracemalloc
from typing import Any

import pytest
from feeding import cut, frame, sizes
from hypothesis import given
from hypothesis import strategies as st

from junto.blosc import MsgPackBlosc
from junto.codecs import JSON, Codec, MsgPack
from junto.custom_types import serializable
from junto.errors import CodecError, LocalProtocolError, PacketTooLarge, RemoteError, RemoteProtocolError
from junto.options import SIMPYIO
from junto.sansio.failures import FailureForm
from junto.sansio.kinds import BAD_CONTENT, BROKEN, FAILURE, REQUEST, RESULT, Event
from junto.sansio.messages import MessageProtocol

CODECS = [JSON, MsgPack, MsgPackBlosc]
IDS = [0, 7, "x", None, 1.5, -3, 2**63, True, [1, [2]], {"a": [None]}, {"__type__": [0, 1]}, "__type__", [[]]]


def make(codec: Codec | None = None, **options: Any) -> MessageProtocol:
    options.setdefault("extensions", False)
    return MessageProtocol(codec or JSON(), **options)


def sent(protocol: MessageProtocol) -> bytes:
    return b"".join(protocol.data_to_send())


def comparable(events: list[Event]) -> list[str]:
    return [repr(event) for event in events]


def check_broken(events: list[Event], protocol: MessageProtocol) -> RemoteProtocolError:
    """Look that reading has ended with the one error, and has ended for good."""
    kind, ident, error = events[-1]
    assert (kind, ident) == (BROKEN, None)
    assert isinstance(error, RemoteProtocolError)
    assert isinstance(error, ConnectionError)
    assert str(error)
    assert BROKEN not in [kind for kind, _, _ in events[:-1]]
    assert protocol.receive_data(frame(b"[0, 0, 0]")) == []
    return error


# --- reading in pieces ---------------------------------------------------------------------------

MESSAGES: list[tuple[int, Any, Any]] = [
    (REQUEST, 0, ["add", [3, 4], {}]),
    (RESULT, 0, None),
    (FAILURE, 1, "ValueError: 42\n"),
    (REQUEST, "odd", {"text": "ä" * 300, "nested": [[], {}]}),
    (RESULT, 2, [0.5, True, 2**40]),
]


def stream_of(codec: Codec, messages: list[tuple[int, Any, Any]]) -> bytes:
    return b"".join(frame(codec.encode(list(message))) for message in messages)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("step", [1, 3, 7, 100_000])
@pytest.mark.parametrize("behind", [b"", b"\0", b"\0\0\1\0[0,"], ids=["alone", "a header's", "a packet's"])
def test_messages_are_read_from_pieces_of_any_size(codec: type[Codec], step: int, behind: bytes) -> None:
    protocol = make(codec(), shared=memoryview(bytearray(100)))
    stream = stream_of(codec(), MESSAGES) + behind
    events = [event for piece in cut(stream, [step] * len(stream)) for event in protocol.receive_data(piece)]
    assert events == MESSAGES
    assert protocol.receive_eof() == bool(behind)


payloads = st.one_of(
    st.binary(max_size=40),
    st.tuples(st.integers(-1, 9), st.one_of(st.integers(), st.text()), st.text())
    .map(list)
    .map(JSON().encode),
    st.lists(st.tuples(st.integers(0, 8), st.none(), st.lists(st.text())), max_size=3).map(JSON().encode),
    st.integers(0, 8).map(lambda kind: b'[%d, 0, {"__type__": [0, {}]}]' % kind),
)


@given(st.lists(payloads, max_size=12), sizes, st.booleans(), st.integers(1, 300))
def test_any_cut_gives_the_same_events(
    packets: list[bytes], pieces: list[int], extensions: bool, size: int
) -> None:
    stream = b"".join(map(frame, packets))
    whole = make(extensions=extensions).receive_data(stream)
    shared = memoryview(bytearray(size))
    protocol = make(extensions=extensions, shared=shared)
    events = []
    for piece in cut(stream, pieces):
        events += protocol.receive_data(piece)
        shared[:] = b"\xee" * size
    assert comparable(events) == comparable(whole)


@given(st.binary(max_size=400), st.sampled_from(CODECS), st.booleans(), st.booleans(), sizes)
def test_any_bytes_give_events_or_the_one_error(
    data: bytes, codec: type[Codec], framed: bool, announced: bool, pieces: list[int]
) -> None:
    protocol = make(codec(), extensions=True, receive_limit=1 << 16)
    if announced:
        protocol.send_request(1)
    events = []
    for piece in cut(frame(data) if framed else data, pieces):
        events += protocol.receive_data(piece)
    if events and events[-1][0] == BROKEN:
        check_broken(events, protocol)
    for kind, ident, _ in events:
        if kind == REQUEST:
            protocol.send_failure(ident, ValueError("x"))


def test_a_message_means_the_same_wherever_it_stands() -> None:
    deep = b"[0, 0, " + b"[" * 600 + b"]" * 600 + b"]"
    protocol = make()
    first = protocol.receive_data(frame(deep))
    alone = protocol.receive_data(frame(deep))
    beside_types = protocol.receive_data(frame(deep) + frame(b'[0, 1, {"__type__": 5}]'))
    assert [kind for kind, _, _ in first + alone + beside_types] == [REQUEST, REQUEST, REQUEST, BAD_CONTENT]


# --- malformed input, row by row -----------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello", id="not json"),
        pytest.param(b'[0, 0, "\xff"]', id="not utf-8"),
        pytest.param(b"\xef\xbb\xbf[0, 0, 0]", id="a byte order mark"),
        pytest.param(b"[0, 0]", id="two"),
        pytest.param(b"[0, 0, 0, 0]", id="four"),
        pytest.param(b"[]", id="none"),
        pytest.param(b"42", id="a number"),
        pytest.param(b'{"a": 0, "b": 0, "c": 0}', id="an object of three"),
        pytest.param(b'"000"', id="a string of three"),
        pytest.param(b"null", id="null"),
        pytest.param(b'[7, 0, "x"]', id="type 7"),
        pytest.param(b'[3, null, "x"]', id="type 3"),
        pytest.param(b'[-1, 0, "x"]', id="type -1"),
        pytest.param(b'[9, 0, "x"]', id="type 9"),
        pytest.param(b'["0", 0, "x"]', id="type as text"),
        pytest.param(b'[0.0, 0, "x"]', id="type as float"),
        pytest.param(b'[false, 0, "x"]', id="type as boolean"),
        pytest.param(b'[null, 0, "x"]', id="type null"),
        pytest.param(b'[{}, 0, "x"]', id="type as object"),
        pytest.param(b"[[0, 0, 0], [0, 1, 0]]", id="a batch"),
        pytest.param(b"[" * 100_000, id="too deep"),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_a_malformed_packet_breaks_the_connection(payload: bytes, first: bool) -> None:
    protocol = make()
    before = [] if first else [(REQUEST, 0, "good"), (REQUEST, 1, "good")]
    stream = b"" if first else frame(b'[0, 0, "good"]') + frame(b'[0, 1, "good"]')
    events = protocol.receive_data(stream + frame(payload) + frame(b'[0, 9, "behind"]'))
    assert events[:-1] == before
    check_broken(events, protocol)


@pytest.mark.parametrize("codec", [MsgPack, MsgPackBlosc])
@pytest.mark.parametrize(
    "hexed", ["", "c1", "920000", "9400000000", "00", "93c20000", "93a13000c0", "930700c0"]
)
def test_the_same_in_msgpack(codec: type[MsgPack], hexed: str) -> None:
    payload = bytes.fromhex(hexed)
    compress = codec.compress
    protocol = make(codec())
    events = protocol.receive_data(frame(payload if compress is None else compress(payload)))
    check_broken(events, protocol)


# CH-10
def test_the_decoders_own_error_is_the_cause() -> None:
    protocol = make()
    error = check_broken(protocol.receive_data(frame(b"[0, 0, }")), protocol)
    assert isinstance(error.__cause__, ValueError)
    assert not isinstance(error.__cause__, CodecError)


def test_a_long_malformed_value_is_shown_in_part() -> None:
    protocol = make()
    error = check_broken(protocol.receive_data(frame(JSON().encode(list(range(100_000))))), protocol)
    assert len(str(error)) < 200


# CH-12
@pytest.mark.parametrize(
    "content", [b'{"__type__": [9, 0]}', b'{"__type__": 7}', b'[{"__type__": [0]}]', b'{"__type__": [0, 1]}']
)
@pytest.mark.parametrize("kind", [REQUEST, RESULT, FAILURE])
def test_custom_types_that_mean_nothing_spoil_only_their_message(kind: int, content: bytes) -> None:
    class Nothing:
        pass

    protocol = make(JSON([serializable(Nothing)]))
    events = protocol.receive_data(frame(b"[%d, 5, %b]" % (kind, content)) + frame(b'[0, 6, "next"]'))
    (bad, which, error), following = events
    assert (bad, which) == (BAD_CONTENT, (kind, 5))
    assert isinstance(error, CodecError)
    assert following == (REQUEST, 6, "next")


# CH-11 is the channel's: the protocol tells of each reply.
def test_replies_to_nothing_and_double_requests_are_told_as_they_are() -> None:
    events = make().receive_data(
        b"".join(map(frame, [b"[1, 99, 0]", b"[1, 99, 0]", b"[0, 0, 1]", b"[0, 0, 2]"]))
    )
    assert events == [(RESULT, 99, 0), (RESULT, 99, 0), (REQUEST, 0, 1), (REQUEST, 0, 2)]


@pytest.mark.parametrize("content", [None, "x", ["x"], [], 5, {"a": 1}])
def test_a_failure_may_say_anything(content: Any) -> None:
    ((kind, ident, received),) = make().receive_data(frame(JSON().encode([2, 0, content])))
    assert (kind, ident, received) == (FAILURE, 0, content)
    assert isinstance(str(RemoteError(received)), str)


# CH-1
@pytest.mark.parametrize("codec", CODECS)
def test_a_length_above_the_limit_breaks_the_connection_on_its_header(codec: type[Codec]) -> None:
    protocol = make(codec(), receive_limit=1000)
    tracemalloc.start()
    try:
        events = protocol.receive_data(struct.pack(">I", 1001))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    error = check_broken(events, protocol)
    assert isinstance(error, PacketTooLarge)
    assert (error.size, error.max_size) == (1001, 1000)
    assert peak < 100_000


# CH-17
def test_a_compressed_packet_is_measured_by_what_comes_out() -> None:
    codec = MsgPackBlosc()
    protocol = make(codec, receive_limit=1000)
    small = codec.encode([0, 0, "x" * 900])
    large = codec.encode([0, 0, "x" * 2000])
    assert len(large) < 1000
    assert len(protocol.receive_data(frame(small))) == 1
    check_broken(protocol.receive_data(frame(large)), protocol)


# --- sending -------------------------------------------------------------------------------------


# CH-4
def test_our_requests_are_numbered_from_0() -> None:
    protocol = make()
    assert [protocol.send_request("x") for _ in range(3)] == [0, 1, 2]
    assert sent(protocol) == stream_of(JSON(), [(0, n, "x") for n in range(3)])


# CH-5
@pytest.mark.parametrize("ident", IDS, ids=repr)
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("strict", [False, True])
def test_any_id_is_echoed_unchanged(ident: Any, codec: type[Codec], strict: bool) -> None:
    payload = codec().join((codec().dump(0), codec().write(ident), codec().dump("x")))
    compress = codec.compress
    client = make(codec())
    server = make(JSON(strict=strict) if codec is JSON else codec())
    ((_, received, _),) = server.receive_data(frame(payload if compress is None else compress(payload)))
    server.send(RESULT, received, {"a": [1]})
    server.send_failure(received, ValueError("no"))
    result, failure = client.receive_data(sent(server))
    assert [repr(result[1]), repr(failure[1])] == [repr(ident)] * 2
    assert result[2] == {"a": [1]}
    assert failure[2] == "ValueError: no\n"


def test_an_id_that_is_not_a_number_at_all_is_echoed_by_strict_json() -> None:
    server = make(JSON(strict=True))
    server.receive_data(frame(b"[0, NaN, 0]"))
    server.send_failure(math.nan, ValueError("x"))
    assert sent(server) == frame(b'[2, NaN, "ValueError: x\\n"]')


FORMS: list[FailureForm] = ["text", "list", "brief", "brief-list"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("limit", [1, 20, 100, 200, 16_384])
@pytest.mark.parametrize("ident", [0, "x" * 16_000, ["x" * 16_379]], ids=["short", "long", "too long"])
def test_a_failure_is_told_as_far_as_the_limit_allows(form: FailureForm, limit: int, ident: Any) -> None:
    protocol = make(send_limit=limit, failures=form)
    protocol.send_failure(ident, ValueError("x" * 100_000))
    data = sent(protocol)
    assert len(data) <= limit + 4
    assert bool(data) == (limit > 20)
    for kind, answered, content in make().receive_data(data):
        assert kind == FAILURE
        assert answered in (ident, None)  # nobody can be told of an id that does not fit
        assert RemoteError(content).type_name == "ValueError"


# CH-2
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("content", ["x" * 5000, b"x" * 5000, object()], ids=["text", "bytes", "object"])
def test_what_cannot_be_sent_leaves_no_trace(codec: type[Codec], content: Any) -> None:
    protocol = make(codec(), send_limit=200)
    protocol.send_request("before")
    with pytest.raises((LocalProtocolError, CodecError)):
        protocol.send_request([content, *range(1000)])
    with pytest.raises((LocalProtocolError, CodecError)):
        protocol.send(RESULT, 0, [content, *range(1000)])
    assert protocol.send_request("after") == 1
    assert make(codec()).receive_data(sent(protocol)) == [(0, 0, "before"), (0, 1, "after")]


# CH-3
def test_the_profile_for_simpyio_sends_16384_bytes_and_no_more() -> None:
    options = {name: SIMPYIO[name] for name in ("receive_limit", "send_limit", "extensions")}  # type: ignore[literal-required]  # of a TypedDict
    protocol, peer = make(**options), make(**options)
    room = 16_384 - len(b'[0, 0, ""]')
    protocol.send_request("x" * room)
    with pytest.raises(LocalProtocolError):
        protocol.send_request("x" * (room + 1))
    data = sent(protocol)
    assert data.endswith(b'x"]')  # no mark behind it
    assert peer.receive_data(data) == [(REQUEST, 0, "x" * room)]


def test_what_was_given_out_is_not_given_again() -> None:
    protocol = make()
    assert protocol.data_to_send() == []
    protocol.send_request(0)
    assert len(protocol.data_to_send()) == 1
    assert protocol.data_to_send() == []


def test_small_messages_leave_together_and_large_ones_uncopied() -> None:
    protocol = make()
    for content in ("a", "b", "x" * 100_000, "c", "d"):
        protocol.send_request(content)
    assert [len(chunk) < 200 for chunk in protocol.data_to_send()] == [True, False, True]
