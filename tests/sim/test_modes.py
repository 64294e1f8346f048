"""Worlds that look harder: tasks in any order, and calls that bypass the simulation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from junto.sim import World, run


def look(clock: Callable[[], float] = time.monotonic) -> float:
    """Look at a clock that no replacement reaches, for it was bound as a default."""
    return clock()


async def order_of_tasks() -> list[int]:
    order: list[int] = []

    async def note(number: int) -> None:
        order.append(number)

    await asyncio.gather(*(note(number) for number in range(6)))
    return order


def test_e2_tasks_start_in_the_order_of_their_making_under_each_seed() -> None:
    assert {tuple(World(seed).run(order_of_tasks)) for seed in range(20)} == {(0, 1, 2, 3, 4, 5)}


def test_e4_tasks_go_in_any_order_in_the_adversarial_mode_and_in_the_same_for_a_seed() -> None:
    def orders() -> list[list[int]]:
        return [World(seed, mode="adversarial").run(order_of_tasks) for seed in range(20)]

    first = orders()
    assert len({tuple(order) for order in first}) > 10
    assert all(sorted(order) == [0, 1, 2, 3, 4, 5] for order in first)
    assert orders() == first


def test_e4_callbacks_that_are_no_tasks_keep_their_order() -> None:
    async def calls() -> list[int]:
        order: list[int] = []
        for number in range(6):
            asyncio.get_running_loop().call_soon(order.append, number)
        await asyncio.sleep(1)
        return order

    assert World(3, mode="adversarial").run(calls) == [0, 1, 2, 3, 4, 5]


def test_e4_a_run_with_orders_that_the_standard_loop_does_not_make_says_so() -> None:
    world = World(1, mode="adversarial")
    world.run(order_of_tasks)
    assert "order not promised but not produced by the standard loop" in [note.text for note in world.notes]


def test_r6_an_audit_finds_where_a_program_looks_at_the_real_clock() -> None:
    async def main() -> None:
        look()

    world = World(1, audit=True)
    world.run(main)
    (finding,) = world.findings
    assert finding.name == "time.monotonic"
    assert finding.function == "look"
    assert any("bypasses the simulation" in note.text for note in world.notes)


def test_r6_a_program_that_bypasses_nothing_is_told_of_nothing() -> None:
    world = World(1, audit=True)
    world.run(order_of_tasks)
    assert world.findings == []


async def promised_orders() -> list[Any]:
    """Write down the orders that the standard loop promises, in a program without waits in real time."""
    log: list[Any] = []
    loop = asyncio.get_running_loop()

    def again(name: str, depth: int) -> None:
        log.append((name, depth))
        if depth:
            loop.call_soon(again, f"{name}a", depth - 1)
            loop.call_soon(again, f"{name}b", depth - 1)

    for name in "xyz":
        loop.call_soon(again, name, 3)
    loop.call_soon_threadsafe(log.append, "threadsafe")

    future = loop.create_future()
    for number in range(5):
        future.add_done_callback(lambda _, number=number: log.append(("callback", number)))

    async def wait_for_the_future(number: int) -> None:
        log.append(("begins", number, await future))

    waiting = [asyncio.create_task(wait_for_the_future(number)) for number in range(5)]
    await asyncio.sleep(0)
    future.set_result("result")
    await asyncio.gather(*waiting)

    lock, semaphore, items = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Queue[int](2)
    condition, event = asyncio.Condition(), asyncio.Event()

    async def compete(number: int) -> int:
        for turn in range(3):
            async with lock:
                log.append(("lock", number, turn))
                await asyncio.sleep(0)
            async with semaphore:
                log.append(("semaphore", number, turn))
                await asyncio.sleep(0)
            await items.put(10 * number + turn)
            async with condition:
                condition.notify(1)
        return number

    async def consume(number: int) -> None:
        for _ in range(6):
            log.append(("got", number, await items.get()))
        event.set()

    async def listen(number: int) -> None:
        async with condition:
            await condition.wait()
            log.append(("notified", number))
        await event.wait()
        log.append(("event", number))

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(listen(number))
        for number in range(4):
            group.create_task(compete(number))
        for number in range(2):
            group.create_task(consume(number))
    log.append("group")
    return log


@pytest.mark.parametrize("seed", range(10))
def test_e2_what_the_standard_loop_promises_holds_under_each_seed(seed: int) -> None:
    async def main(world: World) -> list[Any]:
        world.host("n2").run(asyncio.sleep, 1)
        result: list[Any] = await world.host("n1").run(promised_orders).wait()
        return result

    outcome = run(main, seed, coincidence=1.0)
    assert outcome.error is None
    assert outcome.result == asyncio.run(promised_orders())
