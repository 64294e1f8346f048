"""Requests and replies by URL: handlers of all kinds, statuses, what comes late, and what is lost."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest

from junto.errors import CodecError, ConnectionLost, LocalProtocolError, RequestTimeout
from junto.sansio.vsoa.frames import PINGECHO, REPLY, RPC, SET, SUBSCRIBE, TUNNEL
from junto.vsoa import Payload, Reply, Response, StatusError
from junto.vsoa.requests import Request
from junto.vsoa.workqueues import WorkQueue

from .layers import until
from .vsoa import both, connected, raw_client, raw_pair, serving
from .worlds import sleep, within


def test_a_handler_gets_the_request_and_its_result_is_the_reply(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            seen: list[Request] = []

            @server.command("/echo")
            def echo(request: Request) -> Any:
                seen.append(request)
                return request.param

            reply = await client.fetch("/echo", {"a": [1, "ü"]})
            assert isinstance(reply, Reply)
            assert (reply.param, reply.data, reply.status, reply.tunnel) == ({"a": [1, "ü"]}, b"", 0, None)
            await client.fetch("/echo", b"\0", b"xyz", method="SET")
            assert [(one.url, one.method, one.param, one.data) for one in seen] == [
                ("/echo", "GET", {"a": [1, "ü"]}, b""),
                ("/echo", "SET", b"\0", b"xyz"),
            ]
            assert seen[0].session is server.clients[0]
            assert "SET /echo" in repr(seen[1])

    scene(scenario)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, (None, b"", 0)),
        (0, (0, b"", 0)),
        (b"bytes", (None, b"bytes", 0)),
        ((1, 2), ([1, 2], b"", 0)),
        (Payload("x", b"y"), ("x", b"y", 0)),
        (Response("x", b"y", tunnel=9), ("x", b"y", 0)),
    ],
    ids=repr,
)
def test_a_handlers_result_may_have_many_forms(scene: Any, result: Any, expected: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):

            async def later(_request: Request) -> Any:
                await sleep(rt, 0)
                return result

            server.command("/now")(lambda request: result)
            server.command("/later")(later)
            for url in ("/now", "/later"):
                reply = await client.fetch(url)
                assert (reply.param, reply.data, reply.status) == expected
                assert reply.tunnel == (9 if isinstance(result, Response) else None)

    scene(scenario)


def test_another_status_than_success_is_an_error_that_tells_it(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):

            @server.command("/refuse")
            def refuse(request: Request) -> Any:
                raise StatusError(130, {"why": "busy"}, b"z")

            server.command("/respond")(lambda request: Response("x", status=200))
            with pytest.raises(StatusError, match="status 130") as caught:
                await client.fetch("/refuse")
            assert caught.value.status == 130
            assert caught.value.payload == Payload({"why": "busy"}, b"z")
            with pytest.raises(StatusError) as caught:
                await client.fetch("/respond")
            assert (caught.value.status, caught.value.payload.param) == (200, "x")
            reply = await client.exchange("/respond", b"", b"")
            assert (reply.status, reply.param) == (200, "x")

    scene(scenario)


def test_a_url_that_nobody_handles_has_status_3(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            server.command("/a/b/")(lambda request: request.url)
            for url in ("/a/b", "/a/b/", "/a/b/c"):
                assert (await client.fetch(url)).param == url
            with pytest.raises(StatusError, match="nothing handles this URL"):
                await client.fetch("/a/bc")
            server.command("/")(lambda request: "default")
            assert (await client.fetch("/")).param == "default"
            assert server.remove_command("/")
            with pytest.raises(StatusError) as caught:
                await client.fetch("/")
            assert caught.value.status == 3

    scene(scenario)


def test_a_handler_that_fails_is_answered_with_status_4_and_disturbs_nobody(scene: Any, caplog: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):

            def fail(request: Request) -> Any:
                raise ValueError("no such thing")

            async def fail_later(request: Request) -> Any:
                await sleep(rt, 0)
                raise ValueError("no such thing")

            server.command("/now")(fail)
            server.command("/later")(fail_later)
            server.command("/unsendable")(lambda request: object())
            server.command("/good")(lambda request: 1)
            for url in ("/now", "/later"):
                with pytest.raises(StatusError) as caught:
                    await client.fetch(url)
                assert caught.value.status == 4
                assert caught.value.type_name == "ValueError"
                assert caught.value.message == "no such thing"
            with pytest.raises(StatusError) as caught:
                await client.fetch("/unsendable")
            assert caught.value.status == 4
            assert (await client.fetch("/good")).param == 1

    scene(scenario)
    assert "failed" in caplog.text


def test_a_handler_may_answer_early_and_more_than_once(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            kept: list[Request] = []

            @server.command("/early")
            def early(request: Request) -> None:
                request.reply("first")
                request.reply("second")

            server.add_command("/kept", kept.append)
            assert (await client.fetch("/early")).param == "first"
            assert (await client.fetch("/early")).param == "first"
            assert client.late_replies >= 1
            asked = client.fetch("/kept")
            await until(rt, lambda: kept)
            assert kept[0].reply("at last", status=7) is True
            with pytest.raises(StatusError) as caught:
                await asked
            assert caught.value.status == 7

    scene(scenario)


def test_handlers_run_in_a_work_queue_one_after_the_other(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        queue = WorkQueue()
        async with both(rt) as (client, server):
            threads: list[str] = []

            @server.command("/slow", pool=queue)
            def slow(request: Request) -> Any:
                threads.append(threading.current_thread().name)
                if request.param == "fail":
                    raise ValueError("no")
                return request.param

            asked = [client.fetch("/slow", param) for param in (1, "fail", 2)]
            assert (await asked[0]).param == 1
            with pytest.raises(StatusError):
                await asked[1]
            assert (await asked[2]).param == 2
            assert threads == ["junto-work"] * 3
        queue.shutdown()

    scene(scenario)


def test_a_request_times_out_and_its_late_reply_meets_no_other(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            kept: list[Request] = []
            server.add_command("/kept", kept.append)
            with pytest.raises(RequestTimeout):
                await client.fetch("/kept", timeout=0.01)
            asked = client.fetch("/kept")
            await until(rt, lambda: len(kept) == 2)
            assert kept[0].seqno != kept[1].seqno
            kept[0].reply("late")
            kept[1].reply("right")
            assert (await asked).param == "right"
            assert client.late_replies == 1
            assert client.pending == 0

    scene(scenario)


def test_the_usual_time_ends_requests_that_have_none_of_their_own(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt, request_timeout=0.05) as (client, server):
            server.add_command("/never", lambda request: None)
            start = rt.time()
            asked = [client.fetch("/never") for _ in range(3)]
            longer = client.fetch("/never", timeout=0.2)
            for one in asked:
                with pytest.raises(RequestTimeout):
                    await one
            assert 0.04 < rt.time() - start < 5
            with pytest.raises(RequestTimeout):
                await longer

    scene(scenario)


def test_whoever_gives_up_leaves_no_trace(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            kept: list[Request] = []
            server.add_command("/kept", kept.append)
            asked = client.fetch("/kept")
            await until(rt, lambda: kept)
            asked.cancel()
            kept[0].reply("x")
            await client.ping()
            assert client.pending == 0

    scene(scenario)


def test_requests_in_flight_fail_when_the_connection_is_lost(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, connected(rt, server) as client:
            server.add_command("/never", lambda request: request.session.abort())
            asked = [client.fetch("/never"), client.fetch("/never")]
            subscribed = client.subscribe("/a")
            for one in asked:
                with pytest.raises(ConnectionLost):
                    await one
            with pytest.raises(ConnectionLost):
                await subscribed
            with pytest.raises(ConnectionLost):
                client.fetch("/never")
            with pytest.raises(ConnectionLost):
                await client.ping()
            assert client.is_closing()
            await client.wait_closed()

    scene(scenario)


def test_a_request_that_cannot_be_sent_harms_nobody(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            server.command("/size")(lambda request: len(request.data))
            with pytest.raises(ValueError, match="slash"):
                client.fetch("size")
            with pytest.raises(CodecError):
                client.fetch("/size", object())
            with pytest.raises(CodecError):
                client.fetch("/size", data="text")  # type: ignore[arg-type]  # the mistake that is meant
            with pytest.raises(LocalProtocolError):
                client.fetch("/size", data=b"x" * 262_124)
            assert (await client.fetch("/size", data=b"x" * (262_124 - 5))).param == 262_119
            assert client.pending == 0

    scene(scenario)


def test_many_requests_at_once_are_answered_in_their_order(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            server.command("/echo")(lambda request: request.param)
            asked = [client.fetch("/echo", number) for number in range(500)]
            assert [(await one).param for one in asked] == list(range(500))

    scene(scenario)


def test_a_ping_tells_how_long_it_took(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, _server):
            assert 0 <= await client.ping() < 5
            client.noop()
            client.request_apart("/nobody", 1)
            assert await client.ping() >= 0

    scene(scenario)


def test_no_more_of_a_client_is_read_while_too_many_of_its_handlers_run(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt, server={"max_handlers": 2}) as (client, server):
            waiting: list[Any] = []

            @server.command("/wait")
            async def wait(request: Request) -> Any:
                future = rt.create_future()
                waiting.append(future)
                return await future

            asked = [client.fetch("/wait")]
            await until(rt, lambda: len(waiting) == 1)
            asked.append(client.fetch("/wait"))
            await until(rt, lambda: len(waiting) == 2)
            asked.append(client.fetch("/wait"))
            await sleep(rt, 0.03)
            assert len(waiting) == 2
            waiting[0].set_result(0)
            await until(rt, lambda: len(waiting) == 3)
            for future in waiting[1:]:
                future.set_result(0)
            for one in asked:
                assert (await within(rt, one)).param == 0

    scene(scenario)


# --- what peers of other making do ---------------------------------------------------------------------------


def test_a_reply_must_have_the_type_of_its_request(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_pair(rt) as (client, peer):
            asked = client.fetch("/x", method="SET")
            (frame,) = await peer.until_frames(1)
            assert (frame.type, frame.flags, frame.url) == (RPC, SET, "/x")
            peer.send(SUBSCRIBE, flags=REPLY, seqno=frame.seqno)
            peer.send(0x33, flags=REPLY, seqno=frame.seqno)
            peer.send(RPC, flags=REPLY, seqno=frame.seqno + 1)
            # The Go server copies the flags of the request.
            peer.send(RPC, param="x", flags=REPLY | SET | 0x38, seqno=frame.seqno)
            reply = await asked
            assert (reply.param, reply.tunnel) == ("x", None)

    scene(scenario)


def test_an_answer_of_another_type_is_for_nobody(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_pair(rt) as (client, peer):
            asked = client.fetch("/x")
            (frame,) = await peer.until_frames(1)
            for kind in (SUBSCRIBE, PINGECHO, 0x33, 0xFE):
                peer.send(kind, flags=REPLY, seqno=frame.seqno)
            peer.send(RPC, param="x", flags=REPLY, seqno=frame.seqno + 7)
            peer.send(RPC, param="right", flags=REPLY, seqno=frame.seqno)
            assert (await asked).param == "right"

    scene(scenario)


def test_a_client_answers_pings_and_survives_garbage_by_ending(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_pair(rt) as (client, peer):
            peer.send(PINGECHO, seqno=5)
            (frame,) = await peer.until_frames(1)
            assert (frame.type, frame.flags, frame.seqno) == (PINGECHO, REPLY, 5)
            asked = client.fetch("/x")
            peer.transport.write(b"GET / HTTP/1.1\r\n\r\n\r\n")
            with pytest.raises(ConnectionLost, match="VSOA"):
                await asked

    scene(scenario)


def test_the_answer_to_the_greeting_may_come_in_pieces_and_with_more_behind_it(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        from junto.sansio.vsoa.frames import DATAGRAM, SERVINFO, encode

        from .vsoa import raw_server

        async with raw_server(rt) as (url, peers):
            seen: list[Any] = []

            async def welcome() -> None:
                await until(rt, lambda: peers and peers[0].frames)
                answer = encode(SERVINFO, param=b'{"a":1}', data=b"\0\0\0\5", flags=REPLY | TUNNEL, tunid=1)
                answer += encode(DATAGRAM, "/first")
                for byte in answer:
                    peers[0].transport.write(bytes([byte]))
                    await sleep(rt, 0)

            task = rt.create_task(welcome())
            async with connected(rt, url, on_datagram=seen.append) as client:
                assert client.client_id == 5
                assert client.info == {"a": 1}
                await until(rt, lambda: seen)
                assert seen[0].url == "/first"
            await task

    scene(scenario)


def test_what_is_behind_the_request_that_ended_a_session_is_not_handled(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            seen: list[str] = []

            def handle(request: Request) -> None:
                seen.append(request.url)
                request.session.close()

            server.command("/")(handle)
            peer.send(RPC, "/a")
            peer.send(RPC, "/b")
            await peer.until_end()
            assert seen == ["/a"]
            assert peer.frames == []

    scene(scenario)


def test_a_status_with_a_param_that_we_would_not_send_is_told_like_others(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_pair(rt) as (client, peer), serving(rt) as gateway:

            @gateway.command("/speed")
            async def forward(request: Request) -> Any:
                return await client.fetch(request.url)

            async with connected(rt, gateway) as caller:
                reply = caller.fetch("/speed", timeout=5.0)
                (request,) = await peer.until_frames(1)
                peer.send(RPC, param=b'{"v":NaN}', flags=REPLY, status=200, seqno=request.seqno)
                with pytest.raises(StatusError, match="nan") as failed:
                    await reply
            assert failed.value.status == 200
            assert failed.value.payload.raw == b'{"v":NaN}'
            assert math.isnan(failed.value.payload.param["v"])

    scene(scenario)


@pytest.mark.parametrize("method", ["get", "set", "PUT", None, 1])
def test_what_is_no_method_is_refused_and_not_taken_for_set(scene: Any, method: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            server.command("/a")(lambda request: request.method)
            for ask in (
                lambda: client.fetch("/a", method=method),
                lambda: client.exchange("/a", b"", b"", method=method),
                lambda: client.request_apart("/a", method=method),
            ):
                with pytest.raises(ValueError, match="a method is 'GET' or 'SET'"):
                    ask()
            assert (await client.fetch("/a", method="SET")).param == "SET"

    scene(scenario)


def test_answers_that_nobody_asked_to_wait_for_are_not_late(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt, keepalive=0.05) as (client, server):
            seen: list[str] = []
            server.command("/a")(lambda request: seen.append(request.url))
            client.request_apart("/a")
            await until(rt, lambda: seen)
            await sleep(rt, 0.12)  # two signs of life
            await client.ping()
            assert client.late_replies == 0

    scene(scenario)


def test_a_server_answers_statuses_and_sequence_numbers_as_they_are(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            server.command("/a")(lambda request: Response(status=255))
            peer.send(RPC, "/a", seqno=2**32 - 1)
            peer.send(RPC, "a", seqno=1)
            peer.send(RPC, "/b", seqno=2)
            peer.send(RPC, "/a", seqno=3, flags=REPLY)
            peer.send(PINGECHO, "/x", [1], b"z", seqno=4)
            frames = await peer.until_frames(4)
            assert [(frame.type, frame.seqno, frame.status) for frame in frames] == [
                (RPC, 2**32 - 1, 255),
                (RPC, 1, 2),
                (RPC, 2, 3),
                (PINGECHO, 4, 0),
            ]
            assert all(frame.flags == REPLY and not frame.url for frame in frames)

    scene(scenario)
