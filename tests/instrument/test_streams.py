"""Section 12 of the statements: streams."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from junto import IncompleteRead, ProtocolViolation, aio
from junto.instrument.errors import ConnectionEOFError, ConnectionTimeoutError, IncompleteReadError
from junto.instrument.retrying import Retry
from junto.instrument.streams import Gap
from junto.protocols import EventSteps, Steps, emit, expect, protocol, put, read, read_int, readline

from .conftest import Run
from .peer import BLOCK, WHO
from .test_reading import fed
from .worlds import STREAMING

pytestmark = pytest.mark.worlds(*STREAMING)


async def all_of(stream: Any) -> list[Any]:
    return [item async for item in stream]


def test_in_1201_in_1203_ac_11_lines_as_they_come(run: Run) -> None:
    async def scenario(w: Any) -> None:
        for stream_of in (lambda client: client, w.lines):
            client, peer = await w.pair()
            await client.write(b"lines 2\n")
            assert await all_of(stream_of(client)) == [b"line 0\n", b"line 1\n"]
            assert (client.connected(), client.connection_counter, peer.connections) == (False, 1, 1)

    run(scenario)


def test_in_1201_another_terminator(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"a;b\n;c;", end=True)
        assert await all_of(w.lines(client, b";")) == [b"a;", b"b\n;", b"c;"]
        client, _peer = await fed(w, b"a<>b<>c", end=True, eol=b"<>")
        assert await all_of(client) == [b"a<>", b"b<>", b"c"]

    run(scenario)


def test_in_1202_ac_11_blocks_as_they_come(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        await client.write(b"blocks 5\n")
        assert await all_of(w.blocks_of(client, 12)) == [BLOCK] * 5
        assert (client.connected(), client.connection_counter) == (False, 1)
        client, _peer = await fed(w, b"a;;b;;", end=True)
        assert await all_of(w.blocks_of(client, b";;")) == [b"a;;", b"b;;"]

    run(scenario)


def test_in_1203_a_fresh_client_is_opened(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        consuming = w.begin(all_of(client))
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "send", b"one\n")
        await w.at_peer(peer, "hang_up")
        assert await consuming == [b"one\n"]
        assert client.connection_counter == 1

    run(scenario)


def test_in_1204_ac_12_a_stream_never_connects_again(run: Run) -> None:
    async def scenario(w: Any) -> None:
        for request, lines in (
            (b"burst 3\n", [b"line 0\n", b"line 1\n", b"line 2\n"]),
            (b"tail\n", [b"abc"]),
        ):
            client, peer = await w.pair()
            await client.write(request)
            await w.sleep(0.05)
            assert await all_of(client) == lines
            assert (client.connection_counter, peer.connections) == (1, 1)
            assert not client.connected()

    run(scenario)


def test_in_1204_a_stream_is_bound_to_its_connection(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"a\nb\n")
        stream = w.lines(client)
        assert await anext(stream) == b"a\n"
        await client.close()
        assert await client.write_readline(b"who?\n") == WHO
        assert await all_of(stream) == []
        assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 2

    run(scenario)


def test_in_1205_an_incomplete_block_is_an_error(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"abcdefgh", end=True)
        stream = w.blocks_of(client, 5)
        assert await anext(stream) == b"abcde"
        with pytest.raises(IncompleteReadError) as caught:
            await anext(stream)
        assert (caught.value.partial, caught.value.expected) == (b"fgh", 5)
        assert not client.connected()
        client, _peer = await fed(w, b"a;b", end=True)
        stream = w.blocks_of(client, b";")
        assert await anext(stream) == b"a;"
        with pytest.raises(IncompleteReadError) as caught:
            await anext(stream)
        assert caught.value.partial == b"b"
        for wrong in (0, -1, b"", "text"):
            with pytest.raises((ValueError, TypeError)):
                w.blocks_of(client, wrong)

    run(scenario)


def test_in_1206_each_item_is_limited(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"a\n", timeout=0.03)
        stream = w.lines(client)
        assert await anext(stream) == b"a\n"
        with pytest.raises(ConnectionTimeoutError):
            await anext(stream)

    run(scenario)


def test_in_1207_leaving_early_loses_nothing(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"".join(b"%d\n" % n for n in range(10)) + b"half")
        async for line in client:
            if line == b"2\n":
                break
        assert client.connected()
        assert client.in_waiting() == 7 * 2 + 4
        assert await client.readline() == b"3\n"
        assert await client.read(3) == b"4\n5"
        assert await client.readuntil(b"7") == b"\n6\n7"
        seen = []
        async for line in client:
            seen.append(line)
            if line == b"9\n":
                break
        assert seen == [b"\n", b"8\n", b"9\n"]
        await w.at_peer(peer, "send", b"-whole\n")
        assert await client.readline() == b"half-whole\n"
        assert client.connection_counter == 1

    run(scenario)


@pytest.mark.worlds("asyncio", "memory")
def test_in_1208_buffered_lines_come_at_once_but_others_get_their_turn(run: Run) -> None:
    async def scenario(w: Any) -> None:
        lines = b"".join(b"%060d\n" % n for n in range(20_000))
        client, _peer = await fed(w, lines)
        turns = [0]
        stop = False

        def count() -> None:
            turns[0] += 1
            if not stop:
                w.rt.call_soon(count)

        w.rt.call_soon(count)
        got = []
        async for line in client:
            got.append(line)
            if len(got) == 20_000:
                break
        stop = True
        assert b"".join(got) == lines
        assert 2 <= turns[0] <= 60

    run(scenario)


def test_in_1209_batches(run: Run) -> None:
    async def scenario(w: Any) -> None:
        lines = [b"%d\n" % n for n in range(1000)]
        client, _peer = await fed(w, b"".join(lines) + b"tail", end=True)
        batches = await all_of(w.lines(client).batch())
        assert [line for batch in batches for line in batch] == [*lines, b"tail"]
        assert len(batches) <= 3
        assert not client.connected()

    run(scenario)


def test_in_1209_a_stream_may_go_on_and_tells_of_gaps(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair(retry=Retry(initial=0.001, min_uptime=0))
        gaps: list[Gap] = []
        told = w.lines(client, reconnect=True)
        silent = w.lines(client, reconnect=True, on_gap=gaps.append)
        for stream in (told, silent):
            await client.close()
            await client.write(b"burst 2\n")
            assert [await anext(stream), await anext(stream)] == [b"line 0\n", b"line 1\n"]
            following = w.begin(_next(stream))
            if stream is told:
                gap = await following
                assert isinstance(gap, Gap)
                assert gap.generation == client.connection_counter
            else:
                await w.until(lambda: gaps)
            await w.until(lambda: peer.open)
            await w.at_peer(peer, "send", b"more\n")
            assert await (w.begin(_next(stream)) if stream is told else following) == b"more\n"

    run(scenario)


def test_in_1209_a_gap_tells_what_broke_the_connection_before_it(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair(retry=Retry(initial=0.001, min_uptime=0))
        stream = w.lines(client, reconnect=True)
        errors: list[BaseException | None] = []
        for reset in (True, False, True):
            await client.write(b"echo a\n")
            assert await w.begin(_next(stream)) == b"a\n"
            following = w.begin(_next(stream))
            await w.at_peer(peer, "hang_up", reset=reset)
            errors.append((await following).error)
        assert [type(error) for error in errors] == [ConnectionResetError, type(None), ConnectionResetError]

    run(scenario)


async def _next(stream: Any) -> Any:
    return await anext(stream)


def test_a_stream_of_nothing_ends(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        with pytest.raises(ConnectionEOFError):
            await client.write_readline(b"bye\n")
        await client.open()
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "hang_up")
        assert await all_of(client) == []

    run(scenario)


@protocol
def frame() -> Steps[bytes]:
    """Read one frame: a length of two bytes, and so many bytes."""
    size = yield from read_int(2)
    return (yield from read(size))


@protocol(eof_ok=True)
def answering() -> EventSteps[bytes, None]:
    """Emit each line, and answer those that ask."""
    while True:
        line = yield from readline()
        if line.endswith(b"?\n"):
            yield from put(b"echo yes\n")
        yield from emit(line)


def test_in_1210_results_of_a_protocol_that_reads_one_message(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        peer.replies[b"go"] = [b"\x00\x02ab\x00\x00\x00", 0.01, b"\x01cline\n"]
        await client.write(b"go\n")
        frames = client.stream(frame)
        got = []
        async for one in frames:
            got.append(one)
            if len(got) == 3:
                break
        assert got == [b"ab", b"", b"c"]
        # What belongs to no message is the client's again.
        assert await client.readline() == b"line\n"

    run(scenario)


def test_in_1210_events_of_a_protocol_that_answers_and_goes_on(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair(timeout=5.0)
        peer.replies[b"go"] = b"a\nready?\nb"
        peer.replies[b"echo yes"] = [b"\n", b"done\n"]
        await client.write(b"go\n")
        got = []
        async for line in client.stream(answering):
            got.append(line)
            if line == b"done\n":
                await client.write(b"bye\n")
        assert got == [b"a\n", b"ready?\n", b"b\n", b"done\n"]
        assert peer.requests == [b"go", b"echo yes", b"bye"]
        assert not client.connected()

    run(scenario)


def test_in_1210_the_end_within_a_message_is_the_protocols_error(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _ = await w.pair()
        await client.write(b"tail\n")
        with pytest.raises(IncompleteRead):
            async for _ in client.stream(frame):
                raise AssertionError("there is no whole frame")

    run(scenario)


def test_in_1210_a_protocol_that_fails_closes_the_connection(run: Run) -> None:
    @protocol
    def strict() -> Steps[None]:
        yield from expect(b"HELLO")

    async def scenario(w: Any) -> None:
        client, _ = await w.pair()
        await client.write(b"who?\n")
        with pytest.raises(ProtocolViolation):
            async for _ in client.stream(strict):
                raise AssertionError("there is no message")
        assert not client.connected()
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_1210_a_protocol_that_does_nothing_ends_the_stream() -> None:
    @protocol
    def nothing() -> Steps[None]:
        return
        yield

    async def main() -> None:
        assert [item async for item in aio.socket_for_url("loop://").stream(nothing)] == []

    asyncio.run(main())
