"""``check=True``: a run is made twice, the second time in another process, and the first difference is told."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import Callable

import bugs
import pytest

from junto import sim
from junto.sim import NotDeterministic, World

REAL = [time.perf_counter_ns, os.getpid, os._exit]  # a list hides them from the simulation


def ask_the_system() -> int:
    return REAL[0]()


async def leaks_a_real_clock(world: World) -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        sim.note(f"it is {ask_the_system()}")

    await world.host("a").run(main).wait()


async def sends(world: World, length: Callable[[], int]) -> None:
    """Let the length of what is sent be what differs."""

    async def serve() -> None:
        async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        async with await asyncio.start_server(read, "0.0.0.0", 1) as server:
            await server.serve_forever()

    async def ask() -> None:
        _, writer = await asyncio.open_connection("server", 1)
        writer.write(b"x" * length())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server, client = world.hosts("server", "client")
    server.run(serve)
    await world.sleep(0.1)
    await client.run(ask).wait()


async def correct(world: World) -> list[float]:
    async def draw() -> float:
        await asyncio.sleep(random.random())
        return random.random()

    await sends(world, lambda: 5)
    return [await host.run(draw).wait() for host in world.hosts("a", "b")]


def test_a_world_is_checked_as_it_is_run() -> None:  # R3
    checked, plain = World(5, check=True), World(5)
    assert checked.run(correct, checked) == plain.run(correct, plain)
    with pytest.raises(NotDeterministic):
        world = World(5, check=True)
        world.run(leaks_a_real_clock, world)


def test_a_checked_run_is_the_same_as_any_other() -> None:
    checked, plain = sim.run(correct, 5, check=True, trace="net"), sim.run(correct, 5, trace="net")
    assert checked.error is None
    assert checked.result == plain.result
    assert checked.digest == plain.digest


def test_the_first_event_that_differs_is_told_with_both_stacks() -> None:
    with pytest.raises(NotDeterministic) as failed:
        sim.run(leaks_a_real_clock, 3, check=True)
    text = str(failed.value)
    assert text.startswith("seed 3 gives two different runs:")
    assert "detail: 'it is " in text
    assert re.search(
        r"it was made by, in both:\n  \S*test_checking.py:\d+ in leaks_a_real_clock.<locals>.main$", text
    )


def test_stacks_that_differ_are_both_told() -> None:
    here = os.getpid()

    def one() -> None:
        sim.note("same")

    def other() -> None:
        sim.note("not the same")

    async def main(world: World) -> None:
        (one if REAL[1]() == here else other)()

    with pytest.raises(NotDeterministic) as failed:
        sim.run(main, 3, check=True)
    there, this = (
        str(failed.value)
        .partition("it was made by, in a forked process:")[2]
        .split("it was made by, in this one:")
    )
    assert [line.split()[-1].rpartition(".")[2] for line in there.strip().splitlines()] == ["main", "other"]
    assert [line.split()[-1].rpartition(".")[2] for line in this.strip().splitlines()] == ["main", "one"]


def test_lengths_count() -> None:
    async def main(world: World) -> None:
        await sends(world, lambda: 1 + ask_the_system() // 7 % 60_000)

    with pytest.raises(NotDeterministic, match=r"length: \d+ in a forked process, \d+ in this one"):
        sim.run(main, 1, check=True)


def test_results_count() -> None:
    async def main(world: World) -> dict[str, int]:
        return {"time": ask_the_system()}

    with pytest.raises(NotDeterministic, match=r"(?s)the events are the same; .*returned \{'time': "):
        sim.run(main, 1, check=True)


def test_how_it_ends_counts() -> None:
    here = os.getpid()

    async def main(world: World) -> None:
        await world.sleep(1)
        assert REAL[1]() == here

    with pytest.raises(NotDeterministic, match="AssertionError"):
        sim.run(main, 1, check=True)


def test_a_result_that_cannot_be_compared_does_not_count() -> None:
    async def main(world: World) -> object:
        return object()

    assert sim.run(main, 1, check=True).error is None


def test_a_run_that_fails_twice_in_the_same_way_fails_with_its_own_error() -> None:
    async def main(world: World) -> None:
        await world.sleep(1)
        raise KeyError(f"at {id(object()):#x}")

    with pytest.raises(KeyError):
        world = World(1, check=True)
        world.run(main, world)
    outcome = sim.run(main, 1, check=True)
    assert isinstance(outcome.error, KeyError)


def test_a_function_that_runs_its_world_itself_is_checked_too() -> None:
    def own(world: World) -> None:
        world.run(leaks_a_real_clock, world)

    with pytest.raises(NotDeterministic):
        sim.run(own, 1, check=True)


def test_hosts_that_run_before_the_world_does_are_checked_too() -> None:
    async def says(text: str) -> None:
        await asyncio.sleep(1)
        sim.note(text + str(ask_the_system()))

    world = World(1, check=True)
    world.host("a").run(says, "it is ")
    with pytest.raises(NotDeterministic, match="it is "):
        world.run(world.sleep, 2)


def test_threads_that_run_before_the_world_does_are_refused() -> None:
    world = World(1, check=True)
    world.host("a").program(lambda: time.sleep(1))
    with pytest.raises(sim.SimError, match=r"check=True: .* in threads"):
        world.run(world.sleep, 2)
    world.finish()


def test_hosted_programs_are_checked() -> None:
    async def main(world: World) -> int:
        def program() -> int:
            time.sleep(1)
            return 5

        return int(await world.host("a").program(program).wait())

    assert sim.run(main, 1, check=True).result == 5


def test_what_the_second_process_does_is_not_seen_here(capfd: pytest.CaptureFixture[str]) -> None:
    done: list[int] = []

    async def main(world: World) -> None:
        done.append(1)
        print("printed")  # noqa: T201
        os.write(1, b"written\n")

    sim.run(main, 1, check=True)
    assert done == [1]
    assert sorted(capfd.readouterr().out.split()) == ["printed", "written"]


def test_a_second_process_that_dies_is_told() -> None:
    here = os.getpid()

    async def main(world: World) -> None:
        if REAL[1]() != here:
            REAL[2](7)

    outcome = sim.run(main, 1, check=True)
    assert isinstance(outcome.error, sim.SimError)
    assert "the forked process ended with 7" in str(outcome.error)


def test_where_there_is_no_fork_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(sim.SimError, match=r"check=True needs os\.fork"):
        World(1, check=True)


# Where a search is made


def test_a_decorated_test_is_checked() -> None:
    test = sim.test(seeds=2, check=True)(bugs.reads_an_address)
    with pytest.raises(NotDeterministic, match="seed 0 gives two different runs"):
        test()
    sim.test(seeds=2, check=True)(bugs.correct)()


def test_a_search_says_with_both_stacks_what_differs() -> None:
    with pytest.raises(NotDeterministic, match=r"(?s)detail:.*made by.*bugs\.py:\d+ in reads_an_address"):
        sim.explore(bugs.reads_an_address, 1, check=True)


def test_what_no_other_process_can_find_is_checked_in_forks() -> None:
    async def local(world: World) -> None:
        await leaks_a_real_clock(world)

    async def fine(world: World) -> None:
        await correct(world)

    with pytest.raises(NotDeterministic, match="seed 0 gives two different runs"):
        sim.explore(local, 3, check=True)
    assert sim.explore(fine, 3, check=True).tally.seeds == 3
    with pytest.raises(NotDeterministic):
        sim.test(seeds=1, check=True)(local)()
