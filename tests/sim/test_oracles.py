"""Properties of a world, points of a program, and what looks suspicious."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from junto.sim import (
    OracleFailed,
    Outcome,
    SimError,
    SimStuck,
    World,
    choose,
    note,
    reached,
    run,
    sometimes,
)


async def count(state: dict[str, int], up_to: int = 100) -> None:
    for state["n"] in range(up_to):
        await asyncio.sleep(1)


def watched(kind: str, holds: Any, duration: float = 20, up_to: int = 100, **options: Any) -> Outcome:
    """Run a program that counts seconds, with one oracle on what it has counted."""
    state = {"n": 0}

    async def main(world: World) -> None:
        world.host("n1").run(count, state, up_to)
        getattr(world, kind)("the count", lambda: holds(state["n"]), **options)
        await world.sleep(duration)

    return run(main)


def test_what_is_always_to_hold_fails_at_the_first_turn_where_it_does_not() -> None:  # O2
    assert not watched("always", lambda n: n < 100).failed
    outcome = watched("always", lambda n: n < 5)
    assert isinstance(outcome.error, OracleFailed)
    assert outcome.oracle == "the count"
    assert outcome.signature == "OracleFailed: the count"
    assert outcome.failed_ns == pytest.approx(5e9, abs=1e6)
    assert str(outcome.error).startswith("the count: at 5.0000")


def test_an_oracle_says_why_by_an_assertion() -> None:
    def small(n: int) -> bool:
        assert n < 5, f"{n} is too much"
        return True

    assert str(watched("always", small).error).startswith("the count: 5 is too much")


def test_an_oracle_that_breaks_tells_with_what() -> None:
    outcome = watched("always", lambda n: 1 / (3 - n) is not None)
    assert str(outcome.error) == "the count: cannot tell: ZeroDivisionError: division by zero"


def test_what_is_never_to_be() -> None:  # O2
    assert not watched("never", lambda n: n == 77).failed
    assert watched("never", lambda n: n == 7).failed_ns == pytest.approx(7e9, abs=1e6)


def test_what_is_to_hold_eventually_fails_when_its_time_is_over_or_the_run_ends() -> None:  # O2
    assert not watched("eventually", lambda n: n == 7, within=10).failed
    late = watched("eventually", lambda n: n == 7, within=5)
    assert str(late.error) == "the count: did not hold within 5 s"
    assert late.failed_ns == 5_000_000_000
    assert not watched("eventually", lambda n: n == 7).failed
    assert str(watched("eventually", lambda n: n == 77).error) == "the count: had not held when the run ended"
    assert watched("eventually", lambda n: n == 77, within=100).failed


def test_what_is_stable_stays_once_it_holds() -> None:  # O2
    assert not watched("stable", lambda n: n > 5).failed
    assert watched("stable", lambda n: n % 5 != 0, up_to=4).failed is False
    assert watched("stable", lambda n: 3 < n < 8).failed_ns == pytest.approx(8e9, abs=1e6)


def test_an_oracle_can_be_asked_seldom_and_is_asked_at_the_end() -> None:  # O2
    asked: list[int] = []
    watched("always", lambda n: asked.append(n) or True, every=5)
    assert asked == [0, 4, 9, 14, 19]
    assert watched("always", lambda n: n < 19, every=15).failed_ns == pytest.approx(20e9, abs=1e6)


def test_an_oracle_can_be_stopped() -> None:
    async def main(world: World) -> None:
        oracle = world.always("no", lambda: world.now < 5)
        world.always("yes", lambda: True)
        await world.sleep(3)
        oracle.stop()
        await world.sleep(10)

    assert not run(main).failed


def test_an_oracle_is_no_code_of_a_host_and_reads_the_worlds_clocks() -> None:  # O2
    seen: set[Any] = set()

    async def main(world: World) -> None:
        world.host("n1").run(asyncio.sleep, 1)

        def look() -> bool:
            seen.add(
                (round(time.time() - 1_800_000_000 - world.now, 6), round(time.monotonic() - world.now, 6))
            )
            return True

        world.always("clocks", look)
        await world.sleep(2)

    assert not run(main).failed
    assert seen == {(0, 0)}


def test_an_oracle_that_changes_the_world_is_refused() -> None:  # O2
    async def main(world: World) -> None:
        host = world.host("n1")
        world.always("meddling", lambda: host.loop.call_later(1, print))
        await world.sleep(2)

    outcome = run(main)
    assert isinstance(outcome.error, SimError)
    assert "changes the world" in str(outcome.error)


def test_oracles_are_asked_before_anything_is_closed() -> None:  # R9
    closed: list[str] = []

    async def hold() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            closed.append("closed")

    async def main(world: World) -> None:
        world.host("n1").run(hold)
        world.always("open", lambda: not closed)
        await world.sleep(1)

    assert not run(main).failed
    assert closed == ["closed"]


def test_the_failure_of_an_oracle_counts_more_than_errors_before_it() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    async def main(world: World) -> None:
        world.host("n1").run(fail)
        world.always("early", lambda: world.now < 5)
        await world.sleep(10)

    outcome = run(main)
    assert outcome.oracle == "early"
    assert outcome.error is not None
    assert "ValueError: broken" in outcome.error.__notes__[0]


# Points, choices, remarks


def test_points_are_counted_and_known_where_they_were_not_reached() -> None:  # E6
    async def main(world: World) -> None:
        async def program() -> None:
            for n in range(3):
                reached("loop")
                reached("late", n > 5)

        world.host("n1").run(program)
        await world.sleep(1)

    assert run(main).reached == {"loop": 3, "late": 0}


def test_a_seed_decides_what_is_done_sometimes_and_which_is_chosen() -> None:  # E1
    async def main(world: World) -> list[Any]:
        async def program() -> list[Any]:
            return [(sometimes("rare", p=0.5), choose(5), choose("abc", "letter")) for _ in range(20)]

        return list(await world.host("n1").run(program).wait())

    one, same, other = run(main, 1), run(main, 1), run(main, 2)
    assert one.result == same.result != other.result
    assert 2 < one.reached["rare"] < 18
    assert {number for _, number, _ in one.result} == {0, 1, 2, 3, 4}
    assert {letter for _, _, letter in one.result} == set("abc")
    labels = [("sometimes.rare", "n1"), ("choose", "n1"), ("letter", "n1")]
    assert set(labels) <= set(one.choices)
    assert run(main, 1, neutral=labels).result == [(False, 0, "a")] * 20


def test_outside_a_world_points_do_nothing() -> None:
    reached("here")
    note("hello")
    assert not sometimes("rare", p=1)
    assert choose(5) == 0
    assert choose("abc") == "a"


def test_remarks_have_their_host_and_time() -> None:
    async def main(world: World) -> None:
        async def program() -> None:
            await asyncio.sleep(2)
            note("half way")

        world.host("n1").run(program)
        await world.sleep(3)
        world.note("done")

    first, second = run(main).notes
    assert (first.host, first.text, first.kind) == ("n1", "half way", "")
    assert first.when == pytest.approx(2e9, abs=1e6)
    assert str(second).endswith("s world: done")


# Suspicion


def suspicions(program: Any, *args: Any, duration: float = 10) -> list[tuple[str, str]]:
    async def main(world: World) -> None:
        world.host("n1").run(program, *args)
        await world.sleep(duration)

    return [(found.kind, found.text) for found in run(main).notes]


def test_a_loop_that_is_blocked_is_remarked() -> None:  # O4
    async def block() -> None:
        await asyncio.sleep(1)
        time.sleep(0.3)  # noqa: ASYNC251  # that is what it is about
        await asyncio.sleep(1)
        time.sleep(0.01)  # noqa: ASYNC251

    assert suspicions(block) == [("blocked", "the loop was blocked for 0.300 s")]


def test_tasks_that_are_left_are_remarked_but_not_main_programs() -> None:  # O4
    async def leave() -> None:
        left = asyncio.create_task(asyncio.sleep(1000), name="left")
        assert not left.done()
        await asyncio.sleep(1000)

    ((kind, text),) = suspicions(leave)
    assert kind == "task"
    assert text.startswith("left is left: it waits in sleep")


def test_attempts_without_backoff_are_remarked_once_a_second() -> None:  # O4
    async def retry(pause: float, growth: float) -> None:
        for _ in range(60):
            try:
                await asyncio.open_connection("n1", 1)
            except OSError:
                await asyncio.sleep(pause)
                pause *= growth

    assert suspicions(retry, 0.01, 2.0) == []
    found = suspicions(retry, 0.01, 1.0)
    assert found[0] == ("retries", "connects to 10.0.0.1:1 more than 20 times within a second")
    assert len(found) <= 3


def test_connections_that_only_the_other_end_has_closed_are_remarked() -> None:  # O4
    async def leak() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "", 80)
        _, kept = await asyncio.open_connection("n1", 80)
        _, closed = await asyncio.open_connection("n1", 80)
        closed.close()
        await asyncio.sleep(1)
        server.close()
        assert kept
        await asyncio.sleep(1000)

    assert suspicions(leak) == [
        ("connection", "the connection with 10.0.0.1:80 is never closed on this side")
    ]


def test_an_exception_that_nobody_has_asked_for_up_to_the_end_is_remarked() -> None:  # O4
    async def fail() -> None:
        raise ValueError("not seen")

    async def leave() -> None:
        kept = [asyncio.create_task(fail()), asyncio.create_task(asyncio.sleep(0))]
        await asyncio.sleep(1000)
        assert kept

    assert suspicions(leave) == [
        ("error", "Task exception was never retrieved: ValueError('not seen')"),
    ]

    async def kill_itself() -> None:
        asyncio.get_running_loop().call_later(1, os.kill, os.getpid(), signal.SIGKILL)
        await leave()

    assert suspicions(kill_itself) == []


def test_assertions_of_hosts_and_of_callbacks_fail_the_run_with_place_and_time() -> None:  # O1
    def check() -> None:
        assert 1 > 2, "in a callback"

    async def by_callback() -> None:
        asyncio.get_running_loop().call_later(2, check)

    async def by_task() -> None:
        await asyncio.sleep(3)
        assert 1 > 2, "in a task"

    async def by_thread() -> None:
        def work() -> None:
            time.sleep(1)
            assert 1 > 2, "in a thread"

        threading.Thread(target=work).start()

    for program, when, text in ((by_callback, 2, "callback"), (by_task, 3, "task"), (by_thread, 1, "thread")):

        async def main(world: World, program: Any = program) -> None:
            world.host("n1").run(program)
            await world.sleep(10)

        outcome = run(main)
        assert outcome.failed_on == "n1"
        assert outcome.failed_ns == pytest.approx(when * 1e9, abs=1e6)
        assert outcome.signature is not None
        assert outcome.signature.startswith(f"AssertionError: in a {text}")
        assert f"n1 at {when}." in str(outcome.error)


# The watchdog


def test_a_callback_that_does_not_return_is_told_with_its_stack() -> None:  # T3
    async def spin() -> None:
        await asyncio.sleep(1)
        while True:
            pass

    async def main(world: World) -> None:
        world.host("n1").run(spin)
        await world.sleep(10)

    outcome = run(main, patience=0.1)
    assert isinstance(outcome.error, SimStuck)
    text = str(outcome.error)
    assert "n1: Task-1 (test_a_callback_that_does_not_return_is_told_with_its_stack.<locals>.spin)" in text
    assert "at 1.0000" in text
    assert ", in spin\n" in text
    assert "world.py" not in text
    assert outcome.virtual_seconds == pytest.approx(1, abs=0.01)


def test_a_program_that_takes_every_error_does_not_hide_that_it_is_stuck() -> None:  # T3
    async def spin() -> None:
        try:
            while True:
                pass
        except BaseException:
            pass

    async def main(world: World) -> None:
        world.host("n1").run(spin)
        await world.sleep(10)

    assert isinstance(run(main, patience=0.1).error, SimStuck)


def test_a_thread_that_does_not_return_is_told_too() -> None:  # T3
    def spin() -> None:
        while True:
            pass

    async def main(world: World) -> None:
        world.host("n1").run(asyncio.to_thread, spin)
        await world.sleep(10)

    outcome = run(main, patience=0.1)
    assert isinstance(outcome.error, SimStuck)
    assert str(outcome.error).startswith("n1: thread asyncio_0 has not returned")
    assert ", in spin\n" in str(outcome.error)


def test_a_thread_that_takes_every_error_is_left_behind() -> None:  # T3
    over = False

    def spin() -> None:
        while not over:
            try:
                while not over:
                    pass
            except BaseException:
                pass

    async def main(world: World) -> None:
        world.host("n1").run(asyncio.to_thread, spin)
        await world.sleep(10)

    outcome = run(main, patience=0.05)
    over = True
    assert isinstance(outcome.error, SimStuck)


def _in_a_thread(wait: Callable[[], object]) -> Callable[[World], Any]:
    return lambda world: world.host("n1").run(asyncio.to_thread, wait)


def _in_a_coroutine(wait: Callable[[], object]) -> Callable[[World], Any]:
    async def program() -> None:
        wait()

    return lambda world: world.host("n1").run(program)


def _in_a_coroutine_on_another_thread(wait: Callable[[], object]) -> Callable[[World], Any]:
    async def block() -> None:
        time.sleep(5)  # noqa: ASYNC251  # so another thread runs what comes next

    async def program() -> None:
        await asyncio.sleep(1)
        wait()

    def start(world: World) -> Any:
        world.host("n0").run(block)
        return world.host("n1").run(program)

    return start


def _of_a_thread_that_starts_another(wait: Callable[[], object]) -> Callable[[World], Any]:
    def start() -> None:
        threading.Thread(target=wait).start()

    return lambda world: world.host("n1").run(asyncio.to_thread, start)


@pytest.mark.parametrize(
    "way",
    [_in_a_thread, _in_a_coroutine, _in_a_coroutine_on_another_thread, _of_a_thread_that_starts_another],
)
def test_what_waits_for_something_real_for_ever_ends_the_run(way: Any) -> None:  # T3, trap 28
    real = threading.Lock()  # made outside of the world, by a module for instance
    real.acquire()

    def wait_for_good() -> None:
        real.acquire()

    async def main(world: World) -> None:
        way(wait_for_good)(world)
        await world.sleep(10)

    async def rest(world: World) -> None:
        await world.sleep(10)

    try:
        text = str(run(main, patience=0.1).error)
        assert text.startswith("n1: ")
        assert ", in wait_for_good\n" in text
        assert "waits for something real" in text
        assert not run(rest).failed  # and other worlds go on
    finally:
        real.release()


def test_a_run_that_goes_on_is_not_disturbed() -> None:
    async def main(world: World) -> None:
        async def work() -> None:
            for _ in range(20_000):
                await asyncio.sleep(0)

        await world.host("n1").run(work).wait()

    before = time.monotonic()
    while time.monotonic() - before < 0.25:
        assert not run(main, patience=0.2).failed


def test_a_real_lock_that_is_held_across_a_wait_of_the_world_is_told_with_who_holds_it() -> (
    None
):  # T3, trap 28
    lock = threading.Lock()  # made outside of the world

    def hold() -> None:
        with lock:
            time.sleep(100)

    async def take() -> None:
        await asyncio.sleep(1)
        lock.acquire(timeout=1)

    async def main(world: World) -> None:
        one, other = world.hosts("one", "other")
        one.run(asyncio.to_thread, hold)
        other.run(take)
        await world.sleep(10)

    text = str(run(main, patience=0.1).error)
    assert "other: Task-1 (" in text
    assert ", in take\n" in text
    assert "one: thread asyncio_0 waits for time.sleep" in text
    assert ", in hold\n" in text
