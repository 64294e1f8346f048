"""Worlds that look harder: tasks in any order, and calls that bypass the simulation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from junto.sim import World


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
