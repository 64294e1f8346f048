"""What the tests of the simulated network share: a scenario is run under several seeds, each of them twice."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from junto.sim import Host, World

SEEDS = (1, 2, 3, 4)
CHUNKING = 0.4


class Recorder:
    """A trace that only keeps its events."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []


def run_world(
    scenario: Callable[..., Coroutine[Any, Any, Any]],
    *names: str,
    seeds: tuple[int, ...] = SEEDS,
    timeout: float = 4000,
    **options: Any,
) -> Any:
    """Run a controlling program with hosts of these names; see that a seed decides all of it.

    Returns:
        What the scenario returned under the first seed.
    """
    options = {"chunking": CHUNKING, **options}
    results = []
    for seed in seeds:
        outcomes = []
        for recorder in (None, Recorder(), Recorder()):
            world = World(seed, trace=recorder, **options)
            hosts: list[Host] = world.hosts(*names) if names else []
            result = world.run(scenario, world, *hosts, timeout=timeout)
            events = [event for event in recorder.events if event[2] != "note"] if recorder else None
            outcomes.append((result, world.now, world.kernel.events, events))
        bare, first, second = outcomes
        assert first == second, "the same seed gave another run"
        assert bare[:3] == first[:3], "recording has changed the run"
        results.append(first[0])
    return results[0]
