"""Threads of simulated hosts: real ones, one at a time, in virtual time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from junto.sim import SimDeadlock, UnclaimedError, World


def on_host(work: Callable[[], Any], seed: int = 1, **options: Any) -> tuple[Any, float]:
    """Run a blocking function in a thread of a host; return its result and how long it took in the world."""

    async def control(world: World) -> Any:
        return await world.host("n1").run(asyncio.to_thread, work).wait()

    world = World(seed, **options)
    return world.run(control, world), world.now


def on_loop(work: Callable[[], Any]) -> Any:
    """Run a blocking function on the thread of a host's loop."""

    async def main() -> Any:
        return work()

    async def control(world: World) -> Any:
        return await world.host("n1").run(main).wait()

    world = World(1)
    return world.run(control, world)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Any:  # X4
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before  # others may have ended meanwhile


def test_a_sleep_in_a_thread_takes_virtual_time_of_that_thread_only() -> None:  # T9, X2
    async def main(world: World) -> list[Any]:
        log: list[Any] = []

        def work(number: int) -> int:
            time.sleep(number)
            log.append((number, round(world.now)))
            return number

        loop = asyncio.get_running_loop()
        log.append(await asyncio.gather(*(loop.run_in_executor(None, work, n) for n in (3, 1, 2))))
        return log

    async def control(world: World) -> Any:
        return await world.host("n1").run(main, world).wait()

    world = World(1)
    before = time.monotonic()
    assert world.run(control, world) == [(1, 1), (2, 2), (3, 3), [3, 1, 2]]
    assert time.monotonic() - before < 1


def test_a_sleep_on_the_thread_of_the_loop_stops_that_host_only() -> None:  # T9, X3
    log: list[Any] = []

    async def sleep(world: World) -> None:
        asyncio.get_running_loop().call_later(1, lambda: log.append(("timer", round(world.now, 3))))
        await asyncio.sleep(0.5)
        time.sleep(5)  # noqa: ASYNC251  # that is what it is about
        log.append(("slept", round(world.now, 3)))

    async def tick(world: World) -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            log.append(("tick", round(world.now, 3)))

    async def control(world: World) -> None:
        world.host("n1").run(sleep, world)
        world.host("n2").run(tick, world)
        await world.sleep(10)

    world = World(1)
    world.run(control, world)
    assert log == [("tick", 1.0), ("tick", 2.0), ("tick", 3.0), ("slept", 5.5), ("timer", 5.5)]


def test_two_loops_that_block_at_once_go_on_each_at_its_time() -> None:  # X3
    log: list[tuple[str, int, float]] = []

    async def work(world: World, name: str, pause: float) -> None:
        for number in range(4):
            time.sleep(pause)  # noqa: ASYNC251
            log.append((name, number, round(world.now, 3)))
            await asyncio.sleep(0.01)

    async def control(world: World) -> None:
        for name, pause in (("a", 1.0), ("b", 0.7), ("c", 1.3)):
            world.host(name).run(work, world, name, pause)
        await world.sleep(10)

    world = World(1)
    world.run(control, world)
    assert [when for *_, when in log] == sorted(when for *_, when in log)
    assert [number for name, number, _ in log if name == "a"] == [0, 1, 2, 3]
    assert [when for name, _, when in log if name == "b"] == [0.7, 1.41, 2.12, 2.83]


def produce_and_consume() -> list[int]:
    items: queue.Queue[int | None] = queue.Queue(2)
    got: list[int] = []

    def produce() -> None:
        for number in range(10):
            items.put(number)
        items.put(None)

    def consume() -> None:
        while (item := items.get()) is not None:
            got.append(item)

    threads = [threading.Thread(target=target) for target in (produce, consume)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(thread.is_alive() for thread in threads)
    return got


def locks() -> str:
    lock, again = threading.Lock(), threading.RLock()
    with again, again, lock:
        assert not lock.acquire(blocking=False)
        before = time.monotonic()
        assert not lock.acquire(timeout=2)
        assert 2 <= time.monotonic() - before < 2.01
    with pytest.raises(RuntimeError):
        lock.release()
    with pytest.raises(RuntimeError):
        again.release()
    return "locks"


def conditions() -> list[int]:
    condition = threading.Condition()
    ready: list[int] = []
    done: list[int] = []

    def wait(number: int) -> None:
        with condition:
            assert condition.wait_for(lambda: ready, timeout=10)
            done.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    with condition:
        ready.append(1)
        condition.notify_all()
    for thread in threads:
        thread.join(5)
    return sorted(done)


def events_semaphores_and_barriers() -> bool:
    event, semaphore = threading.Event(), threading.BoundedSemaphore(2)
    barrier = threading.Barrier(3, timeout=5)
    threading.Timer(3, event.set).start()
    assert not event.wait(1)
    with semaphore, semaphore:
        assert not semaphore.acquire(timeout=0.1)
    threads = [threading.Thread(target=barrier.wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    barrier.wait()
    for thread in threads:
        thread.join()
    return event.wait(5)


def pools() -> list[int]:
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        first = pool.submit(time.sleep, 1)
        assert not first.done()
        done, _ = concurrent.futures.wait([first, pool.submit(time.sleep, 5)], return_when="FIRST_COMPLETED")
        assert done == {first}
        return [*pool.map(lambda pause: time.sleep(pause) or pause, [3, 1, 2])]


def simple_queues() -> str:
    items: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Timer(2, items.put, ["late"]).start()
    with pytest.raises(queue.Empty):
        items.get(timeout=1)
    return items.get()


@pytest.mark.parametrize(
    ("work", "result"),
    [
        (produce_and_consume, list(range(10))),
        (locks, "locks"),
        (conditions, [0, 1, 2]),
        (events_semaphores_and_barriers, True),
        (pools, [3, 1, 2]),
        (simple_queues, "late"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_threads_wait_with_works_in_threads_and_on_a_loop(
    work: Callable[[], Any], result: Any
) -> None:  # X1
    assert on_host(work)[0] == result
    assert on_host(work) == on_host(work)
    assert on_loop(work) == result


def test_which_thread_goes_next_is_a_choice_of_the_seed() -> None:  # X1
    def race() -> str:
        log: list[str] = []
        go = threading.Event()

        def run(name: str) -> None:
            go.wait()
            log.append(name)

        threads = [threading.Thread(target=run, args=(name,)) for name in "abc"]
        for thread in threads:
            thread.start()
        go.set()
        for thread in threads:
            thread.join()
        return "".join(log)

    results = [on_host(race, seed)[0] for seed in range(40)]
    assert len(set(results)) > 3
    assert results[:5] == [on_host(race, seed)[0] for seed in range(5)]


def test_threads_reach_the_loop_of_their_host() -> None:  # X2
    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        log: list[Any] = []
        told = asyncio.Event()

        def work() -> str:
            loop.call_soon_threadsafe(told.set)
            future = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.2, "slept"), loop)
            return future.result()

        thread = loop.run_in_executor(None, work)
        await told.wait()
        log.append(await thread)
        return log

    async def control(world: World) -> Any:
        return await world.host("n1").run(main).wait()

    world = World(1)
    assert world.run(control, world) == ["slept"]
    assert 0.2 < world.now < 0.21


def test_waits_in_a_circle_are_told() -> None:  # X3
    async def lock_twice() -> None:
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()

    async def wait_for_itself() -> None:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), asyncio.get_running_loop()).result()

    for program in (lock_twice, wait_for_itself):

        async def control(world: World, program: Any = program) -> None:
            await world.host("n1").run(program).wait()

        world = World(1)
        with pytest.raises(SimDeadlock, match="n1: its loop waits for a lock"):
            world.run(control, world)


def test_threads_of_a_killed_host_never_run_again() -> None:  # X4, H4
    log: list[str] = []

    def tick() -> None:
        try:
            while True:
                time.sleep(1)
                log.append("tick")
        finally:
            log.append("finally")

    async def block() -> None:
        try:
            time.sleep(5)  # noqa: ASYNC251
            log.append("never")
        finally:
            log.append("finally")

    async def control(world: World) -> None:
        thread, loop = world.hosts("thread", "loop")
        thread.run(asyncio.to_thread, tick)
        loop.run(block)
        await world.sleep(2.5)
        thread.kill()
        loop.kill()
        loop.restart()
        loop.kill()
        await world.sleep(10)
        assert log == ["tick", "tick"]

    world = World(1)
    world.run(control, world)
    assert log == ["tick", "tick", "finally", "finally"]


def test_a_paused_host_pauses_its_threads() -> None:  # H7
    log: list[float] = []

    async def control(world: World) -> None:
        def tick() -> None:
            for _ in range(3):
                time.sleep(1)
                log.append(round(world.now, 2))

        host = world.host("n1")
        host.run(asyncio.to_thread, tick)
        await world.sleep(1.5)
        host.pause()
        await world.sleep(3)
        host.resume()
        await world.sleep(5)

    world = World(1)
    world.run(control, world)
    assert log == [1.0, 4.5, 5.5]


def test_threads_that_are_left_end_with_the_run() -> None:  # X4
    def wait_for_ever() -> None:
        threading.Event().wait()

    async def control(world: World) -> None:
        async def main() -> None:
            for _ in range(5):
                threading.Thread(target=wait_for_ever).start()
            asyncio.get_running_loop().run_in_executor(None, time.sleep, 1e6)
            await asyncio.sleep(1)

        await world.host("n1").run(main).wait()

    before = threading.active_count()
    world = World(1)
    world.run(control, world)
    assert threading.active_count() == before


def test_a_thread_that_has_not_begun_when_the_run_ends_is_forgotten() -> None:  # X4
    async def control(world: World) -> None:
        def begin() -> None:
            threading.Thread(target=time.sleep, args=(1,)).start()
            raise ValueError

        await world.host("n1").program(begin).wait()

    world = World(1)
    before = threading.enumerate()
    with pytest.raises(ValueError):
        world.run(control, world)
    assert set(threading.enumerate()) <= set(before)  # others may have ended meanwhile


def test_a_process_sees_its_own_threads_only() -> None:  # H3
    log: dict[str, Any] = {}

    def join_all() -> None:
        for seconds in range(3):
            threading.Thread(target=time.sleep, args=(seconds,), name=f"sleeper {seconds}").start()
        log["names"] = [thread.name for thread in threading.enumerate()]
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                thread.join()

    def wait_for_all() -> None:
        while threading.active_count() > 1:
            time.sleep(1)

    async def coroutine() -> None:
        await asyncio.to_thread(int)
        log["in a coroutine"] = [thread.name for thread in threading.enumerate()]

    async def control(world: World) -> None:
        programs = [world.host("n1").program(join_all), world.host("n2").program(wait_for_all)]
        world.host("n3").run(coroutine)
        for program in programs:
            await program.wait()

    world = World(1)
    world.run(control, world, timeout=10)
    assert log == {
        "names": ["MainThread", "sleeper 0", "sleeper 1", "sleeper 2"],
        "in a coroutine": ["MainThread", "asyncio_0"],
    }


def test_an_error_of_a_thread_is_that_of_its_host() -> None:  # H9
    def fail() -> None:
        raise ValueError("broken")

    async def control(world: World) -> None:
        async def main() -> None:
            threading.Thread(target=fail, name="worker").start()

        world.host("n1").run(main)
        await world.sleep(1)

    world = World(1)
    with pytest.raises(UnclaimedError, match=r"n1 at .* s: thread worker failed: ValueError: broken"):
        world.run(control, world)


def test_an_oracle_sees_what_threads_do() -> None:  # O2
    state = {"n": 0}

    def work() -> None:
        for state["n"] in range(10):
            time.sleep(1)

    async def control(world: World) -> None:
        world.host("n1").run(asyncio.to_thread, work)
        world.always("small", lambda: state["n"] < 5)
        await world.sleep(20)

    world = World(1)
    with pytest.raises(AssertionError, match="small"):
        world.run(control, world)
    assert world.now == pytest.approx(5, abs=0.01)


def test_threads_outside_a_world_are_as_ever() -> None:
    lock = threading.Lock()
    assert type(lock).__module__ == "_thread"
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join(5)
    assert lock.locked()
