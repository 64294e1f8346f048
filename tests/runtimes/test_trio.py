"""What only the trio runtime does."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from trio.testing import MockClock, wait_all_tasks_blocked

from junto import expose
from junto.address import Address
from junto.errors import ConnectionFailed, LocalProtocolError, RequestTimeout
from junto.options import Options
from junto.runtimes.polling import READ, WRITE
from junto.runtimes.trio.futures import Cancelled, Future
from junto.runtimes.trio.opening import QuietNursery
from junto.runtimes.trio.runtime import TrioRuntime
from junto.server import open_peer, serve_peers

HERE = Address("tcp", "127.0.0.1")
LIMIT = 10.0

Scenario = Callable[[TrioRuntime], Coroutine[Any, Any, Any]]


def run(scenario: Scenario, *, shielded: bool = False, jump: bool = False) -> Any:
    """Run *scenario* with a runtime, of which nothing may be left when it has ended.

    With *jump*, time passes in no time whenever nothing else happens. Not at once: what was just sent may
    take a moment to arrive.
    """

    async def main() -> Any:
        with trio.fail_after(1000 * LIMIT if jump else LIMIT):
            async with QuietNursery() as nursery:
                runtime = TrioRuntime(nursery, shielded=shielded)
                try:
                    result = await scenario(runtime)
                finally:
                    runtime.end()
        assert not runtime._tasks
        assert not runtime._keeper.things
        assert not runtime._watches._watches
        return result

    return trio.run(main, clock=MockClock(autojump_threshold=0.005) if jump else None)


class Endpoint:
    def __init__(self) -> None:
        self.received = b""
        self.lost: list[Exception | None] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.append(error)

    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


async def pair(rt: TrioRuntime, address: Address = HERE) -> tuple[Endpoint, Endpoint]:
    """Give both ends of a connection."""
    accepted: list[Endpoint] = []

    def accept() -> Endpoint:
        accepted.append(Endpoint())
        return accepted[-1]

    here = Endpoint()
    listener = await rt.listen(address, accept)
    await rt.connect(listener.address, lambda: here)
    await until(lambda: accepted and hasattr(accepted[0], "transport"))
    listener.close()
    return here, accepted[0]


async def rest() -> None:
    await trio.sleep_forever()


async def until(is_so: Callable[[], object]) -> None:
    while not is_so():  # noqa: ASYNC110  # nobody tells
        await trio.sleep(0.001)


# -- futures --


def test_a_scope_that_is_cancelled_gives_up_the_future(caplog: Any) -> None:
    async def scenario(rt: TrioRuntime) -> None:
        future = rt.create_future()
        with trio.move_on_after(0.001) as scope:
            await future
        assert scope.cancelled_caught
        assert future.cancelled()

    run(scenario)


def test_a_result_that_is_there_is_not_lost_to_a_cancellation() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        future = rt.create_future()
        with trio.CancelScope() as scope:

            def settle_and_cancel() -> None:
                future.set_result("there")
                scope.cancel()

            rt.call_soon(settle_and_cancel)
            assert await future == "there"
            await trio.lowlevel.checkpoint()
            raise AssertionError("it is cancelled where it waits next")

    run(scenario)


def test_awaiting_what_is_done_looks_for_a_cancellation_and_loses_nothing() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        future = rt.create_future()
        future.set_result(1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await future
        assert scope.cancelled_caught
        assert await future == 1

    run(scenario)


def test_a_second_waiter_is_refused_and_the_first_served() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        future = rt.create_future()

        async def wait() -> Any:
            return await future

        first = rt.create_task(wait())
        await wait_all_tasks_blocked()
        with pytest.raises(LocalProtocolError, match="another task"):
            await future
        future.set_result("mine")
        assert await first == "mine"

    run(scenario)


def test_who_awaits_a_future_that_somebody_else_cancelled_is_told_so_without_a_scope() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        future = rt.create_future()
        rt.call_soon(future.cancel)
        with pytest.raises(Cancelled):
            await future
        await trio.lowlevel.checkpoint()

    run(scenario)


# -- tasks --


def test_who_is_cancelled_while_he_awaits_a_task_goes_on_when_it_has_ended() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        ended: list[str] = []

        async def flow() -> None:
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(0.005)
                ended.append("flow")

        task = rt.create_task(flow())
        with trio.move_on_after(0.001) as scope:
            await task
        assert scope.cancelled_caught
        assert ended == ["flow"]
        assert task.cancelled()

    run(scenario)


def test_a_task_that_succeeds_although_it_was_cancelled_gives_its_result() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        async def flow() -> str:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.005)
            return "opened"

        with trio.move_on_after(0.001):
            assert await rt.create_task(flow()) == "opened"
            await trio.lowlevel.checkpoint()
            raise AssertionError("it is cancelled where it waits next")

    run(scenario)


def test_an_error_of_a_task_stays_in_its_future_and_is_reported_if_nobody_asks(caplog: Any) -> None:
    async def scenario(rt: TrioRuntime) -> None:
        async def fail() -> None:
            raise ValueError("asked for")

        with pytest.raises(ValueError, match="asked for"):
            await rt.create_task(fail())
        rt.create_task(fail())
        await wait_all_tasks_blocked()
        gc.collect()

    with caplog.at_level(logging.ERROR):
        run(scenario)
    assert [record.message for record in caplog.records] == [
        "a task ended with an error that nobody asked for"
    ]


def test_an_error_beside_a_cancellation_stays_in_the_future_too() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        async def fail_when_cancelled() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError

        async def flow() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail_when_cancelled)
                nursery.start_soon(trio.sleep_forever)

        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                inner = TrioRuntime(nursery)
                task = inner.create_task(flow())
                await wait_all_tasks_blocked()
                scope.cancel()
        assert isinstance(task.exception(), ExceptionGroup)
        alone = rt.create_task(flow())
        await wait_all_tasks_blocked()
        alone.cancel()
        with pytest.raises(ExceptionGroup):
            await alone

    run(scenario)


def test_what_ends_the_program_ends_it_and_is_in_the_future() -> None:
    futures: list[Any] = []

    async def scenario(rt: TrioRuntime) -> None:
        async def leave() -> None:
            sys.exit(3)

        futures.append(rt.create_task(leave()))
        await trio.sleep_forever()

    with pytest.raises(SystemExit) as caught:
        run(scenario)
    assert caught.value.code == 3
    assert futures[0].exception() is caught.value


def test_a_task_that_waits_in_ways_of_trio_is_cancelled() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        send, receive = trio.open_memory_channel[int](0)
        for wait in (trio.sleep_forever, receive.receive, trio.Event().wait):
            task: Any = rt.create_task(wait())
            await wait_all_tasks_blocked()
            assert task.cancel()
            with pytest.raises(Cancelled):
                await task
        send.close()
        receive.close()

    run(scenario)


# -- time and turns --


def test_time_is_that_of_trios_clock_in_every_thread() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        assert rt.time() == trio.current_time()
        before = rt.time()
        await trio.sleep(50)
        assert rt.time() == pytest.approx(before + 50)

    async def with_threads(rt: TrioRuntime) -> None:
        before = rt.time()
        assert before <= await trio.to_thread.run_sync(rt.time) <= rt.time()

    start = time.monotonic()
    run(scenario, jump=True)
    assert time.monotonic() - start < LIMIT
    run(with_threads)


def test_timers_go_off_at_their_time_in_whatever_order_they_were_set() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        calls: list[tuple[str, float]] = []
        start = rt.time()

        def note(what: str) -> None:
            calls.append((what, round(rt.time() - start)))

        await wait_all_tasks_blocked()
        rt.call_later(300, note, "last")
        never = rt.call_later(50, note, "never")
        await wait_all_tasks_blocked()
        rt.call_later(20, note, "first")
        rt.call_later(100, lambda: rt.call_later(100, note, "third"))
        rt.call_later(100, note, "second")
        never.cancel()
        await trio.sleep(400)
        assert calls == [("first", 20), ("second", 100), ("third", 200), ("last", 300)]

    run(scenario, jump=True)


@pytest.mark.parametrize("shielded", [False, True])
def test_callbacks_without_end_keep_nothing_from_ending(shielded: bool) -> None:
    async def scenario(rt: TrioRuntime) -> None:
        with trio.CancelScope() as scope:
            async with QuietNursery() as nursery:
                inner = TrioRuntime(nursery, shielded=shielded)

                def again() -> None:
                    inner.call_soon(again)

                inner.call_soon(again)
                await pair(inner)
                scope.cancel()
                if shielded:
                    inner.end()
        assert not inner._keeper.things

    run(scenario)


def test_callbacks_without_end_let_others_run() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        calls = 0

        def again() -> None:
            nonlocal calls
            calls += 1
            if not done.done():
                rt.call_soon(again)

        done = rt.create_future()
        rt.call_later(0.01, done.set_result, None)
        rt.call_soon(again)
        here, there = await pair(rt)
        here.transport.write(b"x")
        await until(lambda: there.received)
        await done
        assert calls > 10

    run(scenario)


def test_a_thread_that_calls_when_all_is_over_is_ignored() -> None:
    async def scenario(rt: TrioRuntime) -> TrioRuntime:
        await trio.to_thread.run_sync(rt.call_soon_threadsafe, calls.append, "heard")
        await until(lambda: calls)
        return rt

    calls: list[str] = []
    runtime = run(scenario)
    runtime.call_soon_threadsafe(calls.append, "too late")
    runtime.call_soon(calls.append, "too late")
    assert calls == ["heard"]


def test_a_worker_that_ends_when_all_is_over_disturbs_nobody(caplog: Any) -> None:
    go = threading.Event()
    with ThreadPoolExecutor(1) as pool:

        async def scenario(rt: TrioRuntime) -> None:
            rt.call_in_worker(lambda: go.wait(LIMIT), pool=pool)

        run(scenario)
        go.set()
    assert not caplog.records


# -- sockets --


def test_the_interest_in_a_socket_may_change_at_any_time() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        one, other = socket.socketpair()
        seen: list[int] = []

        def on_ready(mask: int) -> None:
            seen.append(mask)
            if mask == READ:
                one.recv(10)
            else:
                rt.watch(one.fileno(), READ, on_ready)

        with one, other:
            one.setblocking(False)
            rt.watch(one.fileno(), READ, on_ready)
            await wait_all_tasks_blocked()
            rt.watch(one.fileno(), READ | WRITE, on_ready)
            await wait_all_tasks_blocked()
            assert seen == [WRITE]
            other.send(b"x")
            await until(lambda: seen == [WRITE, READ])
            for interest in (0, READ, 0, WRITE | READ, READ, 0, 0):
                rt.watch(one.fileno(), interest, on_ready)
            other.send(b"x")
            await trio.sleep(0.002)
            assert seen == [WRITE, READ]
            rt.watch(one.fileno(), READ, on_ready)
            await until(lambda: seen == [WRITE, READ, READ])
            rt.watch(one.fileno(), 0, on_ready)

    run(scenario)


def test_a_number_may_belong_to_another_socket_at_once() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        calls: list[str] = []
        for name in ("first", "second"):
            one, other = socket.socketpair()
            with one, other:
                rt.watch(
                    one.fileno(),
                    READ,
                    lambda _mask, name=name, one=one: calls.append(f"{name} {one.recv(9)!r}"),
                )
                await wait_all_tasks_blocked()
                if name == "second":
                    other.send(b"x")
                    await until(lambda: calls)
                rt.watch(one.fileno(), 0, lambda _mask: None)
        assert calls == ["second b'x'"]

    run(scenario)


def test_a_handler_that_fails_is_reported_and_called_again(caplog: Any) -> None:
    async def scenario(rt: TrioRuntime) -> None:
        one, other = socket.socketpair()

        def on_ready(mask: int) -> None:
            if one.recv(1) == b"1":
                raise KeyError
            done.set_result(None)

        with one, other:
            done = rt.create_future()
            rt.watch(one.fileno(), READ, on_ready)
            other.send(b"12")
            await done
            rt.watch(one.fileno(), 0, on_ready)

    run(scenario)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]


def test_a_socket_that_is_closed_behind_our_back_is_a_connection_that_broke() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        here, there = await pair(rt)
        here.transport.pause_reading()
        await wait_all_tasks_blocked()
        here.transport.get_extra_info("socket").close()
        here.transport.resume_reading()
        await until(lambda: here.lost and there.lost)
        assert isinstance(here.lost[0], OSError)

    run(scenario)


def test_a_host_name_is_looked_up_in_a_thread_that_may_be_left(monkeypatch: Any) -> None:
    async def scenario(rt: TrioRuntime) -> None:
        release = threading.Event()

        def look_up() -> str:
            release.wait(LIMIT)
            return "found"

        found = rt.resolve(look_up)
        with trio.move_on_after(0.005) as scope:
            await found
        assert scope.cancelled_caught
        release.set()
        assert await rt.resolve(look_up) == "found"

    run(scenario)


# -- the end --


class Service:
    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    async def rest(self) -> None:
        await trio.sleep_forever()

    @expose
    async def count(self) -> Any:
        for number in range(10**9):
            await trio.lowlevel.checkpoint()
            yield number


async def busy(rt: TrioRuntime, place: Address, tls: Any = (None, None)) -> list[Any]:
    """Have something of everything under way; give what waits."""
    server = await serve_peers(rt, Service(), [place], Options(), tls=tls[0])
    peer = await open_peer(rt, server.addresses[0], Options(), service=Service(), tls=tls[1], reconnect=True)
    assert await peer.remote.add(1, 2) == 3
    other = server.connections[0]

    async def read() -> None:
        async for _ in await peer.remote.count():
            pass

    class Datagrams:
        def connection_made(self, transport: Any) -> None: ...
        def datagram_received(self, data: bytes, address: Any) -> None: ...
        def error_received(self, error: Exception) -> None: ...
        def connection_lost(self, error: Exception | None) -> None: ...

    datagrams = await rt.open_datagram(HERE, Datagrams)
    datagrams.sendto(b"x", datagrams.get_extra_info("sockname"))
    rt.call_later(1000, print)
    here, there = await pair(rt)
    here.transport.write(bytes(10_000_000))
    there.transport.pause_reading()
    tasks = [
        rt.create_task(read()),
        rt.create_task(peer.call("rest")),
        rt.create_task(other.call("rest")),
        rt.create_task(peer.wait_closed()),
        rt.create_task(rest()),
        rt.create_task(rt.connect(Address("tcp", "127.0.0.1", 1), Endpoint)),
    ]
    await trio.sleep(0.005)
    return [*tasks, peer.remote.rest(), peer.remote.count()]


def places(folder: Path) -> dict[str, Any]:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return {
        "tcp": (HERE, (None, None)),
        "unix": (Address("unix", path=str(folder / "s")), (None, None)),
        "tls": (Address("tls", "127.0.0.1"), (server, client)),
    }


@pytest.mark.parametrize("place", ["tcp", "unix", "tls"])
@pytest.mark.parametrize("shielded", [False, True])
def test_a_nursery_that_is_cancelled_takes_everything_along(
    place: str, shielded: bool, tmp_path: Path
) -> None:
    address, tls = places(tmp_path)[place]

    async def scenario(rt: TrioRuntime) -> None:
        waiting = []
        with trio.CancelScope() as scope:
            async with QuietNursery() as nursery:
                inner = TrioRuntime(nursery, shielded=shielded)
                try:
                    waiting = await busy(inner, address, tls)
                    scope.cancel()
                    await trio.sleep_forever()
                finally:
                    if shielded:
                        inner.end()
        assert scope.cancelled_caught
        assert not inner._keeper.things
        assert not inner._tasks
        assert not inner._watches._watches
        assert all(future.done() for future in waiting)
        *waiting, _stream = waiting
        assert all(future.cancelled() or future.exception() is not None for future in waiting)
        del waiting, _stream
        gc.collect()

    run(scenario)


def test_nothing_can_be_opened_after_the_end() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        await busy(rt, HERE)
        rt.end()
        rt.end()
        assert not rt._keeper.things
        for opening in (
            rt.connect(HERE, Endpoint),
            rt.listen(HERE, Endpoint),
            rt.open_datagram(HERE, Endpoint),  # type: ignore[arg-type]  # never made
        ):
            with pytest.raises(ConnectionFailed):
                await opening
        task = rt.create_task(rest())
        assert task.cancelled()
        await rt.stop()

    run(scenario)


@pytest.mark.parametrize("place", ["tcp", "unix", "tls"])
@pytest.mark.parametrize("what", ["connect", "listen", "open_datagram"])
def test_what_is_opened_just_when_all_ends_is_closed_again(
    what: str, place: str, tmp_path: Path, monkeypatch: Any
) -> None:
    address, tls = places(tmp_path)[place]

    async def scenario(rt: TrioRuntime) -> None:
        endpoint = Endpoint()
        if what == "connect":
            listener = await rt.listen(address, Endpoint, tls=tls[0])
            opening: Any = rt.connect(listener.address, lambda: endpoint, tls=tls[1])
        elif what == "listen":
            opening = rt.listen(address, Endpoint, tls=tls[0])
        else:
            opening = rt.open_datagram(HERE, lambda: endpoint)  # type: ignore[arg-type, return-value]
        opened = rt.opened

        def end_and_open(thing: Any) -> None:
            rt.end()
            opened(thing)

        monkeypatch.setattr(rt, "opened", end_and_open)
        with pytest.raises(ConnectionFailed, match="ended"):
            await opening
        assert not hasattr(endpoint, "transport")
        gc.collect()

    run(scenario)
    assert not list(tmp_path.iterdir())


def test_who_waits_for_a_connection_elsewhere_is_told_that_the_nursery_was_cancelled() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        # A backlog that is full: whoever comes then waits.
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for each in (first, second):
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            async with QuietNursery() as nursery:
                inner = TrioRuntime(nursery)
                waiting = rt.create_task(inner.connect(HERE.with_port(full.getsockname()[1]), Endpoint))
                await trio.sleep(0.005)
                assert not waiting.done()
                nursery.cancel_scope.cancel()
            with pytest.raises(ConnectionFailed, match="ended"):
                await waiting

    run(scenario)


def test_stop_gives_connections_time_to_send_and_the_runtime_lives_on() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        here, there = await pair(rt)
        here.transport.write(bytes(3_000_000))
        there.transport.pause_reading()
        rt.call_later(0.01, there.transport.resume_reading)
        here.transport.close()
        await until(lambda: len(there.received) == 3_000_000)
        await rt.stop()
        assert here.lost == there.lost == [None]
        again, _ = await pair(rt)
        assert not again.lost

    run(scenario)


def test_a_nursery_that_moves_bytes_for_a_cancelled_body_stays_as_long_as_that_needs_it() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        here, there = await pair(rt)
        answered = False
        with trio.CancelScope() as scope:
            async with QuietNursery() as nursery:
                inner = TrioRuntime(nursery, shielded=True)
                mine = Endpoint()
                listener = await rt.listen(HERE, lambda: there)
                await inner.connect(listener.address, lambda: mine)
                try:
                    scope.cancel()
                    await trio.sleep_forever()
                finally:
                    with trio.move_on_after(LIMIT, shield=True):
                        await until(lambda: there.transport)
                        there.transport.write(b"goodbye")
                        await until(lambda: mine.received)
                        answered = True
                    inner.end()
        assert answered
        here.transport.abort()

    run(scenario)


def test_ctrl_c_in_a_callback_waits_for_the_main_task() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        calls: list[str] = []

        def interrupt() -> None:
            signal.raise_signal(signal.SIGINT)
            calls.append("finished")

        rt.call_soon(interrupt)
        try:
            await trio.sleep(LIMIT)
        finally:
            assert calls == ["finished"]

    with pytest.raises(KeyboardInterrupt):
        run(scenario)


# -- virtual time --


def test_time_outs_and_pauses_between_attempts_pass_in_no_time() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        server = await serve_peers(rt, Service(), [HERE], Options())
        (address,) = server.addresses
        peer = await open_peer(rt, address, Options(request_timeout=700.0), reconnect=True)
        start = rt.time()
        with pytest.raises(RequestTimeout):
            await peer.call("rest", timeout=500.0)
        assert 500 <= rt.time() - start < 501
        start = rt.time()
        with pytest.raises(RequestTimeout):
            await peer.remote.rest()
        assert 700 <= rt.time() - start < 800
        await server.close(3000.0)
        start = rt.time()
        later = peer.remote.add(1, 2, timeout=1000.0)
        await trio.sleep(100)
        again = await serve_peers(rt, Service(), [address], Options())
        assert await later == 3
        assert 100 <= rt.time() - start < 110
        with pytest.raises(ConnectionFailed):
            await open_peer(rt, HERE.with_port(1), Options(), timeout=1000.0)
        assert rt.time() - start > 1000
        await peer.close()
        await again.close()

    start = time.monotonic()
    run(scenario, jump=True)
    assert time.monotonic() - start < LIMIT


def test_a_runtime_has_one_read_buffer() -> None:
    async def scenario(rt: TrioRuntime) -> None:
        assert rt.read_buffer is rt.read_buffer
        assert len(rt.read_buffer) == 256 * 1024
        assert isinstance(rt.create_future(), Future)

    run(scenario)
