from __future__ import annotations

import datetime

import pytest

from junto.clock import ExternalClock, RuntimeClock
from junto.runtimes.memory import MemoryRuntime


def external(
    start: datetime.datetime | str = "2016-01-01T00:00:00+00:00", init_time: float = 0
) -> ExternalClock:
    clock = ExternalClock(start, init_time)
    clock.attach(MemoryRuntime())
    return clock


def test_it_stands_still_until_it_is_set() -> None:
    clock = external(init_time=-1)
    assert clock.time() == -1
    assert clock.utcnow() == datetime.datetime(2015, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
    clock.set_time(0)
    assert clock.utcnow() == datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC)
    for wrong in (0, -3, float("nan")):
        with pytest.raises(ValueError):
            clock.set_time(wrong)
    assert clock.time() == 0


def test_dates_without_an_offset_are_utc() -> None:
    noon = datetime.datetime(2016, 1, 1, 12)
    assert (
        external("2016-01-01T12:00:00").utcnow()
        == external(noon).utcnow()
        == noon.replace(tzinfo=datetime.UTC)
    )
    assert external("2016-01-01T12:00:00+01:00").utcnow().hour == 11
    with pytest.raises(ValueError):
        external("noon")


def test_a_callback_that_fails_leaves_nobody_asleep(caplog: pytest.LogCaptureFixture) -> None:
    clock = external()
    seen: list[str] = []
    clock.call_at(1, lambda: [][0])
    clock.call_at(2, seen.append, "woken")
    clock.set_time(3)
    assert seen == ["woken"]
    assert "IndexError" in caplog.text


def test_who_is_due_is_woken_in_order_and_sees_the_new_time() -> None:
    clock = external()
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, clock.time()))

    clock.call_at(3, note, "c")
    clock.call_in(2, note, "a")
    clock.call_in(2, note, "b")
    clock.call_at(clock.utcnow() + datetime.timedelta(seconds=5), note, "d")
    cancelled = clock.call_in(1, note, "never")
    cancelled.cancel()
    cancelled.cancel()
    clock.set_time(1)
    assert seen == []
    clock.set_time(4)
    assert seen == [("a", 4), ("b", 4), ("c", 4)]
    clock.set_time(5)
    assert seen[3:] == [("d", 5)]


def test_a_callback_may_ask_for_another_and_the_time_may_not_be_set_within() -> None:
    clock = external()
    seen: list[float] = []
    clock.call_in(1, lambda: clock.call_in(1, lambda: seen.append(clock.time())))
    clock.set_time(1)
    assert seen == []
    clock.set_time(2)
    assert seen == [2]


def test_a_sleeper_who_gives_up_is_not_woken() -> None:
    clock = external()
    first, second = clock.sleep(1, "x"), clock.sleep_until(1)
    first.cancel()
    clock.set_time(1)
    assert first.cancelled()
    assert second.result() is None


@pytest.mark.parametrize("when", [0, -1, 4])
def test_what_is_not_in_the_future_is_refused(when: float) -> None:
    clock = external(init_time=4)
    for ask in (
        clock.sleep_until,
        lambda when: clock.call_at(when, print),
        lambda when: clock.sleep(when - 4),
    ):
        with pytest.raises(ValueError):
            ask(when)


def test_a_world_in_memory_has_its_own_time() -> None:
    world = MemoryRuntime()
    clock = RuntimeClock()
    clock.attach(world)

    async def main() -> list[float]:
        return [await clock.sleep(5, 1.0), clock.time(), await clock.sleep_until(7, 2.0), clock.time()]

    assert world.run(main()) == [1.0, 5.0, 2.0, 7.0]
    assert clock.utcnow().tzinfo is datetime.UTC
