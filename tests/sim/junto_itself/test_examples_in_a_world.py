"""Examples of the documentation, as they are, as programs of simulated hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from junto import sim

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("name", ["drive_sync", "file_sync"])
def test_an_example_runs_in_a_world(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for seed in range(3):
        world = sim.World(seed, chunking=0.4)
        host = world.host("car")

        async def main(host: sim.Host = host) -> None:
            await host.program(EXAMPLES / f"vehicles/{name}.py").wait()

        world.run(main, timeout=100)
        told.append(capsys.readouterr().out.splitlines())
    assert told[0] == told[1] == told[2]
    assert told[0]
