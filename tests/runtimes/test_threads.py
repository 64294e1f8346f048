"""What only the threads runtime does: who leads, who is woken, how it ends."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from junto.address import Address
from junto.errors import ConnectionFailed, ConnectionLost, LocalProtocolError, RequestTimeout
from junto.runtimes.polling import READ, EpollPoller, SelectorPoller
from junto.runtimes.threads import Cancelled, Future, ThreadsRuntime

LIMIT = 10.0


@pytest.fixture(params=[EpollPoller, SelectorPoller], ids=["epoll", "selectors"])
def rt(request: pytest.FixtureRequest) -> Iterator[ThreadsRuntime]:
    runtime = ThreadsRuntime(request.param())
    yield runtime
    runtime.close()


def until(is_so: Any) -> None:
    end = time.monotonic() + LIMIT
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.0005)


@contextlib.contextmanager
def waiting(rt: ThreadsRuntime, awaited: Any) -> Iterator[concurrent.futures.Future[Any]]:
    """Wait for *awaited* in another thread, which waits when the body begins."""
    outcome: concurrent.futures.Future[Any] = concurrent.futures.Future()
    before = len(rt._followers) + bool(rt._polling)

    def wait() -> None:
        try:
            outcome.set_result(rt.wait(awaited))
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=wait)
    thread.start()
    until(lambda: len(rt._followers) + bool(rt._polling) > before)
    yield outcome
    thread.join(LIMIT)
    assert not thread.is_alive()


def test_call_returns_a_plain_value_a_futures_result_and_a_flows_result(rt: ThreadsRuntime) -> None:
    async def flow(number: int) -> int:
        return number

    def later(number: int, *, plus: int) -> Future[int]:
        future = rt.create_future()
        rt.call_soon(future.set_result, number + plus)
        return future

    assert rt.call(lambda: 3) == 3
    assert rt.call(flow, 4) == 4
    assert rt.call(later, 4, plus=1) == 5
    assert rt.wait(flow(6)) == 6


def test_call_raises_what_the_function_raises(rt: ThreadsRuntime) -> None:
    with pytest.raises(ZeroDivisionError):
        rt.call(lambda: 1 // 0)
    assert rt.call(lambda: 3) == 3


def test_a_wait_that_times_out_cancels_what_it_waited_for(rt: ThreadsRuntime) -> None:
    cleaned: list[bool] = []

    async def flow() -> None:
        try:
            await rt.create_future()
        finally:
            cleaned.append(True)

    with pytest.raises(RequestTimeout):
        rt.wait(flow(), timeout=0.005)
    assert cleaned == [True]
    future = rt.create_future()
    with pytest.raises(TimeoutError):
        rt.wait(future, timeout=0)
    assert future.cancelled()


def test_a_follower_that_times_out_leaves_the_leader_alone(rt: ThreadsRuntime) -> None:
    future = rt.create_future()
    with waiting(rt, future) as outcome:
        with pytest.raises(RequestTimeout):
            rt.wait(rt.create_future(), timeout=0.005)
        rt.call_soon_threadsafe(future.set_result, "fine")
    assert outcome.result() == "fine"


def test_a_very_long_timeout_is_no_mistake(rt: ThreadsRuntime) -> None:
    for timeout in (1e9, 1e12, float("inf")):
        future = rt.create_future()
        with waiting(rt, rt.create_future()) as other:
            timer = threading.Timer(0.01, rt.call_soon_threadsafe, [future.set_result, None])
            timer.start()
            rt.wait(future, timeout=timeout)
            leader = rt.create_future()
            rt.call_soon_threadsafe(leader.set_result, None)
            rt.wait(leader, timeout=timeout)
            rt.call(lambda: [seat.future.cancel() for seat in rt._followers])
            if not other.done():
                rt.close()
        timer.join()
        if rt._closed:
            return


def test_the_follower_that_waits_longest_leads_next(rt: ThreadsRuntime) -> None:
    futures = [rt.create_future() for _ in range(3)]
    with contextlib.ExitStack() as stack:
        for future in futures:
            stack.enter_context(waiting(rt, future))
        order = [seat.future for seat in rt._followers]
        assert order == futures[1:]
        rt.call_soon_threadsafe(futures[0].set_result, None)
        until(lambda: [seat.future for seat in rt._followers] == futures[2:] and rt._polling)
        rt.call_soon_threadsafe(futures[1].set_result, None)
        until(lambda: not rt._followers and rt._polling)
        rt.call_soon_threadsafe(futures[2].set_result, None)


def test_a_result_wakes_its_waiter_and_nobody_else(rt: ThreadsRuntime) -> None:
    futures = [rt.create_future() for _ in range(3)]
    with (
        waiting(rt, futures[0]) as first,
        waiting(rt, futures[1]) as second,
        waiting(rt, futures[2]) as third,
    ):
        rt.call(lambda: futures[1].set_result("second"))
        assert second.result(LIMIT) == "second"
        assert not first.done()
        assert not third.done()
        rt.call(lambda: futures[0].set_result("first"))
        assert first.result(LIMIT) == "first"
        assert not third.done()
        rt.call(lambda: futures[2].set_result("third"))


def test_an_earlier_timer_from_another_thread_wakes_the_leader(rt: ThreadsRuntime) -> None:
    future = rt.create_future()
    with waiting(rt, future):
        rt.call(lambda: [rt.call_later(0.005, future.set_result, None)])


def test_a_new_socket_from_another_thread_is_polled(rt: ThreadsRuntime) -> None:
    class Accepting:
        def connection_made(self, transport: Any) -> None:
            transport.abort()
            accepted.set_result(None)

        def connection_lost(self, error: Exception | None) -> None: ...

    accepted = rt.create_future()
    with waiting(rt, accepted) as outcome:
        listener = rt.call(rt.listen, Address("tcp", "127.0.0.1"), Accepting)
        with ThreadsRuntimeClosing() as other:
            other.call(other.connect, listener.address, Quiet)
            outcome.result(LIMIT)


class Quiet:
    def connection_made(self, transport: Any) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> None: ...
    def connection_lost(self, error: Exception | None) -> None: ...


@contextlib.contextmanager
def ThreadsRuntimeClosing() -> Iterator[ThreadsRuntime]:
    runtime = ThreadsRuntime()
    try:
        yield runtime
    finally:
        runtime.close()


def test_waiting_in_a_callback_is_refused(rt: ThreadsRuntime) -> None:
    def callback() -> str:
        with pytest.raises(LocalProtocolError, match="workers="):
            rt.wait(rt.create_future())
        with pytest.raises(LocalProtocolError):
            rt.call(lambda: 3)
        return "refused"

    async def flow() -> str:
        return callback()

    assert rt.call(callback) == "refused"
    assert rt.call(flow) == "refused"


def test_a_callback_may_wait_on_another_runtime(rt: ThreadsRuntime) -> None:
    with ThreadsRuntimeClosing() as other:
        assert rt.call(lambda: other.call(lambda: 3)) == 3


def test_one_future_has_one_waiter(rt: ThreadsRuntime) -> None:
    future = rt.create_future()
    with waiting(rt, future):
        with pytest.raises(LocalProtocolError):
            rt.wait(future)
        rt.call(lambda: future.set_result(None))


def test_ctrl_c_hands_over_and_leaves_the_runtime_usable(rt: ThreadsRuntime) -> None:
    mine = rt.create_future()
    theirs = rt.create_future()
    followers: list[Any] = []

    def interrupt() -> None:
        until(lambda: rt._polling)
        with waiting(rt, theirs) as follower:
            followers.append(follower)
            os.kill(os.getpid(), signal.SIGINT)
            until(lambda: rt._leader and not rt._followers)
            rt.call_soon_threadsafe(theirs.set_result, "led by the follower")

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        rt.wait(mine)
    assert mine.cancelled()
    thread.join(LIMIT)
    assert followers[0].result() == "led by the follower"
    assert rt.call(lambda: 3) == 3


def test_ctrl_c_wakes_a_follower(rt: ThreadsRuntime) -> None:
    leading = rt.create_future()

    def interrupt() -> None:
        until(lambda: rt._followers)
        os.kill(os.getpid(), signal.SIGINT)

    with waiting(rt, leading) as leader:
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            rt.wait(rt.create_future())
        thread.join()
        assert not rt._followers
        rt.call_soon_threadsafe(leading.set_result, "unharmed")
    assert leader.result() == "unharmed"


def test_close_wakes_every_waiter_with_connection_lost(rt: ThreadsRuntime) -> None:
    async def flow() -> None:
        await rt.create_future()

    with (
        waiting(rt, rt.create_future()) as leader,
        waiting(rt, flow()) as second,
        waiting(rt, flow()) as third,
    ):
        rt.close()
        for outcome in (leader, second, third):
            with pytest.raises(ConnectionLost):
                outcome.result(LIMIT)
    rt.close()
    with pytest.raises(ConnectionLost):
        rt.call(lambda: 3)
    with pytest.raises(ConnectionLost):
        rt.wait(flow())
    rt.call_soon_threadsafe(lambda: None)
    rt.serve_forever()


def test_close_may_be_called_in_a_callback(rt: ThreadsRuntime) -> None:
    async def flow() -> None:
        rt.close()
        await rt.create_future()

    with pytest.raises(ConnectionLost):
        rt.wait(flow(), timeout=LIMIT)


def test_close_may_be_called_in_the_pump_thread(rt: ThreadsRuntime) -> None:
    thread = rt.start_thread()
    rt.call_soon_threadsafe(rt.close)
    thread.join(LIMIT)
    assert not thread.is_alive()


def test_close_ends_a_flow_that_does_not_want_to_end(rt: ThreadsRuntime) -> None:
    async def stubborn() -> None:
        while True:
            with contextlib.suppress(Cancelled):
                await rt.create_future()

    with waiting(rt, stubborn()) as outcome:
        rt.close()
        with pytest.raises(ConnectionLost):
            outcome.result(LIMIT)


def test_a_closed_runtime_leaves_no_file_open() -> None:
    def count() -> int:
        gc.collect()
        return len(os.listdir("/dev/fd"))

    before = count()
    runtime = ThreadsRuntime()
    listener = runtime.call(runtime.listen, Address("tcp", "127.0.0.1"), Quiet)
    runtime.start_thread()
    runtime.call(runtime.connect, listener.address, Quiet)
    assert count() > before
    runtime.close()
    until(lambda: count() == before)


def test_serve_forever_ends_when_the_runtime_is_stopped(rt: ThreadsRuntime) -> None:
    def stop() -> None:
        until(lambda: rt._pumps)
        rt.call(rt.stop)

    thread = threading.Thread(target=stop)
    thread.start()
    rt.serve_forever()
    thread.join()
    assert rt.call(lambda: "usable") == "usable"


def test_serve_forever_ends_with_what_it_was_given(rt: ThreadsRuntime) -> None:
    future = rt.create_future()
    rt.call(lambda: [rt.call_later(0.005, future.set_result, None)])
    rt.serve_forever(future)
    failing = rt.create_future()
    rt.call_soon_threadsafe(failing.set_exception, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        rt.serve_forever(failing)


def test_a_pump_thread_has_a_name_and_ends_with_close(rt: ThreadsRuntime) -> None:
    called = threading.Event()
    thread = rt.start_thread("the pump")
    assert thread.name == "the pump"
    rt.call(lambda: [rt.call_later(0.001, called.set)])
    assert called.wait(LIMIT)
    rt.close()
    assert not thread.is_alive()


def test_submit_gives_a_future_of_the_standard_library(rt: ThreadsRuntime) -> None:
    async def flow(number: int) -> int:
        future = rt.create_future()
        rt.call_later(0.001, future.set_result, number)
        return int(await future)

    with pytest.raises(LocalProtocolError, match="start_thread"):
        rt.submit(flow, 1)
    rt.start_thread()
    submitted = [rt.submit(flow, number) for number in range(20)]
    assert [future.result(LIMIT) for future in submitted] == list(range(20))
    assert rt.submit(lambda: "plain").result(LIMIT) == "plain"
    with pytest.raises(ZeroDivisionError):
        rt.submit(lambda: 1 // 0).result(LIMIT)
    assert rt.call(lambda: [rt.submit(flow, 3)])[0].result(LIMIT) == 3


def test_a_submitted_flow_ends_when_its_future_is_cancelled(rt: ThreadsRuntime) -> None:
    ended = threading.Event()

    async def flow() -> None:
        try:
            await rt.create_future()
        finally:
            ended.set()

    rt.start_thread()
    assert rt.submit(flow).cancel()
    assert ended.wait(LIMIT)


def test_close_settles_what_was_submitted(rt: ThreadsRuntime) -> None:
    rt.start_thread()
    future = rt.submit(rt.create_future)
    rt.close()
    with pytest.raises(ConnectionLost):
        future.result(LIMIT)


def test_a_name_is_looked_up_without_the_lock(rt: ThreadsRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    looking = threading.Event()

    def slow(*args: Any, flags: int = 0, **kwargs: Any) -> Any:
        import socket

        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror("not a number")
        looking.set()
        assert go.wait(LIMIT)
        raise socket.gaierror("no such name")

    monkeypatch.setattr("socket.getaddrinfo", slow)
    outcome: list[BaseException] = []

    def connect() -> None:
        try:
            rt.call(rt.connect, Address("tcp", "slow.example", 80), Quiet)
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=connect)
    thread.start()
    assert looking.wait(LIMIT)
    future = rt.create_future()
    rt.call(lambda: [rt.call_later(0.001, future.set_result, "meanwhile")])
    assert rt.wait(future, timeout=LIMIT) == "meanwhile"
    go.set()
    thread.join(LIMIT)
    assert isinstance(outcome[0], ConnectionFailed)


def test_awaiting_a_foreign_future_is_a_mistake_that_is_told(rt: ThreadsRuntime) -> None:
    async def flow() -> None:
        await asyncio.sleep(0)

    with pytest.raises(LocalProtocolError, match="own runtime"):
        rt.wait(flow())


def test_a_task_whose_error_nobody_sees_is_logged(
    rt: ThreadsRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "junto"):
        rt.call(lambda: [rt.create_task(fail())])
        gc.collect()
    assert any("nobody asked" in record.message for record in caplog.records)


def test_it_works_under_a_running_event_loop(rt: ThreadsRuntime) -> None:
    async def main() -> int:
        async def flow() -> int:
            return 3

        return int(rt.call(flow))

    assert asyncio.run(main()) == 3


def test_it_needs_neither_asyncio_nor_ssl_nor_futures() -> None:
    code = (
        "import sys, junto.runtimes.threads as t; r = t.ThreadsRuntime(); r.call(lambda: 3); r.close();"
        "sys.exit(bool({'asyncio', 'ssl', 'concurrent.futures'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_runtime_that_goes_out_of_use_in_a_circle_closes_its_sockets_without_complaint() -> None:
    runtime: Any = ThreadsRuntime()
    fd = runtime._waker.fd
    runtime.circle = runtime
    del runtime
    gc.collect()  # a complaint is an error here
    with pytest.raises(OSError):
        os.fstat(fd)


def test_a_socket_that_was_collected_before_its_runtime_does_not_keep_it_from_closing(
    rt: ThreadsRuntime,
) -> None:
    inner, outer = socket.socketpair()
    rt._poller.watch(inner.fileno(), READ, lambda _mask: None)
    fd = inner.fileno()
    inner.close()  # as its finalizer does, in whatever order those of a circle are called
    rt._poller.watch(fd, 0, lambda _mask: None)
    assert fd not in rt._poller.handlers
    outer.close()
