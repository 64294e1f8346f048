"""Ways to wait that are made of futures."""

from __future__ import annotations

from typing import Any

import pytest

from junto.errors import ConnectionLost, RequestTimeout
from junto.waiting import Deadline, Inbox, Shared, within

from .layers import until
from .worlds import World, sleep


def test_a_deadline_counts_down_to_zero_and_never_below(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        deadline = Deadline(rt, 0.02)
        first = deadline.remaining()
        assert first is not None
        assert 0 < first <= 0.0201  # clocks are not exact
        assert deadline.remaining(0.001) == pytest.approx(0.001)
        await sleep(rt, 0.03)
        assert deadline.remaining() == 0.0
        assert deadline.remaining(5.0) == 0.0
        forever = Deadline(rt, None)
        assert forever.remaining() is None
        assert forever.remaining(3.0) == 3.0

    scene(scenario)


def test_within_gives_the_result_or_the_error_of_its_flow(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async def flow(error: Exception | None) -> str:
            await sleep(rt, 0)
            if error is not None:
                raise error
            return "fine"

        for timeout in (None, 5.0):
            assert await within(rt, timeout, flow(None), "it") == "fine"
            with pytest.raises(KeyError):
                await within(rt, timeout, flow(KeyError()), "it")
            with pytest.raises(RequestTimeout, match="inner"):
                await within(rt, timeout, flow(RequestTimeout("inner")), "it")

    scene(scenario)


def test_within_cancels_its_flow_when_the_time_is_over_and_lets_it_end(scene: Any, run: World) -> None:
    async def scenario(rt: Any) -> None:
        ended: list[bool] = []

        async def flow() -> None:
            try:
                await rt.create_future()
            finally:
                with run.shield():
                    await sleep(rt, 0.002)
                ended.append(True)

        with pytest.raises(RequestTimeout, match=r"resting took longer than 0\.01 s"):
            await within(rt, 0.01, flow(), "resting")
        assert ended == [True]

    scene(scenario)


def test_within_that_is_cancelled_cancels_its_flow(scene: Any, run: World) -> None:
    async def scenario(rt: Any) -> None:
        seen: list[str] = []

        async def flow() -> None:
            seen.append("began")
            try:
                await rt.create_future()
            finally:
                seen.append("ended")

        task = rt.create_task(within(rt, 5.0, flow(), "it"))
        await until(rt, lambda: seen)  # what has not begun has nothing to end
        task.cancel()
        with pytest.raises(run.cancelled):
            await task
        await until(rt, lambda: seen == ["began", "ended"])

    scene(scenario)


def test_a_shared_outcome_reaches_all_who_wait_and_who_come_later(scene: Any, run: World) -> None:
    async def scenario(rt: Any) -> None:
        shared: Shared[int] = Shared(rt)
        waiting = [rt.create_task(shared.wait()) for _ in range(3)]
        await sleep(rt, 0)
        waiting[1].cancel()
        await sleep(rt, 0)
        assert not shared.done()
        shared.set_result(5)
        shared.set_result(6)
        shared.set_exception(ValueError())
        assert await waiting[0] == await waiting[2] == await shared.wait() == 5
        with pytest.raises(run.cancelled):
            await waiting[1]

    scene(scenario)


def test_a_shared_error_is_fresh_for_each(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        shared: Shared[None] = Shared(rt)
        waiting = [rt.create_task(shared.wait()) for _ in range(2)]
        await sleep(rt, 0)
        cause = ConnectionLost("it broke")
        shared.set_exception(cause)
        errors = []
        for wait in (*waiting, shared.wait()):
            with pytest.raises(ConnectionLost, match="it broke") as caught:
                await wait
            errors.append(caught.value)
        assert len({id(error) for error in errors}) == 3
        assert all(error.__cause__ is cause for error in errors)

    scene(scenario)


def test_an_inbox_keeps_order_and_ends_when_it_is_empty(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        inbox: Inbox[int] = Inbox(rt)
        getting = rt.create_task(inbox.get())
        await sleep(rt, 0)
        inbox.put(1)
        inbox.put(2)
        inbox.end(ConnectionLost("first"))
        inbox.end(ConnectionLost("second"))
        assert len(inbox) in (1, 2)
        assert await getting == 1
        assert await inbox.get() == 2
        for _ in range(2):
            with pytest.raises(ConnectionLost, match="first"):
                await inbox.get()

    scene(scenario)


def test_an_arrival_takes_nothing_and_is_given_up_by_cancelling(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        inbox: Inbox[int] = Inbox(rt)
        arrival = inbox.arrival()
        assert not arrival.done()
        with pytest.raises(RuntimeError, match="another receiver"):
            inbox.arrival()
        arrival.cancel()
        arrival = inbox.arrival()
        inbox.put(1)
        await arrival
        assert len(inbox) == 1
        assert inbox.arrival().done()
        assert inbox.take() == 1
        with pytest.raises(RuntimeError, match="faster"):
            inbox.take()
        arrival = inbox.arrival()
        inbox.end(ConnectionLost("over"))
        await arrival
        with pytest.raises(ConnectionLost):
            inbox.take()

    scene(scenario)


def test_who_was_told_of_an_item_that_another_took_waits_on(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        inbox: Inbox[int] = Inbox(rt)
        slow = rt.create_task(inbox.get())
        await sleep(rt, 0)
        inbox.put(1)
        assert inbox.take() == 1
        await sleep(rt, 0)
        assert not slow.done()
        inbox.put(2)
        assert await slow == 2

    scene(scenario)
