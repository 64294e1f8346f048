"""One run from a seed, and what is said of it."""

from __future__ import annotations

import asyncio
import time
from hashlib import blake2b
from typing import Any

import pytest

from junto.sim import Faults, OracleFailed, Plan, SimDeadlock, UnclaimedError, World, run
from junto.sim.diffing import find_causes
from junto.sim.running import signature
from junto.sim.telling import Story
from junto.sim.trace import CAUSED, Level

FAULTS = Faults(
    latency=(0.001, 0.02),
    chunking=0.3,
    crash=True,
    pause=True,
    slow=True,
    partition=True,
    drift=True,
    reset=True,
)


async def serve() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line)
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(echo, "", 80)
    await server.serve_forever()


async def ask(answers: list[str]) -> None:
    while True:
        try:
            reader, writer = await asyncio.open_connection("server", 80)
            try:
                for number in range(10):
                    writer.write(b"%d\n" % number)
                    answers.append((await asyncio.wait_for(reader.readline(), 1)).decode())
                    await asyncio.sleep(0.05)
            finally:
                writer.close()
        except (TimeoutError, OSError):
            await asyncio.sleep(0.5)


async def cluster(world: World) -> list[str]:
    answers: list[str] = []
    server, client = world.hosts("server", "client")
    server.run(serve)
    client.run(ask, answers)
    await world.sleep(20)
    return answers


def same(one: Any, other: Any) -> bool:
    return (one.result, one.events, one.virtual_seconds, one.signature) == (
        other.result,
        other.events,
        other.virtual_seconds,
        other.signature,
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_run_is_the_same_again_with_its_plan_as_text(seed: int) -> None:  # R1, F4
    first = run(cluster, seed, faults=FAULTS)
    assert first.error is None
    assert first.result
    assert len(first.plan) > 5
    assert same(first, run(cluster, seed, faults=FAULTS))
    assert same(first, run(cluster, seed, plan=str(first.plan)))
    assert not same(first, run(cluster, seed, plan=""))


def test_faults_that_never_began_are_not_in_the_plan() -> None:
    async def short(world: World) -> None:
        world.host("n1")
        await world.sleep(2)

    outcome = run(short, plan="1s kill n1 for 10s; 5s kill n1")
    assert str(outcome.plan) == "1.000s kill n1 for 10.000s"


def test_how_long_a_run_takes_follows_from_its_first_sleep_or_its_timeout() -> None:
    async def sleeping(world: World) -> None:
        world.host("n1")
        await world.sleep(1000)

    async def waiting(world: World) -> None:
        world.host("n1")
        await asyncio.sleep(900)

    faults = Faults(crash=True, every=10)
    assert 500 < run(sleeping, faults=faults).plan.end_ns / 1e9 < 801
    assert 500 < run(waiting, faults=faults, timeout=1000).plan.end_ns / 1e9 < 801
    assert run(waiting, faults=faults).plan.end_ns / 1e9 < 25


def test_an_outcome_tells_all_of_a_run_that_went_well() -> None:
    outcome = run(cluster, 3)
    assert not outcome.failed
    assert (outcome.seed, outcome.error, outcome.signature, outcome.oracle) == (3, None, None, None)
    assert (outcome.failed_ns, outcome.failed_on, outcome.digest, outcome.plan) == (None, None, None, Plan())
    assert outcome.virtual_seconds == pytest.approx(20)
    assert outcome.events > 1000
    assert ("net.latency", "client>server") in outcome.choices


def test_an_outcome_tells_where_and_when_a_host_failed() -> None:  # H9
    async def fail() -> None:
        await asyncio.sleep(3)
        raise ValueError("at 7 of 10")

    async def main(world: World) -> None:
        world.host("n1").run(fail)
        await world.sleep(10)

    outcome = run(main)
    assert isinstance(outcome.error, UnclaimedError)
    assert outcome.signature == "ValueError: at # of #"
    assert outcome.failed_on == "n1"
    assert outcome.failed_ns == pytest.approx(3e9, abs=1e6)


def test_an_assertion_of_the_program_is_its_error() -> None:  # O1
    async def main(world: World) -> None:
        await world.sleep(1)
        assert world.now < 1, "too late"

    outcome = run(main)
    assert outcome.signature is not None
    assert outcome.signature.startswith("AssertionError: too late")
    assert (outcome.failed_on, outcome.oracle) == ("world", None)


def test_a_deadlock_and_a_timeout_are_outcomes() -> None:  # T2, T3
    async def main(world: World) -> None:
        await asyncio.Event().wait()

    assert isinstance(run(main).error, SimDeadlock)

    async def ever(world: World) -> None:
        while True:
            await world.sleep(1)

    assert run(ever, timeout=5).signature == "SimTimeout: the run did not end within # virtual seconds"


def test_a_function_that_is_no_coroutine_function_runs_its_world_itself() -> None:
    def main(world: World) -> str:
        host = world.host("n1")
        host.run(asyncio.sleep, 100)
        world.run(world.sleep, 10)
        return f"{world.now:.0f} {host.alive}"

    assert run(main, plan="5s kill n1").result == "10 False"


def test_a_function_that_passes_on_a_coroutine_function_is_run_too() -> None:
    async def fail(world: World) -> None:
        await world.sleep(5)
        raise KeyError

    outcome = run(lambda world: fail(world))
    assert isinstance(outcome.error, KeyError)
    assert outcome.virtual_seconds == pytest.approx(5)


def test_a_function_that_runs_nothing_has_not_passed() -> None:
    async def work() -> None:
        """Never be run."""

    def forgotten(world: World) -> None:
        world.host("n1").run(work)

    assert str(run(forgotten).error) == (
        "forgotten has not run its world: write it with async def, or call world.run()"
    )


def test_a_controlling_program_that_looks_again_and_again_without_waiting_goes_on() -> None:  # T7
    done: list[int] = []

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append(1)

    async def main(world: World) -> tuple[float, float]:
        for _ in range(900):
            await asyncio.sleep(0)
        before = world.now
        world.host("n1").run(work)
        while not done:  # noqa: ASYNC110  # that is what it is about
            await asyncio.sleep(0)
        return before, world.now

    before, after = run(main).result
    assert before == 0  # to wait now and then for others takes no time
    assert after == pytest.approx(0.01, abs=0.0001)


def test_options_of_the_world_are_passed_on() -> None:
    async def main(world: World) -> int:
        return world.host("n1").monotonic_ns()

    assert run(main, monotonic_start=5).result == 5 * 10**9
    with pytest.raises(TypeError):
        run(main, no_such_option=1)


def test_who_watches_may_interrupt() -> None:
    async def main(world: World) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(main)


@pytest.mark.parametrize("leave", [pytest.skip, pytest.xfail])
def test_what_leaves_a_test_of_pytest_without_a_failure_is_none(leave: Any) -> None:
    async def asleep(world: World) -> None:
        await world.sleep(1)
        leave("not here")

    with pytest.raises((pytest.skip.Exception, pytest.xfail.Exception), match="not here"):
        run(asleep)
    assert run(lambda world: pytest.fail("here")).failed


def test_neutral_choices_make_the_rest_the_same_run() -> None:  # P2
    labels = {label for label, _ in run(cluster, 4, faults=FAULTS).choices}
    everything = [(label, "*") for label in labels if not label.startswith("fault")]
    plan = run(cluster, 4, faults=FAULTS).plan
    one, other = (run(cluster, seed, plan=plan, neutral=everything) for seed in (4, 5))
    assert one.result == other.result
    late = run(cluster, 4, plan=plan, neutral=[(label, "*", 10 * 10**9, 10**15) for label in labels])
    assert late.result[:50] == run(cluster, 4, plan=plan).result[:50]


def test_the_same_failure_has_the_same_signature() -> None:
    assert signature(ValueError("term 23 at 0x7f01 took 1.5 s")) == "ValueError: term # at # took # s"
    assert signature(ValueError("term 7 at 0xffff took 22 s\nmore")) == "ValueError: term # at # took # s"
    assert signature(KeyError()) == "KeyError"
    assert signature(OracleFailed("one leader", "n1, n2")) == signature(OracleFailed("one leader", "n3, n2"))


def test_recording_does_not_change_a_run_at_any_level() -> None:  # Q2
    bare = run(cluster, 3, faults=FAULTS)
    digests = set()
    for level in ("net", "turns", "all"):
        recorded = run(cluster, 3, faults=FAULTS, trace=level)
        assert same(bare, recorded)
        digests.add(recorded.digest)
    assert len(digests) == 3
    assert bare.digest is None


@pytest.mark.parametrize("level", ["off", "net", "turns", "all"])
def test_recording_keeps_no_task_that_would_be_gone(level: Level) -> None:  # Q2
    async def cancel() -> None:
        async def fail() -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                raise RuntimeError("at its end")

        task = asyncio.create_task(fail())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)

    async def main(world: World) -> None:
        await world.host("n1").run(cancel).wait()
        await world.sleep(1)

    error = run(main, trace=level).error
    assert isinstance(error, UnclaimedError)
    assert "Task exception was never retrieved: RuntimeError: at its end" in str(error)


def test_the_digest_is_that_of_the_lines_of_events() -> None:  # Q1
    trace = run(cluster, 3, trace="net").trace
    assert trace is not None
    lines = "".join(f"{line}\n" for line in list(trace.lines()))
    assert trace.digest() == blake2b(lines.encode(), digest_size=len(trace.digest()) // 2).hexdigest()


def test_turns_and_tasks_carry_what_made_them_run() -> None:  # Q3
    async def ask(world: World) -> None:
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("server", 80)
        writer.write(b"hello\n")
        await asyncio.create_task(reader.readline(), name="answer")
        await asyncio.to_thread(time.sleep, 1)
        writer.close()

    async def main(world: World) -> None:
        server, client = world.hosts("server", "client")
        server.run(serve)
        await client.run(ask, world).wait()

    trace = run(main, 3, trace="all").trace
    assert trace is not None
    events = trace.events
    caused = [(number, event) for number, event in enumerate(events) if event[2] in CAUSED]
    assert all(event[3] is not None and event[3] < number for number, event in caused)
    assert all(events[event[3] or 0][1] == event[1] for _, event in caused)
    kinds = {(event[2], events[event[3] or 0][2]) for _, event in caused}
    assert kinds >= {("turn", "start"), ("turn", "turn"), ("turn", "recv"), ("turn", "accept")}
    assert kinds >= {("task", "start"), ("task", "turn"), ("task_end", "turn")}
    # The answer's way back to the first turn of the client.
    (end,) = [number for number, event in caused if event[2] == "task_end" and event[7] == "answer"]
    way = [events[cause][1:3] for cause in find_causes(Story(events), end, 20)]
    assert way[-4:] == [("server", "send"), ("client", "recv"), ("client", "turn"), ("client", "turn")]
    assert way.index(("client", "send")) < way.index(("server", "recv"))
    assert [event[7] for event in events if event[2] == "thread"] == ["thread asyncio_0 begins"]
    turns = run(main, 3, trace="turns").trace
    assert turns is not None
    assert {event[2] for event in events} - {event[2] for event in turns.events} == {
        "task",
        "task_end",
        "thread",
    }
