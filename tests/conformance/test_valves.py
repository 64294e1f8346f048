"""The valves: peers that do not read, too many handlers, both sides flooding each other."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from junto.errors import ConnectionLost, Overloaded, RemoteError

from .layers import channels, raw_client, raw_server, serving, until
from .test_requests import Held
from .worlds import in_real_time, sleep

MiB = 1 << 20


def test_handlers_above_the_limit_wait_for_their_turn(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        running = most = 0

        async def handler(content: Any) -> Any:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await sleep(rt, 0)
            running -= 1
            return content

        async with channels(rt, handler, server_options={"max_handlers": 3}) as (client, _):
            futures = [client.request(number) for number in range(200)]
            assert [await future for future in futures] == list(range(200))
            assert most == 3

    scene(scenario)


def test_requests_above_the_queue_are_refused_and_the_others_answered(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        options = {"max_handlers": 2, "max_queued": 3}
        async with channels(rt, held, server_options=options) as (client, _):
            futures = [client.request(number) for number in range(8)]
            for future in futures[5:]:
                with pytest.raises(RemoteError) as caught:
                    await future
                assert (caught.value.type_name or "").endswith("Overloaded")
            for number in range(5):
                await held.until(number)
                held.waiting[number].set_result(number)
            assert [await future for future in futures[:5]] == [0, 1, 2, 3, 4]

    scene(scenario)


def test_requests_that_waited_are_handled_in_order_and_in_one_go(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        seen: list[Any] = []

        def handler(content: Any) -> Any:
            seen.append(content)
            return held(content) if content == "first" else content

        async with channels(rt, handler, server_options={"max_handlers": 1}) as (client, _):
            first = client.request("first")
            rest = [client.request(number) for number in range(3000)]
            await held.until("first")
            held.waiting["first"].set_result(None)
            await first
            assert [await future for future in rest] == list(range(3000))
            assert seen == ["first", *range(3000)]

    scene(scenario)


def test_callbacks_inside_handlers_do_not_deadlock_at_a_limit_of_one(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        ends: list[Any] = []

        async def handler(content: Any) -> Any:
            doubled = await ends[0].request(content)
            return await ends[0].request(doubled)

        options = {"max_handlers": 1}
        async with channels(
            rt, handler, client_handler=lambda content: content * 2, server_options=options, **options
        ) as (client, server):
            ends.append(server)
            futures = [client.request(number) for number in range(50)]
            assert [await future for future in futures] == [4 * number for number in range(50)]

    scene(scenario)


def test_a_call_made_while_a_stream_is_read_does_not_deadlock_at_a_limit_of_one(scene: Any) -> None:
    def handler(content: Any) -> Any:
        return iter_numbers() if content == "stream" else content

    def iter_numbers() -> Any:
        yield from range(100)

    async def scenario(rt: Any) -> None:
        async with channels(rt, handler, server_options={"max_handlers": 1}) as (client, _):
            await client.request("first")
            count = 0
            async for number in await client.request("stream"):
                assert await client.request(number, timeout=5.0) == number
                count += 1
            assert count == 100

    scene(scenario)


def test_streams_above_the_limit_are_refused(scene: Any) -> None:
    def numbers(content: Any) -> Any:
        yield from range(100)

    async def scenario(rt: Any) -> None:
        async with channels(rt, numbers, server_options={"max_handlers": 2}) as (client, _):
            streams = [await client.request(number) for number in range(2)]
            with pytest.raises(RemoteError) as caught:
                await client.request("one more")
            assert (caught.value.type_name or "").endswith("Overloaded")
            for stream in streams:
                assert len([item async for item in stream]) == 100
            assert len([item async for item in await client.request("now")]) == 100

    scene(scenario)


def test_both_sides_flooding_each_other_do_not_deadlock(scene: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        text = "x" * 10_000
        count = 1500
        async with channels(
            rt, lambda content: content, place, client_handler=lambda content: content
        ) as ends:
            futures = [end.request(text) for _ in range(count) for end in ends]
            for future in futures:
                assert len(await future) == 10_000

    scene(scenario)


@in_real_time
def test_a_peer_that_does_not_read_costs_bounded_memory_and_others_are_served(scene: Any) -> None:
    big = "x" * 100_000

    def handler(content: Any) -> Any:
        return big if content == "big" else content

    async def scenario(rt: Any) -> None:
        async with serving(rt, handler) as server:
            from junto.options import Options
            from junto.server import open_channel

            address = server.addresses[0]
            async with raw_client(rt, address) as raw:
                other = await open_channel(rt, address, Options())
                raw.transport.pause_reading()
                tracemalloc.start()
                try:
                    raw.send(*([0, number, "big"] for number in range(500)))  # for 200 MB of answers
                    for _ in range(50):
                        assert await other.request("fine") == "fine"
                        await sleep(rt, 0.001)
                    _, peak = tracemalloc.get_traced_memory()
                finally:
                    tracemalloc.stop()
                assert peak < 24 * MiB, f"{peak:,} bytes"
                # It is served when it reads.
                raw.transport.resume_reading()
                size = 500 * (len(big) + 4)
                await raw.until_received(size)
                answers = await raw.until_messages(500)  # what frames them takes some bytes more
                assert [answer[:2] for answer in answers] == [[1, number] for number in range(500)]
                await other.close()

    scene(scenario)


def test_a_peer_that_floods_and_never_reads_is_cut_off(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of the usual 16 MiB the system's own buffers are the lesser part, and making them takes seconds.
    monkeypatch.setattr("junto.outgoing._STUCK", 1024 * 1024)

    async def scenario(rt: Any) -> None:
        options = {"max_queued": 10}
        async with (
            serving(rt, lambda content: content, **options) as server,
            raw_client(rt, server.addresses[0]) as raw,
        ):
            raw.transport.pause_reading()
            text = "x" * 10_000
            number = 0
            while "lost" not in raw.calls:
                # What is refused is answered too, so this grows until it is too much.
                raw.send(*([0, number + more, text if number < 2000 else ""] for more in range(1000)))
                number += 1000
                await sleep(rt, 0)
                for _ in range(200):
                    if raw.transport.get_write_buffer_size() == 0 or "lost" in raw.calls:
                        break
                    await sleep(rt, 0.001)
                assert number < 1_000_000
            await until(rt, lambda: not server.connections)

    scene(scenario)


def test_requests_to_a_peer_that_does_not_read_are_limited_even_if_they_time_out(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_server(rt, max_pending=100) as (client, raw):
            raw.transport.pause_reading()
            text = "x" * 100_000
            refused = 0
            for _ in range(10):
                for _ in range(50):
                    try:
                        client.request(text).cancel()
                    except Overloaded:
                        refused += 1
                await sleep(rt, 0.001)
            assert refused > 0
            raw.transport.resume_reading()
            await until(rt, lambda: not client._answering.paused)
            future = client.request("fine")
            await raw.until(lambda: raw.received.endswith(b'"fine"]'))
            future.cancel()

    scene(scenario)


def test_a_handler_for_a_peer_that_is_gone_is_let_run(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        async with channels(rt, held, patience=0.01) as (client, server):
            future = client.request("x")
            await held.until("x")
            client.abort()
            with pytest.raises(ConnectionLost):
                await future
            held.waiting["x"].set_result("nobody hears it")
            await server.wait_closed()

    scene(scenario)
