"""The decorator ``sim.test``: a function is run with many seeds, by pytest or when it is called."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from junto.sim.exploring import Settings, explore_scenario
from junto.sim.faults import Faults
from junto.sim.fixtures import Recipe, made, made_async
from junto.sim.investigating import SimFailure
from junto.sim.plans import Fault, Plan
from junto.sim.scenarios import SEEDS, Scenario, ScenarioError, target_of
from junto.sim.world import World

__all__ = ["bind", "simulated"]


def simulated(
    program: Callable[..., Any] | None = None,
    /,
    *,
    seeds: int = SEEDS,
    faults: Faults | None = None,
    plan: Plan | str | Iterable[Fault] | None = None,
    timeout: float | None = None,
    check: bool = False,
    **world: Any,
) -> Any:
    """Run a test in a simulated world, with many seeds.

    ::

        @sim.test(seeds=300, faults=sim.Faults(partition=True))
        async def test_one_leader(world):
            ...

    The test may be a coroutine function, which is the controlling program then, or a function that calls
    ``world.run`` itself; other fixtures are made once for all seeds, unless they are of
    `junto.sim.fixture`. A coroutine function without ``world`` runs in virtual time. Without
    pytest, calling it runs all seeds.

    Args:
        program: The test, if the decorator stands without arguments.
        seeds: How many seeds are run.
        faults: What may happen.
        plan: What does happen, instead: the lines under ``needs`` in a report, for instance.
        timeout: How much virtual time a run may take, in seconds.
        check: Whether to run each seed twice, the second time in a fresh process, and to compare.
        **world: Options of `World`; without them pieces of streams are cut, and things coincide.

    Raises:
        ScenarioError: It can be run in no world, or is given both faults and a plan.
        PlanError: The plan is a text that is none.
    """

    def decorate(program: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(program)
        def run_seeds(*args: Any, **fixtures: Any) -> None:
            bound = replace(scenario, main=bind(program, args, fixtures))
            if args or fixtures:
                bound = replace(bound, target=None)  # another process has not got them
            explored = explore_scenario(bound, range(seeds), Settings())
            if explored.investigation is not None:
                raise SimFailure(explored.investigation)

        target = target_of(program, decorated=True)
        scenario = Scenario(bind(program), program.__name__, target=target)
        scenario = scenario.changed(
            faults=faults, plan=plan, timeout=timeout, seeds=seeds, check=check, **world
        )
        signature = inspect.signature(program)
        others = [parameter for name, parameter in signature.parameters.items() if name != "world"]
        # pytest looks for fixtures there, and it has no world.
        run_seeds.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        run_seeds.scenario = scenario  # type: ignore[attr-defined]
        return run_seeds

    if program is None:
        return decorate
    return decorate(program)


def bind(
    program: Callable[..., Any], args: tuple[Any, ...] = (), fixtures: Mapping[str, Any] | None = None
) -> Callable[[World], Any]:
    """Make of a test what is given the world only.

    Args:
        program: The test; its parameter ``world``, if it has one, is the world.
        args: Its first arguments, such as ``self``.
        fixtures: What it is given besides.

    Raises:
        ScenarioError: It is no coroutine function and takes no world.
    """
    given = dict(fixtures or {})
    takes_world = "world" in inspect.signature(program).parameters
    recipes = any(isinstance(value, Recipe) for value in given.values())
    if not inspect.iscoroutinefunction(program):
        if not takes_world:
            raise ScenarioError(f"{program.__qualname__} must take the world, or be a coroutine function")

        def plain(world: World) -> Any:
            with made(world, given) as values:
                return program(*args, world=world, **values)

        plain.__name__ = program.__name__
        return plain

    async def controlling(world: World) -> Any:
        more = {"world": world} if takes_world else {}
        if not recipes:
            return await program(*args, **given, **more)
        async with made_async(world, given) as values:
            return await program(*args, **values, **more)

    return controlling
