"""What VSOA 1.0.4 and its kin said to each other, said and heard by junto."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from junto.errors import CodecError, PacketTooLarge, RemoteProtocolError
from junto.sansio.vsoa.client import ClientSession, Refused, Welcomed
from junto.sansio.vsoa.frames import MAX_QUICK_BODY, SERVINFO, Frame, FrameReader, encode, read_datagram
from junto.sansio.vsoa.payloads import decode_param, encode_param
from junto.sansio.vsoa.positions import Position, decode_answer, decode_query, encode_answer, encode_query
from junto.sansio.vsoa.server import Gate, ServerSession

ALL: list[dict[str, Any]] = json.loads((Path(__file__).parent.parent / "vectors/vsoa.json").read_bytes())
BY_NAME = {vector["name"]: vector for vector in ALL}
POSITIONS = [vector for vector in ALL if "position" in vector["direction"]]
STREAMS = [vector for vector in ALL if vector["channel"] == "stream"]
REACTIONS = [vector for vector in ALL if "observed" in vector]
# Header, body or reason why it cannot be read: these are no whole frame.
BROKEN = [
    *("bad_magic", "bad_version", "oversized_param_length", "oversized_by_one", "invalid_utf8_url"),
    *("truncated_header", "truncated_body", "udp_short", "udp_truncated"),
]
WHOLE = [v for v in ALL if v["name"] not in BROKEN and v not in POSITIONS and v not in STREAMS]


def by_name(vectors: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


def bytes_of(vector: dict[str, Any]) -> bytes:
    if "hex_prefix" in vector:
        data = (
            bytes.fromhex(vector["hex_prefix"]) + bytes.fromhex(vector["data_fill_hex"]) * vector["data_len"]
        )
        assert hashlib.sha256(data).hexdigest() == vector["sha256"]
        return data
    return bytes.fromhex(vector["hex"])


def canonical(vector: dict[str, Any]) -> bytes:
    """Give the bytes with pads of zeros, which those made by hand have anyway."""
    return bytes.fromhex(vector["hex_canonical"]) if vector.get("hex_canonical") else bytes_of(vector)


def reader() -> FrameReader:
    return FrameReader(memoryview(bytearray(1 << 18)))


def frame_of(decoded: dict[str, Any], data: bytes) -> Frame:
    """Make the frame that *decoded* describes; *data* are its bytes, for what is told by lengths only."""
    url_end = 20 + decoded["url_len"]
    param_end = url_end + decoded["param_len"]
    return Frame(
        decoded["type"],
        decoded["flags"] if "flags" in decoded else decoded["flags_and_pad"] & 0x3F,
        decoded["status"],
        decoded["seqno"],
        decoded["tunid"],
        decoded.get("url", data[20:url_end].decode()) or "",
        bytes.fromhex(decoded["param_hex"] or "") if "param_hex" in decoded else data[url_end:param_end],
        bytes.fromhex(decoded["data_hex"] or "")
        if "data_hex" in decoded
        else data[param_end : param_end + decoded["data_len"]],
    )


def frames_of(vector: dict[str, Any]) -> list[Frame]:
    decoded = vector["decoded"]
    parts = decoded if isinstance(decoded, list) else [decoded]
    return [frame_of(part, bytes_of(vector)) for part in parts]


def test_every_vector_is_looked_at() -> None:
    assert len(ALL) == 142
    names = {vector["name"] for vector in WHOLE + POSITIONS + STREAMS} | set(BROKEN)
    assert names == BY_NAME.keys()


@pytest.mark.parametrize("vector", by_name(WHOLE))
def test_recorded_bytes_mean_what_was_said(vector: dict[str, Any]) -> None:
    data = bytes_of(vector)
    expected = frames_of(vector)
    assert reader().receive_data(data) == expected
    assert reader().receive_data(canonical(vector)) == expected
    if vector["channel"] == "udp":
        assert [read_datagram(data)] == expected


@pytest.mark.parametrize("vector", by_name(WHOLE))
def test_what_was_said_is_written_with_pads_of_zeros(vector: dict[str, Any]) -> None:
    if vector["name"] in ("unaligned_total", "excess_pad"):
        return  # nobody writes that
    limit = {"limit": MAX_QUICK_BODY} if vector["channel"] == "udp" else {}
    written = b"".join(
        encode(
            frame.type,
            frame.url,
            frame.param,
            frame.data,
            flags=frame.flags,
            status=frame.status,
            seqno=frame.seqno,
            tunid=frame.tunid,
            **limit,
        )
        for frame in frames_of(vector)
    )
    assert written == canonical(vector)


@pytest.mark.parametrize(
    "vector", by_name([v for v in WHOLE if v["channel"] != "udp" and "hex_prefix" not in v])
)
def test_recorded_bytes_may_be_cut_anywhere(vector: dict[str, Any]) -> None:
    data = bytes_of(vector)
    follower = bytes_of(BY_NAME["pad_residue"])
    expected = frames_of(vector) + frames_of(BY_NAME["pad_residue"])
    for cut in range(len(data) + 1):
        ours = reader()
        assert ours.receive_data(data[:cut]) + ours.receive_data(data[cut:] + follower) == expected
    ours = reader()
    assert [frame for byte in data + follower for frame in ours.receive_data(bytes([byte]))] == expected


@pytest.mark.parametrize("vector", by_name([v for v in WHOLE if isinstance(v["decoded"], dict)]))
def test_params_are_json_written_without_blanks_in_ascii(vector: dict[str, Any]) -> None:
    (frame,) = frames_of(vector)
    param = frame.param
    if vector["origin"] != "captured":
        return
    value = decode_param(param)
    if isinstance(value, dict | list | str):
        assert encode_param(value) == param


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("bad_magic", RemoteProtocolError),
        ("bad_version", RemoteProtocolError),
        ("oversized_param_length", PacketTooLarge),
        ("oversized_by_one", PacketTooLarge),
        ("invalid_utf8_url", RemoteProtocolError),
    ],
)
def test_what_breaks_the_rules_breaks_the_stream(name: str, error: type[Exception]) -> None:
    ours = reader()
    good = bytes_of(BY_NAME["ping_request"])
    frames = ours.receive_data(good + bytes_of(BY_NAME[name]) + good)
    assert frames == frames_of(BY_NAME["ping_request"])
    assert type(ours.error) is error
    assert ours.receive_data(good) == []
    assert len(ours) == 0


@pytest.mark.parametrize("name", ["truncated_header", "truncated_body"])
def test_half_a_frame_waits_for_its_other_half(name: str) -> None:
    ours = reader()
    assert ours.receive_data(bytes_of(BY_NAME[name])) == []
    assert ours.error is None
    assert len(ours) == len(bytes_of(BY_NAME[name]))


@pytest.mark.parametrize(
    "name", ["udp_short", "udp_truncated", "bad_magic", "bad_version", "invalid_utf8_url"]
)
def test_a_bad_datagram_is_no_frame(name: str) -> None:
    assert read_datagram(bytes_of(BY_NAME[name])) is None


def established() -> ServerSession:
    session = ServerSession(Gate("x"), 21)
    (frame,) = frames_of(BY_NAME["servinfo_request_nopasswd"])
    session.receive(frame)
    session.out.clear()
    return session


@pytest.mark.parametrize("vector", by_name([v for v in REACTIONS if v in WHOLE and v["channel"] == "tcp"]))
def test_a_server_answers_as_the_real_one_did(vector: dict[str, Any]) -> None:
    session = established()
    events = [session.receive(frame) for frame in frames_of(vector)]
    delivered = [event for event in events if isinstance(event, Frame)]
    seen = [event for event in vector["observed"]["events"] if event["event"] in ("rpc", "datagram")]
    assert [event.url or None for event in delivered] == [event["url"] for event in seen]
    # The answers to requests are the application's.
    answers = [bytes.fromhex(text) for text in vector["observed"]["replies_hex_canonical"]]
    assert session.out == [answer for answer in answers if answer[1] != 1]


@pytest.mark.parametrize(
    ("request_name", "reply_name", "password", "info", "number"),
    [
        ("servinfo_request_nopasswd", "servinfo_reply_default_info", "", "", 0),
        ("servinfo_request_passwd", "servinfo_reply_string_info", "123456", None, 0),
        ("servinfo_request_passwd_wrong", "servinfo_reply_passwd_error", "123456", "", 0),
        ("servinfo_request_nopasswd", "servinfo_reply_passwd_missing", "123456", "", 0),
        ("go_servinfo_request", "servinfo_reply_default_info", "123456", "", 0),
    ],
)
def test_a_greeting_is_answered_as_the_real_server_did(
    request_name: str, reply_name: str, password: str, info: Any, number: int
) -> None:
    reply = BY_NAME[reply_name]
    if info is None:
        info = json.loads(reply["decoded"]["param_text"])
    session = ServerSession(Gate(info, password), number)
    (frame,) = frames_of(BY_NAME[request_name])
    session.receive(frame)
    assert session.out == [canonical(reply)]
    assert session.greeted == (reply["decoded"]["status"] == 0)
    assert session.quick_port == (frame.tunid if session.greeted else None)


@pytest.mark.parametrize(
    "vector", by_name([v for v in WHOLE if v["name"].startswith(("servinfo_reply", "go_servinfo_reply"))])
)
def test_a_client_understands_each_answer_to_its_greeting(vector: dict[str, Any]) -> None:
    session = ClientSession()
    (frame,) = frames_of(vector)
    event = session.receive(frame)
    if frame.status:
        assert event == Refused(1)
        assert not session.established
        return
    assert isinstance(event, Welcomed)
    assert event.client_id == session.client_id == int.from_bytes(frame.data[:4], "big")
    assert event.info.param == json.loads(vector["decoded"]["param_text"])
    assert event.quick_port == (12345 if vector["name"] == "servinfo_reply_alt_quick_port" else None)


def test_a_client_greets_as_the_real_one_did() -> None:
    for name in ("servinfo_request_nopasswd", "servinfo_request_passwd", "servinfo_request_tls"):
        decoded = BY_NAME[name]["decoded"]
        password = json.loads(decoded["param_text"])["passwd"] if decoded["param_text"] else ""
        greeting = ClientSession().greet(password, decoded["tunid"] or None)
        assert greeting == canonical(BY_NAME[name])
        assert greeting[1] == SERVINFO


def test_requests_before_the_greeting_are_refused_as_the_real_server_did() -> None:
    session = ServerSession(Gate(password="x"), 0)
    (frame,) = frames_of(BY_NAME["rpc_request_before_handshake"])
    assert session.receive(frame) is None
    assert session.out == [canonical(BY_NAME["rpc_reply_not_authenticated"])]


@pytest.mark.parametrize("vector", by_name(POSITIONS))
def test_questions_for_positions_and_their_answers_are_understood(vector: dict[str, Any]) -> None:
    decoded = vector["decoded"]
    datagram = bytes_of(vector)
    if vector["direction"].startswith("client"):
        query = decode_query(datagram)
        assert query is not None
        assert query.content == decoded
        assert (query.name, query.domain) == (decoded["name"], decoded.get("domain", -1))
        assert decode_query(encode_query(query.name, query.domain)) is not None
    elif decoded:
        position = decode_answer(datagram)
        assert position == Position(decoded["addr"], decoded["port"], decoded.get("security", False))
        assert decode_answer(encode_answer(position)) == position
    else:
        assert decode_answer(datagram) is None
        assert encode_answer(None) == datagram


def test_what_crosses_a_stream_is_no_frame() -> None:
    (stream,) = STREAMS
    for segment in stream["segments"]:
        ours = reader()
        assert ours.receive_data(bytes.fromhex(segment["hex"])) == []


def test_a_datagram_that_is_no_object_is_no_position() -> None:
    for datagram in (b"", b"[]", b"x", b'{"addr": 5}', b'{"addr": "nowhere", "port": 1}', b'{"addr": "::1"}'):
        with pytest.raises(CodecError):
            decode_answer(datagram)
