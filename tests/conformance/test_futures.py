"""The contract of a future, sentence by sentence, and tasks."""

from __future__ import annotations

import concurrent.futures
import threading
from typing import Any

import pytest

from .worlds import World, sleep, within


class Failure(Exception):
    pass


def test_a_result_comes_out_as_it_went_in(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()
        assert not future.done()
        rt.call_soon(future.set_result, 42)
        assert await future == 42
        assert future.done()
        assert not future.cancelled()
        assert future.result() == 42
        assert future.exception() is None

    run(scenario)


def test_an_error_is_raised_where_it_is_awaited(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()
        error = Failure("no")
        rt.call_soon(future.set_exception, error)
        with pytest.raises(Failure) as caught:
            await future
        assert caught.value is error
        assert future.exception() is error
        assert not future.cancelled()

    run(scenario)


def test_a_future_that_is_done_already_is_awaited_without_waiting(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()
        future.set_result("there")
        calls: list[str] = []
        rt.call_soon(calls.append, "a turn")
        assert await future == "there"
        assert calls == []

    run(scenario)


def test_settling_twice_raises(run: World) -> None:
    async def scenario(rt: Any) -> None:
        for settle in ("set_result", "set_exception", "cancel"):
            future = rt.create_future()
            if settle == "cancel":
                assert future.cancel()
            else:
                getattr(future, settle)(Failure("first"))
            with pytest.raises(run.invalid_state):
                future.set_result(2)
            with pytest.raises(run.invalid_state):
                future.set_exception(Failure("second"))
            assert not future.cancel()
            if settle == "set_exception":
                assert str(future.exception()) == "first"

    run(scenario)


def test_a_pending_future_has_no_result(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()
        with pytest.raises(run.invalid_state):
            future.result()
        with pytest.raises(run.invalid_state):
            future.exception()

    run(scenario)


def test_callbacks_run_later_and_in_order(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()
        calls: list[Any] = []
        future.add_done_callback(lambda f: calls.append((1, f)))
        future.add_done_callback(lambda f: calls.append((2, f)))
        future.set_result(None)
        assert calls == []
        future.add_done_callback(lambda f: calls.append((3, f)))
        assert calls == []
        await sleep(rt, 0)
        assert calls == [(1, future), (2, future), (3, future)]

    run(scenario)


def test_a_waiter_runs_later_than_set_result(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()
        calls: list[str] = []

        async def waiter() -> None:
            await future
            calls.append("waiter")

        task = rt.create_task(waiter())
        await sleep(rt, 0)
        future.set_result(None)
        calls.append("producer")
        await task
        assert calls == ["producer", "waiter"]

    run(scenario)


def test_awaiting_a_cancelled_future_raises_the_runtimes_cancellation(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()
        assert future.cancel()
        assert future.done()
        assert future.cancelled()
        with pytest.raises(run.cancelled) as caught:
            await future
        assert not isinstance(caught.value, Exception)
        with pytest.raises(run.cancelled):
            future.result()

    run(scenario)


def test_a_waiter_that_gives_up_cancels_the_future(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()

        async def waiter() -> None:
            await future

        task = rt.create_task(waiter())
        await sleep(rt, 0)
        task.cancel()
        with pytest.raises(run.cancelled):
            await task
        assert future.cancelled()

    run(scenario)


def test_a_task_gives_the_result_of_its_flow(run: World) -> None:
    async def scenario(rt: Any) -> None:
        async def at_once() -> str:
            return "quick"

        async def later() -> str:
            await sleep(rt, 0.001)
            return "slow"

        assert await rt.create_task(at_once()) == "quick"
        assert await rt.create_task(later()) == "slow"

    run(scenario)


def test_a_task_gives_the_error_of_its_flow(run: World) -> None:
    async def scenario(rt: Any) -> None:
        async def at_once() -> None:
            raise Failure("quick")

        async def later() -> None:
            await sleep(rt, 0.001)
            raise Failure("slow")

        with pytest.raises(Failure, match="quick"):
            await rt.create_task(at_once())
        with pytest.raises(Failure, match="slow"):
            await rt.create_task(later())

    run(scenario)


def test_tasks_run_beside_each_other(run: World) -> None:
    async def scenario(rt: Any) -> None:
        first, second = rt.create_future(), rt.create_future()
        steps: list[str] = []

        async def ping() -> None:
            steps.append("ping")
            first.set_result(None)
            await second
            steps.append("ping again")

        async def pong() -> None:
            await first
            steps.append("pong")
            second.set_result(None)

        tasks = [rt.create_task(pong()), rt.create_task(ping())]
        for task in tasks:
            await task
        assert steps == ["ping", "pong", "ping again"]

    run(scenario)


def test_a_cancelled_task_ends_at_the_place_where_it_waits(run: World) -> None:
    async def scenario(rt: Any) -> None:
        steps: list[str] = []

        async def flow() -> None:
            try:
                await rt.create_future()
            finally:
                steps.append("cleaning")
                with run.shield():
                    await sleep(rt, 0)
                steps.append("clean")

        task = rt.create_task(flow())
        await sleep(rt, 0)
        assert task.cancel()
        with pytest.raises(run.cancelled):
            await task
        assert task.cancelled()
        assert steps == ["cleaning", "clean"]
        assert not task.cancel()

    run(scenario)


def test_a_flow_may_survive_its_cancellation(run: World) -> None:
    async def scenario(rt: Any) -> None:
        async def flow() -> str:
            try:
                await rt.create_future()
            except run.cancelled:
                with run.shield():
                    await sleep(rt, 0)
            return "alive"

        task = rt.create_task(flow())
        await sleep(rt, 0)
        task.cancel()
        assert await task == "alive"

    run(scenario)


def test_a_task_is_cancelled_between_a_result_and_what_it_waits_for_next(run: World) -> None:
    async def scenario(rt: Any) -> None:
        future = rt.create_future()
        reached: list[str] = []

        async def flow() -> None:
            await future  # some worlds end it here; in others a result that is there is not lost
            await rt.create_future()
            reached.append("after")

        task = rt.create_task(flow())
        await sleep(rt, 0)
        future.set_result(None)
        assert task.cancel()
        with pytest.raises(run.cancelled):
            await within(rt, task)
        assert reached == []

    run(scenario)


def test_a_task_that_cancels_itself_is_cancelled_where_it_waits_next(run: World) -> None:
    async def scenario(rt: Any) -> None:
        tasks: list[Any] = []

        async def flow() -> None:
            await sleep(rt, 0)
            tasks[0].cancel()
            await rt.create_future()

        tasks.append(rt.create_task(flow()))
        with pytest.raises(run.cancelled):
            await within(rt, tasks[0])

    run(scenario)


def test_a_task_that_awaits_a_task_cancels_it_with_itself(run: World) -> None:
    async def scenario(rt: Any) -> None:
        async def inner() -> None:
            await rt.create_future()

        async def outer(task: Any) -> None:
            await task

        inside = rt.create_task(inner())
        outside = rt.create_task(outer(inside))
        await sleep(rt, 0)
        outside.cancel()
        with pytest.raises(run.cancelled):
            await outside
        assert inside.cancelled()

    run(scenario)


def test_a_worker_gives_its_result_or_its_error(run: World) -> None:
    def fail() -> None:
        raise Failure("in the worker")

    async def scenario(rt: Any) -> None:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            name = await rt.call_in_worker(lambda: threading.current_thread().name, pool=pool)
            assert name != threading.current_thread().name
            with pytest.raises(Failure, match="in the worker"):
                await rt.call_in_worker(fail, pool=pool)

    run(scenario)


def test_giving_up_a_worker_leaves_the_runtime_at_work(run: World) -> None:
    go = threading.Event()

    async def scenario(rt: Any) -> None:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running = rt.call_in_worker(lambda: go.wait(10), pool=pool)
            queued = rt.call_in_worker(lambda: "never", pool=pool)
            running.cancel()
            queued.cancel()
            for future in (running, queued):
                with pytest.raises(run.cancelled):
                    await future
            go.set()
            assert await rt.call_in_worker(lambda: "next", pool=pool) == "next"

    run(scenario)
