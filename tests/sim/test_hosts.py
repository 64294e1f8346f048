"""Hosts and their lives: what runs on them, how they die, and what is told of it."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import gc
import os
import signal
import socket
import sys
import threading
import time
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any

import pytest

from junto.sim import Host, HostDied, UnclaimedError, World, run
from junto.sim.trace import Trace

Log = list[Any]


def in_world(seed: int = 1, **options: Any) -> Callable[[Callable[..., Coroutine[Any, Any, Any]]], Any]:
    """Run the decorated function as the controlling program of a new world; what is left is its result."""

    def run(main: Callable[..., Coroutine[Any, Any, Any]]) -> Any:
        world = World(seed, **options)
        return world.run(main, world)

    return run


async def tick(log: Log, name: str = "", every: float = 1) -> None:
    try:
        while True:
            await asyncio.sleep(every)
            log.append(name)
    except asyncio.CancelledError:
        log.append(f"{name} cancelled")
        raise
    finally:
        log.append(f"{name} finally")


def test_tasks_of_one_host_are_not_those_of_another() -> None:  # H3
    log: Log = []

    async def cancel_all() -> None:
        await asyncio.sleep(2.5)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    @in_world()
    async def _(world: World) -> None:
        one, other = world.hosts("one", "other")
        one.run(tick, log, "one")
        other.run(tick, log, "other")
        one.run(cancel_all)
        await world.sleep(3.5)
        assert one.loop is not other.loop
        assert "one cancelled" in log
        assert log.count("other") == 3
        assert "other cancelled" not in log


def test_what_is_left_at_the_end_is_closed_from_inside_however_often_it_waits() -> None:  # R9, trap 23
    log: Log = []
    made: list[asyncio.Task[None]] = []

    class Inner:
        def __await__(self) -> Generator[Any, None, None]:
            return self.run().__await__()

        async def run(self) -> None:
            loop = asyncio.get_running_loop()
            try:
                await asyncio.sleep(100)
            finally:
                made.append(loop.create_task(never()))
                await asyncio.sleep(0)
                log.append("not this")

    async def never() -> None:
        log.append("not this either")

    async def outer() -> None:
        try:
            await Inner()
        finally:
            log.append("closed")

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")

        @in_world()
        async def _(world: World) -> None:
            world.host("a").run(outer)
            await world.sleep(1)

        gc.collect()
    assert log == ["closed"]
    assert len(made) == 1
    assert told == []


def test_nothing_of_a_killed_process_runs_any_more() -> None:  # H4
    log: Log = []

    async def iterate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            log.append("generator")

    async def hold() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(2, log.append, "timer")
        async for _ in iterate():
            await asyncio.sleep(100)

    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        program = host.run(tick, log, "n1")
        host.run(hold)
        await world.sleep(1.5)
        host.kill()
        gc.collect()
        await world.sleep(10)
        assert log == ["n1"]
        assert not host.alive
        with pytest.raises(HostDied):
            await program.wait()
        with pytest.raises(HostDied):
            host.run(tick, log)
        host.kill()

    # At the end of the run what it held is closed, so that nothing is left to a later run.
    assert sorted(log[1:]) == ["generator", "n1 finally"]


def test_a_host_that_kills_itself_gets_no_further() -> None:  # H4
    log: Log = []

    async def end(host: Host) -> None:
        asyncio.get_running_loop().call_soon(log.append, "next")
        host.kill()
        log.append("rest of the callback")
        await asyncio.sleep(0)
        log.append("never")

    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        host.run(end, host)
        await world.sleep(1)

    assert log == ["rest of the callback"]


def test_a_restarted_host_runs_its_programs_again_in_a_new_loop() -> None:  # H6
    log: Log = []

    async def start(name: str) -> None:
        log.append((name, len(asyncio.all_tasks())))
        await asyncio.sleep(100)

    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        program = host.run(start, "first")
        pid, loop = host.pid, host.loop
        await world.sleep(1)
        host.power_off()
        assert program.done()
        await world.sleep(1)
        host.restart()
        assert not program.done()
        await world.sleep(1)
        host.restart()
        await world.sleep(1)
        assert log == [("first", 1)] * 3
        assert host.boot == 3
        assert host.pid != pid
        assert host.loop is not loop


def test_a_paused_host_is_late_and_does_all_at_once() -> None:  # H7
    log: Log = []

    async def write(world: World) -> None:
        for number in range(4):
            asyncio.get_running_loop().call_later(
                number + 0.5, lambda number=number: log.append((number, round(world.now, 2)))
            )
        await asyncio.sleep(100)

    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        host.run(write, world)
        await world.sleep(1)
        host.pause()
        host.pause()
        await world.sleep(2)
        host.resume()
        host.resume()
        await world.sleep(2)

    assert log == [(0, 0.5), (1, 3.0), (2, 3.0), (3, 3.5)]


def test_a_killed_host_is_not_resumed() -> None:
    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        host.pause()
        host.kill()
        host.resume()
        assert not host.running
        host.restart()
        assert host.running


def test_a_signal_runs_its_handler_of_the_loop() -> None:  # H8
    log: Log = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGUSR1, log.append, "usr1")
        await stop.wait()
        log.append("stops")
        assert loop.remove_signal_handler(signal.SIGUSR1)
        assert not loop.remove_signal_handler(signal.SIGUSR1)
        await asyncio.sleep(1)
        log.append("stopped")

    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        host.run(serve)
        await world.sleep(1)
        host.stop(signal.SIGUSR1)
        await world.sleep(1)
        host.stop()
        await world.sleep(0.5)
        assert log == ["usr1", "stops"]
        await world.sleep(1)
        assert log == ["usr1", "stops", "stopped"]
        assert host.alive
        host.stop(signal.SIGUSR1)
        assert not host.alive


def test_a_signal_runs_its_handler_of_the_process() -> None:  # H8
    log: Log = []
    before = signal.getsignal(signal.SIGTERM)

    async def serve() -> None:
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.signal(signal.SIGTERM, lambda *args: log.append(args)) == signal.SIG_DFL
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.raise_signal(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(OSError, match="Invalid"):
            signal.signal(signal.SIGKILL, print)
        await asyncio.sleep(100)

    @in_world()
    async def _(world: World) -> None:
        one, other = world.hosts("one", "other")
        one.run(serve)
        await world.sleep(1)
        assert log == [(signal.SIGTERM, None)]
        other.stop()
        assert not other.alive
        one.stop(signal.SIGCHLD)
        one.stop(signal.SIGSTOP)
        assert one.alive
        assert not one.running
        one.stop(signal.SIGCONT)
        assert one.running
        one.stop(signal.SIGKILL)
        assert not one.alive

    assert signal.getsignal(signal.SIGTERM) == before


def test_a_handler_that_raises_an_interrupt_ends_the_process_only() -> None:  # H8
    log: Log = []

    def handler(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    async def serve() -> None:
        signal.signal(signal.SIGTERM, handler)
        try:
            await asyncio.sleep(100)
        finally:
            log.append("closed")

    @in_world()
    async def _(world: World) -> None:
        host = world.host("a")
        host.run(serve)
        await world.sleep(1)
        host.stop()
        await world.sleep(1)
        assert not host.alive

    assert log == ["closed"]


def test_an_interrupt_cancels_the_programs_first_and_then_what_they_left() -> None:  # H8
    log: Log = []

    async def main() -> None:
        other = asyncio.create_task(tick(log, "other"))
        try:
            await tick(log, "main")
        finally:
            assert not other.done()
            await asyncio.sleep(1)
            log.append("cleaned up")

    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        host.run(main)
        await world.sleep(0.5)
        host.stop(signal.SIGINT)
        await world.sleep(0.1)
        assert log == ["main cancelled", "main finally"]
        assert host.alive
        await world.sleep(2)
        assert log[2:] == ["other", "cleaned up", "other cancelled", "other finally"]
        assert not host.alive


def test_a_second_interrupt_ends_at_once() -> None:  # H8
    log: Log = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                log.append("no")

    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        host.run(stubborn)
        await world.sleep(1)
        host.stop(signal.SIGINT)
        await world.sleep(1)
        assert log == ["no"]
        host.stop(signal.SIGINT)
        assert not host.alive


@pytest.mark.parametrize("code", [0, 3])
def test_exit_ends_the_process_in_order_and_is_an_error_unless_it_is_zero(code: int) -> None:
    log: Log = []

    async def leave() -> None:
        left = asyncio.create_task(tick(log, "left"))
        await asyncio.sleep(0.5)
        assert not left.done()
        sys.exit(code)

    async def control(world: World) -> None:
        host = world.host("n1")
        host.run(leave)
        await world.sleep(1)
        assert not host.alive
        assert log == ["left cancelled", "left finally"]

    world = World(1)
    if code:
        with pytest.raises(UnclaimedError, match="SystemExit: 3"):
            world.run(control, world)
    else:
        world.run(control, world)


def test_an_error_that_nobody_takes_fails_the_run_with_its_place_and_time() -> None:  # H9, O1
    async def fail() -> None:
        await asyncio.sleep(2)
        raise ValueError("broken")

    async def control(world: World) -> None:
        world.host("n1").run(fail)
        await world.sleep(5)

    world = World(1)
    with pytest.raises(
        UnclaimedError, match=r"n1 at 2\.0000\d\d s: fail failed: ValueError: broken"
    ) as caught:
        world.run(control, world)
    assert isinstance(caught.value.__cause__, ValueError)
    assert world.now == pytest.approx(5)


def test_errors_of_callbacks_tasks_and_handlers_are_recorded() -> None:  # H9
    async def fail() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(int, "x")
        loop.call_exception_handler({"message": "a library complains"})
        asyncio.create_task(asyncio.sleep(1 / 2, result=None)).add_done_callback(lambda _: int("y"))
        await asyncio.sleep(1)

    async def control(world: World) -> None:
        world.host("n1").run(fail)
        await world.sleep(5)

    world = World(1)
    with pytest.raises(UnclaimedError) as caught:
        world.run(control, world)
    assert len(caught.value.errors) == 3
    assert "a library complains" in caught.value.errors[0]


def test_an_error_that_was_waited_for_or_expected_does_not_fail_the_run() -> None:  # H9
    async def fail(error: Exception) -> None:
        raise error

    @in_world()
    async def _(world: World) -> None:
        one, other = world.hosts("one", "other")
        with pytest.raises(KeyError):
            await one.run(fail, KeyError()).wait()
        world.expect_error(other, ValueError)
        world.expect_error(None, (OSError, LookupError))
        other.run(fail, ValueError())
        one.run(fail, ConnectionResetError())
        one.run(fail, IndexError())
        await world.sleep(1)

    with pytest.raises(UnclaimedError):

        @in_world()
        async def _(world: World) -> None:
            world.expect_error(world.host("other"), ValueError)
            world.host("one").run(fail, ValueError())
            await world.sleep(1)


def test_an_error_of_the_controlling_program_tells_what_failed_before() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    async def control(world: World) -> None:
        world.host("n1").run(fail)
        await world.sleep(1)
        raise LookupError("what was expected of n1")

    world = World(1)
    with pytest.raises(LookupError) as caught:
        world.run(control, world)
    assert "n1 at 0.0000" in caught.value.__notes__[0]
    assert "ValueError: broken" in caught.value.__notes__[0]


def test_what_programs_leave_is_closed_before_the_run_returns_in_the_order_of_its_making() -> None:  # R9
    log: Log = []

    class Thing:
        pass

    things: list[weakref.ref[Thing]] = []

    async def iterate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            log.append("generator")

    async def hold(name: int) -> None:
        thing = Thing()
        things.append(weakref.ref(thing))
        generator = iterate()
        await anext(generator)
        try:
            await asyncio.sleep(1000)
        finally:
            log.append(name)
            asyncio.get_running_loop().call_soon(log.append, "scheduled")
            await asyncio.sleep(1)
            log.append("after a wait")

    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        for number in range(12):
            host.run(hold, number)
        await world.sleep(1)

    assert log == [*range(12), *["generator"] * 12]
    assert sys.get_asyncgen_hooks() == (None, None)
    gc.collect()
    assert not any(thing() for thing in things)
    assert log == [*range(12), *["generator"] * 12]


def test_a_host_has_the_address_it_is_given_and_its_name_is_known() -> None:  # H1
    @in_world()
    async def _(world: World) -> None:
        one = world.host("one", ip="192.0.2.7", cpu=2)
        (other,) = world.hosts("other")
        assert (one.ip, other.ip) == ("192.0.2.7", "10.0.0.2")
        assert world.host("one") is one
        assert world.hosts() == [one, other]

        async def ask() -> Any:
            infos = await asyncio.get_running_loop().getaddrinfo("one", 80, type=socket.SOCK_STREAM)
            return [info[4] for info in infos]

        assert await other.run(ask).wait() == [("192.0.2.7", 80)]
        with pytest.raises(ValueError, match="another host"):
            world.host("third", ip="192.0.2.7")


@pytest.mark.parametrize(
    "address", [("",), ("localhost",), ("10.0.0.9",), ("a", "127.0.0.1"), ("a", "::1"), ("a", "10.0.0.256")]
)
def test_a_host_needs_a_name_and_an_address_that_mean_nothing_else(address: tuple[str, ...]) -> None:  # H1
    @in_world()
    async def _(world: World) -> None:
        with pytest.raises(ValueError, match=r"is no (name|address) for a host"):
            world.host(*address)


def test_what_is_set_in_one_loop_is_not_set_in_another() -> None:  # H3
    log: Log = []

    async def set_all() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: log.append(context["message"]))
        loop.set_task_factory(lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options))
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
        loop.set_debug(True)
        loop.call_exception_handler({"message": "one"})
        assert type(asyncio.create_task(asyncio.sleep(0))) is asyncio.Task
        await loop.run_in_executor(None, log.append, "worked")

    async def look() -> None:
        await asyncio.sleep(1)
        loop = asyncio.get_running_loop()
        assert loop.get_exception_handler() is None
        assert loop.get_task_factory() is None
        assert not loop.get_debug()
        assert sys.get_coroutine_origin_tracking_depth() == 0
        assert vars(loop)["_default_executor"] is None
        loop.call_exception_handler({"message": "other"})

    @in_world()
    async def _(world: World) -> None:
        one, other = world.hosts("one", "other")
        world.expect_error(None, RuntimeError)
        one.run(set_all)
        await other.run(look).wait()

    assert log == ["one", "worked"]


class Mortal:
    """Writes down when it is finalized."""

    def __init__(self, log: Log, name: str) -> None:
        self.log, self.name = log, name

    def __del__(self) -> None:
        self.log.append(self.name)

    def __call__(self, *args: Any) -> None:
        self.log.append(f"{self.name} called")


def keep_in_a_frame(mortal: Mortal) -> Any:
    return asyncio.sleep(1000, mortal)


def keep_in_a_timer(mortal: Mortal) -> None:
    asyncio.get_running_loop().call_later(3, mortal)


def keep_in_a_signal_handler(mortal: Mortal) -> None:
    signal.signal(signal.SIGHUP, mortal)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, mortal)


def keep_in_a_future(mortal: Mortal) -> None:
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(mortal)
    asyncio.get_running_loop().call_later(1000, future.set_result, None)


def keep_in_a_reader(mortal: Mortal) -> None:
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("", 9))
    sock.setblocking(False)
    asyncio.get_running_loop().add_reader(sock, mortal)


def keep_in_a_socket(mortal: Mortal) -> Any:
    async def receive() -> None:
        kept = mortal
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind(("", 9))
            await asyncio.get_running_loop().sock_recv(sock, 10)
        assert kept

    return receive()


def keep_in_a_server(mortal: Mortal) -> Any:
    return asyncio.start_server(mortal, "", 80)


def keep_in_a_protocol(mortal: Mortal) -> Any:
    class Protocol(asyncio.DatagramProtocol):
        kept = mortal

    loop = asyncio.get_running_loop()
    return loop.create_datagram_endpoint(lambda: Protocol(), local_addr=("0.0.0.0", 9))


def keep_in_a_thread(mortal: Mortal) -> Any:
    def wait(kept: Mortal) -> None:
        threading.Event().wait()

    return asyncio.to_thread(wait, mortal)


def keep_in_the_loop(mortal: Mortal) -> None:
    asyncio.get_running_loop().set_exception_handler(mortal)


def keep_in_a_blocked_loop(mortal: Mortal) -> None:
    time.sleep(1000)


def keep_for_the_exit(mortal: Mortal) -> None:
    atexit.register(mortal)


def keep_in_a_generator(mortal: Mortal) -> Any:
    async def items() -> AsyncIterator[Mortal]:
        kept = mortal
        yield kept
        yield kept

    async def iterate() -> None:
        generator = items()
        await anext(generator)
        await asyncio.sleep(1000)

    return iterate()


KEEPERS: list[Callable[[Mortal], Any]] = [
    value for name, value in sorted(globals().items()) if name.startswith("keep_")
]


@pytest.mark.parametrize("keep", KEEPERS, ids=lambda keep: keep.__name__)
@pytest.mark.parametrize("how", ["kill", "power_off", "restart"])
def test_nothing_that_a_dead_process_had_is_finalized_before_the_run_ends(
    keep: Callable[[Mortal], Any], how: str
) -> None:  # H4, H5, H6
    log: Log = []

    async def program(first: bool) -> None:
        if first:
            kept = keep(Mortal(log, "finalized"))
            if asyncio.iscoroutine(kept):
                await kept

    @in_world()
    async def _(world: World) -> None:
        host = world.host("n1")
        host.run(lambda: program(host.boot == 1))
        await world.sleep(1)
        getattr(host, how)()
        await world.sleep(1)
        host.restart()
        await world.sleep(5)
        assert log == []

    gc.collect()
    assert log == ["finalized"]


def test_what_is_done_to_clocks_is_recorded() -> None:  # section 15
    async def scenario(world: World) -> None:
        host = world.host("a")
        host.skew(-3.5)
        await world.sleep(1)
        host.drift(1.25)

    trace = Trace("net")
    assert run(scenario, trace=trace).error is None
    told = [
        (round(when / 1e9), host, detail) for when, host, kind, *_, detail in trace.events if kind == "clock"
    ]
    assert told == [(0, "a", "moved by -3.5 s"), (1, "a", "goes 1.25 times as fast")]
