"""Both sides of a session, back to back, and what each makes of a peer that keeps to no rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_vsoa_frames import frames

from junto.sansio.vsoa.client import ClientSession, Numbers, PriorityChanged, Refused, Welcomed
from junto.sansio.vsoa.frames import (
    DATAGRAM,
    NOOP,
    PINGECHO,
    PUBLISH,
    QOSSETUP,
    REPLY,
    RPC,
    SERVINFO,
    SUBSCRIBE,
    TUNNEL,
    UNSUBSCRIBE,
    Frame,
    FrameReader,
    encode,
)
from junto.sansio.vsoa.payloads import encode_param
from junto.sansio.vsoa.server import (
    MAX_ATTEMPTS,
    MAX_SUBSCRIBED,
    MAX_SUBSCRIPTIONS,
    Gate,
    Greeted,
    ServerSession,
    Subscribed,
    Unsubscribed,
)
from junto.sansio.vsoa.statuses import check_status, describe_status


def read(data: bytes) -> Frame:
    (frame,) = FrameReader(memoryview(bytearray(1 << 16))).receive_data(data)
    return frame


def make(kind: int, url: str = "", param: Any = None, **header: int) -> Frame:
    return read(encode(kind, url, encode_param(param), **header))


def answer_of(session: ServerSession) -> tuple[int, int, int]:
    """Give type, number and status of the only answer."""
    (data,) = session.out
    session.out.clear()
    frame = read(data)
    assert frame.flags == REPLY
    assert not frame.url
    return frame.type, frame.seqno, frame.status


def greeted(**gate: Any) -> ServerSession:
    session = ServerSession(Gate(**gate), 7)
    session.receive(make(SERVINFO))
    session.out.clear()
    return session


def welcomed() -> ClientSession:
    session = ClientSession()
    session.receive(make(SERVINFO, flags=REPLY))
    return session


def test_client_and_server_come_together() -> None:
    client, server = ClientSession(), ServerSession(Gate({"name": "car"}, "secret"), 0)
    assert server.receive(read(client.greet("secret", 4711))) == Greeted(first=True)
    assert server.quick_port == 4711
    welcome = client.receive(read(server.out.pop()))
    assert isinstance(welcome, Welcomed)
    assert welcome.info.param == {"name": "car"}
    assert client.client_id == 0
    assert client.established
    assert server.receive(read(client.greet("whatever"))) == Greeted(first=False)
    assert server.quick_port is None


@pytest.mark.parametrize(
    ("password", "param", "admitted"),
    [
        ("", None, True),
        ("", {"passwd": "anything"}, True),
        ("123", {"passwd": "123", "pingInterval": 5}, True),
        ("123", {"passwd": 123}, False),
        ("123", {"passwd": "1234"}, False),
        ("123", None, False),
        ("123", ["passwd"], False),
        ("123", "123", False),
        ("pässwörd", {"passwd": "pässwörd"}, True),
        ("x", {"passwd": "\ud800"}, False),
    ],
)
def test_a_password_must_be_the_same_text(password: str, param: Any, admitted: bool) -> None:
    session = ServerSession(Gate(password=password), 0)
    event = session.receive(make(SERVINFO, param=param))
    assert (event == Greeted(True)) == admitted == session.greeted
    assert answer_of(session) == (SERVINFO, 0, 0 if admitted else 1)


def test_who_was_refused_may_try_again_but_not_for_ever() -> None:
    session = ServerSession(Gate(password="x"), 0)
    for attempt in range(MAX_ATTEMPTS):
        assert not session.exhausted
        session.receive(make(SERVINFO, seqno=attempt))
        assert answer_of(session) == (SERVINFO, attempt, 1)
    assert session.exhausted


def test_who_has_tried_too_often_is_not_let_in_by_the_right_password_either() -> None:
    session = ServerSession(Gate(password="secret"), 0)
    for _ in range(MAX_ATTEMPTS):
        session.receive(make(SERVINFO))
    session.out.clear()
    assert session.receive(make(SERVINFO, param={"passwd": "secret"})) is None
    assert not session.greeted
    assert session.out == []


@pytest.mark.parametrize("kind", [RPC, SUBSCRIBE, UNSUBSCRIBE, PUBLISH, DATAGRAM, QOSSETUP, PINGECHO, 0x33])
def test_nothing_but_a_greeting_lets_a_client_in(kind: int) -> None:
    session = ServerSession(Gate(password="x"), 0)
    assert session.receive(make(kind, "/a", {"passwd": "x"}, seqno=9)) is None
    assert answer_of(session) == (kind, 9, 1)
    assert not session.greeted


def test_what_needs_no_answer_gets_none_before_the_greeting_either() -> None:
    session = ServerSession(Gate(), 0)
    assert session.receive(make(NOOP)) is None
    assert session.receive(make(RPC, "/a", flags=REPLY)) is None
    assert session.out == []
    assert not session.greeted


def test_a_new_password_is_for_those_who_come_later() -> None:
    gate = Gate(password="old")
    first, second = ServerSession(gate, 0), ServerSession(gate, 1)
    first.receive(make(SERVINFO, param={"passwd": "old"}))
    gate.password = "new"
    assert first.receive(make(SERVINFO)) == Greeted(first=False)
    assert second.receive(make(SERVINFO, param={"passwd": "old"})) is None


def test_subscriptions_are_a_set_of_exact_texts() -> None:
    session = greeted()
    assert session.receive(make(SUBSCRIBE, "/a/", seqno=5)) == Subscribed(["/a/"], True, ["/a/"])
    assert answer_of(session) == (SUBSCRIBE, 5, 0)
    assert session.receive(make(SUBSCRIBE, param=["/a/", "/b", 5, "c", None, "/b"])) == Subscribed(
        ["/a/", "/b", "/b"], False, ["/b"]
    )
    assert answer_of(session) == (SUBSCRIBE, 0, 0)
    assert list(session.subscriptions) == ["/a/", "/b"]
    assert session.is_subscribed("/a/x")
    assert not session.is_subscribed("/c")
    assert session.receive(make(UNSUBSCRIBE, "/a")) == Unsubscribed(["/a"], True, [])
    assert answer_of(session) == (UNSUBSCRIBE, 0, 0)
    assert session.receive(make(UNSUBSCRIBE, param=["/a/", "/b"])) == Unsubscribed(
        ["/a/", "/b"], False, ["/a/", "/b"]
    )
    assert not session.subscriptions


@pytest.mark.parametrize(
    ("url", "param"), [("", None), ("a", None), ("a", ["/b"]), ("", "/a"), ("", {"a": 1})]
)
@pytest.mark.parametrize("kind", [SUBSCRIBE, UNSUBSCRIBE])
def test_a_subscription_to_no_url_is_refused(kind: int, url: str, param: Any) -> None:
    session = greeted()
    assert session.receive(make(kind, url, param, seqno=3)) is None
    assert answer_of(session) == (kind, 3, 2)


def test_one_client_cannot_subscribe_without_end() -> None:
    session = greeted()
    urls = [f"/{number}" for number in range(5000)]
    for part in range(MAX_SUBSCRIPTIONS // 5000 + 1):
        data = encode(SUBSCRIBE, param=encode_param([f"{url}/{part}" for url in urls]))
        session.receive(read(data))
    assert len(session.subscriptions) == MAX_SUBSCRIPTIONS // 5000 * 5000
    assert read(session.out[-1]).status == 6


def test_one_client_cannot_fill_the_memory_with_long_subscriptions() -> None:
    session = ServerSession(Gate(), 0)
    session.receive(make(SERVINFO))
    session.out.clear()
    url = "/" + "x" * 65_530
    most = MAX_SUBSCRIBED // 65_535
    for number in range(most):
        session.receive(make(SUBSCRIBE, f"{url}{number:04}"))
        assert answer_of(session) == (SUBSCRIBE, 0, 0)
    assert session.receive(make(SUBSCRIBE, f"{url}{most:04}")) is None
    assert answer_of(session) == (SUBSCRIBE, 0, 6)
    session.receive(make(UNSUBSCRIBE, f"{url}0000"))
    assert answer_of(session) == (UNSUBSCRIBE, 0, 0)
    session.receive(make(SUBSCRIBE, f"{url}{most:04}"))
    assert answer_of(session) == (SUBSCRIBE, 0, 0)


def test_a_server_asks_for_nothing_that_a_client_does_not_send() -> None:
    session = greeted()
    for kind in (PUBLISH, QOSSETUP, NOOP, 0x33):
        assert session.receive(make(kind, "/a")) is None
    assert session.out == []
    assert session.receive(make(RPC, "a", seqno=2**32 - 1)) is None
    assert answer_of(session) == (RPC, 2**32 - 1, 2)


def test_on_the_quick_channel_a_server_takes_datagrams_alone() -> None:
    session = ServerSession(Gate(), 0)
    datagram = make(DATAGRAM, "/a", seqno=0)
    assert session.receive_quick(datagram) is None
    session.receive(make(SERVINFO, flags=TUNNEL, tunid=1))
    assert session.receive_quick(datagram) == datagram
    assert session.receive_quick(make(RPC, "/a")) is None
    assert session.receive_quick(make(SERVINFO)) is None


def test_a_client_hears_a_refusal_in_an_answer_of_any_type() -> None:
    session = ClientSession()
    assert session.receive(make(RPC, flags=REPLY, status=1)) == Refused(1)
    assert session.receive(make(SERVINFO, flags=REPLY, status=4)) == Refused(4)
    assert session.receive(make(SERVINFO, flags=REPLY)) == Welcomed(session_info(), None, None)


def session_info() -> Any:
    from junto.sansio.vsoa.payloads import Payload

    return Payload.received(b"", b"")


def test_a_client_hears_nothing_else_before_it_is_welcome() -> None:
    session = ClientSession()
    for frame in (make(PUBLISH, "/a"), make(RPC, flags=REPLY), make(SERVINFO), make(PINGECHO)):
        assert session.receive(frame) is None
        assert session.receive_quick(frame) is None
    assert session.out == []


def test_a_client_answers_the_pings_of_a_server() -> None:
    session = welcomed()
    assert session.receive(make(PINGECHO, "/x", seqno=77)) is None
    assert session.out == [encode(PINGECHO, flags=REPLY, seqno=77)]


def test_a_client_hands_on_what_is_meant_for_the_application() -> None:
    session = welcomed()
    for frame in (make(PUBLISH, "/a"), make(DATAGRAM), make(RPC, flags=REPLY | TUNNEL, status=200, tunid=5)):
        assert session.receive(frame) == frame
    assert session.receive(make(QOSSETUP, flags=REPLY, status=7)) == PriorityChanged(7)
    assert session.receive(make(QOSSETUP, status=3)) == PriorityChanged(3)
    for frame in (make(QOSSETUP, status=8), make(0x33), make(0x33, flags=REPLY), make(NOOP), make(RPC, "/a")):
        assert session.receive(frame) is None
    assert session.receive_quick(make(PUBLISH, "/a")) == make(PUBLISH, "/a")
    assert session.receive_quick(make(QOSSETUP)) is None


@given(st.lists(frames, max_size=6))
def test_no_frame_at_all_disturbs_a_session(sent: list[Frame]) -> None:
    for server in (ServerSession(Gate(password="x"), 0), greeted()):
        for frame in sent:
            server.receive(frame)
            server.receive_quick(frame)
        for data in server.out:
            assert read(data).flags & REPLY
    for client in (ClientSession(), welcomed()):
        for frame in sent:
            client.receive(frame)
            client.receive_quick(frame)


def test_numbers_go_round_and_leave_out_those_in_use() -> None:
    numbers = Numbers()
    assert [numbers.take({}), numbers.take({}), numbers.take({2: None, 3: None})] == [0, 1, 4]
    for _ in range(65531):
        numbers.take({})
    assert numbers.take({0: None}) == 1


def test_numbers_that_nobody_waits_for_have_other_values() -> None:
    numbers = Numbers()
    assert [numbers.take_apart(), numbers.take_apart()] == [1 << 16, 2 << 16]
    for _ in range(65533):
        numbers.take_apart()
    assert numbers.take_apart() == 1 << 16


def test_statuses_have_one_byte_and_a_meaning() -> None:
    for status in (-1, 256, "1", None):
        with pytest.raises(ValueError, match="0 to 255"):
            check_status(status)  # type: ignore[arg-type]  # the mistake that is meant
    check_status(255)
    assert describe_status(3) == "nothing handles this URL (status 3)"
    assert describe_status(50) == "status 50"
    assert describe_status(130) == "the application's status 130"
