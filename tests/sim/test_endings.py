"""How a run ends for what its programs have left."""

from __future__ import annotations

import asyncio

import pytest

from junto.sim import World


def test_code_that_awaits_while_its_run_ends_is_ended_without_complaint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # R9, trap 23
    complaints: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", complaints.append)
    log: list[str] = []

    async def inner() -> None:
        never = asyncio.get_running_loop().create_future()
        try:
            await never
        finally:
            try:
                await never
            finally:
                await never

    async def outer() -> None:
        try:
            await inner()
        finally:
            log.append("outer")

    async def scenario(world: World) -> None:
        world.host("a").run(outer)
        await world.sleep(1)

    world = World(1)
    world.run(scenario, world)
    assert log == ["outer"]
    assert complaints == []
