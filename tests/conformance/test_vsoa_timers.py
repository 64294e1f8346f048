"""Timers on the runtime's clock."""

from __future__ import annotations

from typing import Any

import pytest

from junto.vsoa.timers import Timer

from .layers import until
from .worlds import sleep


def test_a_timer_calls_once_after_its_time(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        timer = Timer(rt)
        calls: list[Any] = []
        start = rt.time()
        timer.start(
            0.02, lambda *args, **kwargs: calls.append((args, kwargs, timer.is_started())), 0, (1,), {"a": 2}
        )
        assert timer.is_started()
        await until(rt, lambda: calls)
        assert rt.time() - start >= 0.019
        assert calls == [((1,), {"a": 2}, False)]
        assert not timer.is_started()

    scene(scenario)


def test_a_periodic_timer_does_not_drift(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        timer = Timer(rt)
        times: list[float] = []
        started: list[bool] = []
        start = rt.time()

        def tick() -> None:
            times.append(rt.time() - start)
            started.append(timer.is_started())
            if len(times) == 5:
                timer.stop()

        timer.start(0.01, tick, interval=0.02)
        await until(rt, lambda: len(times) == 5)
        await sleep(rt, 0.03)
        assert len(times) == 5
        assert all(started)
        assert all(at >= 0.009 + 0.02 * number for number, at in enumerate(times))

    scene(scenario)


def test_timers_may_be_started_again_and_stopped_in_callbacks(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        timer, other = Timer(rt), Timer(rt)
        calls: list[str] = []
        timer.start(60, calls.append, args=("never",))
        timer.start(
            0, lambda: (calls.append("first"), other.stop(), timer.start(0, calls.append, args=("second",)))
        )
        other.start(0.05, calls.append, args=("never",))
        assert calls == []
        await until(rt, lambda: len(calls) == 2)
        await sleep(rt, 0.06)
        assert calls == ["first", "second"]
        timer.stop()

    scene(scenario)


def test_a_callback_that_fails_disturbs_no_timer(scene: Any, caplog: Any) -> None:
    async def scenario(rt: Any) -> None:
        timer, other = Timer(rt), Timer(rt)
        calls: list[int] = []

        def fail() -> None:
            calls.append(1)
            raise RuntimeError("a mistake")

        timer.start(0, fail, interval=0.005)
        other.start(0.01, calls.append, args=(2,))
        await until(rt, lambda: 2 in calls and len(calls) > 3)
        timer.stop()

    scene(scenario)
    assert "a mistake" in caplog.text


def test_timers_look_at_their_arguments(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        timer = Timer(rt)
        for timeout, interval in ((-1, 0), (0, -1), (float("nan"), 0)):
            with pytest.raises(ValueError):
                timer.start(timeout, print, interval)
        with pytest.raises(TypeError):
            timer.start(1, None)  # type: ignore[arg-type]  # the mistake that is meant
        assert not timer.is_started()

    scene(scenario)
