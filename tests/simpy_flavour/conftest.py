from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from junto import simpy

LIMIT = 10.0
BACKENDS = ("select", "poll", "epoll", "asyncio")

Process = Generator[Any, Any, Any]


@pytest.fixture(params=[*BACKENDS, "virtual"])
def env(request: pytest.FixtureRequest) -> Generator[Any, None, None]:
    options = {"loopback_latency": lambda: 0.000_01} if request.param == "virtual" else {}
    env: Any = simpy.Environment(request.param, **options)
    yield env
    env.close()


@pytest.fixture
def run(env: Any) -> Callable[[Process], Any]:
    """Run a process to its end, after which nothing may be open and no task may be left."""

    def go(generator: Process) -> Any:
        process = env.process(generator)
        env.run(until=process | env.timeout(LIMIT))
        assert process.processed, "it took too long"
        for _ in range(500):
            if not left_behind(env):
                break
            env.run(until=env.timeout(0.002))
        assert left_behind(env) == []
        return process.value

    return go


def left_behind(env: Any) -> list[Any]:
    if env.runtime is None:
        return []
    return [*env.runtime._keeper.things, *env.runtime._keeper._tasks()]
