"""Sections 8 to 11 of the statements: time limits, cancellation, concurrency, connecting again."""

from __future__ import annotations

import asyncio
import errno
import gc
import random
from collections.abc import Callable
from typing import Any

import pytest

from junto import aio
from junto.instrument.errors import ConnectionClosedError, ConnectionEOFError, ConnectionTimeoutError
from junto.instrument.retrying import Retry
from junto.instrument.simulated import SimulatedInstrument
from junto.runtimes.memory import MemoryRuntime
from junto.runtimes.timers import Timer

from .conftest import Run
from .peer import ERROR, WHO
from .test_reading import fed
from .worlds import CANCELLING, FLOWS, ITERATING, SOCKETS, run_memory

SURE = Retry(jitter=0.0)


def test_in_801_ac_13_a_call_is_limited(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        begin = w.time()
        assert await client.write_readline(b"pause 0.05\n") == b"OK\n"
        assert w.time() - begin > 0.0499
        assert await client.write_readline(b"pause 0.05\n", timeout=0.5) == b"OK\n"
        begin = w.time()
        with pytest.raises(ConnectionTimeoutError) as caught:
            await client.write_readline(b"pause 1\n", timeout=0.09)
        assert 0.0885 <= w.time() - begin < 0.09 + w.late
        assert str(caught.value) == f"write_readline on 127.0.0.1:{peer.port} took longer than 0.09 s"
        assert isinstance(caught.value, TimeoutError)
        assert isinstance(caught.value.__cause__, TimeoutError)
        assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 2

    run(scenario)


def test_in_801_the_clients_limit_and_a_call_without(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair(timeout=0.012)
        for operation in (
            client.readline,
            lambda: client.read(5),
            client.read,
            lambda: client.readexactly(5),
            lambda: client.readexactly(500_000),
            lambda: client.readexactly_into(bytearray(5)),
            client.readuntil,
            lambda: client.readlines(2),
            lambda: client.peek(1),
            client.read_some,
            client.read_block,
            lambda: client.write_read(b"mute\n", 5),
            lambda: client.write_readlines(b"mute\n", 2),
            lambda: client.query("mute"),
        ):
            with pytest.raises(ConnectionTimeoutError):
                await operation()
        assert await client.write_readline(b"pause 0.03\n", timeout=None) == b"OK\n"

    run(scenario)


@pytest.mark.worlds(*CANCELLING, "blocking")
def test_in_802_time_limit_covers_the_wait_for_the_turn(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        pending = w.begin(client.write_readline(b"mute\n"))
        await w.until(lambda: peer.requests)
        begin = w.time()
        with pytest.raises(ConnectionTimeoutError):
            await client.write(b"x", timeout=0.04)
        assert 0.0385 <= w.time() - begin < 0.04 + w.late
        assert client.connected()  # IN-805: it was not its turn
        assert not pending.done()
        await client.close()
        with pytest.raises(ConnectionClosedError):
            await pending

    run(scenario)


def test_in_802_time_limit_covers_connecting(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client = w.tcp(await w.hole())
        begin = w.time()
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"x\n", timeout=0.04)
        assert 0.0385 <= w.time() - begin < 0.04 + w.late

    run(scenario)


def test_in_802_time_limit_covers_the_callback(run: Run) -> None:
    async def scenario(w: Any) -> None:
        async def made() -> None:
            await client.write_readline(b"mute\n", timeout=0.1)

        client, _peer = await w.pair(on_connection_made=w.callback(made))
        begin = w.time()
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"who?\n", timeout=0.04)
        assert w.time() - begin < 0.1 + w.late

    run(scenario)


class Hasty(MemoryRuntime):
    """A runtime whose timers come up to a millisecond early, as those of uvloop do."""

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Timer:
        return super().call_later(max(0.0, delay - 0.0008), callback, *args)


def test_in_802_the_time_is_over_also_for_a_timer_that_comes_early() -> None:
    async def scenario(w: Any) -> None:
        async def made() -> None:
            await client.write_readline(b"mute\n", timeout=0.1)

        client, _peer = await w.pair(on_connection_made=w.callback(made))
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"who?\n", timeout=0.04)

    run_memory(scenario, Hasty())


def test_in_803_no_time_at_all(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"a\nb\n")
        assert await client.readline(timeout=0) == b"a\n"
        assert await client.read(2, timeout=0) == b"b\n"
        await client.write(b"echo 1\n", timeout=0)
        assert await client.readline() == b"1\n"
        begin = w.time()
        with pytest.raises(ConnectionTimeoutError):
            await client.readline(timeout=0)
        assert w.time() - begin < w.late
        assert not client.connected()
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"who?\n", timeout=0)
        assert peer.connections == 1
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_804_a_late_reply_is_never_that_to_another_request(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        await client.open()
        with pytest.raises(ConnectionTimeoutError) as caught:
            await client.write_readline(b"pause 0.12\n", timeout=0.06)
        assert (caught.value.sent, caught.value.generation) == (True, 1)
        await w.sleep(0.1)
        assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 2

    run(scenario)


@pytest.mark.worlds(*CANCELLING)
def test_in_804_in_1404_a_cancelled_query_closes_the_connection(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        pending = w.begin(client.write_readline(b"pause 0.05\n"))
        await w.until(lambda: peer.requests)
        assert pending.cancel()
        await w.until(lambda: not client.connected())
        assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 2

    run(scenario)


@pytest.mark.worlds(*CANCELLING)
def test_in_805_cancelled_before_its_turn_a_call_harms_nobody(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        pending = w.begin(client.write_readline(b"pause 0.05\n"))
        await w.until(lambda: peer.requests)
        queued = [w.begin(client.write_readline(b"echo %d\n" % n)) for n in range(3)]
        await w.sleep(0.005)
        assert queued[1].cancel()
        assert await pending == b"OK\n"
        assert await queued[0] == b"0\n"
        assert await queued[2] == b"2\n"
        assert client.connection_counter == 1
        assert b"echo 1" not in peer.requests

    run(scenario)


def test_in_806_a_read_may_be_repeated_after_its_time(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"hal")
        for operation in (
            lambda: client.readline(timeout=0.02, on_timeout="keep"),
            lambda: client.readexactly(5, timeout=0.02, on_timeout="keep"),
            lambda: client.readuntil(b"\n", timeout=0.02, on_timeout="keep"),
            lambda: client.read(timeout=0.02, on_timeout="keep"),
        ):
            with pytest.raises(ConnectionTimeoutError):
                await operation()
            assert client.in_waiting() == 3
        await w.at_peer(peer, "send", b"f\nwhole\n")
        assert await client.readline(timeout=1, on_timeout="keep") == b"half\n"
        with pytest.raises(ConnectionTimeoutError):
            await client.readlines(2, timeout=0.02, on_timeout="keep")
        assert await client.readline() == b"whole\n"
        assert client.connection_counter == 1

    run(scenario)


def test_in_808_the_first_error_is_the_one_that_is_seen(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await client.write_readline(b"reset\n")
        assert not client.connected()
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


@pytest.mark.worlds("asyncio", "threads", "memory", "blocking")
def test_in_810_the_systems_own_time_limit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        inner = getattr(client, "raw", client)
        inner = getattr(inner, "_inner", inner)

        async def refuse(*_args: Any) -> Any:
            raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

        connector, inner.session._connector = inner.session._connector, refuse
        with pytest.raises(ConnectionTimeoutError) as caught:
            await client.open()
        assert isinstance(caught.value.__cause__, TimeoutError)
        assert caught.value.__cause__.errno == errno.ETIMEDOUT
        inner.session._connector = connector
        await client.open()
        reading = w.begin(client.readline())
        await w.sleep(0.02)
        connection = inner.session.connection
        connection.connection_lost(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))
        if w.blocks:
            inner.session._runtime.call(lambda: None)
        with pytest.raises(ConnectionTimeoutError):
            await reading
        transport = connection.transport
        assert transport is None

    if run.__name__ != "run_blocking":
        run(scenario)


@pytest.mark.worlds(*FLOWS)
def test_in_811_cancelling_at_the_moment_of_completion_loses_nothing(run: Run) -> None:
    async def scenario(w: Any) -> None:
        for pause in (0, 0.0005, 0.001, 0.002, 0.003):
            client, peer = await w.pair()
            await client.open()
            await w.until(lambda peer=peer: peer.open)
            reading = w.begin(client.readline())
            await w.sleep(0)
            await w.at_peer(peer, "send", b"one\ntwo\n")
            await w.sleep(pause)
            reading.cancel()
            try:
                got = await reading
            except BaseException:
                await w.sleep(0.005)
                assert not client.connected()
            else:
                assert got == b"one\n"
                assert await client.readline() == b"two\n"

    run(scenario)


@pytest.mark.worlds("asyncio", "memory")
def test_in_811_with_keep_a_line_that_came_just_then_stays(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        await client.open()
        await w.until(lambda: peer.open)
        reading = w.begin(client.readline(on_timeout="keep"))
        await w.sleep(0.001)
        connection = client.session.connection
        connection.get_buffer(-1)[:4] = b"one\n"
        connection.buffer_updated(4)  # the reader is served, and has not fetched it
        reading.cancel()
        with pytest.raises(BaseException):  # noqa: B017  # each world has its own cancellation
            await reading
        assert await client.readline() == b"one\n"

    run(scenario)


@pytest.mark.worlds(*ITERATING)
def test_in_902_ac_18_a_reader_does_not_hinder_a_writer(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        await client.open()
        items: list[bytes] = []

        async def consume() -> None:
            async for line in client:
                items.append(line)

        consuming = w.begin(consume())
        await w.sleep(0.02)
        begin = w.time()
        await client.write(b"who?\n")
        assert w.time() - begin < w.late
        await w.until(lambda: items == [WHO])
        await w.at_peer(peer, "hang_up")
        await consuming

    run(scenario)


def test_in_902_a_transaction_does_hinder_others(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        asking = w.begin(client.write_readline(b"pause 0.05\n"))
        await w.until(lambda: peer.requests)
        await client.write(b"echo later\n")
        assert asking.done() or w.blocks
        assert await asking == b"OK\n"
        assert await client.readline() == b"later\n"
        await w.until(lambda: bytes(peer.received[0]) == b"pause 0.05\necho later\n")

    run(scenario)


def test_in_903_ac_10_writes_and_reads_of_many(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        await client.open()

        async def ask(request: bytes) -> bytes:
            await client.write(request)
            return await client.readline()  # type: ignore[no-any-return]  # of any flavour

        tasks = [w.begin(ask((b"who?\n", b"what?\n")[n % 2])) for n in range(20)]
        replies = [await task for task in tasks]
        assert sorted(replies) == sorted([WHO, ERROR] * 10)
        if not w.blocks:
            assert replies == [WHO, ERROR] * 10

    run(scenario)


def test_in_904_another_event_loop_is_refused_until_the_client_is_closed() -> None:
    async def serve() -> Any:
        async def answer(reader: Any, writer: Any) -> None:
            while line := await reader.readline():
                writer.write(line)
            writer.close()

        return await asyncio.start_server(answer, "127.0.0.1", 0)

    async def first() -> None:
        server = await serve()
        client = aio.TCP("127.0.0.1", server.sockets[0].getsockname()[1])
        await client.write_readline(b"x\n")

        def elsewhere() -> None:
            with pytest.raises(RuntimeError, match="another event loop"):
                asyncio.run(client.write_readline(b"x\n"))

        await asyncio.to_thread(elsewhere)
        assert await client.write_readline(b"y\n") == b"y\n"
        await client.close()

        async def again() -> bytes:
            line = await client.write_readline(b"z\n")
            await client.close()
            return line

        assert await asyncio.to_thread(lambda: asyncio.run(again())) == b"z\n"
        server.close()

    asyncio.run(first())


@pytest.mark.parametrize("what", ["close", "open", "query"])
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # which asyncio rightly says of the first one
def test_in_904_a_client_whose_event_loop_is_closed_may_be_used_with_another(what: str) -> None:
    with SimulatedInstrument({"who?": "ACME"}) as device:
        client = aio.TCP("127.0.0.1", device.port)

        async def first() -> None:
            assert await client.query("who?") == "ACME"

        async def second() -> None:
            await getattr(client, what)(*(["who?"] if what == "query" else []))
            assert client.connected() == (what != "close")
            assert await client.query("who?") == "ACME"
            assert client.connection_counter == 2
            await client.close()

        asyncio.run(first())
        asyncio.run(second())
        gc.collect()


def test_in_905_in_809_a_call_that_need_not_wait_makes_no_task_and_no_turn_of_the_loop() -> None:
    async def scenario() -> None:
        async def answer(reader: Any, writer: Any) -> None:
            writer.write(b"a\nb\nc\n")
            while line := await reader.readline():
                writer.write(line)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        client = aio.TCP("127.0.0.1", server.sockets[0].getsockname()[1])
        assert await client.readline() == b"a\n"
        turned: list[int] = []
        asyncio.get_running_loop().call_soon(turned.append, 1)
        assert await client.readline(timeout=1) == b"b\n"
        await client.write(b"x\n", timeout=1)
        assert turned == []
        tasks = asyncio.all_tasks()
        asking = asyncio.ensure_future(client.write_readline(b"y\n", timeout=1))
        await asyncio.sleep(0)
        assert asyncio.all_tasks() - tasks <= {asking}
        await asking
        await client.close()
        server.close()

    asyncio.run(scenario())


def test_in_1001_in_1002_a_call_connects_if_it_may(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair(auto_reconnect=False)
        for operation in (
            lambda: client.write(b"x\n"),
            lambda: client.write_readline(b"x\n"),
            client.readline,
            lambda: client.read(1),
            lambda: client.readexactly(1),
        ):
            with pytest.raises(ConnectionClosedError):
                await operation()
        assert peer.connections == 0
        await client.open()
        assert await client.write_readline(b"who?\n") == WHO
        await w.at_peer(peer, "hang_up")
        await w.until(lambda: not client.connected())
        with pytest.raises(ConnectionClosedError):
            await client.write_readline(b"who?\n")
        assert peer.requests == [b"who?"]

    run(scenario)


@pytest.mark.parametrize("reset", [False, True], ids=["orderly", "reset"])
def test_in_1003_ac_14_a_peer_that_was_restarted_is_not_noticed(run: Run, reset: bool) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        assert await client.write_readline(b"who?\n") == WHO
        await w.at_peer(peer, "restart", reset=reset)
        await w.sleep(0.02)
        assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 2
        await w.at_peer(peer, "restart", reset=reset)
        await w.sleep(0.02)
        await client.write(b"who?\n")
        assert await client.readline() == WHO

    run(scenario)


def test_in_1003_the_bytes_of_a_dead_connection_are_no_reply(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await fed(w, b"old\n", end=True)
        assert client.in_waiting() == 4
        assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 2

    run(scenario)


def test_in_1004_in_1005_a_request_is_sent_again_only_if_allowed(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        with pytest.raises(ConnectionEOFError) as caught:
            await client.write_readline(b"bye\n")
        assert caught.value.sent is True
        assert peer.requests == [b"bye"]
        with pytest.raises(ConnectionEOFError):
            await client.write_readline(b"bye\n", resend=2)
        assert peer.requests == [b"bye"] * 4
        await client.open()
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"mute\n", resend=2, timeout=0.05)
        await w.until(lambda: b"mute" in peer.requests)
        assert peer.requests.count(b"mute") == 1
        begin = w.time()
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"mute\n", resend=1, resend_on_timeout=True, timeout=0.1)
        assert w.time() - begin < 0.1 + w.late
        assert peer.connections >= 5

    run(scenario)


def test_in_1006_delays_grow_and_are_jittered() -> None:
    retry = Retry(initial=0.1, factor=2, maximum=1.0, jitter=0.0)
    assert [retry.delay(k) for k in range(2, 8)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])
    assert Retry(maximum=30).delay(10_000) <= 33
    source = random.Random(7)
    wide = Retry(jitter=0.5, random=source.random)
    delays = [wide.delay(2) for _ in range(200)]
    assert 0.05 <= min(delays) < 0.06 < 0.14 < max(delays) <= 0.15
    low, high = Retry(random=lambda: 0.0), Retry(random=lambda: 1.0)
    assert (low.delay(2), high.delay(2)) == pytest.approx((0.09, 0.11))
    for wrong in ({"factor": 0.5}, {"jitter": 2}, {"attempts": 0}, {"initial": -1}, {"deadline": -1}):
        with pytest.raises(ValueError):
            Retry(**wrong)  # type: ignore[arg-type]  # that is the mistake


@pytest.mark.worlds("memory")
def test_in_1006_in_1008_ac_16_attempts_are_made_as_the_policy_says(run: Run) -> None:
    async def scenario(w: Any) -> None:
        failed: list[tuple[str, int, float | None]] = []
        peer = await w.peer()
        await w.at_peer(peer, "stop")

        def client_with(retry: Retry) -> Any:
            failed.clear()
            return w.tcp(
                peer.port,
                retry=retry,
                on_reconnect_failed=lambda error, attempt, pause: failed.append(
                    (type(error).__name__, attempt, pause)
                ),
            )

        client = client_with(SURE)
        begin = w.time()
        asking = w.begin(client.write_readline(b"who?\n"))
        await w.sleep(0.65)
        await w.at_peer(peer, "start")
        assert await asking == WHO
        assert w.time() - begin == pytest.approx(0.7, abs=0.01)
        assert failed == [
            ("ConnectionRefusedError", 1, 0.1),
            ("ConnectionRefusedError", 2, 0.2),
            ("ConnectionRefusedError", 3, 0.4),
        ]
        assert client.connection_counter == 1
        await client.close()
        await w.at_peer(peer, "stop")

        client = client_with(Retry(jitter=0.0, attempts=3))
        begin = w.time()
        with pytest.raises(ConnectionRefusedError) as caught:
            await client.write_readline(b"who?\n")
        assert w.time() - begin == pytest.approx(0.3)
        assert caught.value.__notes__ == ["3 attempts were made in 0.3 s"]
        assert failed[-1] == ("ConnectionRefusedError", 3, None)

        client = client_with(SURE)
        begin = w.time()
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"who?\n", timeout=0.25)
        assert w.time() - begin == pytest.approx(0.25)

        client = client_with(Retry(jitter=0.0, deadline=0.25))
        begin = w.time()
        with pytest.raises(ConnectionRefusedError):
            await client.open()
        assert w.time() - begin == pytest.approx(0.1)  # another one would come too late

    run(scenario)


def test_in_1006_a_peer_that_comes_back_is_found(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair(retry=Retry(initial=0.02, maximum=0.05))
        await client.open()
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "stop", reset=True)
        await w.until(lambda: not client.connected())
        asking = w.begin(client.write_readline(b"who?\n"))
        await w.sleep(0.06)
        await w.at_peer(peer, "start")
        assert await asking == WHO

    run(scenario)


def test_in_1007_what_passes_by_itself() -> None:
    import socket

    from junto.runtimes.instruments import SocketSystem

    passes = SocketSystem().passes_by_itself
    for error in (
        ConnectionRefusedError(),
        ConnectionResetError(),
        TimeoutError(),
        OSError(errno.EHOSTUNREACH, ""),
        OSError(errno.ENETUNREACH, ""),
        OSError(errno.ENETDOWN, ""),
        OSError(errno.ECONNABORTED, ""),
        socket.gaierror(socket.EAI_AGAIN, ""),
    ):
        assert passes(error)
    for error in (
        socket.gaierror(socket.EAI_NONAME, ""),
        PermissionError(errno.EACCES, ""),
        OSError(errno.EINVAL, ""),
        ValueError(),
    ):
        assert not passes(error)


def test_in_1007_the_user_may_decide(run: Run) -> None:
    async def scenario(w: Any) -> None:
        seen: list[BaseException] = []

        def again(error: BaseException) -> bool:
            seen.append(error)
            return len(seen) < 3

        client = w.tcp(await w.unused_port(), retry=Retry(initial=0.001), retry_on=again)
        with pytest.raises(ConnectionRefusedError):
            await client.open()
        assert len(seen) == 3

    run(scenario)


@pytest.mark.worlds("memory")
def test_in_1009_a_connection_that_does_not_last_counts_as_failed(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair(retry=SURE)
        pauses = []
        for _ in range(4):
            begin = w.time()
            with pytest.raises(ConnectionEOFError):
                await client.write_readline(b"bye\n")
            pauses.append(w.time() - begin)
        assert pauses == pytest.approx([0.0, 0.1, 0.2, 0.4], abs=0.01)
        begin = w.time()
        await client.write_readline(b"who?\n")
        assert w.time() - begin == pytest.approx(0.8, abs=0.01)
        await w.sleep(2)
        await w.at_peer(peer, "hang_up")
        await w.sleep(0.01)
        begin = w.time()
        await client.write_readline(b"who?\n")
        assert w.time() - begin < 0.01

    run(scenario)


@pytest.mark.worlds("memory")
def test_in_1010_those_who_waited_share_the_failure(run: Run) -> None:
    async def scenario(w: Any) -> None:
        port = await w.unused_port()
        client = w.tcp(port, retry=Retry(jitter=0.0, attempts=2))
        tasks = [w.begin(client.write_readline(b"who?\n")) for _ in range(3)]
        reading = w.begin(client.readline())
        begin = w.time()
        for task in (*tasks, reading):
            with pytest.raises(ConnectionRefusedError):
                await task
        assert w.time() - begin < 0.7

    run(scenario)


@pytest.mark.worlds(*CANCELLING)
def test_in_1011_closing_and_cancelling_end_a_pause_at_once(run: Run) -> None:
    async def scenario(w: Any) -> None:
        port = await w.unused_port()
        client = w.tcp(port, retry=Retry(initial=5))
        asking = w.begin(client.write_readline(b"who?\n"))
        await w.sleep(0.05)
        begin = w.time()
        await client.close()
        with pytest.raises(ConnectionClosedError):
            await asking
        assert w.time() - begin < w.late
        asking = w.begin(client.write_readline(b"who?\n"))
        await w.sleep(0.05)
        assert asking.cancel()
        begin = w.time()
        with pytest.raises(BaseException):  # noqa: B017  # each world has its own cancellation
            await asking
        assert w.time() - begin < w.late
        gc.collect()

    run(scenario)


def test_in_1013_ac_17_initialised_before_all_else_after_retries(run: Run) -> None:
    async def scenario(w: Any) -> None:
        async def made() -> None:
            await client.write(b"INIT\n")

        peer = await w.peer()
        peer.replies[b"INIT"] = b""
        await w.at_peer(peer, "stop")
        client = w.tcp(peer.port, retry=Retry(initial=0.01), on_connection_made=w.callback(made))
        tasks = [w.begin(client.write_readline(b"who?\n")) for _ in range(3)]
        await w.sleep(0.02)
        await w.at_peer(peer, "start")
        assert [await task for task in tasks] == [WHO] * 3
        assert peer.requests == [b"INIT"] + [b"who?"] * 3

    run(scenario)


def test_section_11_the_table_of_states(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await fed(w, b"abc", end=True)
        assert (client.connected(), client.at_eof()) == (True, False)
        assert await client.read(3) == b"abc"
        assert (client.connected(), client.at_eof()) == (False, True)
        with pytest.raises(ConnectionEOFError):
            await client.read(1)
        assert (client.connected(), client.at_eof()) == (False, False)
        client, peer = await fed(w, b"abc")
        await w.at_peer(peer, "hang_up", reset=True)
        await w.until(lambda: not client.connected())
        assert not client.at_eof()
        assert await client.read(3) == b"abc"
        with pytest.raises(ConnectionResetError):
            await client.read(1)
        reading = w.begin(client.readline())
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "send", b"new\n")
        assert await reading == b"new\n"

    run(scenario)


@pytest.mark.worlds(*SOCKETS)
def test_a_timer_is_not_left_behind(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair(timeout=30)
        assert await client.write_readline(b"who?\n") == WHO
        await client.close()
        if not w.blocks:
            assert client.session.alarm._timer is None

    run(scenario)
