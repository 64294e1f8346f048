"""The runtimes that the suite runs in; one more is one entry in `WORLDS`.

A scenario is a flow: ``async def scenario(rt)``. It awaits only futures of *rt* and other flows.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
import trio
import uvloop

from junto import sim
from junto.runtimes.asyncio import asyncio_runtime
from junto.runtimes.polling import SelectorPoller
from junto.runtimes.simpy.futures import Task
from junto.runtimes.simpy.runtime import simpy_runtime
from junto.runtimes.threads import Cancelled, InvalidState, ThreadsRuntime
from junto.runtimes.trio.opening import QuietNursery
from junto.runtimes.trio.runtime import TrioRuntime
from junto.simpy.environments import Environment

LATENCY = 0.000_02  # seconds of a virtual network: hardly more than of the system's
logger = logging.getLogger("asyncio")
SEED = int(os.environ.get("JUNTO_CONFORMANCE_SEED", 1))  # of the simulated world
LIMIT = 15.0  # seconds for one scenario: only a hang takes so long

Scenario = Callable[[Any], Coroutine[Any, Any, Any]]


@dataclass(frozen=True)
class World:
    """How to run a scenario, and how this runtime calls its errors.

    Attributes:
        name: As in the tests' ids.
        run: Runs a scenario.
        cancelled: What is raised in a flow that is cancelled, and by a future that is.
        invalid_state: What is raised by a future that is settled twice, or asked too early.
        shield: Surrounds what a flow still awaits when it is cancelled.
        simulated: Whether it is a simulated world, which fails with errors that nobody expects.
    """

    name: str
    run: Callable[..., Any]
    cancelled: type[BaseException] | tuple[type[BaseException], ...]
    invalid_state: type[Exception]
    shield: Callable[[], AbstractContextManager[Any]] = nullcontext
    simulated: bool = False

    def __call__(self, scenario: Scenario, *expected: type[BaseException]) -> Any:
        """Run a scenario, in which the runtime itself meets errors of the *expected* kinds."""
        return self.run(scenario, *expected) if self.simulated else self.run(scenario)


async def _in_asyncio(scenario: Scenario) -> Any:
    runtime = asyncio_runtime()
    async with asyncio.timeout(LIMIT):
        try:
            return await scenario(runtime)
        finally:
            await runtime.stop()


def run_asyncio(scenario: Scenario) -> Any:
    return asyncio.run(_in_asyncio(scenario))


def run_uvloop(scenario: Scenario) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_in_asyncio(scenario))


def run_threads(scenario: Scenario, *args: Any) -> Any:
    runtime = ThreadsRuntime(*args)
    try:
        return runtime.wait(scenario(runtime), timeout=LIMIT)
    finally:
        runtime.close()


def run_selectors(scenario: Scenario) -> Any:
    return run_threads(scenario, SelectorPoller())


def run_simpy(backend: str, **options: Any) -> Callable[[Scenario], Any]:
    def run(scenario: Scenario) -> Any:
        make: Any = Environment
        env = make(backend, **options)
        runtime = simpy_runtime(env)

        # Not made by the runtime, for it is none of those that a scenario leaves behind.
        task = Task(env, scenario(runtime))
        env.call_later(LIMIT, task.cancel)
        try:
            return env.run(until=task)
        finally:
            task.cancel()
            env.run(until=runtime.stop())
            env.close()

    return run


async def _in_trio(scenario: Scenario) -> Any:
    with trio.fail_after(LIMIT):
        async with QuietNursery() as nursery:
            runtime = TrioRuntime(nursery)
            try:
                return await scenario(runtime)
            finally:
                await runtime.stop()
                runtime.end()


def run_trio(scenario: Scenario) -> Any:
    return trio.run(_in_trio, scenario)


def run_simulated_asyncio(scenario: Scenario, *expected: type[BaseException]) -> Any:
    return _in_a_world(lambda host: host.run(_in_asyncio, scenario), expected)


def run_simulated_threads(scenario: Scenario, *expected: type[BaseException]) -> Any:
    return _in_a_world(lambda host: host.program(lambda: run_threads(scenario)), expected)


def run_simulated_trio(scenario: Scenario, *expected: type[BaseException]) -> Any:
    return _in_a_world(lambda host: host.run_trio(_in_trio, scenario), expected)


def _in_a_world(start: Callable[[sim.Host], sim.Program], expected: tuple[type[BaseException], ...]) -> Any:
    """Run a program on a simulated host, in virtual time and on a network that cuts streams."""
    world = sim.World(seed=SEED, chunking=0.3, ipv6=True)
    world.expect_error(None, expected)
    host = world.host("here")

    async def main() -> Any:
        return await start(host).wait()

    try:
        return world.run(main)
    finally:
        for failure in world.claims.errors:  # which asyncio logs, and a world keeps
            logger.error("%s", failure.message, exc_info=failure.error)


WORLDS = [
    World("asyncio", run_asyncio, asyncio.CancelledError, asyncio.InvalidStateError),
    World("uvloop", run_uvloop, asyncio.CancelledError, asyncio.InvalidStateError),
    World("threads", run_threads, Cancelled, InvalidState),
    World("threads-selectors", run_selectors, Cancelled, InvalidState),
    *(
        World(f"simpy-{backend}", run_simpy(backend), Cancelled, InvalidState)
        for backend in ("select", "poll", "epoll", "asyncio")
    ),
    World("simpy-virtual", run_simpy("virtual", loopback_latency=lambda: LATENCY), Cancelled, InvalidState),
    World("trio", run_trio, (Cancelled, trio.Cancelled), InvalidState, lambda: trio.CancelScope(shield=True)),
    World(
        "simulated-asyncio",
        run_simulated_asyncio,
        asyncio.CancelledError,
        asyncio.InvalidStateError,
        simulated=True,
    ),
    World("simulated-threads", run_simulated_threads, Cancelled, InvalidState, simulated=True),
    World(
        "simulated-trio",
        run_simulated_trio,
        (Cancelled, trio.Cancelled),
        InvalidState,
        lambda: trio.CancelScope(shield=True),
        simulated=True,
    ),
]


in_real_time = pytest.mark.parametrize(
    "run",
    [world for world in WORLDS if world.name != "simpy-virtual"],
    ids=lambda world: world.name,
    indirect=True,
)
"""For what needs the system's sockets or files, ports that both ends share, or time that goes by itself."""


async def sleep(rt: Any, seconds: float) -> None:
    """Wait for *seconds*; 0 lets all that is to be run now run first."""
    future = rt.create_future()
    timer = rt.call_later(seconds, lambda: future.done() or future.set_result(None))
    try:
        await future
    finally:
        timer.cancel()


async def within(rt: Any, awaited: Any, seconds: float = 10.0) -> Any:
    """Await *awaited*, a future, and cancel it after *seconds*."""
    timer = rt.call_later(seconds, awaited.cancel)
    try:
        return await awaited
    finally:
        timer.cancel()
