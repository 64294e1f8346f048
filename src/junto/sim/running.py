"""One run: a world is built from a seed, a plan carried out in it, and all that can be said of it afterwards.

Searching, shrinking and replaying call only this.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from junto.sim.choices import Neutral
from junto.sim.errors import NotDeterministic, OracleFailed, SimError, UnclaimedError, signature
from junto.sim.faults import Faults
from junto.sim.injecting import Injected
from junto.sim.kernel import SECOND
from junto.sim.notes import Note
from junto.sim.plans import Fault, Plan
from junto.sim.trace import Level, Trace
from junto.sim.world import World

__all__ = ["Outcome", "run", "signature"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        seed: Its seed.
        result: What the controlling program returned, or None.
        error: What it failed with, or None.
        signature: What makes two failures the same one: the type of the error, the
            oracle, and its text without what differs from run to run; None if
            it did not fail.
        oracle: The name of the property that did not hold, if it failed so.
        failed_ns: The world's time of the first failure, or None.
        failed_on: The name of the host it is ascribed to, or None.
        plan: The faults that began, so that a run with this plan is the same one, if it is `complete`.
        faults: What each of them hit.
        virtual_seconds: How long it took in the world.
        events: How many events and turns there were.
        digest: That of its trace, or None without one.
        trace: What was recorded, or None.
        notes: Remarks: of programs, and on what is suspicious.
        reached: How often each point was reached.
        choices: The label and entity of each kind of decision that was asked for.
    """

    seed: int
    result: Any
    error: BaseException | None
    signature: str | None
    oracle: str | None
    failed_ns: int | None
    failed_on: str | None
    plan: Plan
    faults: tuple[Injected, ...]
    virtual_seconds: float
    events: int
    digest: str | None
    trace: Trace | None
    notes: tuple[Note, ...]
    reached: dict[str, int]
    choices: tuple[tuple[str, str], ...]

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.error is not None


def run(
    main: Callable[[World], Any],
    seed: int = 0,
    *,
    faults: Faults | None = None,
    plan: Plan | str | Iterable[Fault] | None = None,
    complete: bool = False,
    neutral: Iterable[Neutral] = (),
    timeout: float | None = None,
    trace: Level | Trace = "off",
    **world: Any,
) -> Outcome:
    """Run a program in a new world.

    Args:
        main: What is given the world: a coroutine function, which is the controlling
            program, or a function that calls ``world.run`` itself.
        seed: What all decisions follow from.
        faults: What may happen; the seed makes a plan of it.
        plan: What does happen, instead of that; also as text, as `Plan` reads it.
        complete: Whether the plan is that of an `Outcome`, which has the faults, too, that the program
            injects itself: then these do not happen once more.
        neutral: The decisions that are not taken.
        timeout: How much virtual time a coroutine function may take, in seconds.
        trace: How much is recorded, or what records it.
        **world: The other options of `World`.

    Returns:
        What came of it. An error of the run is in there, not raised, unless it
        is a `KeyboardInterrupt` of whoever watches, or what `pytest.skip` raises.

    Raises:
        NotDeterministic: With ``check=True``, the run made twice is not the same.
    """
    built = World(seed, neutral=neutral, trace=trace, **world)
    built.prepare(faults, None if plan is None else Plan.of(plan), timeout)
    built.injector.complete = complete
    result, error = None, None
    try:
        controls = inspect.iscoroutinefunction(main)
        result = built.run(main, built, timeout=timeout) if controls else main(built)
        if inspect.iscoroutine(result):  # of a function that only passes on what it calls
            result = built.run(_await, result, timeout=timeout)
        if built.kernel.events == 0:
            built.finish()
            name = getattr(main, "__name__", repr(main))
            raise SimError(f"{name} has not run its world: write it with async def, or call world.run()")
    except (KeyboardInterrupt, NotDeterministic):
        raise
    except BaseException as failure:
        if _is_for_pytest(type(failure)):
            raise
        error = failure
    return _outcome(built, result, error)


def _is_for_pytest(kind: type[BaseException]) -> bool:
    """Tell whether an error says something else than that a test has failed; pytest may not be there."""
    of_pytest = any(base.__module__ == "_pytest.outcomes" for base in kind.__mro__)
    return of_pytest and kind.__name__ in ("Exit", "Skipped", "XFailed")


async def _await(coro: Coroutine[Any, Any, Any]) -> Any:
    return await coro


def _outcome(world: World, result: Any, error: BaseException | None) -> Outcome:
    trace = world.trace
    world.injector.finish()
    if trace is not None:
        trace.hosts.update((host.name, [host.ip]) for host in world.hosts())
    failed_ns: int | None = None
    failed_on: str | None = None
    if error is not None:
        failed_ns, failed_on = world.kernel.now, world.control.name
        if isinstance(error, UnclaimedError):
            first = world.claims.left()[0]
            failed_ns, failed_on = first.when, first.host.name
    return Outcome(
        seed=world.seed,
        result=result,
        error=error,
        signature=None if error is None else signature(error),
        oracle=error.name if isinstance(error, OracleFailed) else None,
        failed_ns=failed_ns,
        failed_on=failed_on,
        plan=Plan(injected.fault for injected in world.injector.injected),
        faults=tuple(world.injector.injected),
        virtual_seconds=world.kernel.now / SECOND,
        events=world.kernel.events,
        digest=None if trace is None else trace.digest(),
        trace=trace,
        notes=tuple(world.notes),
        reached=dict(world.reached),
        choices=world.choices.used(),
    )
