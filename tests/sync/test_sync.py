"""The blocking flavour: threads, futures, interrupts, and no event loop anywhere."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from junto import aio, expose, sync
from junto.errors import (
    ConnectionFailed,
    ConnectionLost,
    LocalProtocolError,
    Overloaded,
    RemoteError,
    RequestTimeout,
)

HERE = "tcp://127.0.0.1:0"


class Math:
    def __init__(self) -> None:
        self.closed = 0
        self.made = 0
        self.release = threading.Event()

    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    async def never(self) -> None:
        from junto.runtime import Runtime

        runtime: Runtime = self.server._runtime  # type: ignore[attr-defined]
        await runtime.create_future()

    @expose
    def count(self, to: int) -> Iterator[int]:
        try:
            for number in range(to):
                self.made += 1
                yield number
        finally:
            self.closed += 1

    @expose
    def broken(self) -> Iterator[int]:
        yield 1
        raise ValueError("after one")

    @expose
    def listing(self) -> list[int]:
        return [1, 2, 3]

    @expose
    def block(self) -> str:
        self.release.wait(10.0)
        return "released"

    @expose
    def ask_back(self, proxy: Any, number: int) -> Any:
        return proxy.double(number)


class Mine:
    @expose
    def double(self, number: int) -> int:
        return 2 * number


@pytest.fixture
def math() -> Math:
    return Math()


@pytest.fixture
def server(math: Math) -> Iterator[sync.Server]:
    with sync.serve(math, HERE, workers=4) as server:
        math.server = server  # type: ignore[attr-defined]
        server.start_thread()
        yield server
        math.release.set()
        server.close(0.01)


@pytest.fixture
def peer(server: sync.Server) -> Iterator[sync.Peer]:
    with sync.connect(server.addresses[0]) as peer:
        yield peer


def until(is_so: Any, seconds: float = 8.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.001)


def started(function: Any) -> tuple[threading.Thread, list[Any]]:
    """Run *function* in a thread; its result or error is in the list when it has ended."""
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append(function())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, outcome


def joined(thread: threading.Thread) -> None:
    thread.join(8.0)
    assert not thread.is_alive()


# -- calls --


def test_calls_block_and_give_results(peer: sync.Peer) -> None:
    assert peer.remote.add(3, 4) == 7
    assert peer.remote.add(3, b=4, timeout=5.0) == 7
    assert peer.call("add", 3, 4, returns=float) == 7.0
    assert peer.ping() < 5.0
    assert {function["path"] for function in peer.describe()} >= {"add", "count"}
    assert peer.channel.request(["add", [1, 2], {}]) == 3
    with pytest.raises(RemoteError):
        peer.remote.nothing()
    with pytest.raises(RequestTimeout):
        peer.remote.never(timeout=0.01)
    assert peer.remote.add(3, 4) == 7


def test_sixteen_threads_share_a_peer(peer: sync.Peer) -> None:
    def work(number: int) -> int:
        total = 0
        for turn in range(100):
            total += peer.remote.add(number, turn, timeout=8.0)
            if turn % 25 == 0:
                with pytest.raises(RequestTimeout):
                    peer.remote.never(timeout=0.002)
        return total

    threads = [started(lambda number=number: work(number)) for number in range(16)]
    for number, (thread, outcome) in enumerate(threads):
        joined(thread)
        assert outcome == [sum(number + turn for turn in range(100))]


def test_a_time_out_in_one_thread_leaves_the_others_alone(peer: sync.Peer, math: Math) -> None:
    thread, outcome = started(lambda: peer.remote.block(timeout=8.0))
    for _ in range(5):
        with pytest.raises(RequestTimeout):
            peer.remote.never(timeout=0.005)
    assert not outcome
    math.release.set()
    joined(thread)
    assert outcome == ["released"]


def test_closing_from_another_thread_ends_calls_that_wait(peer: sync.Peer) -> None:
    threads = [started(lambda: peer.remote.never()) for _ in range(5)]
    until(lambda: len(peer._inner.channel._futures) == 5)
    peer.close()
    for thread, outcome in threads:
        joined(thread)
        assert isinstance(outcome[0], ConnectionLost)
    with pytest.raises(ConnectionLost):
        peer.remote.add(1, 2)


def test_closing_twice_and_from_several_threads_is_fine(server: sync.Server) -> None:
    peer = sync.connect(server.addresses[0])
    threads = [started(peer.close) for _ in range(4)]
    for thread, outcome in threads:
        joined(thread)
        assert outcome == [None]
    peer.close()
    assert peer.is_closing()
    peer.wait_closed()
    channel = sync.open_channel(server.addresses[0])
    channel.close()
    channel.close()


def test_the_end_of_the_server_is_told(server: sync.Server, peer: sync.Peer) -> None:
    thread, outcome = started(lambda: peer.remote.never())
    until(lambda: len(peer._inner.channel._futures) == 1)
    server.close(0.01)
    joined(thread)
    assert isinstance(outcome[0], ConnectionLost | RemoteError)
    with pytest.raises(ConnectionLost):
        for _ in range(100):
            peer.remote.add(1, 2)
    with pytest.raises(ConnectionFailed):
        sync.connect(server.addresses[0])


def test_a_repr_tells_what_it_is(server: sync.Server, peer: sync.Peer) -> None:
    assert "Peer" in repr(peer)
    assert str(server.addresses[0]) in repr(server)


# -- handlers --


def test_a_service_of_ours_is_served_while_we_wait(peer: sync.Peer, server: sync.Server) -> None:
    mine = Mine()
    with sync.connect(server.addresses[0], service=mine) as other:
        assert other.remote.ask_back(mine, 21, timeout=8.0) == 42


def test_calls_of_the_peer_are_answered_by_a_thread_of_our_own(server: sync.Server) -> None:
    got: list[Any] = []
    with sync.serve(None, HERE, connected=got.append) as asking:
        asking.start_thread()
        with sync.connect(asking.addresses[0], service=Mine()) as peer:
            peer.start_thread()
            until(lambda: got)
            assert got[0].remote.double(4, timeout=8.0) == 8
            assert got[0].call("double", 4, timeout=8.0) == 8


def test_a_handler_that_calls_back_without_workers_is_refused_with_advice() -> None:
    mine = Mine()
    with sync.serve(Math(), HERE) as server:
        server.start_thread()
        with sync.connect(server.addresses[0], service=mine) as peer:
            with pytest.raises(RemoteError, match="workers"):
                peer.remote.ask_back(mine, 21, timeout=8.0)
            assert peer.remote.add(1, 2) == 3


def test_workers_call_back_at_a_limit_of_one() -> None:
    mine = Mine()
    with sync.serve(Math(), HERE, workers=1, max_handlers=1) as server:
        server.start_thread()
        with sync.connect(server.addresses[0], service=mine, workers=1, max_handlers=1) as peer:
            threads = [
                started(lambda number=number: peer.remote.ask_back(mine, number, timeout=8.0))
                for number in range(8)
            ]
            for number, (thread, outcome) in enumerate(threads):
                joined(thread)
                assert outcome == [2 * number]


def test_a_proxy_of_a_connection_comes_back_as_the_object_itself(server: sync.Server) -> None:
    class Keeper:
        @expose
        def same(self, what: Any) -> Any:
            return what

    mine = Mine()
    with sync.serve(Keeper(), HERE) as keeping:
        keeping.start_thread()
        with sync.connect(keeping.addresses[0], service=mine) as peer:
            peer.ping()
            assert peer.remote.same(mine, timeout=8.0) is mine


# -- streams --


def test_streams_are_iterated_with_for(peer: sync.Peer, math: Math) -> None:
    assert list(peer.remote.count(100)) == list(range(100))
    assert list(peer.call("count", 100)) == list(range(100))
    assert list(peer.channel.request(["count", [100], {}])) == list(range(100))
    assert list(peer.remote.listing()) == [1, 2, 3]
    assert math.closed == 3
    stream = peer.remote.broken()
    assert next(stream) == 1
    with pytest.raises(RemoteError, match="after one"):
        next(stream)


def test_a_stream_that_is_left_early_or_closed_stops_its_producer(peer: sync.Peer, math: Math) -> None:
    for number in peer.remote.count(10**9):
        if number == 100:
            break
    gc.collect()
    peer.ping()  # nothing moves while nobody waits
    until(lambda: math.closed == 1)
    assert math.made < 300
    stream = peer.remote.count(10**9)
    assert next(stream) == 0
    stream.close()
    stream.close()
    with pytest.raises(StopIteration):
        next(stream)
    until(lambda: math.closed == 2)


def test_streams_in_several_threads(peer: sync.Peer) -> None:
    threads = [started(lambda: sum(peer.remote.count(500))) for _ in range(8)]
    for thread, outcome in threads:
        joined(thread)
        assert outcome == [sum(range(500))]


def test_a_connection_that_is_lost_ends_a_stream(server: sync.Server, peer: sync.Peer) -> None:
    stream = peer.remote.count(10**9)
    next(stream)
    server.close(0.0)
    with pytest.raises((ConnectionLost, RemoteError)):
        for _ in stream:
            pass


# -- futures --


def test_futures_need_a_thread_and_are_those_of_the_standard_library(peer: sync.Peer) -> None:
    from concurrent.futures import Future, as_completed, wait

    peer.start_thread()
    futures = [peer.futures.add(number, 1) for number in range(100)]
    assert all(isinstance(future, Future) for future in futures)
    done, pending = wait(futures, 8.0)
    assert not pending
    assert sorted(future.result() for future in done) == list(range(1, 101))
    assert {future.result() for future in as_completed(futures, 8.0)} == set(range(1, 101))
    with pytest.raises(RemoteError):
        peer.futures.nothing().result(8.0)
    with pytest.raises(RequestTimeout):
        peer.futures.never(timeout=0.01).result(8.0)
    assert peer.channel.submit(["add", [1, 2], {}]).result(8.0) == 3
    given_up = peer.futures.never()
    assert given_up.cancel()
    assert peer.remote.add(1, 2) == 3
    assert peer.futures is peer.futures


def test_a_stream_as_a_future_is_iterated_with_for(peer: sync.Peer) -> None:
    peer.start_thread()
    assert list(peer.futures.count(100).result(8.0)) == list(range(100))
    assert list(peer.channel.submit(["count", [100], {}]).result(8.0)) == list(range(100))


def test_futures_that_wait_when_it_is_closed_fail(server: sync.Server) -> None:
    peer = sync.connect(server.addresses[0])
    peer.start_thread()
    futures = [peer.futures.never() for _ in range(3)]
    until(lambda: len(peer._inner.channel._futures) == 3)
    peer.close()
    for future in futures:
        with pytest.raises(ConnectionLost):
            future.result(8.0)


def test_what_cannot_be_sent_fails_its_future(peer: sync.Peer) -> None:
    peer.start_thread()
    with pytest.raises(ValueError):
        peer.futures.add(object(), 1).result(8.0)


# -- serving --


def test_serve_forever_ends_when_the_server_is_closed(math: Math) -> None:
    server = sync.serve(math, HERE)
    thread, outcome = started(server.serve_forever)
    with sync.connect(server.addresses[0]) as peer:
        assert peer.remote.add(1, 2) == 3
    server.close()
    joined(thread)
    assert outcome == [None]
    server.close()


def test_serve_forever_of_a_peer_ends_with_its_connection(server: sync.Server) -> None:
    peer = sync.connect(server.addresses[0])
    thread, outcome = started(peer.serve_forever)
    assert peer.remote.add(1, 2) == 3
    server.close(0.01)
    joined(thread)
    assert outcome == [None]
    peer.close()


def test_several_threads_may_serve(math: Math) -> None:
    with sync.serve(math, HERE) as server:
        threads = [started(server.serve_forever) for _ in range(3)]
        with sync.connect(server.addresses[0]) as peer:
            assert [peer.remote.add(number, 1) for number in range(100)] == list(range(1, 101))
    for thread, outcome in threads:
        joined(thread)
        assert outcome == [None]


def test_channels_are_served_by_a_handler_or_by_hand() -> None:
    with sync.serve_channels(lambda content: content * 2, HERE) as server:
        server.start_thread()
        with sync.open_channel(server.addresses[0]) as channel:
            assert channel.request(21) == 42
            assert channel.extended
            channel.notify("x")
            assert channel.late_replies == 0
            assert channel.peername[1] == server.addresses[0].port
    got: list[sync.Channel] = []
    with sync.serve_channels(None, HERE, connected=got.append) as server:
        server.start_thread()
        with sync.open_channel(server.addresses[0]) as channel:
            thread, outcome = started(lambda: [channel.request(number) for number in range(3)])
            until(lambda: got)
            for number, request in enumerate(got[0]):
                assert request.content == number
                request.reply(-number)
                if number == 2:
                    break
            joined(thread)
            assert outcome == [[0, -1, -2]]
            thread, outcome = started(lambda: channel.request("x"))
            got[0].recv().fail(ValueError("no"))
            joined(thread)
            assert isinstance(outcome[0], RemoteError)


def test_a_request_that_is_dropped_is_answered() -> None:
    got: list[sync.Channel] = []
    with sync.serve_channels(None, HERE, connected=got.append) as server:
        server.start_thread()
        with sync.open_channel(server.addresses[0]) as channel:
            thread, outcome = started(lambda: channel.request("x", timeout=8.0))
            until(lambda: got)
            got[0].recv()
            gc.collect()
            joined(thread)
            assert isinstance(outcome[0], RemoteError)


def test_limits_and_options_are_the_same(server: sync.Server) -> None:
    with sync.connect(server.addresses[0], max_pending=1, request_timeout=0.05) as peer:
        thread, outcome = started(lambda: peer.remote.never())
        until(lambda: len(peer._inner.channel._futures) == 1)
        with pytest.raises(Overloaded):
            peer.remote.add(1, 2)
        joined(thread)
        assert isinstance(outcome[0], RequestTimeout)
    with pytest.raises(ValueError):
        sync.connect(server.addresses[0], max_pending=0)
    with pytest.raises(TypeError):
        sync.connect(server.addresses[0], nonsense=1)  # type: ignore[call-arg]


# -- worlds --


def test_it_works_inside_a_running_event_loop(server: sync.Server) -> None:
    async def main() -> None:
        with sync.connect(server.addresses[0]) as peer:
            assert peer.remote.add(1, 2) == 3
            async with aio.connect(server.addresses[0]) as other:
                assert await other.remote.add(3, 4) == 7
            assert peer.remote.add(1, 2) == 3

    asyncio.run(main())


def test_both_flavours_talk_to_each_other() -> None:
    mine = Mine()

    class AskBack:
        @expose
        async def ask_back(self, proxy: Any, number: int) -> Any:
            return await proxy.double(number)

        @expose
        async def count(self, to: int) -> Any:
            for number in range(to):
                yield number

    ready: list[Any] = []
    stop = threading.Event()

    async def serve() -> None:
        async with aio.serve(AskBack(), HERE) as server:
            ready.append(server.addresses[0])
            await asyncio.to_thread(stop.wait, 10.0)

    thread, outcome = started(lambda: asyncio.run(serve()))
    until(lambda: ready)
    try:
        with sync.connect(ready[0], service=mine) as peer:
            assert peer.remote.ask_back(mine, 21, timeout=8.0) == 42
            assert list(peer.remote.count(100)) == list(range(100))
    finally:
        stop.set()
    joined(thread)
    assert outcome == [None]


def test_importing_it_imports_no_asyncio_and_starts_nothing() -> None:
    program = """
import sys, threading
import junto.sync
wrong = {"asyncio", "uvloop", "ssl", "trio", "blosc"} & set(sys.modules)
assert not wrong, wrong
assert threading.active_count() == 1
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_using_it_imports_no_asyncio_and_starts_no_thread() -> None:
    program = """
import sys, threading
from junto import expose, sync
@expose
def f(): return 1
server = sync.serve({"f": f}, "tcp://127.0.0.1:0")
threads = threading.active_count()
server.start_thread()
with sync.connect(server.addresses[0]) as peer:
    assert peer.remote.f() == 1
    assert threading.active_count() == threads + 1 == 2
server.close()
assert threading.active_count() == 1
assert "asyncio" not in sys.modules
"""
    subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", program], check=True, timeout=30)


def test_ctrl_c_in_a_waiting_call_leaves_the_peer_usable() -> None:
    program = """
import _thread, os, signal, threading, time
from junto import expose, sync

class S:
    @expose
    def f(self): return 1
    @expose
    def wait(self): time.sleep(0.3)

with sync.serve(S(), "tcp://127.0.0.1:0", workers=4) as server:
    server.start_thread()
    with sync.connect(server.addresses[0]) as peer:
        for _ in range(3):
            threading.Timer(0.05, _thread.interrupt_main).start()
            try:
                peer.remote.wait()
            except KeyboardInterrupt:
                pass
            else:
                raise AssertionError("not interrupted")
            assert peer.remote.f() == 1
        # As a follower, while another thread leads.
        other = threading.Thread(target=lambda: peer.remote.wait())
        other.start()
        time.sleep(0.02)
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            peer.remote.wait()
        except KeyboardInterrupt:
            pass
        assert peer.remote.f() == 1
        other.join(5.0)
        assert not other.is_alive()
        # In serve_forever.
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            peer.serve_forever()
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("not interrupted")
        assert peer.remote.f() == 1
print("fine")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.stdout == "fine\n", done.stderr


def test_a_program_that_forgets_to_close_ends_all_the_same() -> None:
    program = """
from junto import expose, sync
@expose
def f(): return 1
server = sync.serve({"f": f}, "tcp://127.0.0.1:0", workers=2)
server.start_thread()
peer = sync.connect(server.addresses[0])
peer.start_thread()
assert peer.remote.f() == 1
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_waiting_in_a_callback_is_refused_with_advice(server: sync.Server) -> None:
    with sync.connect(server.addresses[0]) as peer:
        refused: list[Any] = []

        def callback() -> None:
            try:
                peer.remote.add(1, 2)
            except LocalProtocolError as error:
                refused.append(error)

        peer._runtime.call(callback)
        assert "workers" in str(refused[0])
        assert peer.remote.add(1, 2) == 3


def test_what_waits_for_nothing_may_be_done_in_a_callback() -> None:
    class Leaving:
        @expose
        def tell(self) -> None:
            callers[0].notify("hear", "a word")

        @expose
        def leave(self) -> None:
            callers[0].channel.abort()

    class Listening:
        @expose
        def hear(self, word: str) -> None:
            heard.append(word)

    heard: list[str] = []
    callers: list[sync.Peer] = []
    with sync.serve(Leaving(), "tcp://127.0.0.1:0", connected=callers.append) as server:
        server.start_thread()
        with sync.connect(server.addresses[0], service=Listening()) as peer:
            peer.remote.tell()
            peer.ping()
            assert heard == ["a word"]
            with pytest.raises(ConnectionLost):
                peer.remote.leave(timeout=10.0)


def test_a_server_that_is_aborted_breaks_its_connections() -> None:
    class Slow:
        @expose
        def rest(self) -> None:
            release.wait(10.0)

    release = threading.Event()
    with sync.serve(Slow(), "tcp://127.0.0.1:0", workers=1) as server:
        server.start_thread()
        with sync.connect(server.addresses[0]) as peer:
            peer.start_thread()
            resting = peer.futures.rest()
            peer.ping()
            server.abort()
            with pytest.raises(ConnectionLost):
                resting.result(10.0)
            release.set()
