"""Malformed input from a server: every call ends, with the one error, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from typing import Any

import pytest
import trio
from raw import FATAL, WAIT, Raw, frame, named, raw_server

import junto.trio
from junto import aio, simpy, sync
from junto.errors import ConnectionLost, LocalProtocolError, RemoteError, RemoteProtocolError


def ask_aio(url: str, count: int, **options: Any) -> tuple[list[Any], Any]:
    """Make *count* requests at once; returns what came of each, and of one more afterwards."""

    async def main() -> tuple[list[Any], Any]:
        async with asyncio.timeout(WAIT), aio.open_channel(url, **options) as channel:
            replies = [channel.request(number) for number in range(count)]
            results = await asyncio.gather(*replies, return_exceptions=True)
            (after,) = await asyncio.gather(later(channel), return_exceptions=True)
            return results, after

    async def later(channel: aio.Channel) -> Any:
        return await channel.request("after", timeout=WAIT)

    return asyncio.run(main())


def ask_sync(url: str, count: int, **options: Any) -> tuple[list[Any], Any]:
    with sync.open_channel(url, **options) as channel:
        channel.start_thread()
        futures = [channel.submit(number) for number in range(count)]
        results = [future.exception(WAIT) or future.result(WAIT) for future in futures]
        try:
            return results, channel.request("after", timeout=WAIT)
        except Exception as error:
            return results, error


def ask_simpy(url: str, count: int, **options: Any) -> tuple[list[Any], Any]:
    env = simpy.Environment()

    def outcome(event: Any) -> Generator[Any, Any, Any]:
        try:
            return (yield event)
        except Exception as error:
            return error.__cause__ or error  # the object that all share, if they share one

    def process() -> Generator[Any, Any, tuple[list[Any], Any]]:
        with (yield simpy.open_channel(env, url, **options)) as channel:
            waiting = [env.process(outcome(channel.request(number))) for number in range(count)]
            yield env.all_of(waiting)
            results = [process.value for process in waiting]
            try:
                after = yield channel.request("after", timeout=WAIT)
            except Exception as error:
                after = error
        yield channel.wait_closed()
        return results, after

    try:
        result: tuple[list[Any], Any] = env.run(until=env.process(process()))
        return result
    finally:
        env.close()


def ask_trio(url: str, count: int, **options: Any) -> tuple[list[Any], Any]:
    async def outcome(reply: Any) -> Any:
        try:
            return await reply
        except Exception as error:
            return error

    async def main() -> tuple[list[Any], Any]:
        with trio.fail_after(WAIT):
            async with junto.trio.open_channel(url, **options) as channel:
                replies = [channel.request(number) for number in range(count)]
                results = [await outcome(reply) for reply in replies]
                try:
                    return results, await channel.request("after", timeout=WAIT)
                except Exception as error:
                    return results, error

    return trio.run(main)


@pytest.fixture(params=[ask_aio, ask_sync, ask_simpy, ask_trio])
def ask(request: pytest.FixtureRequest) -> Any:
    return request.param


def read_requests(raw: Raw, count: int) -> None:
    for _ in range(count):
        raw.read_payload()


# CH-9, CH-10
@pytest.mark.parametrize("payload", named(FATAL))
def test_all_who_wait_for_a_server_that_sends_no_message_get_the_same_error(ask: Any, payload: bytes) -> None:
    def answer(raw: Raw) -> None:
        read_requests(raw, 3)
        raw.send(frame(b'[1, 1, "good"]') + frame(payload))
        raw.wait_end()

    with raw_server(answer) as url:
        (first, second, third), after = ask(url, 3)
    assert second == "good"
    for error in (first, third, after):
        assert type(error) is RemoteProtocolError
        assert isinstance(error, ConnectionError)
        assert error.__cause__ is not None
    assert first is not third


# CH-1
def test_a_server_that_announces_too_much_is_left(ask: Any) -> None:
    def answer(raw: Raw) -> None:
        read_requests(raw, 2)
        raw.send(b"\xff\xff\xff\xff")
        raw.wait_end()

    with raw_server(answer) as url:
        results, after = ask(url, 2)
    assert all(isinstance(error, RemoteProtocolError) for error in (*results, after))


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\x05", b"\0\0\0\x05[1, "])
def test_an_end_inside_a_frame_is_the_end_of_the_connection(ask: Any, data: bytes) -> None:
    def answer(raw: Raw) -> None:
        read_requests(raw, 2)
        raw.send(data)

    with raw_server(answer) as url:
        results, after = ask(url, 2)
    assert all(isinstance(error, ConnectionLost) for error in (*results, after))


# CH-11, CH-12, CH-7
def test_a_server_may_answer_what_was_never_asked_and_fail_in_any_shape(ask: Any) -> None:
    def answer(raw: Raw) -> None:
        read_requests(raw, 4)
        for reply in (b"[1, 99, 0]", b"[1, 0.0, 0]", b"[1, false, 0]", b"[2, [], 0]", b'[1, "0", 0]'):
            raw.send(frame(reply))
        raw.send(frame(b'[1, 0, {"__type__": [9, 1]}]') + frame(b"[2, 1, null]") + frame(b'[2, 2, ["x"]]'))
        raw.send(frame(b'[1, 3, "three"]') + frame(b'[1, 3, "again"]'))
        raw.read_payload()
        raw.send(frame(b'[1, 4, "four"]'))
        raw.wait_end()

    with raw_server(answer) as url:
        (spoilt, null, one, three), after = ask(url, 4)
    assert isinstance(spoilt, ValueError)
    assert isinstance(null, RemoteError)
    assert isinstance(one, RemoteError)
    assert (three, after) == ("three", "four")


# CH-2
@pytest.mark.parametrize("flavour", ["aio", "sync", "trio"])
def test_what_is_too_long_is_refused_at_the_call_and_the_connection_lives(flavour: str) -> None:
    def answer(raw: Raw) -> None:
        ident = json.loads(raw.read_payload())[1]
        raw.send(frame(b'[1, %d, "ok"]' % ident))
        raw.wait_end()

    async def ask(opening: Any) -> None:
        async with opening as channel:
            with pytest.raises(LocalProtocolError, match="limit"):
                channel.request("x" * 100)
            assert await channel.request("short", timeout=WAIT) == "ok"

    async def in_asyncio(url: str) -> None:
        await ask(aio.open_channel(url, send_limit=100))

    async def in_trio(url: str) -> None:
        await ask(junto.trio.open_channel(url, send_limit=100))

    with raw_server(answer) as url:
        match flavour:
            case "aio":
                asyncio.run(in_asyncio(url))
            case "trio":
                trio.run(in_trio, url)
            case _:
                with sync.open_channel(url, send_limit=100) as channel:
                    with pytest.raises(LocalProtocolError, match="limit"):
                        channel.request("x" * 100)
                    assert channel.request("short", timeout=WAIT) == "ok"
