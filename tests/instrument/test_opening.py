"""Sections 1 to 4 of the statements: construction, life cycle, socket options, callbacks."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from junto import aio, sync
from junto.instrument.errors import ConnectionClosedError, ConnectionTimeoutError

from .conftest import Run
from .peer import WHO
from .worlds import FLOWS, ITERATING, SOCKETS

CLIENTS = [aio.TCP, sync.TCP, sync.FuturesTCP]


def counting(counts: dict[str, int]) -> dict[str, Any]:
    """Make callbacks that count."""
    counts.update(made=0, lost=0, eof=0)

    def count(what: str) -> Any:
        def callback(*_args: Any) -> None:
            counts[what] += 1

        return callback

    return {
        "on_connection_made": count("made"),
        "on_connection_lost": count("lost"),
        "on_eof_received": count("eof"),
    }


@pytest.mark.parametrize("client", CLIENTS)
def test_in_101_construction_needs_no_event_loop_and_does_nothing(client: Any) -> None:
    made = client("192.0.2.1", 5)
    assert not made.connected()


@pytest.mark.parametrize("client", CLIENTS)
def test_in_102_ac_01_a_fresh_client_tells_its_settings(client: Any) -> None:
    made = client("127.0.0.1", 5025)
    assert (made.host, made.port, made.eol, made.auto_reconnect) == ("127.0.0.1", 5025, b"\n", True)
    assert (made.timeout, made.connection_timeout, made.buffer_size) == (None, None, 2**20)
    assert (made.no_delay, made.tos) == (True, 0x10)
    assert made.keep_alive == {"active": True, "idle": 60, "interval": 10, "retry": 3}
    assert (made.connected(), made.is_open, made.in_waiting(), made.at_eof()) == (False, False, 0, False)
    assert made.connection_counter == 0
    given = client(
        "::1", 1, eol=b"\r", timeout=2, connection_timeout=3.5, auto_reconnect=False, keep_alive=None
    )
    assert (given.eol, given.timeout, given.connection_timeout) == (b"\r", 2, 3.5)
    assert (given.auto_reconnect, given.keep_alive) == (False, None)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "options",
    [
        {"eol": b""},
        {"eol": "\n"},
        {"eol": ()},
        {"eol": (b"\n", "")},
        {"buffer_size": 0},
        {"buffer_size": "1"},
        {"timeout": -1},
        {"timeout": "1"},
        {"timeout": float("nan")},
        {"connection_timeout": -0.1},
        {"port": -1},
        {"port": 65536},
        {"port": "1"},
        {"host": b"localhost"},
        {"keep_alive": 2},
        {"keep_alive": {"idel": 1}},
        {"stale": "drop"},
        {"linger": -1},
        {"linger": None},
        {"callback_errors": "ignore"},
        {"unknown": 1},
        {"retry": {"attempts": 3}},
        {"encoding": "no such"},
        {"max_block": -1},
        {"write_eol": "\n"},
        {"host": ""},
        {"tos": -1},
        {"tos": 256},
        {"tos": "low delay"},
        {"on_connection_made": "made"},
        {"on_connection_lost": 1},
        {"on_eof_received": 1},
        {"on_reconnect_failed": 1},
        {"retry_on": OSError()},
        {"trace": "trace.jsonl"},
    ],
    ids=str,
)
def test_in_103_in_303_a_wrong_option_is_refused_at_once(client: Any, options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        client(**{"host": "127.0.0.1", "port": 1, **options})


def test_in_103_open_takes_no_unknown_argument(run: Run) -> None:
    async def scenario(w: Any) -> None:
        with pytest.raises(TypeError):
            await w.tcp(1).open(patience=1)

    run(scenario)


@pytest.mark.parametrize("client", CLIENTS)
def test_in_104_only_host_and_port_are_positional(client: Any) -> None:
    with pytest.raises(TypeError):
        client("127.0.0.1", 1, b"\r")


def test_in_105_settings_take_effect_from_the_next_call(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        peer.replies[b"x"] = b"a;b\n"
        assert await client.write_readline(b"x\n") == b"a;b\n"
        client.eol = b";"
        assert await client.write_readline(b"x\n") == b"a;"
        assert await client.readbuffer() == b"b\n"
        client.timeout = 0.02
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"mute\n")
        client.auto_reconnect = False
        with pytest.raises(ConnectionClosedError):
            await client.write(b"x\n")
        made: list[int] = []
        client.on_connection_made = lambda: made.append(1)
        await client.open()
        assert made == [1]
        with pytest.raises(TypeError):
            client.eol = "\n"
        with pytest.raises(ValueError):
            client.timeout = -1

    run(scenario)


@pytest.mark.worlds(*ITERATING)
def test_in_107_a_client_is_a_context_manager_and_shows_its_state(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        assert "closed, generation 0" in repr(client)
        async with client:
            assert f"127.0.0.1:{peer.port}, connected, generation 1" in repr(client)
            await w.until(lambda: peer.open)
            await w.at_peer(peer, "stop")
            await w.until(client.at_eof)
            assert ", eof," in repr(client)
        assert "closed, generation 1" in repr(client)
        with pytest.raises(ConnectionRefusedError):
            async with client:
                raise AssertionError("it was entered")

    run(scenario)


def test_in_201_202_205_404_ac_04_life_and_callbacks(run: Run) -> None:
    async def scenario(w: Any) -> None:
        counts: dict[str, int] = {}
        client, _peer = await w.pair(**counting(counts))
        seen = []

        def note() -> None:
            seen.append((client.connected(), client.connection_counter, counts["made"], counts["lost"]))

        await client.open()
        note()
        with pytest.raises(ConnectionError, match="already open"):
            await client.open()
        note()
        await client.close()
        note()
        await client.open()
        note()
        await client.close()
        note()
        await client.close()
        note()
        assert seen == [
            (True, 1, 1, 0),
            (True, 1, 1, 0),
            (False, 1, 1, 1),
            (True, 2, 2, 1),
            (False, 2, 2, 2),
            (False, 2, 2, 2),
        ]
        assert counts["eof"] == 0

    run(scenario)


@pytest.mark.worlds(*FLOWS)
def test_in_401_402_403_ac_05_callbacks_may_be_asynchronous(run: Run) -> None:
    async def scenario(w: Any) -> None:
        done: list[str] = []

        async def made() -> None:
            await w.sleep(0.02)
            done.append("made")

        async def lost(_error: Any) -> None:
            await w.sleep(0.02)
            done.append("lost")

        client, _peer = await w.pair(on_connection_made=made, on_connection_lost=lost)
        await client.open()
        assert done == ["made"]
        await client.close()
        assert done == ["made"]
        await w.until(lambda: done == ["made", "lost"])

    run(scenario)


def test_in_405_a_failing_callback_disturbs_nobody(run: Run) -> None:
    async def scenario(w: Any) -> None:
        class Failing:
            def __call__(self, *args: Any) -> None:
                raise ValueError("no")

        client, _peer = await w.pair(
            on_connection_made=Failing(), on_connection_lost=Failing(), on_eof_received=lambda: 1 / 0
        )
        await client.open()
        assert (client.connected(), client.connection_counter) == (True, 1)
        assert await client.write_readline(b"who?\n") == WHO
        await client.close()

    run(scenario)


@pytest.mark.worlds(*FLOWS)
def test_in_405_a_scheduled_callback_that_fails_is_logged(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(w: Any) -> None:
        async def lost(_error: Any) -> None:
            await w.sleep(0)
            raise ValueError("in a task")

        client, _peer = await w.pair(on_connection_lost=lost)
        await client.open()
        await client.close()
        await w.until(lambda: "on_connection_lost failed" in caplog.text)

    run(scenario)


def test_in_203_ac_02_the_systems_error_comes_unchanged(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client = w.tcp(await w.unused_port())
        for operation in (
            client.open,
            lambda: client.write(b"x\n"),
            lambda: client.write_read(b"x\n", 1),
            lambda: client.write_readline(b"x\n"),
            client.readline,
        ):
            with pytest.raises(ConnectionRefusedError) as caught:
                await operation()
            assert caught.value.sent is False
            assert (client.connected(), client.connection_counter, client.in_waiting()) == (False, 0, 0)

    run(scenario)


@pytest.mark.worlds(*SOCKETS)
def test_in_203_a_name_that_nobody_knows(run: Run) -> None:
    async def scenario(w: Any) -> None:
        with pytest.raises(socket.gaierror):
            await w.tcp(1, host="name.invalid").open()

    run(scenario)


def test_in_204_ac_03_connecting_is_limited(run: Run) -> None:
    async def scenario(w: Any) -> None:
        port = await w.hole()
        for client, options in (
            (w.tcp(port, connection_timeout=0.05), {}),
            (w.tcp(port), {"timeout": 0.05}),
            (w.tcp(port, connection_timeout=30), {"timeout": 0.05}),
        ):
            begin = w.time()
            with pytest.raises(ConnectionTimeoutError):
                await client.open(**options)
            assert 0.048 <= w.time() - begin < 0.05 + w.late
            assert (client.connected(), client.connection_counter) == (False, 0)

    run(scenario)


def test_in_206_ac_19_closing_does_not_wait_for_a_peer_that_does_not_read(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        peer.deaf = True
        await client.open()
        begin = w.time()
        writing = w.begin(client.write(b"x" * 30_000_000))
        await w.sleep(0.05)
        assert not writing.done()
        await client.close()
        assert w.time() - begin < 1.5
        with pytest.raises(ConnectionClosedError):
            await writing

    run(scenario)


def test_in_206_closing_does_not_raise_what_the_peer_did(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        await client.open()
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "hang_up", reset=True)
        await w.sleep(0.01)
        await client.close()
        await client.open()
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_207_208_209_ac_06_the_peer_ends_while_idle(run: Run) -> None:
    async def scenario(w: Any) -> None:
        counts: dict[str, int] = {}
        client, peer = await w.pair(**counting(counts))
        await client.open()
        assert (client.connected(), client.at_eof()) == (True, False)
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "stop")
        await w.until(lambda: not client.connected())
        assert (counts["eof"], counts["lost"]) == (1, 0)
        assert (client.at_eof(), client.is_open) == (True, False)
        await client.close()
        assert (counts["eof"], counts["lost"], client.at_eof()) == (1, 1, False)

    run(scenario)


def test_in_207_bytes_that_are_left_keep_a_client_connected(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        await client.write(b"tail\n")
        await w.until(lambda: client.in_waiting() == 3)
        await w.sleep(0.01)
        assert (client.connected(), client.at_eof()) == (True, False)
        assert await client.read(3) == b"abc"
        assert (client.connected(), client.at_eof()) == (False, True)

    run(scenario)


def test_in_207_is_open_follows_a_subclass() -> None:
    class Always(aio.TCP):
        def connected(self) -> bool:
            return True

    assert Always("127.0.0.1", 1).is_open


def test_in_208_a_reset_is_seen_while_idle(run: Run) -> None:
    async def scenario(w: Any) -> None:
        lost: list[Any] = []
        client, peer = await w.pair(on_connection_lost=lost.append)
        await client.write_readline(b"who?\n")
        await w.at_peer(peer, "hang_up", reset=True)
        await w.until(lambda: not client.connected())
        assert not client.at_eof()
        assert len(lost) == 1
        assert isinstance(lost[0], ConnectionResetError)
        assert isinstance(client.last_error, ConnectionResetError)

    run(scenario)


def test_in_210_211_in_waiting_and_reset_input_buffer(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        client.reset_input_buffer()
        await client.open()
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "send", b"noise")
        await w.until(lambda: client.in_waiting() == 5)
        client.reset_input_buffer()
        assert client.in_waiting() == 0
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_211_after_a_reset_of_the_buffer_more_is_received(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair(buffer_size=1000)
        await client.open()
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "send", b"x" * 3000)
        await w.until(lambda: client.in_waiting() == 3000)
        await w.sleep(0.01)
        client.reset_input_buffer()
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_212_the_counter_has_its_new_value_in_the_callback(run: Run) -> None:
    async def scenario(w: Any) -> None:
        seen: list[int] = []
        client, _peer = await w.pair(on_connection_made=lambda: seen.append(client.connection_counter))
        await client.open()
        await client.close()
        await client.write_readline(b"who?\n")
        assert seen == [1, 2]

    run(scenario)


def test_in_213_after_the_peers_end_our_side_stays_open(run: Run) -> None:
    async def scenario(w: Any) -> None:
        counts: dict[str, int] = {}
        client, peer = await w.pair(**counting(counts))
        await client.open()
        await w.until(lambda: peer.open)
        await w.at_peer(peer, "end")
        await w.until(lambda: counts["eof"] or client.at_eof())
        await w.sleep(0.02)
        assert (counts["eof"], counts["lost"]) == (1, 0)
        assert await client.write_readline(b"who?\n") == WHO
        assert (counts["eof"], counts["lost"], counts["made"]) == (1, 1, 2)

    run(scenario)


def test_in_214_simultaneous_openings_make_one_connection(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        opening = [w.begin(client.open()) for _ in range(5)]
        asking = [w.begin(client.write_readline(b"who?\n")) for _ in range(5)]
        outcomes = []
        for task in opening:
            try:
                await task
                outcomes.append("opened")
            except ConnectionError as error:
                outcomes.append(str(error).partition(":")[0])
        assert [await task for task in asking] == [WHO] * 5
        assert set(outcomes) <= {"opened", "already open"}
        assert outcomes.count("opened") <= 1
        assert (peer.connections, client.connection_counter) == (1, 1)

    run(scenario)


def test_in_215_closing_fails_those_who_wait_and_they_do_not_reopen(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        pending = w.begin(client.write_readline(b"mute\n"))
        await w.until(lambda: peer.requests)
        queued = [w.begin(client.write_readline(b"who?\n")) for _ in range(3)]
        await w.sleep(0.05)
        await client.close()
        for task in (pending, *queued):
            with pytest.raises(ConnectionClosedError):
                await task
        assert (peer.connections, client.connected()) == (1, False)
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


@pytest.mark.worlds(*FLOWS)
def test_in_215_closing_fails_those_who_wait_inside_a_transaction_too(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        async with client.transaction() as t:
            pending = w.begin(t.write_readline(b"mute\n"))
            await w.until(lambda: peer.requests)
            queued = [w.begin(t.write_readline(b"who?\n")) for _ in range(2)]
            await w.sleep(0.02)
            await client.close()
            for task in (pending, *queued):
                with pytest.raises(ConnectionClosedError):
                    await task
            assert (peer.connections, client.connected()) == (1, False)
            assert await t.write_readline(b"who?\n") == WHO

    run(scenario)


@pytest.mark.worlds(*FLOWS)
def test_in_215_a_late_close_spares_what_was_opened_after_it(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        await client.open()
        closing = client.close()
        await client.close()
        await client.open()
        await closing
        assert client.connected()

    run(scenario)


@pytest.mark.worlds("asyncio")
def test_in_216_an_unclosed_client_is_told_of_and_closed(run: Run) -> None:
    async def scenario(w: Any) -> None:
        peer = await w.peer()
        client = aio.TCP("127.0.0.1", peer.port)
        await client.open()
        await w.until(lambda: peer.open)
        with pytest.warns(ResourceWarning, match="unclosed TCP"):
            del client
        await w.until(lambda: not peer.open)

    run(scenario)


@pytest.mark.worlds("blocking")
def test_in_216_an_unclosed_blocking_client_is_told_of_and_closed(run: Run) -> None:
    async def scenario(w: Any) -> None:
        peer = await w.peer()
        for kind in (sync.TCP, sync.FuturesTCP):
            client: Any = kind("127.0.0.1", peer.port)
            opening = client.open()
            if opening is not None:
                opening.result(5)
            del opening
            await w.until(lambda: peer.open)
            with pytest.warns(ResourceWarning, match="unclosed"):
                del client
            await w.until(lambda: not peer.open)

    run(scenario)


def test_in_217_an_option_that_fails_leaves_no_connection(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any) -> None:
        raise OSError(92, "Protocol not available")

    monkeypatch.setattr("junto.runtimes.instruments.SocketSystem.tune", fail)

    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        with pytest.raises(OSError, match="not available"):
            await client.open()
        assert (client.connected(), client.connection_counter) == (False, 0)
        await w.until(lambda: peer.connections == 1 and not peer.open)

    run(scenario)


def test_in_218_facts_can_be_read(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, peer = await w.pair()
        assert (client.peername, client.sockname, client.last_error, client.connected_since) == (None,) * 4
        await client.write_readline(b"who?\n")
        assert client.peername[1] == peer.port
        assert client.sockname is not None
        assert client.connected_since is not None
        assert (client.stats.sent, client.stats.received, client.stats.calls) == (5, len(WHO), 1)
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"mute\n", timeout=0.01)
        await client.write_readline(b"who?\n")
        assert (client.stats.timeouts, client.stats.reconnects, client.stats.received) == (1, 1, 2 * len(WHO))

    run(scenario)


def option(client: Any, level: int, name: str) -> int:
    sock = client.transport.get_extra_info("socket")
    return int(sock.getsockopt(level, getattr(socket, name)))


@pytest.mark.worlds(*SOCKETS)
def test_in_301_the_usual_options_of_the_socket(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair()
        await client.open()
        assert option(client, socket.IPPROTO_TCP, "TCP_NODELAY") == 1
        assert option(client, socket.IPPROTO_IP, "IP_TOS") == 0x10
        assert option(client, socket.SOL_SOCKET, "SO_KEEPALIVE") == 1
        assert option(client, socket.IPPROTO_TCP, "TCP_KEEPIDLE") == 60
        assert option(client, socket.IPPROTO_TCP, "TCP_KEEPINTVL") == 10
        assert option(client, socket.IPPROTO_TCP, "TCP_KEEPCNT") == 3

    run(scenario)


@pytest.mark.worlds(*SOCKETS)
def test_in_302_303_other_options_of_the_socket(run: Run) -> None:
    async def scenario(w: Any) -> None:
        peer = await w.peer()
        with socket.socket() as sock:
            system = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        for value, active, idle in (
            (None, 0, system),
            (True, 1, system),
            (1, 1, system),
            (False, 0, system),
            (0, 0, system),
            ({"active": True, "idle": 7}, 1, 7),
            ({"active": False}, 0, system),
        ):
            client = w.tcp(peer.port, no_delay=False, tos=aio.IPTOS_THROUGHPUT, keep_alive=value)
            await client.open()
            assert option(client, socket.IPPROTO_TCP, "TCP_NODELAY") == 0
            assert option(client, socket.IPPROTO_IP, "IP_TOS") == 0x08
            assert option(client, socket.SOL_SOCKET, "SO_KEEPALIVE") == active
            assert option(client, socket.IPPROTO_TCP, "TCP_KEEPIDLE") == idle

    run(scenario)


def test_in_304_missing_options_are_left_out_and_ipv6_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from junto.instrument.settings import Settings
    from junto.runtimes.instruments import SocketSystem

    set_options: list[tuple[int, int, int]] = []

    class Sock:
        family = socket.AF_INET6

        def setsockopt(self, *option: int) -> None:
            set_options.append(option)  # type: ignore[arg-type]  # there are three

    class Transport:
        def get_extra_info(self, name: str) -> Any:
            return Sock()

    monkeypatch.delattr(socket, "TCP_KEEPIDLE")
    monkeypatch.delattr(socket, "TCP_KEEPCNT")
    monkeypatch.setattr(socket, "TCP_KEEPALIVE", 4242, raising=False)
    SocketSystem().tune(Transport(), Settings())  # type: ignore[arg-type]  # as much of one as is needed
    assert (socket.IPPROTO_TCP, 4242, 60) in set_options
    assert (socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0x10) in set_options
    assert not any(option[:2] == (socket.IPPROTO_IP, socket.IP_TOS) for option in set_options)


@pytest.mark.worlds(*SOCKETS)
def test_in_305_user_timeout(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client, _peer = await w.pair(user_timeout=1.5)
        await client.open()
        assert option(client, socket.IPPROTO_TCP, "TCP_USER_TIMEOUT") == 1500

    run(scenario)


@pytest.mark.parametrize("explicit", [True, False], ids=["open", "implicit"])
def test_in_406_ac_17_the_callback_may_use_the_client(run: Run, explicit: bool) -> None:
    async def scenario(w: Any) -> None:
        answers: list[bytes] = []

        async def made() -> None:
            await client.write(b"INIT\n")
            answers.append(await client.readline())
            answers.append(await client.write_readline(b"who?\n"))

        client, peer = await w.pair(on_connection_made=w.callback(made))
        peer.replies[b"INIT"] = b"ok\n"
        if explicit:
            await client.open()
        waiting = [w.begin(client.write_readline(b"echo %d\n" % n)) for n in range(3)]
        assert sorted([await task for task in waiting]) == [b"0\n", b"1\n", b"2\n"]
        assert peer.requests[:2] == [b"INIT", b"who?"]
        assert answers == [b"ok\n", WHO]
        await w.at_peer(peer, "hang_up", reset=True)
        await w.sleep(0.01)
        assert await client.write_readline(b"echo 9\n") == b"9\n"
        assert peer.requests[-3:] == [b"INIT", b"who?", b"echo 9"]

    run(scenario)


@pytest.mark.worlds("asyncio", "uvloop")
def test_in_406_tasks_of_the_callback_may_use_the_client_too(run: Run) -> None:
    import asyncio

    async def scenario(w: Any) -> None:
        async def made() -> None:
            await asyncio.gather(client.write_readline(b"echo a\n"), client.write_readline(b"echo b\n"))

        client, _peer = await w.pair(on_connection_made=made)
        assert await client.write_readline(b"who?\n", timeout=2) == WHO

    run(scenario)


@pytest.mark.worlds(*ITERATING)
@pytest.mark.parametrize("explicit", [True, False], ids=["open", "implicit"])
def test_in_406_the_callback_may_have_the_client_for_several_calls(run: Run, explicit: bool) -> None:
    async def scenario(w: Any) -> None:
        got: list[bytes] = []

        async def made() -> None:
            async with client.transaction() as alone:
                got.append(await alone.write_readline(b"who?\n"))
            await client.write(b"block\n")
            async for piece in client.iter_block(3):
                got.append(piece)

        client, peer = await w.pair(on_connection_made=w.callback(made))
        peer.replies[b"block"] = b"#15hello\n"
        if explicit:
            await client.open(timeout=2)
        assert await client.write_readline(b"echo 1\n", timeout=2) == b"1\n"
        assert got == [WHO, b"hel", b"lo"]

    run(scenario)


@pytest.mark.worlds(*FLOWS)
def test_in_406_a_call_that_the_callback_left_behind_gets_its_own_reply(run: Run) -> None:
    async def scenario(w: Any) -> None:
        left: list[Any] = []

        async def made() -> None:
            left.append(w.begin(client.write_readline(b"pause 0.05\n")))
            left.append(w.begin(client.write_readline(b"echo 1\n")))
            await w.sleep(0.01)

        client, _peer = await w.pair(on_connection_made=made, timeout=2)
        waiting = [w.begin(client.write_readline(b"echo %d\n" % n)) for n in range(2, 5)]
        assert sorted([await task for task in waiting]) == [b"2\n", b"3\n", b"4\n"]
        assert [await task for task in left] == [b"OK\n", b"1\n"]
        assert client.connection_counter == 1
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


@pytest.mark.worlds("asyncio", "uvloop")
def test_in_406_opening_does_not_wait_for_a_listener_that_the_callback_left_behind(run: Run) -> None:
    import asyncio

    async def scenario(w: Any) -> None:
        async def made() -> None:
            listening.append(asyncio.create_task(client.readline()))
            await client.write(b"mute\n")

        listening: list[Any] = []
        client, peer = await w.pair(on_connection_made=made, timeout=2)
        await client.open()
        await client.write(b"mute\n")  # beside the listener, as everywhere
        with pytest.raises(ConnectionTimeoutError):
            await client.write_readline(b"who?\n", timeout=0.05)
        await peer.send(b"news\n")
        assert await listening[0] == b"news\n"
        assert await client.write_readline(b"who?\n") == WHO
        assert client.connection_counter == 1

    run(scenario)


@pytest.mark.worlds("asyncio", "trio", "memory")
def test_in_406_who_waits_for_what_the_callback_left_behind_does_not_reopen_after_a_close(run: Run) -> None:
    async def scenario(w: Any) -> None:
        left: list[Any] = []

        async def made() -> None:
            left.append(w.begin(client.write_readline(b"mute\n")))
            await w.sleep(0.01)

        client, peer = await w.pair(on_connection_made=made)
        await client.open()
        waiting = w.begin(client.write_readline(b"who?\n"))
        await w.sleep(0.02)
        await client.close()
        for task in (waiting, *left):
            with pytest.raises(ConnectionClosedError):
                await task
        client.on_connection_made = None
        assert peer.connections == 1
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


@pytest.mark.worlds(*FLOWS)
def test_in_407_a_scheduled_callback_is_kept_and_harms_no_newer_connection(run: Run) -> None:
    import gc

    async def scenario(w: Any) -> None:
        done: list[int] = []

        async def lost(_error: Any) -> None:
            await w.until(lambda: client.connection_counter == 2)
            done.append(client.connection_counter)

        client, _peer = await w.pair(on_connection_lost=lost)
        await client.open()
        await client.close()
        gc.collect()
        await client.open()
        await w.until(lambda: done)
        assert done == [2]
        assert await client.write_readline(b"who?\n") == WHO

    run(scenario)


def test_in_408_callback_errors_may_fail_the_call(run: Run) -> None:
    async def scenario(w: Any) -> None:
        def made() -> None:
            raise ValueError("the instrument is of the wrong kind")

        client, peer = await w.pair(on_connection_made=made, callback_errors="raise")
        with pytest.raises(ValueError, match="wrong kind"):
            await client.open()
        with pytest.raises(ValueError, match="wrong kind"):
            await client.write(b"x\n")
        assert not client.connected()
        await w.until(lambda: peer.connections == 2 and not peer.open)

    run(scenario)


def test_in_2205_an_idle_client_takes_little_memory() -> None:
    import asyncio
    import gc
    import tracemalloc

    async def measure(listener: socket.socket) -> float:
        port = listener.getsockname()[1]
        taken = []
        first = aio.TCP("127.0.0.1", port)  # it pays for what all share
        await first.open()
        listener.accept()[0].close()
        for kind in ("client", "client", "bare"):
            gc.collect()
            tracemalloc.start()
            kept: list[Any] = []
            for _ in range(50):
                if kind == "client":
                    client = aio.TCP("127.0.0.1", port)
                    await client.open()
                    kept.append(client)
                else:
                    loop = asyncio.get_running_loop()
                    transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
                    kept.append(transport)
                peer, _ = listener.accept()
                with peer:
                    if kind == "client":
                        peer.sendall(b"x" * 99 + b"\n" * 901)
                        await client.readlines(901)
                    kept.append(peer.dup())
            gc.collect()
            taken.append(tracemalloc.get_traced_memory()[0] / 50)
            tracemalloc.stop()
            for thing in kept:
                closing = thing.close()
                if closing is not None:
                    await closing
            await asyncio.sleep(0.01)
        await first.close()
        return taken[1] - taken[2]

    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert asyncio.run(measure(listener)) < 8 * 1024
