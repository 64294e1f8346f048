"""Scenarios: a program for a world with all its options, and how another process finds the same one."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from junto.sim.choices import Neutral
from junto.sim.errors import SimError
from junto.sim.faults import Faults
from junto.sim.plans import Fault, Plan
from junto.sim.running import Outcome, run
from junto.sim.trace import Trace
from junto.sim.world import World

__all__ = ["DEFAULTS", "SEEDS", "Scenario", "ScenarioError", "load", "target_of"]

SEEDS = 100
"""How many seeds are run if nobody says it."""

DEFAULTS: Mapping[str, Any] = {"chunking": 0.1, "coincidence": 0.25}
"""Options of worlds that are searched for faults: pieces of streams are cut, and things coincide."""

_ATTRIBUTES = ("faults", "plan", "timeout", "seeds", "check")  # all other changes are options of `World`


class ScenarioError(SimError, ValueError):
    """There is no such program, or it is none for a world."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is run with many seeds.

    Attributes:
        main: What is given the world; see `junto.sim.run`.
        name: What it is called in reports.
        faults: What may happen.
        plan: What does happen, instead of that.
        timeout: How much virtual time it may take, in seconds.
        seeds: How many seeds are run if nobody says it.
        check: Whether a search runs each seed twice and compares.
        options: The other options of `World`; first those of `DEFAULTS`.
        target: How another process finds the program, as ``module:function`` or
            ``path.py:function``; None if it cannot.
    """

    main: Callable[[World], Any]
    name: str
    faults: Faults | None = None
    plan: Plan | None = None
    timeout: float | None = None
    seeds: int = SEEDS
    check: bool = False
    options: Mapping[str, Any] = field(default_factory=lambda: dict(DEFAULTS))
    target: str | None = None

    @classmethod
    def of(cls, program: Callable[..., Any], **changes: Any) -> Scenario:
        """Make a scenario of a function, or take the one that `junto.sim.test` has made of it.

        Args:
            program: A function of a world, or a coroutine function that takes nothing.
            **changes: The attributes that differ; options of `World` are added to those there are.

        Raises:
            ScenarioError: It takes other arguments, or is given both faults and a plan.
            PlanError: The plan is a text that is none.
        """
        made = getattr(program, "scenario", None)
        if not isinstance(made, cls):
            made = cls(_taking_world(program), getattr(program, "__name__", repr(program)))
            made = replace(made, target=target_of(program))
        return made.changed(**changes)

    def changed(self, **changes: Any) -> Scenario:
        """Make one with another attribute of these, or with other options of `World`.

        Faults take the place of a plan, and a plan, also as text, that of faults.

        Raises:
            ScenarioError: Both are given.
            PlanError: The plan is a text that is none.
        """
        known = {name: changes.pop(name) for name in _ATTRIBUTES if name in changes}
        given = [name for name in ("faults", "plan") if known.get(name) is not None]
        if len(given) > 1:
            raise ScenarioError(f"{self.name} is given either plan= or faults=, not both")
        if given:
            known = {"faults": None, "plan": None, **known}
        plan = known.get("plan")
        if plan is not None:
            known["plan"] = Plan.of(plan)
        return replace(self, options={**self.options, **changes}, **known)

    def run(
        self,
        seed: int,
        *,
        plan: Plan | str | Iterable[Fault] | None = None,
        complete: bool = False,
        neutral: Iterable[Neutral] = (),
        end_ns: int | None = None,
        trace: Trace | None = None,
    ) -> Outcome:
        """Run it once.

        Args:
            seed: What all decisions follow from.
            plan: What happens, instead of what may, or of the plan that it has.
            complete: Whether that has what the program itself injects, too.
            neutral: The decisions that are not taken.
            end_ns: When the controlling program is broken off, in nanoseconds of the
                world; what has failed by then counts.
            trace: What records events.
        """
        main = self.main
        if end_ns is not None and inspect.iscoroutinefunction(main):
            main = _ending(main, end_ns)
        return run(
            main,
            seed,
            faults=self.faults,
            plan=self.plan if plan is None else plan,
            complete=complete,
            neutral=neutral,
            timeout=self.timeout,
            trace="off" if trace is None else trace,
            **self.options,
        )


def _taking_world(program: Callable[..., Any]) -> Callable[[World], Any]:
    try:
        parameters = inspect.signature(program).parameters.values()
    except (TypeError, ValueError) as error:
        raise ScenarioError(f"{program!r} is no function of a world") from error
    needed = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind < parameter.VAR_POSITIONAL
    ]
    if len(needed) == 1:
        return program
    if not needed and inspect.iscoroutinefunction(program):

        async def alone(_: World) -> Any:
            return await program()

        return alone
    name = getattr(program, "__qualname__", repr(program))
    raise ScenarioError(f"{name} must take a world, or be a coroutine function that takes nothing")


def _ending(main: Callable[[World], Any], end_ns: int) -> Callable[[World], Any]:
    async def ending(world: World) -> Any:
        task = asyncio.current_task()
        assert task is not None
        ended = False

        def end() -> None:
            nonlocal ended
            ended = True
            task.cancel()

        world.kernel.at(end_ns, end)
        try:
            return await main(world)
        except asyncio.CancelledError:
            if not ended:
                raise
            return None

    return ending


def target_of(program: Callable[..., Any], *, decorated: bool = False) -> str | None:
    """Tell how another process finds a function, or None if it cannot.

    Args:
        program: The function.
        decorated: Whether what its module has under this name is, or will be, made of it.
    """
    name = getattr(program, "__qualname__", "")
    module = sys.modules.get(getattr(program, "__module__", None) or "")
    if not name or "<" in name or module is None:
        return None
    if not decorated:
        found: Any = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not program:
            return None
    if module.__name__ == "__main__":
        file = getattr(module, "__file__", None)
        return f"{Path(file).resolve()}:{name}" if file and Path(file).is_file() else None
    return f"{module.__name__}:{name}"


def load(target: str) -> Scenario:
    """Find a program.

    Args:
        target: ``module:function``, or ``path.py:function``.

    Raises:
        ScenarioError: There is none, or it is no function of a world.
    """
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise ScenarioError(f"{target!r} is no module:function")
    file = where.endswith(".py")
    try:
        found: Any = _load_file(Path(where)) if file else importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is None or not (where == error.name or where.startswith(f"{error.name}.")):
            raise
        raise ScenarioError(f"there is no module {where!r}") from error
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ScenarioError(f"there is no {name!r} in {where}") from None
    if not callable(found):
        raise ScenarioError(f"{target} is no function")
    return replace(Scenario.of(found), target=str(Path(where).resolve()) + f":{name}" if file else target)


def _load_file(path: Path) -> ModuleType:
    path = path.resolve()
    name = f"__simulated__{path.stem}"  # a main program's own name would start it
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ScenarioError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))  # as it is for a main program
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
