"""Requests and replies: S-160 to S-174."""

from __future__ import annotations

import gc
import json
import time
import weakref
from typing import Any

import pytest

from junto.codecs import JSON
from junto.custom_types import CustomType
from junto.errors import Overloaded, RemoteProtocolError
from junto.simpy.messages import Message, RemoteException, Request
from junto.simpy.packets import PacketUTF8

from .worlds import LOCAL, Process, World


def serve(message: Message) -> Process:
    """Echo requests; fail those that begin with "fail"."""
    while True:
        try:
            request = yield message.recv()
        except ConnectionError:
            return
        if str(request.content).startswith("fail"):
            try:
                raise KeyError(request.content)
            except KeyError as error:
                request.fail(error)
        else:
            request.succeed(request.content)


def half(world: World, *args: Any, **options: Any) -> tuple[PacketUTF8, Message]:
    """Connect a bare packet's socket with a message's."""
    client, accepted = world.packets(PacketUTF8)
    return client, Message(world.env, accepted, *args, **options)


def test_s160_a_request_is_an_event_with_content_and_number(world: World) -> None:
    client, server = world.messages()
    reply = client.send({"ask": [1, 2.5, None, True, "ü"]})
    request = world.wait(server.recv())
    assert isinstance(request, Request)
    assert request.content == {"ask": [1, 2.5, None, True, "ü"]}
    assert request.id == 0
    assert not request.triggered
    waited = []
    request.callbacks.append(lambda event: waited.append(event.value))
    assert request.succeed(["answer"]) is request
    assert world.wait(reply) == ["answer"]
    assert waited == [["answer"]]
    with pytest.raises(RuntimeError):
        request.succeed("again")


def test_s160_an_answer_can_be_waited_for(world: World) -> None:
    client, server = world.messages()

    def process() -> Process:
        request = yield server.recv()
        return (yield request.succeed("cya"))

    reply = client.send("ohai")
    assert world.run(process()) == "cya"
    assert world.wait(reply) == "cya"


def test_s160_the_outcome_of_another_event_is_an_answer(world: World) -> None:
    client, server = world.messages()
    replies = [client.send("later"), client.send("fails later")]
    first, second = world.wait(server.recv()), world.wait(server.recv())
    world.env.timeout(0.001, "done").callbacks.append(first.trigger)
    failing = world.env.event()
    failing.callbacks.append(second.trigger)
    failing.fail(KeyError("lost"))
    assert world.wait(replies[0]) == "done"
    with pytest.raises(RemoteException, match="lost"):
        world.wait(replies[1])


def test_s160_the_wire_is_that_of_old_peers(world: World) -> None:
    peer, message = half(world)
    reply = message.send({"a": [1, "ü"]})
    assert world.wait(peer.read()) == '[0, 0, {"a": [1, "\\u00fc"]}]'
    peer.write('[1,0,"plain"]')
    assert world.wait(reply) == "plain"
    peer.write('[0, "any id", null]')
    world.wait(message.recv()).succeed(None)
    assert world.wait(peer.read()) == '[1, "any id", null]'
    second = message.send(1)
    assert world.wait(peer.read()) == "[0, 1, 1]"
    peer.write("[1, 1.0, 2]")  # they match by equality
    assert world.wait(second) == 2


def test_s160_custom_types_travel_with_a_codec_that_has_them(world: World) -> None:
    codec = JSON([CustomType(complex, lambda value: [value.real, value.imag], lambda data: complex(*data))])
    client, server = world.messages(codec)
    world.env.process(serve(server))
    assert world.wait(client.send([1j])) == [1j]


def test_s161_replies_are_matched_by_number_in_any_order(world: World) -> None:
    client, server = world.messages()
    replies = [client.send(number) for number in range(20)]

    def answer_backwards() -> Process:
        requests = []
        for _ in range(20):
            requests.append((yield server.recv()))
        for request in reversed(requests):
            request.succeed(request.content * 10)

    world.env.process(answer_backwards())
    for number in (3, 19, 0, 7):
        assert world.wait(replies[number]) == number * 10
    assert [world.wait(reply) for reply in replies] == [number * 10 for number in range(20)]


def test_s162_a_failed_request_raises_a_remote_exception_with_its_traceback(world: World) -> None:
    client, server = world.messages()
    world.env.process(serve(server))
    with pytest.raises(RemoteException) as caught:
        world.wait(client.send("fail now"))
    assert "raise KeyError(request.content)" in caught.value.remote_traceback
    assert caught.value.remote_traceback.endswith("KeyError: 'fail now'\n")
    assert caught.value.origin == client.peer_address
    assert world.wait(client.send("goes on")) == "goes on"


def test_s162_a_process_gets_the_traceback_too(world: World) -> None:
    client, server = world.messages()
    world.env.process(serve(server))

    def ask() -> Process:
        with pytest.raises(RemoteException) as caught:
            yield client.send("fail")
        return caught.value.remote_traceback

    assert "Traceback" in world.run(ask())


def test_s162_an_exception_that_was_never_raised_is_one_line(world: World) -> None:
    client, server = world.messages()
    reply = client.send("x")
    world.wait(server.recv()).fail(ValueError(42))
    with pytest.raises(RemoteException) as caught:
        world.wait(reply)
    assert caught.value.remote_traceback == "ValueError: 42\n"


@pytest.mark.parametrize("content", [None, [], ["Type", "text"], {"a": 1}, 7])
def test_s162_a_failure_of_any_shape_is_a_remote_exception(world: World, content: Any) -> None:
    peer, message = half(world)
    reply = message.send("x")
    peer.write(json.dumps([2, 0, content]))
    with pytest.raises(RemoteException) as caught:
        world.wait(reply)
    assert caught.value.remote_traceback == content


def test_s163_a_second_receive_while_one_waits_is_refused(world: World) -> None:
    client, server = world.messages()
    pending = server.recv()
    with pytest.raises(RuntimeError, match="Concurrent receive attempt"):
        server.recv()
    client.send("x")
    assert world.wait(pending).content == "x"
    server.recv()


def test_s164_both_sides_can_ask(world: World) -> None:
    client, server = world.messages()
    world.env.process(serve(server))
    world.env.process(serve(client))
    replies = [side.send(number) for number in range(10) for side in (client, server)]
    assert [world.wait(reply) for reply in replies] == [number for number in range(10) for _ in "ab"]


@pytest.mark.parametrize("who", ["client", "server"])
@pytest.mark.parametrize("how", ["succeed", "fail"])
def test_s165_an_answer_after_the_end_is_ignored(world: World, who: str, how: str) -> None:
    client, server = world.messages()
    reply = client.send("x")
    request = world.wait(server.recv())
    (client if who == "client" else server).close()
    world.sleep(0.005)
    answered = request.succeed("late") if how == "succeed" else request.fail(KeyError("late"))
    world.run_out()
    assert answered.processed
    with pytest.raises(OSError, match=r"Bad file|reset"):
        world.wait(reply)


def test_s166_too_many_requests_are_refused_at_the_call(world: World) -> None:
    client, server = world.messages(message_limit=3)
    replies = [client.send(number) for number in range(3)]
    with pytest.raises(Overloaded, match="3"):
        client.send("too many")
    world.env.process(serve(server))
    assert [world.wait(reply) for reply in replies] == [0, 1, 2]
    assert world.wait(client.send("again")) == "again"


@pytest.mark.parametrize("receives", [0, 1, 3])
def test_s167_receiving_too_many_requests_closes_the_connection(world: World, receives: int) -> None:
    sender, accepted = world.packets(PacketUTF8)
    server = Message(world.env, accepted, message_limit=2)
    client = Message(world.env, sender)
    received = [server.recv()]
    del received[receives:]
    replies = [client.send(number) for number in range(3)]
    for reply in replies:
        with pytest.raises(ConnectionError):
            world.wait(reply)


def test_s167_answered_requests_do_not_count(world: World) -> None:
    client, server = world.messages(message_limit=2)
    world.env.process(serve(server))
    for number in range(10):
        assert world.wait(client.send(number)) == number


def test_s168_a_reply_that_cannot_be_encoded_becomes_a_failure(world: World) -> None:
    client, server = world.messages()
    reply = client.send("x")
    world.wait(server.recv()).succeed(object())
    with pytest.raises(RemoteException, match="object"):
        world.wait(reply)
    world.env.process(serve(server))
    assert world.wait(client.send("goes on")) == "goes on"


def test_s168_a_reply_that_is_too_large_becomes_a_failure(world: World) -> None:
    client, server = world.messages()
    reply = client.send("x")
    world.wait(server.recv()).succeed("x" * 20_000)
    with pytest.raises(RemoteException, match="limit"):
        world.wait(reply)
    world.env.process(serve(server))
    assert world.wait(client.send("goes on")) == "goes on"


def test_s169_closing_fails_what_is_pending_and_what_comes_later(world: World) -> None:
    client, server = world.messages()
    replies = [client.send("x"), client.send("y")]
    receiving = client.recv()
    world.wait(server.recv())
    client.close()
    client.close()
    for event in (*replies, receiving, client.send("z"), client.recv()):
        with pytest.raises(OSError, match="Bad file"):
            world.wait(event)


def test_s169_nothing_stays_behind(world: World) -> None:
    client, server = world.messages()
    world.env.process(serve(server))
    assert world.wait(client.send("x")) == "x"
    client.close()
    world.run_out()
    server.close()
    world.run_out()
    assert world.env.peek() == float("inf")
    assert len(world.env._open) == 0
    left = [weakref.ref(client), weakref.ref(server)]
    del client, server
    gc.collect()
    assert [message() for message in left] == [None, None]


def test_s169_a_connection_that_nobody_waits_at_does_not_keep_a_run_from_ending(world: World) -> None:
    client, server = world.messages()
    world.env.process(answer_one(server))
    assert world.wait(client.send("x")) == "x"
    start = time.monotonic()
    world.run_out()
    assert time.monotonic() - start < 5
    world.env.process(answer_one(server))
    assert world.wait(client.send("y")) == "y"


def answer_one(message: Message) -> Process:
    request = yield message.recv()
    request.succeed(request.content)


@pytest.mark.parametrize("unread", [False, True])
def test_s170_the_peers_end_fails_what_is_pending_and_what_comes_later(world: World, unread: bool) -> None:
    client, server = world.messages()
    receiving = client.recv()
    reply = client.send("x")
    if not unread:
        world.wait(server.recv())
    server.close()
    for event in (reply, receiving):
        with pytest.raises(ConnectionError):
            world.wait(event)
    for start in (client.recv, lambda: client.send("y")):
        with pytest.raises(ConnectionError):
            world.wait(start())


def test_s170_requests_that_came_before_the_end_are_received_first(world: World) -> None:
    client, server = world.messages()
    for number in range(3):
        client.send(number)
    client.close()
    world.sleep(0.01)
    assert [world.wait(server.recv()).content for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ConnectionError):
        world.wait(server.recv())


@pytest.mark.parametrize("operation", ["send", "recv"])
def test_s171_without_a_connection_every_operation_fails(world: World, operation: str) -> None:
    message = Message(world.env, PacketUTF8(world.socket()))
    for _ in range(2):
        event = message.send("x") if operation == "send" else message.recv()
        with pytest.raises(OSError, match="not connected"):
            world.wait(event)
    server = PacketUTF8(world.server())
    message.connect(server.address)
    peer = world.wait(server.accept())
    reply = message.send("now")
    request = json.loads(world.wait(peer.read()))
    peer.write(json.dumps([1, request[1], "then"]))
    assert world.wait(reply) == "then"


def test_s171_a_message_server_accepts_message_objects(world: World) -> None:
    server = Message(world.env, PacketUTF8(world.socket()), message_limit=5)
    server.bind(LOCAL)
    server.listen()
    client = Message(world.env, PacketUTF8(world.connection(server.address)))
    accepted = world.wait(server.accept())
    assert accepted.message_limit == 5
    assert accepted.peer_address == client.address
    world.env.process(serve(accepted))
    assert world.wait(client.send("x")) == "x"
    server.close()
    with pytest.raises(OSError, match="Bad file"):
        world.wait(server.accept())


def test_s172_a_request_that_is_too_large_fails_alone(world: World) -> None:
    client, server = world.messages()
    world.env.process(serve(server))
    before = client.send("before")
    with pytest.raises(ValueError, match="16,384"):
        world.wait(client.send("x" * 20_000))
    assert world.wait(before) == "before"
    assert world.wait(client.send("after")) == "after"


def test_s172_a_request_that_cannot_be_encoded_fails_alone(world: World) -> None:
    client, server = world.messages()
    world.env.process(serve(server))
    with pytest.raises(ValueError, match="object"):
        world.wait(client.send(object()))
    assert world.wait(client.send("after")) == "after"


MALFORMED = [
    "",
    "no json",
    "\ufeff[0, 0, 1]",
    "[0, 0]",
    "[0, 0, 1, 2]",
    "7",
    '"abc"',
    '{"a": 1, "b": 2, "c": 3}',
    '[7, 0, "x"]',
    '["0", 0, "x"]',
    "[0.0, 0, 1]",
    "[false, 0, 1]",
    "[3, null, 1]",
    "[[0, 0, 1]]",
]


@pytest.mark.parametrize("payload", MALFORMED)
def test_s173_a_malformed_packet_ends_the_connection_for_all_who_wait(world: World, payload: str) -> None:
    peer, message = half(world)
    reply, receiving = message.send("x"), message.recv()
    world.wait(peer.read())
    peer.write(payload)
    for event in (reply, receiving):
        with pytest.raises(ConnectionError) as caught:
            world.wait(event)
        assert isinstance(caught.value, RemoteProtocolError)
    with pytest.raises(ConnectionError):
        world.wait(peer.read())
    with pytest.raises(ConnectionError):
        world.wait(message.send("later"))


@pytest.mark.parametrize("raw", [b"\x00\x00\x00\x02\xff\xfe", b"\xff\xff\xff\xff"])
def test_s173_bytes_that_are_no_text_and_lengths_above_the_limit_do_too(world: World, raw: bytes) -> None:
    client, accepted = world.pair()
    message = Message(world.env, PacketUTF8(accepted))
    pending = message.recv()
    client.write(raw)
    with pytest.raises(RemoteProtocolError):
        world.wait(pending)
    with pytest.raises(ConnectionError):
        world.wait(client.read(1))


def test_s173_nothing_leaves_the_run_even_if_nobody_waits(world: World) -> None:
    for payload in (*MALFORMED[:3], "[0, 0, 1]"):
        peer, _message = half(world)
        peer.write(payload)
        world.sleep(0.002)
        peer.close()
    world.run_out()


@pytest.mark.parametrize("ident", ["5", "null", '"0"', "[0]", "-1"])
def test_s173_a_reply_that_nobody_asked_for_is_dropped_and_counted(world: World, ident: str) -> None:
    peer, message = half(world)
    reply = message.send("x")
    peer.write(f"[1, {ident}, 1]")
    peer.write("[1, 0, 2]")
    assert world.wait(reply) == 2
    assert message.late_replies == 1
    peer.write("[1, 0, 3]")
    world.until(lambda: message.late_replies == 2)


def test_s173_an_unknown_custom_type_fails_only_what_it_is_in(world: World) -> None:
    peer, message = half(world)
    reply, other = message.send("x"), message.send("y")
    peer.write('[0, 9, {"__type__": [3, ""]}]')
    peer.write('[1, 0, {"__type__": [3, ""]}]')
    peer.write("[1, 1, 2]")
    with pytest.raises(ValueError, match="3"):
        world.wait(reply)
    assert world.wait(other) == 2
    texts = [json.loads(world.wait(peer.read())) for _ in range(3)]
    assert texts[2][:2] == [2, 9]


def test_s174_a_lost_connection_ends_no_run(world: World) -> None:
    client, server = world.messages()
    unwatched = [client.send("x") for _ in range(3)]

    def one() -> Process:
        with pytest.raises(ConnectionError):
            yield client.send("y")

    process = world.env.process(one())
    world.sleep(0.005)
    server.close()
    world.wait(process)
    world.run_out()
    assert all(event.processed for event in unwatched)
    client.send("after the end")
    client.recv()
    world.run_out()


def test_a_request_that_is_given_up_leaves_the_connection_alone(world: World) -> None:
    client, server = world.messages()

    def impatient() -> Process:
        yield client.send("slow") | world.env.timeout(0.002)

    world.run(impatient())
    slow = world.wait(server.recv())
    slow.succeed("late")
    world.env.process(serve(server))
    assert world.wait(client.send("next")) == "next"


def test_a_flood_of_replies_does_not_starve_the_others(world: World) -> None:
    peer, message = half(world)

    def flood() -> Process:
        while True:
            yield peer.write("[1, 9, 0]")

    world.env.process(flood())
    reading = message.recv()
    ticks = []

    def tick() -> Process:
        for _ in range(10):
            yield world.env.timeout(0.001)
            ticks.append(message.late_replies)

    world.run(tick())
    assert ticks[-1] > 0
    assert not reading.triggered
    peer.close()


def test_what_does_not_fit_the_buffers_is_sent_later(world: World) -> None:
    client, server = world.messages()
    texts = [f"{number}" * 3000 for number in range(500)]
    replies = [client.send(text) for text in texts]
    world.env.process(serve(server))
    assert [world.wait(reply) for reply in replies] == texts
