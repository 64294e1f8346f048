"""Channels: the peer's requests, in a handler or by hand, and notices."""

from __future__ import annotations

import concurrent.futures
import gc
import logging
import threading
import time
from typing import Any

import pytest

from junto.address import Address
from junto.errors import (
    CodecError,
    ConnectionFailed,
    ConnectionLost,
    LocalProtocolError,
    Overloaded,
    RemoteError,
    RemoteProtocolError,
)
from junto.options import MOSAIK, Options
from junto.server import open_channel

from .layers import TCP, Raw, channels, marked, nothing_left, raw_client, raw_server, serving, until
from .worlds import World, sleep


def echo(content: Any) -> Any:
    return content


# -- recv --


def test_recv_gives_requests_in_the_order_of_their_arrival(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None, place) as (client, server):
            futures = [client.request(number) for number in range(5)]
            requests = [await server.recv() for _ in range(5)]
            assert [request.content for request in requests] == [0, 1, 2, 3, 4]
            for request in reversed(requests):
                request.reply(request.content * 2)
            assert [await future for future in futures] == [0, 2, 4, 6, 8]

    scene(scenario)


def test_recv_waits_for_a_request(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            receiving = rt.create_task(server.recv())
            await sleep(rt, 0.002)
            assert not receiving.done()
            future = client.request("x")
            request = await receiving
            request.fail(KeyError("no"))
            with pytest.raises(RemoteError) as caught:
                await future
            assert caught.value.type_name == "KeyError"

    scene(scenario)


def test_only_one_receiver_may_wait(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            first = rt.create_task(server.recv())
            await sleep(rt, 0)
            with pytest.raises(RuntimeError):
                await server.recv()
            future = client.request("x")
            (await first).reply("fine")
            assert await future == "fine"

    scene(scenario)


def test_a_receiver_that_gives_up_loses_no_request(scene: Any, run: World) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            receiving = rt.create_task(server.recv())
            await sleep(rt, 0)
            receiving.cancel()
            with pytest.raises(run.cancelled):
                await receiving
            future = client.request("x")
            (await server.recv()).reply("fine")
            assert await future == "fine"

    scene(scenario)


def test_a_channel_with_a_handler_has_no_recv(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo) as (_, server):
            with pytest.raises(RuntimeError):
                await server.recv()

    scene(scenario)


def test_requests_that_came_before_the_end_are_still_received_then_it_raises(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        ends = rt.create_future()
        async with serving(rt, None, connected=ends.set_result) as server:
            async with raw_client(rt, server.addresses[0]) as raw:
                raw.send([0, 0, "a"], [0, 1, "b"], [0, 2, "c"])
                raw.transport.write_eof()
                channel = await ends
                await until(rt, lambda: channel._eof)
                requests = [await channel.recv() for _ in range(3)]
                assert [request.content for request in requests] == ["a", "b", "c"]
                for _ in range(2):
                    with pytest.raises(ConnectionLost):
                        await channel.recv()
                for request in requests:
                    request.reply(request.content.upper())
                assert await raw.until_messages(3) == [[1, 0, "A"], [1, 1, "B"], [1, 2, "C"]]
                await raw.until_called("eof")

    scene(scenario)


def test_a_receiver_that_waits_is_told_of_the_end(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            receiving = rt.create_task(server.recv())
            await sleep(rt, 0)
            await client.close()
            with pytest.raises(ConnectionLost):
                await receiving

    scene(scenario)


def test_a_channel_is_iterated_until_the_connection_ends(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            futures = [client.request(number) for number in range(3)]
            seen = []
            async for request in server:
                seen.append(request.content)
                request.reply(None)
                if request.content == 2:
                    for future in futures:
                        await future
                    await client.close()
            assert seen == [0, 1, 2]

    scene(scenario)


def test_requests_above_the_limit_of_the_inbox_are_refused(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None, server_options={"max_queued": 2}) as (client, server):
            futures = [client.request(number) for number in range(3)]
            with pytest.raises(RemoteError) as caught:
                await futures[2]
            assert (caught.value.type_name or "").endswith("Overloaded")
            for _ in range(2):
                (await server.recv()).reply("fine")
            assert [await future for future in futures[:2]] == ["fine", "fine"]

    scene(scenario)


# -- Request --


def test_answering_twice_is_refused(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            future = client.request("x")
            request = await server.recv()
            request.reply(1)
            with pytest.raises(LocalProtocolError):
                request.reply(2)
            with pytest.raises(LocalProtocolError):
                request.fail(ValueError())
            assert await future == 1

    scene(scenario)


def test_a_reply_that_cannot_be_sent_can_be_mended(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            future = client.request("x")
            request = await server.recv()
            with pytest.raises(CodecError):
                request.reply(object())
            request.reply("fine")
            assert await future == "fine"

    scene(scenario)


def test_a_request_that_is_dropped_is_answered_by_a_failure(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            future = client.request("x")
            await server.recv()
            gc.collect()
            with pytest.raises(RemoteError) as caught:
                await future
            assert "unanswered" in str(caught.value)
            other = client.request("y")
            request = await server.recv()
            dropping = threading.Thread(target=lambda held: held.clear(), args=([request],))
            del request
            dropping.start()
            dropping.join()
            with pytest.raises(RemoteError):
                await other

    scene(scenario)


def test_answers_after_the_connection_ended_are_dropped_in_silence(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            futures = [client.request(number) for number in range(3)]
            requests = [await server.recv() for _ in range(3)]
            client.abort()
            await until(rt, lambda: server._eof or server.is_closing())
            requests[0].reply("late")
            requests[1].fail(ValueError())
            del requests
            for future in futures:
                with pytest.raises(ConnectionLost):
                    await future

    scene(scenario)


def test_a_request_may_outlive_its_world(run: World) -> None:
    async def scenario(rt: Any) -> Any:
        async with serving(rt, None) as server:
            ends = rt.create_future()
            server._make = _noting(server._make, ends)  # type: ignore[method-assign]  # to see the endpoint
            async with raw_client(rt, server.addresses[0]) as raw:
                raw.send([0, 0, "x"])
                channel = await ends
                return channel, await channel.recv()

    channel, request = run(scenario)
    del request, channel
    gc.collect()  # an error in a finalizer would fail the test


def _noting(make: Any, ends: Any) -> Any:
    def noted(server: Any) -> Any:
        channel = make(server)
        ends.set_result(channel)
        return channel

    return noted


# -- handlers --


def test_a_handler_may_return_anything_that_can_be_waited_for(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async def flow() -> str:
            await sleep(rt, 0)
            return "flow"

        class Awaitable:
            def __await__(self) -> Any:
                return flow().__await__()

        def future() -> Any:
            future = rt.create_future()
            rt.call_soon(future.set_result, "future")
            return future

        kinds = {"flow": flow, "awaitable": Awaitable, "future": future}
        async with channels(rt, lambda kind: kinds[kind]()) as (client, _):
            assert await client.request("flow") == "flow"
            assert await client.request("future") == "future"
            assert await client.request("awaitable") == "flow"

    scene(scenario)


def test_a_handler_may_return_a_future_of_another_thread(scene: Any) -> None:
    def work(content: Any) -> list[Any]:
        time.sleep(0.05)  # simulated time waits for it, and does not run ahead to the time-out
        return [content, threading.get_ident()]

    async def scenario(rt: Any) -> None:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            async with channels(rt, lambda content: pool.submit(work, content)) as (client, _):
                content, thread = await client.request("x", timeout=5.0)
                assert content == "x"
                assert thread != threading.get_ident()

    scene(scenario)


def test_every_kind_of_failing_handler_is_answered(scene: Any, run: World) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    def of_args() -> Any:
        raise Odd("x")

    def stop() -> Any:
        raise StopIteration(3)

    def surrogate() -> Any:
        raise ValueError("\ud800")

    def recursive() -> Any:
        return recursive()

    def cancelled() -> Any:
        raise run.cancelled

    async def scenario(rt: Any) -> None:
        async def later(make: Any) -> Any:
            await sleep(rt, 0)
            return make()

        def cancelled_future() -> Any:
            future = rt.create_future()
            future.cancel()
            return future

        kinds = {
            "odd": of_args,
            "stop": stop,
            "surrogate": surrogate,
            "recursive": recursive,
            "cancelled": cancelled,
            "cancelled future": cancelled_future,
        }
        kinds |= {f"later {name}": lambda make=make: later(make) for name, make in list(kinds.items())}
        del kinds["later cancelled future"]
        async with channels(rt, lambda kind: kinds[kind]()) as (client, _):
            for kind in kinds:
                with pytest.raises(RemoteError):
                    await client.request(kind, timeout=5.0)
            with pytest.raises(RemoteError) as caught:
                await client.request("stop")
            assert "StopIteration" in str(caught.value)

    scene(scenario)


@pytest.mark.parametrize("form", ["text", "list", "brief", "brief-list"])
def test_failures_are_sent_in_the_form_that_was_chosen(scene: Any, form: Any) -> None:
    def fail(content: Any) -> Any:
        raise ValueError("42")

    async def scenario(rt: Any) -> None:
        async with serving(rt, fail, failures=form) as server, raw_client(rt, server.addresses[0]) as raw:
            raw.send([0, 0, None])
            [[kind, ident, content]] = await raw.until_messages(1)
            assert (kind, ident) == (2, 0)
            if form == "brief":
                assert content == "ValueError: 42\n"
            elif form == "brief-list":
                assert content == ["ValueError", "42"]
            elif form == "text":
                assert content.startswith("Traceback")
                assert content.endswith("ValueError: 42\n")
            else:
                assert content[:2] == ["ValueError", "42"]
                assert all(isinstance(part, str) for part in content)

    scene(scenario)


def test_any_id_is_echoed(scene: Any) -> None:
    idents = [0, -5, 10**30, "x", None, 1.5, True, [1, [2]], {"a": []}]

    async def scenario(rt: Any) -> None:
        async def later(content: Any) -> Any:
            await sleep(rt, 0)
            return content

        for handler in (echo, later):
            async with serving(rt, handler) as server, raw_client(rt, server.addresses[0]) as raw:
                raw.send(*([0, ident, "x"] for ident in idents))
                answers = await raw.until_messages(len(idents))
                expected = [[1, ident, "x"] for ident in idents]
                if handler is later:  # tasks, whose order is the runtime's
                    answers, expected = sorted(answers, key=repr), sorted(expected, key=repr)
                assert answers == expected

    scene(scenario)


# -- what the peer must not do --

MALFORMED = {
    "empty": b"\0\0\0\0",
    "not json": b"\0\0\0\3abc",
    "not utf-8": b'\0\0\0\3"\xff"',
    "byte order mark": b"\0\0\0\x0a\xef\xbb\xbf[0,0,1]",
    "two elements": b"\0\0\0\5[0,0]",
    "a number": b"\0\0\0\0017",
    "an object": b'\0\0\0\x13{"a":1,"b":2,"c":3}',
    "a string": b'\0\0\0\5"abc"',
    "type 7": b"\0\0\0\7[7,0,1]",
    "type text": b'\0\0\0\x09["0",0,1]',
    "type float": b"\0\0\0\x09[0.0,0,1]",
    "type boolean": b"\0\0\0\x0b[false,0,1]",
    "batch": b"\0\0\0\x11[[0,0,1],[0,1,2]]",
    "too long": b"\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_input_ends_its_connection_with_one_class_of_error_and_no_other(
    scene: Any, name: str
) -> None:
    data = MALFORMED[name]

    async def scenario(rt: Any) -> None:
        # As a server, which goes on serving others …
        async with channels(rt, echo) as (other, server):
            del server
            # … towards a client that knows nothing of batches and notices.
            address = Address("tcp", "127.0.0.1", other.peername[1])
            async with raw_client(rt, address) as raw:
                raw.send([0, 0, "before"])
                await raw.until_messages(1)
                raw.transport.write(data)
                await raw.until(lambda: "eof" in raw.calls or "lost" in raw.calls)
            assert await other.request("fine") == "fine"
        # As a client, which has not offered to understand more.
        async with raw_server(rt, extensions=False) as (client, raw):
            future = client.request("x")
            receiving = rt.create_task(client.recv())
            await raw.until_messages(1)
            raw.transport.write(data)
            for waiting in (future, receiving):
                with pytest.raises(RemoteProtocolError):
                    await waiting
            with pytest.raises(RemoteProtocolError):
                client.request("after")
            with pytest.raises(RemoteProtocolError):
                await client.recv()

    scene(scenario)


ODD_EXTENSIONS = [
    [4, 0, None],
    [5, 77, 1],
    [6, 0, 5],
    [7, 77, None],
    [3, None, 1],
    [3, [], 1],
    [5, 0, {"__type__": [9, 9]}],
    [3, None, {"__type__": [9, 9]}],
]
WRONG_EXTENSIONS = [
    [4, "x", None],
    [4, [], None],
    [5, {}, 1],
    [6, [], 1],
    [6, 0, "x"],
    [6, 0, -1],
    [6, 0, True],
    [7, [], None],
    [7, {}, None],
]


@pytest.mark.parametrize("message", ODD_EXTENSIONS, ids=str)
def test_odd_messages_of_a_junto_peer_do_no_harm(scene: Any, message: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, echo) as server, raw_client(rt, server.addresses[0]) as raw:
            raw.transport.write(marked(b'[0, 0, "hello"]'))
            await raw.until_messages(1)
            raw.send(message, [0, 1, "fine"])
            await raw.until(
                lambda: [1, 1, "fine"] in raw.messages or "lost" in raw.calls or "eof" in raw.calls
            )
            assert [1, 1, "fine"] in raw.messages

    scene(scenario)


@pytest.mark.parametrize("message", WRONG_EXTENSIONS, ids=str)
def test_wrong_messages_of_a_junto_peer_end_its_connection(
    scene: Any, message: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, echo) as server, raw_client(rt, server.addresses[0]) as raw:
            raw.transport.write(marked(b'[0, 0, "hello"]'))
            await raw.until_messages(1)
            channel = server.connections[0]
            raw.send(message)
            await channel.wait_closed()
            assert isinstance(channel._error, RemoteProtocolError)

    scene(scenario)
    assert not caplog.records


def test_bad_content_is_answered_and_not_fatal(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, echo) as server, raw_client(rt, server.addresses[0]) as raw:
            raw.send([0, 0, {"__type__": [9, None]}], [0, 1, {"a": [{"__type__": 3}]}], [0, 2, "fine"])
            answers = await raw.until_messages(3)
            assert [answer[:2] for answer in answers] == [[2, 0], [2, 1], [1, 2]]

    scene(scenario)


# -- notices --


def test_a_notice_is_handled_and_not_answered(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        seen: list[Any] = []

        def handler(content: Any) -> Any:
            seen.append(content)
            return content

        async with channels(rt, handler, place) as (client, _):
            await client.request("first")
            for number in range(100):
                client.notify(number)
            assert await client.request("last") == "last"
            assert seen == ["first", *range(100), "last"]

    scene(scenario)


def test_a_notice_is_refused_before_the_peer_is_known(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo) as (client, server):
            with pytest.raises(LocalProtocolError):
                client.notify("early")
            assert await client.request("fine") == "fine"
            client.notify("now")
            server.notify("now")

    scene(scenario)


@pytest.mark.parametrize("options", [({"extensions": False}, {}), ({}, {"extensions": False}), ({}, MOSAIK)])
def test_a_notice_is_refused_by_peers_without_extensions(scene: Any, options: Any) -> None:
    server_options, client_options = options

    async def scenario(rt: Any) -> None:
        async with channels(
            rt, echo, client_handler=echo, server_options=server_options, **client_options
        ) as (
            client,
            server,
        ):
            for _ in range(2):
                assert await client.request("fine") == "fine"
                assert await server.request("fine") == "fine"
            for end in (client, server):
                assert not end.extended
                with pytest.raises(LocalProtocolError):
                    end.notify("never")
            assert await client.request("fine") == "fine"

    scene(scenario)


def test_a_failing_handler_of_a_notice_is_logged_and_not_fatal(
    scene: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(rt: Any) -> None:
        async def later() -> None:
            await sleep(rt, 0)
            raise KeyError("later")

        def handler(content: Any) -> Any:
            if content == "bad":
                raise ValueError("at once")
            if content == "stream":
                return iter_nothing()
            return later() if content == "later" else content

        def iter_nothing() -> Any:
            yield 1

        async with channels(rt, handler) as (client, _):
            await client.request("first")
            for content in ("bad", "later", "stream"):
                client.notify(content)
            assert await client.request("fine") == "fine"
            await sleep(rt, 0.005)

    with caplog.at_level(logging.ERROR, "junto"):
        scene(scenario)
    assert len(caplog.records) == 3


def test_a_received_notice_needs_no_answer(scene: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, None) as (client, server):
            first = client.request("first")
            (await server.recv()).reply(None)
            await first
            client.notify("a")
            client.notify("b")
            client.notify("c")
            assert (await server.recv()).content == "a"
            (await server.recv()).reply("into the void")
            (await server.recv()).fail(ValueError("a failure of ours that nobody hears"))
            gc.collect()
            other = client.request("other")
            (await server.recv()).reply("fine")
            assert await other == "fine"
            assert server._answering.unanswered == 0

    with caplog.at_level(logging.ERROR, "junto"):
        scene(scenario)
    assert len(caplog.records) == 1


# -- opening --


def test_one_attempt_raises_what_went_wrong(scene: Any, tmp_path: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, echo) as server:
            free = server.addresses[0]
        for address in (free, Address("unix", path=str(tmp_path / "nobody"))):
            start = rt.time()
            with pytest.raises(ConnectionFailed) as caught:
                await open_channel(rt, address, Options())
            assert isinstance(caught.value.__cause__, OSError)
            assert rt.time() - start < 1.0

    scene(scenario)


@pytest.mark.parametrize("kind", ["tcp", "unix", "unix refused"])
def test_connecting_goes_on_until_the_server_is_up(scene: Any, tmp_path: Any, kind: str) -> None:
    import socket

    async def scenario(rt: Any) -> None:
        if kind == "tcp":
            async with serving(rt, echo) as server:
                address = server.addresses[0]
        else:
            address = Address("unix", path=str(tmp_path / "socket"))
            if kind == "unix refused":  # a file that nobody listens at
                with socket.socket(socket.AF_UNIX) as stale:
                    stale.bind(address.path)
        opening = rt.create_task(open_channel(rt, address, Options(), timeout=5.0))
        await sleep(rt, 0.02)
        assert not opening.done()

        class Place:
            server_tls = None

        Place.address = address  # type: ignore[attr-defined]
        async with serving(rt, echo, Place):
            client = await opening
            assert await client.request("fine") == "fine"
            await client.close()

    scene(scenario)


def test_connecting_keeps_its_time_and_raises_the_last_error(scene: Any, tmp_path: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, echo) as server:
            free = server.addresses[0]
        for address in (free, Address("unix", path=str(tmp_path / "nobody"))):
            start = rt.time()
            with pytest.raises(ConnectionFailed) as caught:
                await open_channel(rt, address, Options(), timeout=0.3)
            taken = rt.time() - start
            assert isinstance(caught.value.__cause__, OSError)
            assert 0.295 <= taken < 0.3 * 1.1 + 0.1  # and what a busy machine adds

    scene(scenario)


def test_a_server_that_accepts_and_never_speaks_tls_costs_no_more_than_the_timeout(
    scene: Any, contexts: Any
) -> None:
    async def scenario(rt: Any) -> None:
        class Silent(Raw):
            keep_open = False  # at the end

        listener = await rt.listen(TCP, lambda: Silent(rt))
        start = rt.time()
        with pytest.raises(ConnectionFailed):
            await open_channel(
                rt,
                Address("tls", "127.0.0.1", listener.address.port),
                Options(),
                timeout=0.2,
                tls=contexts.client,
            )
        assert rt.time() - start < 0.2 * 1.1 + 0.15
        listener.close()

    scene(scenario)


def test_an_attempt_that_is_given_up_leaves_nothing(scene: Any, run: World) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, echo) as server:
            free = server.addresses[0]
        opening = rt.create_task(open_channel(rt, free, Options(), timeout=None))
        await sleep(rt, 0.005)
        opening.cancel()
        with pytest.raises(run.cancelled):
            await opening
        await nothing_left(rt)

    scene(scenario)


def test_what_is_no_address_or_no_option_is_refused(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        for url in ("http://x:1", "tcp://x", "tcp://x:99999", "unix://", "nonsense", 5):
            with pytest.raises(ValueError):
                await open_channel(rt, url, Options())  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="tls"):
            await open_channel(rt, "tls://127.0.0.1:1", Options())

    scene(scenario)
    for wrong in (
        {"codec": "xml"},
        {"max_pending": 0},
        {"max_handlers": 0},
        {"max_queued": -1},
        {"receive_limit": 0},
        {"request_timeout": 0},
        {"failures": "loud"},
    ):
        with pytest.raises(ValueError):
            run_options(wrong)


def run_options(options: Any) -> None:
    from junto.codecs import make_codec

    make_codec(Options(**options).codec)


def test_overloaded_is_no_connection_error() -> None:
    assert not issubclass(Overloaded, ConnectionError)
