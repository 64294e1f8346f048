"""Fixtures of pytest that are made anew in every world."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from junto.sim.errors import SimError
from junto.sim.world import World

__all__ = ["Recipe", "fixture", "made", "made_async"]


class Recipe:
    """What a fixture of a world is made by; pytest hands this to the test, and each run makes its own."""

    def __init__(self, function: Callable[..., Any], given: Mapping[str, Any]) -> None:
        self.function = function
        self.given = given

    def call(self, world: World, values: Mapping[str, Any]) -> Any:
        """Call its function with the world, if it wants it, and with other fixtures."""
        wanted = inspect.signature(self.function).parameters
        return self.function(**values, **({"world": world} if "world" in wanted else {}))


def fixture(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a fixture of pytest that is made anew in every world, for tests of `junto.sim.test`.

    Args:
        function: A function that returns what the test gets, or yields it once and then
            cleans up; it may be a coroutine function or asynchronous generator if the
            test is one. It may take ``world`` and other fixtures.
        **options: Those of ``pytest.fixture``, such as ``name``.
    """
    if function is None:
        return lambda function: fixture(function, **options)
    import pytest  # whoever marks fixtures has it

    def recipe(**given: Any) -> Recipe:
        return Recipe(function, given)

    signature = inspect.signature(function)
    others = [parameter for name, parameter in signature.parameters.items() if name != "world"]
    recipe.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]  # inspect looks for it
    recipe.__name__ = function.__name__
    recipe.__doc__ = function.__doc__
    return pytest.fixture(**options)(recipe)


@asynccontextmanager
async def made_async(world: World, fixtures: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    """Make those fixtures that are recipes, for the time of a run."""
    known: dict[int, Any] = {}
    endings: list[Any] = []

    async def make(value: Any) -> Any:
        if not isinstance(value, Recipe):
            return value
        if id(value) not in known:
            found = value.call(world, {name: await make(item) for name, item in value.given.items()})
            if inspect.isasyncgen(found):
                endings.append(found)
                found = await anext(found)
            elif inspect.isgenerator(found):
                endings.append(found)
                found = next(found)
            elif inspect.isawaitable(found):
                found = await found
            known[id(value)] = found
        return known[id(value)]

    try:
        yield {name: await make(value) for name, value in fixtures.items()}
    finally:
        for ending in reversed(endings):
            if inspect.isasyncgen(ending):
                await anext(ending, None)
            else:
                next(ending, None)


@contextmanager
def made(world: World, fixtures: Mapping[str, Any]) -> Generator[dict[str, Any]]:
    """Do as `made_async`, for a test that is no coroutine function.

    Raises:
        SimError: A recipe is asynchronous.
    """
    known: dict[int, Any] = {}
    endings: list[Any] = []

    def make(value: Any) -> Any:
        if not isinstance(value, Recipe):
            return value
        if id(value) not in known:
            found = value.call(world, {name: make(item) for name, item in value.given.items()})
            if inspect.isasyncgen(found) or inspect.iscoroutine(found):
                name = value.function.__name__
                raise SimError(f"the fixture {name} is asynchronous, and the test that takes it is not")
            if inspect.isgenerator(found):
                endings.append(found)
                found = next(found)
            known[id(value)] = found
        return known[id(value)]

    try:
        yield {name: make(value) for name, value in fixtures.items()}
    finally:
        for ending in reversed(endings):
            next(ending, None)
