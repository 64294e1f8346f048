"""Environments in real time: S-001 to S-013."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from typing import Any

import pytest
import simpy
import uvloop
from simpy.core import EmptySchedule
from simpy.events import NORMAL, URGENT

from junto.simpy.environments import Environment

from .worlds import BACKENDS, LOCAL, REAL_TCP_WORLDS, TCP_WORLDS, Process, World, echo

WORLDS = REAL_TCP_WORLDS

everywhere = pytest.mark.parametrize("world", TCP_WORLDS, indirect=True)


@everywhere
def test_s001_an_environment_offers_what_simpy_offers_with_its_meaning(world: World) -> None:
    env = world.env
    assert isinstance(env, simpy.Environment)
    active = []

    def process() -> Process:
        active.append(env.active_process)
        first = yield env.timeout(0.001, "slow") | env.timeout(0, "quick")
        both = yield env.timeout(0.001, 1) & env.timeout(0, 2)
        event = env.event()
        env.schedule(env.timeout(0.001))
        env.process(trigger(event))
        value = yield event
        all_of = yield env.all_of([env.timeout(0, "a"), env.timeout(0, "b")])
        any_of = yield env.any_of([env.timeout(0, "a"), env.event()])
        return [*first.values()], [*both.values()], value, [*all_of.values()], [*any_of.values()]

    def trigger(event: Any) -> Process:
        yield env.timeout(0)
        event.succeed("triggered")

    started = env.process(process())
    assert env.active_process is None
    result = (["quick"], [1, 2], "triggered", ["a", "b"], ["a"])
    first, both, value, all_of, any_of = world.wait(started)
    assert (first, sorted(both), value, all_of, any_of) == result
    assert active == [started]


@everywhere
def test_s001_step_processes_one_event_and_peek_tells_when_the_next_is_due(world: World) -> None:
    env = world.env
    assert env.peek() == float("inf")
    seen = []
    for name, delay in (("second", 0.02), ("first", 0.0)):
        env.timeout(delay, name).callbacks.append(lambda event: seen.append(event.value))
    env.step()
    assert seen == ["first"]
    assert 0 < env.peek() - env.now <= 0.02
    env.step()
    assert seen == ["first", "second"]


@everywhere
def test_s001_a_process_is_interrupted_as_in_simpy(world: World) -> None:
    env = world.env

    def sleeper() -> Process:
        with pytest.raises(simpy.Interrupt) as caught:
            yield env.timeout(60)
        return caught.value.cause

    process = env.process(sleeper())

    def waker() -> Process:
        yield env.timeout(0.001)
        process.interrupt("enough")

    env.process(waker())
    assert world.wait(process) == "enough"


@everywhere
def test_s001_resources_of_simpy_work(world: World) -> None:
    env = world.env
    resource = simpy.Resource(env, capacity=1)
    order = []

    def user(name: str) -> Process:
        with resource.request() as request:
            yield request
            yield env.timeout(0.002)
            order.append(name)

    world.run(user("a"), user("b"), user("c"))
    assert order == ["a", "b", "c"]


def test_s002_now_is_wall_clock_time(world: World) -> None:
    assert abs(world.env.now - time.time()) < 1.0
    before = world.env.now
    world.sleep(0.01)
    assert world.env.now >= before + 0.01


def test_s002_a_run_until_a_time_compares_it_with_now(world: World) -> None:
    end = world.env.now + 0.02
    assert world.env.run(until=end) is None
    assert end <= world.env.now < end + 5
    for past in (0, world.env.now - 1, world.env.now):
        with pytest.raises(ValueError, match="until"):
            world.env.run(until=past)


def test_s002_an_end_that_passes_before_the_run_begins_ends_it_at_once(world: World) -> None:
    end = world.env.now + 0.000_001
    time.sleep(0.001)
    world.env.run(until=end)


def test_s003_a_timeout_is_not_early_and_on_an_idle_machine_hardly_late(world: World) -> None:
    late = []
    for _ in range(10):
        start = time.monotonic()
        world.wait(world.env.timeout(0.01))
        late.append(time.monotonic() - start - 0.01)
    assert min(late) >= -0.000_01  # what the clock's own steps may be
    assert min(late) <= 0.02  # the best of them: the machine may not be idle


def test_s003_a_timeout_counts_from_the_call_even_after_a_long_computation(world: World) -> None:
    env = world.env

    def process() -> Process:
        yield env.timeout(0)
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            pass
        start = time.monotonic()
        yield env.timeout(0.02)
        return time.monotonic() - start

    assert world.run(process()) >= 0.02 - 0.000_01


def test_s004_a_socket_is_noticed_while_the_next_timer_lies_in_the_future(world: World) -> None:
    client, accepted = world.pair()
    world.env.process(echo(accepted))
    world.env.timeout(10)

    def ask() -> Process:
        start = time.monotonic()
        for _ in range(10):
            yield client.write(b"ping")
            yield client.read(4)
        return (time.monotonic() - start) / 10

    assert world.run(ask()) < 0.2


@pytest.mark.parametrize("timer", [None, 10.0])
def test_s005_the_loop_sleeps_while_a_read_is_pending(world: World, timer: float | None) -> None:
    client, _accepted = world.pair()
    client.read(1)
    if timer is not None:
        world.env.timeout(timer)
    world.sleep(0.01)
    shares = []
    for _ in range(2):
        used = time.thread_time()
        world.sleep(0.5)
        shares.append((time.thread_time() - used) / 0.5)
    assert min(shares) < 0.05


def test_s006_a_run_with_nothing_to_come_ends(world: World) -> None:
    assert world.env.run() is None
    with pytest.raises(EmptySchedule):
        world.env.step()
    never = world.env.event()
    with pytest.raises(RuntimeError, match="until"):
        world.env.run(until=never)
    assert never.callbacks == []


def test_s006_a_run_ends_when_the_last_pending_operation_does(world: World) -> None:
    client, accepted = world.pair()
    received = []
    accepted.read(10).callbacks.append(lambda event: received.append(event.value))
    world.env.call_later(0.02, lambda: client.write(b"last"))
    world.run_out()
    assert received == [b"last"]


def test_s006_a_cancelled_timer_does_not_keep_a_run_from_ending(world: World) -> None:
    for timer in [world.env.call_later(60, pytest.fail, "cancelled") for _ in range(200)]:
        timer.cancel()
        timer.cancel()
    start = time.monotonic()
    world.run_out()
    assert time.monotonic() - start < 5


def test_s006_a_run_waits_for_other_threads_that_it_is_held_for(world: World) -> None:
    env = world.env
    done = []

    def finish() -> None:
        done.append(threading.current_thread())
        env.release()

    env.hold()
    thread = threading.Timer(0.02, env.call_soon_threadsafe, [finish])
    thread.start()
    world.run_out()
    thread.join()
    assert done == [threading.current_thread()]


def test_s006_a_stopped_run_leaves_nothing_of_its_end_behind(world: World) -> None:
    env = world.env

    def fail() -> Process:
        yield env.timeout(0)
        raise KeyError("mine")

    never = env.event()
    for until in (env.now + 60, never):
        env.process(fail())
        with pytest.raises(KeyError):
            env.run(until=until)
    never.succeed()
    start = time.monotonic()
    assert env.run() is None
    assert time.monotonic() - start < 5


def test_s007_immediate_events_do_not_starve_sockets(world: World) -> None:
    env = world.env
    client, accepted = world.pair()

    def chain() -> Process:
        end = env.now + 0.5
        while env.now < end:
            yield env.timeout(0)

    def peer() -> Process:
        for _ in range(5):
            yield env.timeout(0.02)
            yield client.write(b"%r" % time.monotonic())

    def reader() -> Process:
        delays = []
        for _ in range(5):
            sent = float((yield accepted.read(100)))
            delays.append(time.monotonic() - sent)
        return min(delays)

    assert world.run(chain(), peer(), reader()) < 0.05


def test_s007_immediate_events_that_take_long_do_not_starve_sockets(world: World) -> None:
    env = world.env
    client, accepted = world.pair()
    running = True

    def chain() -> Process:
        while running:
            time.sleep(0.002)
            yield env.timeout(0)

    env.process(chain())
    world.sleep(0.5)  # in which it learns how long they take
    delays = []
    for _ in range(5):
        start = time.monotonic()
        client.write(b"x")
        world.wait(accepted.read(1))
        delays.append(time.monotonic() - start)
    running = False
    assert min(delays) < 0.1


def test_s007_immediate_events_do_not_starve_timers(world: World) -> None:
    env = world.env
    timer = env.timeout(0.02)

    def chain() -> Process:
        while not timer.processed:
            yield env.timeout(0)

    world.run(chain())


@everywhere
def test_s008_events_at_one_time_come_by_priority_and_then_in_order(world: World) -> None:
    env = world.env
    order = []
    for name, priority in (("c", NORMAL), ("a", URGENT), ("d", NORMAL), ("b", URGENT), ("e", NORMAL)):
        event: Any = env.event()
        event._ok, event._value = True, name
        event.callbacks.append(lambda event: order.append(event.value))
        env.schedule(event, priority)
    for name in ("f", "g"):
        env.call_soon(order.append, name)
    env.timeout(0, "h").callbacks.append(lambda event: order.append(event.value))
    world.run_out()
    assert "".join(order) == "abcdefgh"


@everywhere
def test_s008_timers_come_in_the_order_of_their_times(world: World) -> None:
    env = world.env
    order: list[Any] = []
    start = env.now
    for place in (3, 1, 2, 0):
        env.call_at(start + 0.01 + place * 0.001, order.append, place)
    same = start + 0.02
    for name in "abc":
        env.call_at(same, order.append, name)
    world.run_out()
    assert order == [0, 1, 2, 3, "a", "b", "c"]


@everywhere
def test_s009_a_failed_event_that_nobody_handles_is_raised(world: World) -> None:
    env = world.env

    def fail() -> Process:
        yield env.timeout(0)
        raise KeyError("mine")

    env.process(fail())
    with pytest.raises(KeyError, match="mine"):
        env.run()
    env.event().fail(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        env.run()
    defused = env.event().fail(ZeroDivisionError())
    defused.defused = True
    env.run()


@everywhere
def test_s009_what_a_handler_of_a_socket_raises_is_raised(world: World) -> None:
    client, accepted = world.pair()

    def fail(_mask: int) -> None:
        world.env.watch(client._fd, 0, fail)
        raise KeyError("mine")

    world.env.watch(client._fd, 1, fail)
    accepted.write(b"x")
    with pytest.raises(KeyError, match="mine"):
        world.env.run()


@everywhere
def test_s009_an_error_raised_for_one_run_is_not_raised_in_the_next(world: World) -> None:
    env = world.env
    event = env.event()
    env.call_soon(event.fail, KeyError("mine"))
    with pytest.raises(KeyError):
        env.run(until=event)
    world.sleep(0.001)


def test_s010_closing_an_environment_closes_its_sockets(world: World) -> None:
    env = world.env
    client, accepted = world.pair()
    server = world.server()
    gone = world.socket()
    gone.close()
    pending = [client.read(1), server.accept()]
    env.close()
    env.close()
    for sock in (client, accepted, server):
        with pytest.raises(OSError, match="Bad file"):
            _ = sock.address
    for event in pending:
        with pytest.raises(OSError, match="Bad file"):
            env.run(until=event)
    assert env.run(until=env.timeout(0.001, "later")) == "later"


def test_s010_nothing_can_be_waited_for_at_a_socket_of_a_closed_environment(world: World) -> None:
    world.env.close()
    sock = world.server()
    with pytest.raises(RuntimeError, match="closed"):
        sock.accept()
    sock.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_s010_an_environment_that_goes_out_of_use_leaves_nothing_behind(backend: str) -> None:
    def use() -> None:
        world = World(f"{backend}-tcp")
        client, accepted = world.pair()
        client.read(10)
        accepted.read(10)
        world.sleep(0.001)

    use()
    gc.collect()
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(3):
        use()
        gc.collect()
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after <= before


@pytest.mark.parametrize("other", BACKENDS)
def test_s011_two_environments_do_not_influence_each_other(world: World, other: str) -> None:
    second = World(f"{other}-tcp")
    try:
        client, accepted = world.pair()
        pending = client.read(10)
        accepted.write(b"for the first")
        second_client, second_accepted = second.pair()
        second_accepted.write(b"for the second")
        assert second.wait(second_client.read(20)) == b"for the second"
        second.sleep(0.01)
        assert not pending.triggered
        assert world.wait(pending) == b"for the fi"
        second.env.close()
        assert world.wait(client.read(10)) == b"rst"
    finally:
        second.env.close()


def test_s011_an_environment_in_another_thread_is_left_alone(world: World) -> None:
    results = []

    def other() -> None:
        second = World(f"{world.backend}-tcp")
        client, accepted = second.pair()
        second.env.process(echo(accepted))
        for _ in range(50):
            second.wait(client.write(b"x"))
            results.append(second.wait(client.read(1)))
        second.env.close()

    thread = threading.Thread(target=other)
    thread.start()
    client, accepted = world.pair()
    world.env.process(echo(accepted))
    for _ in range(50):
        world.wait(client.write(b"y"))
        assert world.wait(client.read(1)) == b"y"
    thread.join()
    assert results == [b"x"] * 50


@everywhere
def test_s012_an_operation_may_be_started_from_anywhere(world: World) -> None:
    client, accepted = world.pair()
    outside = client.read(100)
    accepted.write(b"outside")
    assert world.wait(outside) == b"outside"

    started: list[Any] = []
    world.env.timeout(0).callbacks.append(lambda _event: started.append(client.read(100)))
    world.env.call_soon(accepted.write, b"callback")
    world.until(lambda: started)
    assert world.wait(started[0]) == b"callback"

    def process() -> Process:
        yield accepted.write(b"process")
        return (yield client.read(100))

    assert world.run(process()) == b"process"


# --- asyncio -------------------------------------------------------------------------------------


def run_with_loop(main: Any, loop: Any = asyncio.SelectorEventLoop) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(10):
            return await main

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(bounded())


def registered(loop: Any) -> int:
    return len(loop._selector.get_map())


@pytest.mark.parametrize("loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
def test_s013_tasks_and_processes_make_progress_side_by_side(loop: Any) -> None:
    world = World("asyncio-tcp")
    env: Any = world.env

    async def main() -> None:
        client, accepted = await make_pair()
        env.process(echo(accepted))
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())

        def process() -> Process:
            for number in range(20):
                yield env.timeout(0.001)
                yield client.write(b"%d" % number)
                assert (yield client.read(10)) == b"%d" % number
            return "done"

        assert await env.arun(until=env.process(process())) == "done"
        ticking.cancel()
        assert ticks >= 5

    async def make_pair() -> tuple[Any, Any]:
        server = world.server()
        client = world.connection(server.address)
        accepted = await env.arun(until=server.accept())
        server.close()
        return client, accepted

    run_with_loop(main(), loop)
    env.close()


def test_s013_a_task_may_trigger_events_while_the_environment_sleeps() -> None:
    env: Any = Environment("asyncio")

    async def main() -> None:
        event = env.event()
        env.timeout(60)
        driving = asyncio.create_task(env.arun(until=event))
        await asyncio.sleep(0.01)
        event.succeed("from a task")
        assert await driving == "from a task"

    run_with_loop(main())
    env.close()


def test_s013_the_loop_is_never_blocked() -> None:
    env: Any = Environment("asyncio")

    async def main() -> None:
        def chain() -> Process:
            while True:
                yield env.timeout(0)

        env.process(chain())
        driving = asyncio.create_task(env.arun())
        longest = 0.0
        for _ in range(50):
            start = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - start)
        assert longest < 0.05
        driving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await driving

    run_with_loop(main())
    env.close()


def test_s013_cancelling_leaves_nothing_in_the_loop_and_the_environment_goes_on_later() -> None:
    world = World("asyncio-tcp")
    env: Any = world.env

    async def main() -> None:
        loop = asyncio.get_running_loop()
        before = registered(loop)
        client, accepted = await make_pair()
        pending = client.read(10)
        env.timeout(60)
        driving = asyncio.create_task(env.arun(until=env.now + 30))
        await asyncio.sleep(0.01)
        assert registered(loop) > before
        driving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await driving
        assert registered(loop) == before
        accepted.write(b"later")
        await asyncio.sleep(0.01)
        assert not pending.triggered
        assert await env.arun(until=pending) == b"later"
        assert registered(loop) == before

    async def make_pair() -> tuple[Any, Any]:
        server = world.server()
        client = world.connection(server.address)
        accepted = await env.arun(until=server.accept())
        server.close()
        return client, accepted

    run_with_loop(main())
    # And then outside of any loop.
    client, accepted = world.pair()
    accepted.write(b"outside")
    assert world.wait(client.read(10)) == b"outside"
    env.close()


def test_s013_an_error_ends_the_run_and_leaves_nothing_in_the_loop() -> None:
    world = World("asyncio-tcp")
    env: Any = world.env

    def fail() -> Process:
        yield env.timeout(0.001)
        raise KeyError("mine")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        before = registered(loop)
        server = world.server()
        server.accept()
        env.process(fail())
        with pytest.raises(KeyError, match="mine"):
            await env.arun()
        assert registered(loop) == before

    run_with_loop(main())
    env.close()


def test_s013_a_blocking_run_inside_a_loop_is_refused_and_so_is_a_second_run() -> None:
    env: Any = Environment("asyncio")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="arun"):
            env.run(until=env.now + 1)
        with pytest.raises(RuntimeError, match="arun"):
            env.step()
        end = env.event()
        env.hold()
        driving = asyncio.create_task(env.arun(until=end))
        await asyncio.sleep(0.001)
        with pytest.raises(RuntimeError, match="already"):
            await env.arun()
        end.succeed()
        await driving
        env.release()

    run_with_loop(main())
    env.close()


def test_s013_another_thread_wakes_the_environment() -> None:
    env: Any = Environment("asyncio")

    async def main() -> None:
        event = env.event()
        env.hold()
        thread = threading.Timer(0.01, env.call_soon_threadsafe, [event.succeed, "from a thread"])
        thread.start()
        assert await env.arun(until=event) == "from a thread"
        thread.join()
        env.release()

    run_with_loop(main())
    env.close()


# --- which backends there are ----------------------------------------------------------------------


@pytest.mark.parametrize("backend", [None, *BACKENDS])
def test_a_backend_is_named(backend: str | None) -> None:
    env = Environment(backend)
    server = World("select-tcp").Socket.server(env, LOCAL)
    server.close()
    env.close()


@pytest.mark.parametrize(("backend", "says"), [("asyncore", "no backend"), ("", "no backend")])
def test_a_backend_that_there_is_not_is_refused(backend: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Environment(backend)
