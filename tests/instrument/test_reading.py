"""Sections 5 to 7 of the statements: reading, writing, transactions."""

from __future__ import annotations

import array
import itertools
from typing import Any

import pytest

from junto.instrument.errors import (
    ConnectionClosedError,
    ConnectionEOFError,
    ConnectionTimeoutError,
    IncompleteReadError,
    LimitOverrunError,
    StaleInputError,
)

from .conftest import Run
from .peer import BLOCK, ERROR, WHO
from .worlds import FLOWS, ITERATING


async def fed(w: Any, *pieces: Any, end: bool = False, **options: Any) -> tuple[Any, Any]:
    """Give a client whose peer has sent *pieces*."""
    client, peer = await w.pair(**options)
    await client.open()
    await w.until(lambda: peer.open)
    await w.at_peer(peer, "send", *pieces)
    if end:
        await w.at_peer(peer, "end")
    size = sum(len(piece) for piece in pieces if isinstance(piece, bytes))
    await w.until(lambda: client.in_waiting() >= min(size, 2 * client.buffer_size))
    if end:
        await w.until(lambda: client.at_eof() or client.in_waiting())
        await w.sleep(0.005)
    return client, peer


def test_in_501_read_gives_what_is_there(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"hello")
        assert await client.read(2) == b"he"
        assert await client.read(100) == b"llo"
        reading = w.begin(client.read(100))
        await w.sleep(0.01)
        await w.at_peer(peer, "send", b"x")
        assert await reading == b"x"

    run(scenario)


def test_in_502_read_to_the_end(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        await client.write(b"burst 3\n")
        assert await client.read() == b"line 0\nline 1\nline 2\n"
        assert (client.connected(), client.at_eof()) == (False, True)
        assert await client.write_read(b"tail\n") == b"abc"
        assert await client.write_read(b"tail\n", -1) == b"abc"

    run(scenario)


def test_in_503_ac_09_the_end_is_an_error_and_never_an_empty_result(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        for operation in (
            lambda: client.write_readline(b"bye\n"),
            lambda: client.write_read(b"bye\n", 10),
            lambda: client.write_read(b"bye\n"),
        ):
            with pytest.raises(ConnectionEOFError) as caught:
                await operation()
            assert isinstance(caught.value, EOFError)
            assert isinstance(caught.value, ConnectionError)
            assert caught.value.sent is True
            assert not client.connected()
        await w.until(lambda: not peer.open)
        assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 4

    run(scenario)


def test_in_504_reading_nothing_does_nothing(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        assert await client.read(0) == b""
        assert await client.readexactly(0) == b""
        assert await client.readlines(0) == []
        assert peer.connections == 0
        await client.open()
        assert await client.read(0) == b""
        assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 1

    run(scenario)


def test_in_505_readexactly(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"abcdefgh", end=True, buffer_size=4)
        assert await client.readexactly(3) == b"abc"
        with pytest.raises(IncompleteReadError) as caught:
            await client.readexactly(6)
        assert (caught.value.partial, caught.value.expected) == (b"defgh", 6)
        assert not client.connected()
        assert not client.at_eof()

    run(scenario)


def test_in_505_readexactly_at_the_end_with_nothing(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        for size in (5, 500_000):
            with pytest.raises(IncompleteReadError) as caught:
                await client.write_readexactly(b"bye\n", size)
            assert (caught.value.partial, caught.value.expected) == (b"", size)
        with pytest.raises(IncompleteReadError) as caught:
            await client.write_readexactly(b"tail\n", 500_000)
        assert caught.value.partial == b"abc"

    run(scenario)


def test_in_506_readuntil(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"a;b\nc--d", end=True, eol=b";")
        assert await client.readuntil() == b"a;b\n"
        assert await client.readuntil(b"--") == b"c--"
        with pytest.raises(IncompleteReadError) as caught:
            await client.readuntil(b"--")
        assert (caught.value.partial, caught.value.expected) == (b"d", None)
        assert not client.connected()

    run(scenario)


def test_in_507_readline_with_terminators_of_any_length_across_packets(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"one\r", eol=b"\r\n")
        reading = w.begin(client.readline())
        await w.sleep(0.01)
        await w.at_peer(peer, "send", b"\ntwo\nthree<en", 0.005, b"d>four\r\n")
        assert await reading == b"one\r\n"
        assert await client.readline(b"\n") == b"two\n"
        assert await client.readline(eol=b"<end>") == b"three<end>"
        assert await client.readline() == b"four\r\n"

    run(scenario)


def test_in_508_an_unterminated_tail_is_a_line(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        assert await client.write_readline(b"tail\n") == b"abc"
        with pytest.raises(ConnectionEOFError):
            await client.readline()
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_509_too_few_lines_are_an_error(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"a\nb\nc", end=True)
        with pytest.raises(IncompleteReadError) as caught:
            await client.readlines(4)
        assert (caught.value.partial, caught.value.expected) == ([b"a\n", b"b\n", b"c"], 4)
        assert not client.connected()
        client, _peer = await fed(w, b"a;b;", eol=b";")
        assert await client.readlines(2) == [b"a;", b"b;"]
        with pytest.raises(IncompleteReadError) as caught:
            await client.write_readlines(b"burst 2\n", 3, b"\n")
        assert caught.value.partial == [b"line 0\n", b"line 1\n"]

    run(scenario)


def test_in_510_readbuffer_never_waits_and_opens_nothing(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        assert await client.readbuffer() == b""
        assert peer.connections == 0
        client, _peer = await fed(w, b"abc", end=True)
        assert await client.readbuffer() == b"abc"
        assert await client.readbuffer() == b""

    run(scenario)


def test_in_511_a_line_that_is_too_long(run: Run) -> None:
    async def scenario(w: Any) -> None:
        for pieces in ([b"x" * 101 + b"\n"], [b"x" * 60, 0.005, b"x" * 60], [b"x" * 150]):
            client, _peer = await fed(w, *pieces, buffer_size=100)
            with pytest.raises(LimitOverrunError) as caught:
                await client.readline()
            assert isinstance(caught.value, ValueError)
            assert caught.value.consumed > 100
            assert not client.connected()
        client, _peer = await fed(
            w, b"x" * 100 + b"\n", b"y" * 60, 0.005, b"y" * 40, 0.005, b"\r\n", buffer_size=100
        )
        assert await client.readline() == b"x" * 100 + b"\n"
        assert await client.readline(b"\r\n") == b"y" * 100 + b"\r\n"

    run(scenario)


def test_in_512_what_is_not_read_is_bounded(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair(buffer_size=10_000)
        await client.open()
        await w.until(lambda: peer.open)
        data = bytes(range(256)) * 20_000
        await w.at_peer(peer, "send", data)
        await w.until(lambda: client.in_waiting() > 20_000)
        await w.sleep(0.05)
        assert client.in_waiting() <= 20_000 + 256 * 1024
        assert await client.readexactly(len(data)) == data
        await w.at_peer(peer, "send", data)
        got = bytearray()
        while len(got) < len(data):
            got += await client.read(7_000, timeout=5)
        assert got == data

    run(scenario)


def test_in_513_wrong_arguments_touch_nothing(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        await client.open()
        for wrong, operation in (
            (TypeError, lambda: client.write("text")),
            (TypeError, lambda: client.writelines(b"bytes")),
            (TypeError, lambda: client.writelines(["text"])),
            (TypeError, lambda: client.write_readline("text")),
            (TypeError, lambda: client.readline("\n")),
            (ValueError, lambda: client.readline(b"")),
            (ValueError, lambda: client.readuntil(b"")),
            (TypeError, lambda: client.readuntil("x")),
            (ValueError, lambda: client.read(-2)),
            (TypeError, lambda: client.read("1")),
            (ValueError, lambda: client.readexactly(-1)),
            (ValueError, lambda: client.readlines(-1)),
            (ValueError, lambda: client.write_readlines(b"x\n", -1)),
            (ValueError, lambda: client.readline(timeout=-1)),
            (TypeError, lambda: client.readline(timeout="1")),
            (ValueError, lambda: client.read(1, on_timeout="keep it")),
            (TypeError, lambda: client.readexactly_into(b"read only")),
            (ValueError, lambda: client.write_readline(b"x\n", query_delay=-1)),
            (TypeError, lambda: client.query(b"x\n")),
            (TypeError, lambda: client.command(b"x\n")),
            (TypeError, lambda: client.query_many("abc")),
            (TypeError, lambda: client.query_many(["a", 3])),
            (TypeError, lambda: client.query_ascii("a", convert=3)),
            (ValueError, lambda: client.errors(-1)),
            (ValueError, lambda: client.read_block(idle_timeout=-1)),
            (TypeError, lambda: client.read_block(progress=3)),
            (ValueError, lambda: client.write_block(b"x", b"y", extended="octal")),
        ):
            with pytest.raises(wrong):
                await operation()
        assert await client.write_readline(b"who?\n") == WHO
        assert (client.connection_counter, peer.requests) == (1, [b"who?"])

    run(scenario)


def test_in_514_the_end_is_told_once_and_then_a_call_may_open(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"a\nb\n", end=True)
        assert await client.readline() == b"a\n"
        assert await client.readline() == b"b\n"
        with pytest.raises(ConnectionEOFError):
            await client.readline()
        reading = w.begin(client.readline())
        await w.until(lambda: peer.connections == 2)
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "send", b"c\n")
        assert await reading == b"c\n"

    run(scenario)


def test_in_515_readexactly_into_and_read_some(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"abc")
        assert await client.read_some() == b"abc"
        numbers = array.array("d", [0.0] * 50_000)
        told: list[tuple[int, int]] = []
        filling = w.begin(client.readexactly_into(numbers, progress=lambda *so_far: told.append(so_far)))
        data = array.array("d", range(50_000)).tobytes()
        await w.at_peer(peer, "send", data[:10], 0.005, data[10:] + b"rest")
        assert await filling == 400_000
        assert numbers == array.array("d", range(50_000))
        assert await client.read_some() == b"rest"
        assert told[-1] == (400_000, 400_000)
        assert all(after[0] - before[0] >= 65536 for before, after in itertools.pairwise(told[:-1]))
        with pytest.raises(IncompleteReadError) as caught:
            target = bytearray(10)
            reading = w.begin(client.readexactly_into(target))
            await w.at_peer(peer, "send", b"123")
            await w.at_peer(peer, "end")
            await reading
        assert (caught.value.partial, caught.value.expected) == (b"123", 10)

    run(scenario)


def test_in_516_peek_consumes_nothing(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        peeking = w.begin(client.peek(3))
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "send", b"abcd")
        assert await peeking == b"abc"
        assert await client.peek(10) == b"abcd"
        assert await client.peek(0) == b""
        assert await client.read(10) == b"abcd"

    run(scenario)


@pytest.mark.worlds("memory", "asyncio", "blocking")
def test_in_517_cost_is_linear(run: Run) -> None:
    import time

    async def scenario(w: Any) -> None:
        client, peer = await w.pair(buffer_size=2**24)
        await client.open()
        await w.until(lambda: peer.open)

        async def seconds(pieces: int) -> float:
            reading = w.begin(client.readline())
            begin = time.process_time()
            for _ in range(pieces):
                await w.at_peer(peer, "send", b"x" * 1000)
                if not w.blocks:
                    await w.sleep(0)
            await w.at_peer(peer, "send", b"\n")
            assert len(await reading) == pieces * 1000 + 1
            return time.process_time() - begin

        await seconds(100)
        short, long = await seconds(500), await seconds(2000)
        assert long < 12 * short + 0.2

        lines = b"".join(b"%d\n" % n for n in range(100_000))
        await w.at_peer(peer, "send", lines)
        begin = time.process_time()
        assert b"".join(await client.readlines(100_000)) == lines
        assert time.process_time() - begin < 3

    run(scenario)


def test_in_601_602_writes_add_nothing_and_keep_their_order(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        assert await client.write(b"a") is None
        assert await client.writelines([b"b", bytearray(b"c"), memoryview(b"d")]) is None
        assert await client.writelines(piece for piece in (b"e", b"f\n")) is None
        assert await client.writelines([]) is None
        await w.until(lambda: peer.received and bytes(peer.received[0]) == b"abcdef\n")

    run(scenario)


def test_in_603_all_is_sent_or_the_call_fails(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        data = b"x" * 20_000_000
        await client.write(data)
        await client.writelines([b"y" * 100_000])
        await client.drain()
        await w.until(lambda: peer.received and len(peer.received[0]) == len(data) + 100_000)

    run(scenario)


@pytest.mark.worlds("blocking")
def test_in_603_a_blocking_write_is_with_the_system_when_it_returns(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        await client.open()
        await client.write(b"x" * 3_000_000)
        # Nobody waits on the client any more.
        await w.until(lambda: peer.received and len(peer.received[0]) == 3_000_000)

    run(scenario)


def test_in_604_a_write_to_a_broken_connection_fails(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        peer.deaf = True
        await client.open()
        writing = w.begin(client.write(b"x" * 30_000_000))
        await w.until(lambda: peer.open)
        await w.sleep(0.02)
        await w.at_peer(peer, "hang_up", reset=True)
        with pytest.raises((ConnectionResetError, BrokenPipeError)) as caught:
            await writing
        assert caught.value.sent is True
        assert not client.connected()

    run(scenario)


def test_in_605_data_may_be_reused_once_the_call_has_returned(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        data = bytearray(b"a" * 200_000)
        await client.write(data)
        data[:] = b"b" * len(data)
        await client.write(memoryview(data))
        data[:] = b"c" * len(data)
        await client.drain()
        await w.until(lambda: peer.received and len(peer.received[0]) == 400_000)
        assert bytes(peer.received[0]) == b"a" * 200_000 + b"b" * 200_000

    run(scenario)


def test_in_606_in_807_ac_19_a_write_that_timed_out_is_never_finished(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        peer.deaf = True
        await client.open()
        begin = w.time()
        with pytest.raises(ConnectionTimeoutError):
            await client.write(b"x" * 30_000_000, timeout=0.05)
        middle = w.time()
        assert middle - begin < 0.3 + w.late
        with pytest.raises(ConnectionTimeoutError):
            await client.readline(timeout=0.05)
        assert w.time() - middle < 0.2 + w.late
        await client.close()
        assert w.time() - begin < 1.5
        await w.until(lambda: peer.connections == 2)
        peer.deaf = False
        for connection in list(peer.open):
            if connection.transport is not None:
                await w.at_peer_call(connection.transport.resume_reading)
        assert await client.write_readline(b"who?\n") == WHO
        assert bytes(peer.received[1]) == b""
        assert bytes(peer.received[2]) == b"who?\n"

    run(scenario)


def test_in_607_drain(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        await client.drain()
        await client.write(b"x" * 60_000)
        await client.drain()
        assert client.transport.get_write_buffer_size() == 0

    run(scenario)


def test_ac_07_each_way_to_read_one_reply(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        for request, reply in ((b"who?\n", WHO), (b"what?\n", ERROR)):
            assert await client.write_read(request, 1024) == reply
            assert await client.write_readline(request) == reply
            assert await client.write(request) is None
            await w.until(lambda: client.in_waiting() > 0)
            assert await client.readline() == reply
            assert await client.write(request) is None
            assert await client.readuntil(b"\n") == reply
            assert await client.write(request) is None
            assert await client.readexactly(len(reply) - 5) + await client.readexactly(5) == reply
            assert await client.write(request) is None
            got = await client.read(1024)
            assert got + (b"" if got == reply else await client.read(1024)) == reply
            assert await client.write(request) is None
            size = len(reply)
            await w.until(lambda size=size: client.in_waiting() >= size)
            assert await client.readbuffer() == reply
            assert await client.write_readexactly(request, len(reply)) == reply
            assert await client.write_readuntil(request) == reply
        assert client.connected()
        assert client.connection_counter == 1

    run(scenario)


def test_ac_08_several_requests_at_once(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        for requests, replies in (
            ([b"who?\n"], [WHO]),
            ([b"who?\n", b"who?\n"], [WHO, WHO]),
            ([b"who?\n", b"what?\n"], [WHO, ERROR]),
        ):
            assert await client.write_readlines(b"".join(requests), len(replies)) == replies
            assert await client.writelines_readlines(requests) == replies
            assert await client.writelines_readlines(iter(requests)) == replies
            await client.write(b"".join(requests))
            assert await client.readlines(len(replies)) == replies
            await client.writelines(requests)
            assert await client.readlines(len(replies)) == replies

    run(scenario)


def test_in_701_in_901_ac_10_transactions_are_atomic(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        tasks = [(n, w.begin(client.write_readline(b"who?\n" if n % 2 else b"what?\n"))) for n in range(20)]
        for n, task in tasks:
            assert await task == (WHO if n % 2 else ERROR)

    run(scenario)


@pytest.mark.worlds(*FLOWS, "futures")
def test_in_701_in_901_numbered_queries_return_in_order(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        ended: list[int] = []
        tasks = []
        for n in range(50):
            tasks.append(w.begin(client.write_readline(b"echo %d\n" % n)))
        for n, task in enumerate(tasks):
            assert await task == b"%d\n" % n
            ended.append(n)
        requests = peer.requests if w.in_order else sorted(peer.requests, key=lambda asked: int(asked[5:]))
        assert requests == [b"echo %d" % n for n in range(50)]

    run(scenario)


@pytest.mark.worlds(*FLOWS)
def test_in_702_nothing_happens_before_it_is_awaited(run: Run) -> None:
    import inspect

    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        operation = client.write_readline(b"who?\n")
        assert inspect.iscoroutine(operation)
        closing = client.close()
        assert inspect.iscoroutine(closing)
        closing.close()
        await w.sleep(0.01)
        assert peer.connections == 0
        assert await operation == WHO

    run(scenario)


def test_in_703_the_write_is_done_even_for_nothing(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        assert await client.write_read(b"mute\n", 0) == b""
        assert await client.write_readlines(b"mute\n", 0) == []
        assert await client.write_readexactly(b"mute\n", 0) == b""
        await w.until(lambda: peer.requests == [b"mute"] * 3)

    run(scenario)


def test_in_704_no_lines_at_all(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        assert await client.writelines_readlines(()) == []
        assert await client.writelines_readlines(iter([b"who?\n", b"who?\n"]), 1) == [WHO]
        assert peer.connections == 1

    run(scenario)


@pytest.mark.worlds(*ITERATING)
def test_in_705_exclusive_use_for_several_calls(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        async with client.transaction() as t:
            assert await t.write_readline(b"echo 1\n") == b"1\n"
            other = w.begin(client.write_readline(b"echo other\n"))
            await w.sleep(0.02)
            await t.write(b"echo 2\n")
            assert await t.readline() == b"2\n"
            async with t.transaction() as again:
                assert await again.query("echo 3") == "3"
        assert await other == b"other\n"
        assert peer.requests == [b"echo 1", b"echo 2", b"echo 3", b"echo other"]
        holding = client.transaction()
        await holding.__aenter__()
        with pytest.raises(ConnectionTimeoutError):
            await w.begin(client.write_readline(b"who?\n", timeout=0.02))
        await holding.__aexit__(None, None, None)

    run(scenario)


@pytest.mark.worlds(*ITERATING)
def test_in_705_a_wrong_time_limit_for_the_turn_is_refused(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        for wrong, kind in ((-1, ValueError), (float("nan"), ValueError), ("1", TypeError)):
            with pytest.raises(kind):
                await client.transaction(timeout=wrong).__aenter__()

    run(scenario)


@pytest.mark.worlds("asyncio", "uvloop", "blocking")
def test_in_705_using_the_client_inside_its_transaction_is_an_error(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        async with client.transaction() as t:
            with pytest.raises(RuntimeError, match="inside a transaction"):
                await client.write_readline(b"who?\n")
            assert await t.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_706_stale_input(run: Run) -> None:
    async def scenario(w: Any) -> None:
        for policy, outcome in (("keep", b"noise\n"), ("discard", WHO), ("error", StaleInputError)):
            client, peer = await fed(w, b"noise\n", stale=policy)
            if outcome is StaleInputError:
                with pytest.raises(StaleInputError) as caught:
                    await client.write_readline(b"who?\n")
                assert caught.value.sent is False
                assert client.connected()
                assert peer.requests == []
            else:
                assert await client.write_readline(b"who?\n") == outcome
                assert client.stats.discarded == (6 if policy == "discard" else 0)

    run(scenario)


def test_in_707_gaps_between_calls(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair(min_interval=0.03)
        await client.open()
        begin = w.time()
        for _ in range(3):
            assert await client.write_readline(b"who?\n") == WHO
        assert w.time() - begin >= 0.0599
        with pytest.raises(ConnectionTimeoutError):
            await client.write(b"who?\n", timeout=0.005)
        client, _peer = await w.pair(query_delay=0.02)
        begin = w.time()
        assert await client.write_readline(b"who?\n") == WHO
        assert w.time() - begin >= 0.0199
        assert await client.write_readline(b"who?\n", query_delay=0.0) == WHO
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"who?\n", query_delay=0.5, timeout=0.02)

    run(scenario)


def test_closed_and_not_to_reconnect(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair(auto_reconnect=False)
        for operation in (
            client.readline,
            lambda: client.write(b"x\n"),
            lambda: client.write_readline(b"x\n"),
        ):
            with pytest.raises(ConnectionClosedError):
                await operation()
        assert peer.connections == 0
        assert BLOCK

    run(scenario)
