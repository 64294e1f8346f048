"""Plain SimPy, without a world around it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import simpy

from benchmarks.simulated import models
from benchmarks.simulated.programs import ACTORS, HOPS
from benchmarks.simulated.stopwatch import Stopwatch


def run(model: Callable[[simpy.Environment, int], int], rounds: int, watch: Stopwatch) -> int:
    env = simpy.Environment()
    count = model(env, rounds)
    watch.start()
    env.run()
    watch.stop()
    return count


def idle(measure: Callable[[simpy.Environment], int], units: int, watch: Stopwatch) -> int:
    watch.start()
    watch.cpu = watch.wall = float(ACTORS)
    return measure(simpy.Environment())


def acting(model: Callable[[simpy.Environment, int], int], units: int, watch: Stopwatch) -> int:
    return run(model, units * HOPS, watch)


WORKLOADS: dict[str, Callable[[int, Stopwatch], int]] = {
    **{name: functools.partial(run, model) for name, model in models.MODELS.items()},
    **{name: functools.partial(acting, model) for name, model in models.ACTING.items()},
    "idle sleepers": functools.partial(idle, models.idle_sleepers),
    "idle tasks": functools.partial(idle, models.idle_tasks),
}
