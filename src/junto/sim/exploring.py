"""Searching with all that belongs to it, in one call: seeds, confirmation, shrinking, artefact."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

from junto.sim.artefacts import failed_before
from junto.sim.confirming import check
from junto.sim.errors import NotDeterministic
from junto.sim.investigating import Investigation, SimFailure, investigate
from junto.sim.running_here import Here
from junto.sim.scenarios import Scenario
from junto.sim.searching import Progress, Search, cores, search
from junto.sim.shrinking import RUNS, SECONDS
from junto.sim.summaries import Tally
from junto.sim.trace import Level
from junto.sim.workers import MakeWorker, fixed_hash_seed, worker_for

__all__ = ["ENDLESS", "Explored", "NotDeterministic", "Settings", "explore", "explore_scenario"]

ENDLESS = range(1 << 62)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to search.

    Attributes:
        jobs: How many processes; None for one on each processor.
        budget: For how many real seconds; None to run all seeds.
        directory: Where artefacts are kept; None for nowhere.
        level: What is recorded of a failure.
        check: Whether to run each seed twice, the second time in a fresh process, and to
            compare.
        shrinking: Whether to shrink what fails.
        runs: How many runs that may take.
        seconds: How many real seconds it may take.
        eager: Whether to start processes at once.
        first_failed: Whether to begin with the seeds that failed before, as far as there are
            artefacts of them.
        progress: Whether to tell of the progress on the terminal.
    """

    jobs: int | None = None
    budget: float | None = None
    directory: Path | None = None
    level: Level = "net"
    check: bool = False
    shrinking: bool = True
    runs: int = RUNS
    seconds: float = SECONDS
    eager: bool = False
    first_failed: bool = True
    progress: bool = False


@dataclass(frozen=True, slots=True)
class Explored:
    """What a search came to.

    Attributes:
        tally: What the runs came to.
        seconds: The real time it took.
        investigation: What is known of the failure, if one was found.
    """

    tally: Tally
    seconds: float
    investigation: Investigation | None = None

    def __str__(self) -> str:
        if self.investigation is not None:
            return self.investigation.text
        tally = self.tally
        speed = tally.virtual_seconds / max(self.seconds, 1e-9)
        parts = [
            f"{tally.seeds:,} seed{'s' * (tally.seeds != 1)}",
            f"{tally.virtual_seconds:,.1f} virtual seconds ({speed:,.0f} times real time)",
            f"{tally.events:,} events",
        ]
        faults = [f"{begun:,} {kind}" for kind, (begun, _) in sorted(tally.faults.items())]
        parts.append("faults: " + (", ".join(faults) or "none"))
        if tally.never_hit:
            parts.append("hit nothing: " + ", ".join(sorted(tally.never_hit)))
        if tally.never_reached:
            parts.append("never reached: " + ", ".join(sorted(tally.never_reached)))
        parts += sorted(tally.told)
        return "; ".join(parts)


def explore(
    program: Callable[..., Any],
    seeds: int | Sequence[int] | None = None,
    *,
    jobs: int | None = None,
    budget: float | None = None,
    directory: str | Path | None = None,
    check: bool = False,
    shrink: bool = True,
    raises: bool = True,
    **options: Any,
) -> Explored:
    """Run a program with many seeds, and find out why the first one fails that does.

    Args:
        program: A function of a world, or a coroutine function without arguments; see `junto.sim.run`.
        seeds: How many, from 0 on, or which; None for as many as `junto.sim.test` says, or 100.
        jobs: How many processes; None for one on each processor. Programs that another process
            cannot import run here.
        budget: For how many real seconds to search, instead of a number of seeds.
        directory: Where the artefact and the page of a failure are written, such as ``.sim``.
        check: Whether to run each seed twice, the second time in a fresh process, or in a fork if there
            is no other way.
        shrink: Whether to shrink a failing run.
        raises: Whether a failure is raised; else it is in what is returned.
        **options: ``faults``, or ``plan``, also as text; ``timeout`` and the options of `World`.

    Raises:
        SimFailure: A seed fails; the text is the report.
        NotDeterministic: With `check`, a seed gave two different runs.
        ScenarioError: The program takes other arguments, or both faults and a plan are given.
        PlanError: The plan is a text that is none.
    """
    scenario = Scenario.of(program, **options)
    settings = Settings(
        jobs=jobs,
        budget=budget,
        directory=None if directory is None else Path(directory),
        check=check,
        shrinking=shrink,
    )
    explored = explore_scenario(scenario, _seeds(seeds, scenario, budget), settings)
    if explored.investigation is not None and raises:
        raise SimFailure(explored.investigation)
    return explored


def _seeds(seeds: int | Sequence[int] | None, scenario: Scenario, budget: float | None) -> Sequence[int]:
    if seeds is None:
        return ENDLESS if budget is not None else range(scenario.seeds)
    return range(seeds) if isinstance(seeds, int) else seeds


def explore_scenario(
    scenario: Scenario,
    seeds: Sequence[int],
    settings: Settings,
    *,
    program: str | None = None,
    make_worker: MakeWorker | None = None,
    replay: Callable[[Path], str] | None = None,
) -> Explored:
    """Run a scenario with many seeds; see `explore`.

    Args:
        scenario: The scenario.
        seeds: The seeds, in the order in which they count.
        settings: How to search.
        program: Its name in artefacts; None for its target.
        make_worker: Starts processes that run it; None for the usual way to find it.
        replay: Makes the command that repeats the run.

    Returns:
        What it came to; a failure is not raised.
    """
    make_worker = make_worker or worker_for(scenario)
    program = program or scenario.target or scenario.name
    here = Here(scenario)
    jobs = cores() if settings.jobs is None else settings.jobs
    own = fixed_hash_seed()
    tell = _Teller(scenario.name) if settings.progress else None
    checked = settings.check or scenario.check
    if checked and make_worker is None:
        here = Here(replace(scenario, options={**scenario.options, "check": True}))  # forks do it
        checked = False
    first = []
    if settings.directory is not None and settings.first_failed:
        first = failed_before(settings.directory, program)
    try:
        if checked and make_worker is not None:
            found = _check(seeds, make_worker, own or "0", settings.budget)
        else:
            found = search(
                here,
                seeds,
                first=first,
                make_worker=make_worker,
                jobs=jobs,
                budget=settings.budget,
                hash_seed=own or "0",
                own_hash_seed=own,
                eager=settings.eager,
                tell=tell.progress if tell else None,
            )
        if found.tally.failed is None:
            return Explored(found.tally, found.seconds)
        investigation = investigate(
            here,
            found,
            program=program,
            make_worker=make_worker,
            directory=settings.directory,
            replay=replay,
            level=settings.level,
            shrinking=settings.shrinking,
            runs=settings.runs,
            seconds=settings.seconds,
            tell=tell.say if tell else None,
        )
    finally:
        if tell is not None:
            tell.end()
    return Explored(found.tally, found.seconds, investigation)


def _check(seeds: Sequence[int], make_worker: MakeWorker, hash_seed: str, budget: float | None) -> Search:
    """Run each seed in a process that runs them all, and in a fresh one.

    Raises:
        NotDeterministic: A seed gave two different runs.
    """
    began = monotonic()
    parts = []
    with make_worker(hash_seed) as used, make_worker(hash_seed) as fresh:
        used.try_seeds([])  # from now on it is not fresh
        for seed in seeds:
            summary, differing = check(used, fresh, seed)
            if differing:
                raise NotDeterministic("\n".join([f"seed {seed} gives two different runs:", *differing]))
            parts.append(Tally.of(summary))
            if summary.failed or (budget is not None and monotonic() - began > budget):
                break
    return Search(Tally.sum(parts), monotonic() - began, 1, hash_seed)


class _Teller:
    """Tells of the progress in one line of the terminal; nothing if there is none."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream = sys.stderr if sys.stderr.isatty() else None
        self._width = 0

    def progress(self, progress: Progress) -> None:
        self.say(str(progress))

    def say(self, text: str) -> None:
        if self._stream is not None:
            line = f"{self._name}: {text}"[:110]
            self._stream.write(f"\r{line:<{self._width}}")
            self._stream.flush()
            self._width = len(line)

    def end(self) -> None:
        """Take the line away."""
        if self._stream is not None and self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
