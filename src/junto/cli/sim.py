"""``junto sim``: search for seeds that fail, and look at what has failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from junto.cli.failures import Failure
from junto.cli.options import JSON
from junto.cli.sim_files import (
    FAILED,
    diff,
    load_program,
    replay,
    shrink,
    timeline,
    trace,
    write,
    write_failure,
)
from junto.cli.values import write_json

__all__ = ["sim"]


@click.group()
def sim() -> None:
    """Run programs in simulated worlds: search for seeds that fail, and look at what has failed.

    A program is module:function or path.py:function; it takes a world, or nothing.
    A FILE is what a failure has left, .sim.json, or where it says so a trace.
    The exit code is 1 if a seed fails, a run is not the same any more, or two traces differ.
    """


def _searching(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.argument("program"),
        click.option(
            "--jobs",
            type=click.IntRange(min=1),
            metavar="N",
            help="How many processes.  [default: one on each processor]",
        ),
        click.option(
            "--dir",
            "directory",
            type=click.Path(file_okay=False, path_type=Path),
            default=".sim",
            show_default=True,
            help="Where failures are kept.",
        ),
        click.option(
            "--report",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Where to write the page of a failure, too.",
        ),
        click.option("--no-shrink", is_flag=True, help="Report a failure as it was found."),
        click.option(
            "--trace",
            "level",
            type=click.Choice(("net", "turns", "all")),
            default="net",
            show_default=True,
            help="What is recorded of a failure.",
        ),
        JSON,
    )
    for option in reversed(options):
        command = option(command)
    return command


@sim.command()
@_searching
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many seeds.  [default: as the program says, or 100]",
)
@click.option("--seed", type=int, metavar="S", help="This seed only.")
@click.option(
    "--time",
    "budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Search so long, instead of a number of seeds.",
)
@click.option(
    "--check", is_flag=True, help="Run each seed twice, the second time in a fresh process, and compare."
)
def run(
    program: str,
    seeds: int | None,
    seed: int | None,
    budget: float | None,
    check: bool,
    jobs: int | None,
    directory: Path,
    report: Path | None,
    no_shrink: bool,
    level: Any,
    as_json: bool,
) -> None:
    """Run a program with many seeds, up to the first that fails."""
    from junto.sim.exploring import ENDLESS, Settings

    scenario = load_program(program)
    chosen = range(scenario.seeds if seeds is None else seeds)
    if seed is not None:
        chosen = range(seed, seed + 1)
    elif budget is not None:
        chosen = ENDLESS
    settings = Settings(
        jobs=jobs,
        budget=budget,
        directory=directory,
        level=level,
        check=check,
        shrinking=not no_shrink,
        eager=seed is None and not check,
        progress=True,
    )
    explored = _explore(scenario, chosen, settings)
    _tell(explored, report, as_json)
    if explored.investigation is not None:
        click.get_current_context().exit(FAILED)


@sim.command()
@_searching
@click.option(
    "--from",
    "first",
    type=click.IntRange(min=0),
    metavar="S",
    help="The first seed.  [default: where the last soak ended]",
)
@click.option(
    "--time",
    "budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop after so long; without it, after the first failure or by Ctrl-C.",
)
def soak(
    program: str,
    first: int | None,
    budget: float | None,
    jobs: int | None,
    directory: Path,
    report: Path | None,
    no_shrink: bool,
    level: Any,
    as_json: bool,
) -> None:
    """Run a program with one seed after the other, without an end.

    A later soak goes on where this one ended.
    """
    from junto.sim.exploring import Settings
    from junto.sim.soaking import soak as go_on
    from junto.sim.workers import WorkerLost

    scenario = load_program(program)
    settings = Settings(
        jobs=jobs,
        budget=budget,
        directory=directory,
        level=level,
        shrinking=not no_shrink,
        eager=True,
        progress=True,
    )
    try:
        explored = go_on(scenario, settings, first)
    except WorkerLost as error:
        raise Failure("system", str(error)) from error
    _tell(explored, report, as_json)
    if explored.investigation is not None:
        click.get_current_context().exit(FAILED)


def _explore(scenario: Any, seeds: Any, settings: Any) -> Any:
    from junto.sim.exploring import NotDeterministic, explore_scenario
    from junto.sim.workers import WorkerLost

    try:
        return explore_scenario(scenario, seeds, settings)
    except NotDeterministic as error:
        write(str(error))
        click.get_current_context().exit(FAILED)
    except WorkerLost as error:
        raise Failure("system", str(error)) from error


def _tell(explored: Any, report: Path | None, as_json: bool) -> None:
    found = explored.investigation
    if found is not None and report is not None and found.path is not None:
        page = found.path.with_name(found.path.name.removesuffix(".sim.json") + ".html")
        report.write_text(page.read_text(encoding="utf-8"), encoding="utf-8", newline="\n")
    if found is not None and as_json:
        write_failure(found.failure, as_json)
    elif as_json:
        tally = explored.tally
        write_json(
            {
                "seeds": tally.seeds,
                "seconds": round(explored.seconds, 3),
                "virtual_seconds": tally.virtual_seconds,
                "events": tally.events,
                "faults": {kind: {"begun": begun, "hit": hit} for kind, (begun, hit) in tally.faults.items()},
                "reached": tally.reached,
            }
        )
    else:
        if found is not None and found.summary.output:
            write("\n".join(found.summary.output) + "\n")
        write(str(explored))


for _command in (replay, shrink, timeline, diff, trace):
    sim.add_command(_command)
