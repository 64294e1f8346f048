"""Our own requests: in flight, given up, refused."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

import junto
from junto.errors import (
    CodecError,
    ConnectionLost,
    LocalProtocolError,
    Overloaded,
    RemoteError,
    RequestTimeout,
)

from .layers import channels, raw_server, until
from .worlds import World, sleep


def echo(content: Any) -> Any:
    return content


class Held:
    """A handler whose requests wait until the scenario answers them."""

    def __init__(self, rt: Any) -> None:
        self.rt = rt
        self.waiting: dict[Any, Any] = {}

    def __call__(self, content: Any) -> Any:
        future = self.waiting[content] = self.rt.create_future()
        return future

    async def until(self, *contents: Any) -> None:
        await until(self.rt, lambda: all(content in self.waiting for content in contents))


def test_a_request_gets_its_result(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo, place) as (client, server):
            for content in (None, True, 3, -1.5, "text", [1, [2]], {"a": {"b": None}}):
                assert await client.request(content) == content
                assert await client.request(content, timeout=5.0) == content
            assert client.extended
            assert server.extended

    scene(scenario)


@pytest.mark.parametrize("codec", ["json", "msgpack", "msgpack+blosc"])
def test_every_codec_carries_requests(scene: Any, codec: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo, codec=codec, server_options={"codec": codec}) as (client, _):
            big = ["x" * 100_000, list(range(1000))]
            assert await client.request(big) == big
            assert await client.request(big) == big
            if codec != "json":
                data = bytes(range(256)) * 2000
                for _ in range(3):
                    assert await client.request(data) == data
                    assert await client.request({"a": [data, data]}) == {"a": [data, data]}

    scene(scenario)


def test_requests_go_both_ways_at_once(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo, place, client_handler=lambda content: -content) as (client, server):
            there = [client.request(number) for number in range(1, 200)]
            back = [server.request(number) for number in range(1, 200)]
            assert [await future for future in there] == list(range(1, 200))
            assert [await future for future in back] == [-number for number in range(1, 200)]

    scene(scenario)


def test_replies_may_overtake_each_other(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held) as (client, _):
            first, second, third = client.request("a"), client.request("b"), client.request("c")
            await held.until("a", "b", "c")
            held.waiting["c"].set_result(3)
            assert await third == 3
            held.waiting["a"].set_result(1)
            assert await first == 1
            held.waiting["b"].set_result(2)
            assert await second == 2

    scene(scenario)


def test_ten_thousand_requests_may_be_in_flight(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        options = {"max_handlers": 10_000}
        async with channels(rt, held, server_options=options) as (client, _):
            futures = [client.request(number) for number in range(10_000)]
            await held.until(*range(10_000))
            for number in reversed(range(10_000)):
                held.waiting[number].set_result(-number)
            assert [await future for future in futures] == [-number for number in range(10_000)]

    scene(scenario)


def test_a_few_requests_of_one_turn_leave_in_one_write(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held) as (client, _):
            first = client.request(0)  # written at once, for nothing is in flight
            writes: list[bytes] = []
            transport = client._transport
            assert transport is not None

            class Watched:
                def write(self, data: Any) -> None:
                    writes.append(bytes(data))
                    transport.write(data)

                def __getattr__(self, name: str) -> Any:
                    return getattr(transport, name)

            client._outgoing._transport = Watched()  # type: ignore[assignment, union-attr]  # what a channel calls is there
            futures = [client.request(number) for number in range(1, 21)]
            await held.until(*range(21))
            assert len(writes) == 1
            for future in held.waiting.values():
                future.set_result(None)
            for future in [first, *futures]:
                await future

    scene(scenario)


def test_a_failure_tells_type_message_and_origin(scene: Any) -> None:
    def fail(content: Any) -> None:
        raise ValueError(f"not {content}")

    async def scenario(rt: Any) -> None:
        async with channels(rt, fail) as (client, _):
            with pytest.raises(RemoteError) as caught:
                await client.request(5)
            assert caught.value.type_name == "ValueError"
            assert caught.value.message == "not 5"
            assert caught.value.origin == client.peername
            assert "Traceback" in caught.value.text
            assert str(Path(junto.__file__).parent) not in caught.value.text

    scene(scenario)


def test_a_timeout_leaves_the_connection_alive_and_the_late_reply_is_dropped(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held, place) as (client, _):
            late = client.request("late", timeout=0.01)
            with pytest.raises(RequestTimeout) as caught:
                await late
            assert isinstance(caught.value, TimeoutError)
            await held.until("late")
            held.waiting["late"].set_result("too late")
            other = client.request("other")
            await held.until("other")
            held.waiting["other"].set_result("fine")
            assert await other == "fine"
            assert client.late_replies == 1

    scene(scenario)


def test_a_timeout_of_zero_sends_and_gives_up(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo) as (client, _):
            with pytest.raises(RequestTimeout):
                await client.request("late", timeout=0)
            assert await client.request("fine") == "fine"

    scene(scenario)


def test_an_endless_timeout_is_none(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo) as (client, _):
            for timeout in (1e6, 1e9, float("inf")):
                assert await client.request("fine", timeout=timeout) == "fine"

    scene(scenario)


@pytest.mark.parametrize("timeout", ["1", float("nan")])
def test_a_timeout_that_is_no_number_is_refused_and_nothing_is_left(scene: Any, timeout: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo) as (client, _):
            with pytest.raises((TypeError, ValueError)):
                client.request("never", timeout=timeout)
            assert not client._futures
            assert await client.request("fine") == "fine"

    scene(scenario)


def test_the_usual_timeout_serves_requests_without_their_own(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held, request_timeout=0.05, patience=0.01) as (client, _):
            patient = client.request("patient", timeout=5.0)
            start = rt.time()
            futures = [client.request(number) for number in range(10)]
            for future in futures:
                with pytest.raises(RequestTimeout):
                    await future
            assert rt.time() - start >= 0.049
            assert not patient.done()
            await held.until("patient", 9)
            held.waiting[3].set_result("late")
            held.waiting["patient"].set_result("fine")
            assert await patient == "fine"
            assert client.late_replies == 1

    scene(scenario)


def test_the_usual_timeout_is_exact_to_a_tenth(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, Held(rt), request_timeout=0.2, patience=0.01) as (client, _):
            failed: list[Any] = []
            client.request("early").add_done_callback(lambda early: failed.append(early.exception()))
            await sleep(rt, 0.07)
            start = rt.time()
            with pytest.raises(RequestTimeout):
                await client.request("later")
            assert isinstance(*failed, RequestTimeout)
            # A tenth of 0.2 s, and what a busy machine adds.
            assert 0.199 <= rt.time() - start < 0.2 * 1.1 + 0.15

    scene(scenario)


def test_a_cancelled_request_leaves_no_trace(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held) as (client, _):
            future = client.request("given up", timeout=3600.0)
            await held.until("given up")
            future.cancel()
            held.waiting["given up"].set_result("late")
            other = client.request("other")
            await held.until("other")
            held.waiting["other"].set_result("fine")
            assert await other == "fine"
            assert client.late_replies == 1
            assert not client._futures
            assert not client._asking.timers

    scene(scenario)


def test_a_flood_of_requests_that_are_given_up_does_not_fill_memory(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_server(rt) as (client, raw):  # it never answers
            for _ in range(20):
                futures = [client.request("x", timeout=3600.0) for _ in range(100)]
                for future in futures:
                    future.cancel()
                await sleep(rt, 0)
            assert len(client._futures) <= 256
            assert len(client._asking.timers) <= 256
            await raw.until_messages(2000)

    scene(scenario)


def test_two_peers_that_time_out_in_a_flood_stay_small(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        def never(content: Any) -> Any:
            return rt.create_future()

        options = {"max_handlers": 100_000, "request_timeout": 0.03}
        async with channels(
            rt, never, client_handler=never, server_options=options, patience=0.01, **options
        ) as (client, server):
            for _ in range(5):
                futures = [end.request("x") for _ in range(300) for end in (client, server)]
                for future in futures:  # some fail before they are awaited below, and that is no surprise
                    future.add_done_callback(lambda future: future.exception())
                for future in futures:
                    with pytest.raises(RequestTimeout):
                        await future
            assert not client._futures
            assert not server._futures

    scene(scenario)


def test_requests_above_the_limit_are_refused_at_the_call(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held, max_pending=3, patience=0.01) as (client, _):
            futures = [client.request(number) for number in range(3)]
            with pytest.raises(Overloaded):
                client.request(3)
            await held.until(0, 1, 2)
            assert 3 not in held.waiting
            futures[0].cancel()  # makes room at once
            fourth = client.request(4)
            await held.until(4)
            for number in (1, 2, 4):
                held.waiting[number].set_result(number)
            assert [await future for future in (*futures[1:], fourth)] == [1, 2, 4]

    scene(scenario)


def test_a_value_that_cannot_be_sent_leaves_nothing_behind(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo, send_limit=20_000) as (client, _):
            with pytest.raises(CodecError):
                client.request(object())
            with pytest.raises(CodecError):
                client.request({"a": [1, {"b": {1, 2}}]}, timeout=1.0)
            with pytest.raises(LocalProtocolError):
                client.request("x" * 20_001)
            assert not client._futures
            assert not client._asking.timers
            assert await client.request("fine") == "fine"

    scene(scenario)


def test_a_result_that_cannot_be_sent_is_a_failure_and_the_connection_lives(scene: Any) -> None:
    async def later(rt: Any) -> Any:
        await sleep(rt, 0)
        return {1, 2}

    async def scenario(rt: Any) -> None:
        results: dict[str, Any] = {
            "set": lambda: {1, 2},
            "inside": lambda: [{"a": object()}],
            "large": lambda: "x" * 30_000,
            "later": lambda: later(rt),
            "fine": lambda: "fine",
        }
        async with channels(rt, lambda name: results[name](), server_options={"send_limit": 20_000}) as (
            client,
            _,
        ):
            for name, type_name in (
                ("set", "CodecError"),
                ("inside", "CodecError"),
                ("large", "LocalProtocolError"),
                ("later", "CodecError"),
            ):
                with pytest.raises(RemoteError) as caught:
                    await client.request(name)
                assert (caught.value.type_name or "").rpartition(".")[2] == type_name
            assert await client.request("fine") == "fine"

    scene(scenario)


def test_each_waiter_gets_a_fresh_error_chained_to_the_cause(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_server(rt) as (client, raw):
            futures = [client.request(number) for number in range(3)]
            await raw.until_messages(3)
            raw.transport.write(b"\0\0\0\3[1]")  # no triple
            errors = []
            for future in futures:
                with pytest.raises(ConnectionError) as caught:
                    await future
                errors.append(caught.value)
            assert len({id(error) for error in errors}) == 3
            assert len({id(error.__cause__) for error in errors}) == 1
            with pytest.raises(ConnectionError):
                client.request("after")

    scene(scenario)


def test_a_peer_that_crashes_fails_what_is_pending(scene: Any) -> None:
    import socket
    import struct

    async def scenario(rt: Any) -> None:
        async with raw_server(rt) as (client, raw):
            future = client.request("never")
            await raw.until_messages(1)
            sock = raw.transport.get_extra_info("socket")
            # Closing with a linger of 0 seconds resets the connection.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.transport.abort()
            with pytest.raises(ConnectionLost) as caught:
                await future
            causes = []
            cause = caught.value.__cause__
            while cause is not None:
                causes.append(cause)
                cause = cause.__cause__
            assert any(isinstance(cause, ConnectionResetError) for cause in causes)
            with pytest.raises(ConnectionLost):
                await client.request("after")

    scene(scenario)


def test_a_reply_that_nobody_asked_for_is_dropped(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_server(rt) as (client, raw):
            future = client.request("x")
            await raw.until_messages(1)
            raw.send(
                [1, 77, "?"], [2, "id", "?"], [1, None, "?"], [1, False, "?"], [1, 0.0, "?"], [1, [0], "?"]
            )
            raw.send([1, 0, "fine"], [1, 0, "again"])
            assert await future == "fine"
            await until(rt, lambda: client.late_replies == 7)
            second = client.request("y")
            await raw.until_messages(2)
            raw.send([1, 1, "fine"])
            assert await second == "fine"

    scene(scenario)


def test_a_result_whose_custom_types_cannot_be_rebuilt_fails_its_call_only(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_server(rt) as (client, raw):
            bad, good = client.request("bad"), client.request("good")
            await raw.until_messages(2)
            raw.send([1, 0, {"__type__": [9, None]}], [1, 1, "fine"])
            with pytest.raises(CodecError):
                await bad
            assert await good == "fine"

    scene(scenario)


def test_a_channel_that_nobody_holds_any_more_is_garbage(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo) as (client, _):
            await client.request("x", timeout=3600.0)
            gone = weakref.ref(client)
        del client, _
        async with channels(rt, echo) as others:  # the last event may be remembered until the next
            await others[0].request("x")
        del others
        gc.collect()
        assert gone() is None

    scene(scenario)


# -- asyncio's own ways to give up --


@pytest.fixture(params=["asyncio", "uvloop"])
def on_asyncio(request: pytest.FixtureRequest) -> World:
    from .worlds import WORLDS

    return next(world for world in WORLDS if world.name == request.param)


def test_asyncio_timeout_wait_for_and_cancel_leave_no_trace(on_asyncio: World) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held) as (client, _):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await client.request("timeout")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.request("wait_for"), 0.01)

            async def ask() -> None:
                await client.request("task")

            task = asyncio.create_task(ask())
            await held.until("timeout", "wait_for", "task")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            for future in held.waiting.values():
                future.set_result("late")
            await until(rt, lambda: client.late_replies == 3)
            assert not client._futures

    on_asyncio(scenario)


def test_asyncio_gather_and_task_groups_take_requests(on_asyncio: World) -> None:
    async def scenario(rt: Any) -> None:
        async with channels(rt, echo) as (client, _):
            assert await asyncio.gather(*map(client.request, range(100))) == list(range(100))

    on_asyncio(scenario)
