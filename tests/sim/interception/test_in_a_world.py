"""The replacements, asked by programs of real hosts."""

from __future__ import annotations

import asyncio
import datetime
import os
import random
import secrets
import time
import uuid
from typing import Any

from junto.sim import World, interception


def run(seed: int, *names: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {name: [] for name in names}

    async def program(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(random.random())
            found[name] += [
                time.time(),
                datetime.datetime.now(),
                os.getpid(),
                uuid.uuid1(),
                secrets.token_hex(4),
            ]

    async def main() -> None:
        for host in world.hosts(*names):
            host.run(program, host.name)
        await world.sleep(10)

    world = World(seed)
    with interception.borrowed():
        world.run(main)
    return found


def test_a_run_is_repeated_from_its_seed() -> None:
    first = run(1, "a", "b")
    assert first == run(1, "a", "b")
    assert first != run(2, "a", "b")


def test_one_more_host_changes_nothing_for_the_others() -> None:
    assert run(1, "a", "b")["a"] == run(1, "a", "b", "c")["a"]


def test_clocks_of_the_loop_and_of_the_module_agree_and_hosts_differ() -> None:
    async def program() -> float:
        assert asyncio.get_running_loop().time() == time.monotonic() == time.perf_counter()
        return time.monotonic()

    async def main() -> list[float]:
        return [await host.run(program).wait() for host in world.hosts("a", "b")]

    world = World()
    with interception.borrowed():
        a, b = world.run(main)
    assert abs(a - b) > 1


def test_sleep_in_a_coroutine_blocks_its_host_alone() -> None:
    async def blocking() -> None:
        begun = time.monotonic()
        time.sleep(60)  # noqa: ASYNC251  # what this test is about
        assert 60 <= time.monotonic() - begun < 60.001

    async def other() -> float:
        await asyncio.sleep(1)
        return world.now

    async def main() -> None:
        a, b = world.hosts("a", "b")
        blocked, free = a.run(blocking), b.run(other)
        assert await free.wait() < 2
        await blocked.wait()
        assert world.now >= 60

    begun = time.monotonic()
    world = World()
    with interception.borrowed():
        world.run(main)
    assert time.monotonic() - begun < 30


def test_a_restarted_process_has_another_number_and_draws_anew() -> None:
    found: list[tuple[int, float]] = []

    async def program() -> None:
        found.append((os.getpid(), random.random()))

    async def main() -> None:
        (host,) = world.hosts("a")
        await host.run(program).wait()
        host.restart()
        await world.sleep(1)

    world = World()
    with interception.borrowed():
        world.run(main)
    (first, drawn), (second, drawn_again) = found
    assert first != second
    assert drawn != drawn_again
