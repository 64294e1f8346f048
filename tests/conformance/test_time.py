"""The order of callbacks, timers, and calls from other threads."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .endpoints import Recorder
from .worlds import World, in_real_time, sleep, within


def test_time_goes_on_while_one_waits(run: World) -> None:
    async def scenario(rt: Any) -> None:
        before = rt.time()
        await sleep(rt, 0.02)
        assert 0.019 <= rt.time() - before < 5.0

    run(scenario)


def test_call_soon_keeps_the_order(run: World) -> None:
    async def scenario(rt: Any) -> None:
        calls: list[Any] = []
        done = rt.create_future()

        def first() -> None:
            calls.append("first")
            rt.call_soon(calls.append, "asked for by the first")
            rt.call_soon(done.set_result, None)

        rt.call_soon(first)
        rt.call_soon(lambda *args: calls.append(args), "second", 2)
        assert calls == []
        await done
        assert calls == ["first", ("second", 2), "asked for by the first"]

    run(scenario)


def test_timers_run_in_the_order_of_their_times(run: World) -> None:
    async def scenario(rt: Any) -> None:
        calls: list[int] = []
        done = rt.create_future()
        rt.call_later(0.03, calls.append, 3)
        rt.call_later(0.01, calls.append, 1)
        rt.call_later(0.02, calls.append, 2)
        rt.call_later(0.04, done.set_result, None)
        await done
        assert calls == [1, 2, 3]

    run(scenario)


def test_a_cancelled_timer_never_runs(run: World) -> None:
    async def scenario(rt: Any) -> None:
        calls: list[str] = []
        handle = rt.call_later(0.005, calls.append, "cancelled")
        rt.call_later(0.001, handle.cancel)
        await sleep(rt, 0.01)
        assert calls == []
        handle.cancel()

    run(scenario)


def test_many_cancelled_timers_do_not_disturb_the_others(run: World) -> None:
    async def scenario(rt: Any) -> None:
        calls: list[int] = []
        handles = [rt.call_later(0.001 + i / 100_000, calls.append, i) for i in range(1000)]
        for i, handle in enumerate(handles):
            if i % 10:
                handle.cancel()
        await sleep(rt, 0.03)
        assert calls == list(range(0, 1000, 10))

    run(scenario)


def test_a_timer_may_cancel_one_that_is_due_with_it(run: World) -> None:
    async def scenario(rt: Any) -> None:
        calls: list[str] = []
        handles: list[Any] = []
        rt.call_later(0.0, lambda: handles[0].cancel())
        handles.append(rt.call_later(0.0, calls.append, "cancelled"))
        await sleep(rt, 0.005)
        assert calls == []

    run(scenario)


@in_real_time
def test_another_thread_may_call_in(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()
        thread = threading.Timer(0.01, rt.call_soon_threadsafe, [future.set_result, "from outside"])
        thread.start()
        assert await within(rt, future) == "from outside"
        thread.join()

    run(scenario)


def test_many_threads_may_call_in(run: World) -> None:
    async def scenario(rt: Any) -> None:
        recorder = Recorder(rt)
        threads = [
            threading.Thread(
                target=lambda: [rt.call_soon_threadsafe(recorder.take, b"x") for _ in range(200)]
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        with ThreadPoolExecutor(1) as pool:  # which simulated time waits for, as for no other thread
            for thread in threads:
                await rt.call_in_worker(thread.join, pool=pool)
        await recorder.until_received(1600)

    run(scenario)


def test_a_callback_that_fails_is_reported_and_the_others_run(
    run: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(rt: Any) -> None:
        done = rt.create_future()
        rt.call_soon(lambda: 1 // 0)
        rt.call_later(0, lambda: 1 // 0)
        rt.call_later(0.005, done.set_result, None)
        await done

    with caplog.at_level(logging.ERROR):
        run(scenario, ZeroDivisionError)
    assert sum("ZeroDivisionError" in str(record.exc_info) for record in caplog.records) == 2


def test_stop_ends_tasks_timers_and_connections(run: World) -> None:
    async def scenario(rt: Any) -> None:
        ended: list[str] = []

        async def endless() -> None:
            try:
                await rt.create_future()
            finally:
                ended.append("task")

        rt.create_task(endless())
        await sleep(rt, 0)
        await rt.stop()
        assert ended == ["task"]
        # It can be used again.
        await sleep(rt, 0)
        await rt.stop()

    run(scenario)
