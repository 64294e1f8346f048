"""Streamed results: pace, ends of all kinds, and who closes the generator."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from junto.errors import ConnectionLost, Overloaded, RemoteError, RemoteProtocolError
from junto.exposing import expose
from junto.options import MOSAIK
from junto.streaming import WINDOW

from .layers import channels, marked, peers, raw_client, serving, until
from .worlds import World, sleep


class Source:
    """Generators of every kind, which tell how far they are and when they are closed."""

    def __init__(self, rt: Any) -> None:
        self.rt = rt
        self.made = 0
        self.closed = 0
        self.threads: set[int] = set()

    @expose
    def plain(self, count: int) -> Any:
        try:
            for number in range(count):
                self.made += 1
                self.threads.add(threading.get_ident())
                yield number
        finally:
            self.closed += 1

    @expose
    async def slow(self, count: int) -> Any:
        try:
            for number in range(count):
                await sleep(self.rt, 0)
                self.made += 1
                yield number
        finally:
            self.closed += 1

    @expose
    async def made_later(self, count: int) -> Any:
        await sleep(self.rt, 0)
        return self.plain(count)

    @expose
    def broken(self, count: int) -> Any:
        try:
            yield from range(count)
            raise ValueError("after the items")
        finally:
            self.closed += 1

    @expose
    def unsendable(self) -> Any:
        try:
            yield 1
            yield object()
        finally:
            self.closed += 1

    @expose
    async def silent(self) -> Any:
        try:
            yield 0
            await self.rt.create_future()
        finally:
            self.closed += 1

    @expose
    def nothing(self) -> Any:
        yield from ()

    @expose
    def list(self) -> Any:
        return [1, 2, 3]

    @expose
    def fine(self) -> str:
        return "fine"


KINDS = ["plain", "slow", "made_later"]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_generator_is_a_stream(scene: Any, kind: str, workers: int) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        here = threading.get_ident()
        async with peers(rt, source, workers=workers) as (client, _):
            call = client.remote[kind]
            assert [item async for item in await call(200)] == list(range(200))
            assert [item async for item in await call(200)] == list(range(200))
            assert [item async for item in await call(0)] == []
            assert source.closed == 3
            if kind == "plain":
                assert (here in source.threads) is (workers == 0)

    scene(scenario)


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_items_are_values_of_any_size(scene: Any, codec: Any, place: Any) -> None:
    items = [None, [], {"a": [1]}, "x" * 100_000, 1.5] * 20 + ([b"x" * 100_000] if codec == "msgpack" else [])

    async def scenario(rt: Any) -> None:
        async with channels(
            rt, lambda _: iter_items(), place, server_options={"codec": codec}, codec=codec
        ) as (
            client,
            _,
        ):
            assert [item async for item in await client.request(None)] == items

    def iter_items() -> Any:
        yield from items

    scene(scenario)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_a_producer_is_never_more_than_the_window_ahead(scene: Any, kind: str, workers: int) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source, workers=workers) as (client, _):
            stream = await client.remote[kind](10_000)
            for read in range(100):
                assert await anext(stream) == read
                if read % 10 == 0:
                    await sleep(rt, 0.001)
                # One more is made, and waits to be sent.
                assert source.made <= read + 1 + WINDOW + 1
            await stream.aclose()
            await until(rt, lambda: source.closed == 1)

    scene(scenario)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_that_is_left_early_closes_the_generator(scene: Any, kind: str, workers: int) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source, workers=workers) as (client, server):
            async for item in await client.remote[kind](10_000):
                if item == 5:
                    break
            await until(rt, lambda: source.closed == 1)
            await until(rt, lambda: server.channel._answering.unanswered == 0)
            assert source.made < 10_000
            stream = await client.remote[kind](10_000)
            await anext(stream)
            await stream.aclose()
            await stream.aclose()
            with pytest.raises(StopAsyncIteration):
                await anext(stream)
            await until(rt, lambda: source.closed == 2)
            assert await client.remote.fine() == "fine"
            await until(rt, lambda: not client.channel._asking._readers)

    scene(scenario)


def test_a_producer_that_waits_for_something_else_is_stopped(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source) as (client, _):
            stream = await client.remote.silent()
            assert await anext(stream) == 0
            await stream.aclose()
            await until(rt, lambda: source.closed == 1)

    scene(scenario)


def test_a_worker_that_makes_an_item_is_let_finish_before_its_generator_is_closed(
    scene: Any, caplog: Any
) -> None:
    working, release = threading.Event(), threading.Event()
    closed_by: list[int] = []

    class Blocking:
        @expose
        def items(self) -> Any:
            try:
                yield 0
                working.set()
                release.wait(10.0)
                yield 1
            finally:
                closed_by.append(threading.get_ident())

        @expose
        def fine(self) -> str:
            return "fine"

    async def scenario(rt: Any) -> None:
        async with peers(rt, Blocking(), workers=2) as (client, server):
            stream = await client.remote.items()
            assert await anext(stream) == 0
            await until(rt, working.is_set)
            await stream.aclose()
            await sleep(rt, 0.01)
            assert not closed_by
            release.set()
            await until(rt, lambda: closed_by)
            assert closed_by[0] != threading.get_ident()
            await until(rt, lambda: server.channel._answering.unanswered == 0)
            assert await client.remote.fine() == "fine"
            assert client.channel.late_replies == 0

    scene(scenario)
    assert not caplog.records


def test_an_error_comes_where_the_next_item_would_have_been(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        for workers in (0, 1):
            async with peers(rt, source, workers=workers) as (client, _):
                for count in (0, 1, 100):
                    seen = []
                    with pytest.raises(RemoteError) as caught:
                        async for item in await client.remote.broken(count):
                            seen.append(item)
                    assert seen == list(range(count))
                    assert caught.value.type_name == "ValueError"
                with pytest.raises(RemoteError):
                    async for item in await client.remote.unsendable():
                        assert item == 1
        assert source.closed == 8

    scene(scenario)


def test_a_result_that_is_no_stream_cannot_be_iterated_asynchronously(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with peers(rt, Source(rt)) as (client, _):
            with pytest.raises(TypeError):
                async for _ in await client.remote.list():
                    pass
            with pytest.raises(RemoteError):
                async for _ in await client.remote.no_such_function():
                    pass
            assert [item async for item in await client.remote.nothing()] == []

    scene(scenario)


def test_many_streams_and_calls_share_a_connection(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source) as (client, _):

            async def read(count: int) -> int:
                total = 0
                async for item in await client.remote.slow(count):
                    total += item
                    if item % 50 == 0:
                        assert await client.remote.fine() == "fine"
                return total

            tasks = [rt.create_task(read(100 + number)) for number in range(20)]
            assert [await task for task in tasks] == [sum(range(100 + number)) for number in range(20)]
            assert source.closed == 20

    scene(scenario)


def test_a_stream_nobody_reads_holds_up_nothing_else(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source) as (client, _):
            idle = await client.remote.plain(10_000)
            assert [item async for item in await client.remote.plain(500)] == list(range(500))
            assert source.made <= 500 + WINDOW + 1
            await idle.aclose()

    scene(scenario)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_lost_connection_is_an_error_for_the_reader_and_closes_the_generator(
    scene: Any, side: str, workers: int
) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source, workers=workers) as (client, server):
            streams = [await client.remote[kind](10_000) for kind in KINDS]
            for stream in streams:
                assert await anext(stream) == 0
            (client if side == "client" else server).channel.abort()
            for stream in streams:
                with pytest.raises(ConnectionLost):
                    async for _ in stream:
                        pass
            await until(rt, lambda: source.closed == 3)

    scene(scenario)


def test_a_stream_whose_handler_is_cancelled_does_not_look_complete(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source) as (client, server):
            stream = await client.remote.plain(10_000)
            silent = await client.remote.silent()
            assert await anext(stream) == 0
            await server.close(0.02)
            for each in (stream, silent):
                with pytest.raises((ConnectionLost, RemoteError)):
                    async for _ in each:
                        pass
            assert source.closed == 2

    scene(scenario)


def test_a_timeout_covers_the_beginning_of_a_stream_only(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source) as (client, _):
            stream = await client.remote.plain(100, timeout=0.05)
            await sleep(rt, 0.07)
            assert [item async for item in stream] == list(range(100))

    scene(scenario)


def test_a_stream_that_begins_after_its_request_was_given_up_is_stopped(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source) as (client, server):
            await client.remote.fine()
            client.remote.made_later(10_000).cancel()
            assert await client.remote.fine() == "fine"
            await until(rt, lambda: source.closed == 1 or source.made == 0)
            await until(rt, lambda: server.channel._answering.unanswered == 0)
            assert source.made <= WINDOW + 1
            assert not client.channel._asking._readers

    scene(scenario)


@pytest.mark.parametrize("options", [{"extensions": False}, MOSAIK])
def test_towards_an_old_peer_a_stream_is_a_clear_failure(scene: Any, options: Any) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source, **options) as (client, _):
            for kind in KINDS:
                with pytest.raises(RemoteError) as caught:
                    await client.remote[kind](10)
                assert "junto" in str(caught.value)
            assert await client.remote.fine() == "fine"
            # Where a generator may be something else, its first step tells.
            assert source.made <= len(KINDS)

    scene(scenario)


def test_a_generator_that_is_refused_is_closed(scene: Any, run: World) -> None:
    """Otherwise Python complains, of a coroutine that was never awaited, or at some later time."""

    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with peers(rt, source, server_options={"max_handlers": 1}) as (client, _):
            await client.remote.fine()
            held = await client.remote.slow(1000)
            for kind in KINDS:
                with pytest.raises(RemoteError):
                    await client.remote[kind](10)
            await held.aclose()

    scene(scenario)


def test_an_item_that_cannot_be_read_ends_the_stream_on_both_sides(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        from junto.codecs import JSON
        from junto.custom_types import CustomType

        closed: list[bool] = []

        class Thing:
            pass

        def things(_: Any) -> Any:
            try:
                while True:
                    yield Thing()
            finally:
                closed.append(True)

        def refuse(data: Any) -> Any:
            raise ValueError("cannot be rebuilt")

        types = [CustomType(Thing, lambda thing: None, refuse)]
        async with channels(rt, things, server_options={"codec": JSON(types)}, codec=JSON(types)) as (
            client,
            _,
        ):
            stream = await client.request(None)
            with pytest.raises(ValueError, match="rebuilt"):
                await anext(stream)
            await until(rt, lambda: closed)

    scene(scenario)


def test_a_reader_that_lies_about_credit_harms_only_itself(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        source = Source(rt)
        async with serving(rt, lambda count: source.plain(count)) as server:
            async with raw_client(rt, server.addresses[0]) as raw:
                raw.transport.write(marked(b"[0, 0, 100]"))
                raw.send([6, 0, 10**6], [6, 5, 3])
                await raw.until(lambda: [1, 0, None] in raw.messages)
                assert [message[2] for message in raw.messages if message[0] == 5] == list(range(100))

    scene(scenario)


def test_a_producer_that_sends_more_than_it_was_asked_for_loses_its_connection(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        ends = rt.create_future()
        async with serving(rt, None, connected=ends.set_result) as server:
            async with raw_client(rt, server.addresses[0]) as raw:
                raw.transport.write(marked(b'[0, 0, "hello"]'))
                channel = await ends
                (await channel.recv()).reply(None)
                future = channel.request("stream")
                await raw.until(lambda: [0, 0, "stream"] in raw.messages)
                raw.send([4, 0, None], *[[5, 0, number] for number in range(40)])
                stream = await future
                seen = []
                with pytest.raises(RemoteProtocolError, match="asked for"):
                    while True:
                        seen.append(await anext(stream))
                assert seen == list(range(WINDOW))

    scene(scenario)


def test_notices_to_a_peer_that_does_not_take_them_are_refused_in_time(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        ends = rt.create_future()
        async with serving(rt, None, connected=ends.set_result) as server:
            async with raw_client(rt, server.addresses[0]) as raw:
                raw.transport.write(marked(b'[0, 0, "hello"]'))
                channel = await ends
                (await channel.recv()).reply(None)
                raw.transport.pause_reading()
                for _ in range(100):
                    try:
                        channel.notify("x" * 1_000_000)
                    except Overloaded:
                        break
                    await sleep(rt, 0.001)
                else:
                    pytest.fail("100 MB were taken for a peer that reads nothing")
                channel.abort()

    scene(scenario)
