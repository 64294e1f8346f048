"""The commands of ``junto sim`` that look at what a failure has left."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from junto.cli.failures import Failure
from junto.cli.options import JSON
from junto.cli.values import write_json

__all__ = [
    "FAILED",
    "diff",
    "load_program",
    "replay",
    "shrink",
    "timeline",
    "trace",
    "write",
    "write_failure",
]

FAILED = 1
"""The exit code if a seed fails, if a run is not the same any more, or if two traces differ."""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@JSON
def replay(file: Path, as_json: bool) -> None:
    """Make a run again, and tell whether it is still the same."""
    from junto.sim.replaying import judge

    artefact = _read(file)
    hash_seed = artefact.hash_seed or "0"
    with _maker(artefact)(hash_seed) as worker:
        replayed = judge(artefact, worker, hash_seed)
    if as_json:
        write_json(
            {
                "verdict": replayed.verdict,
                "signature": replayed.summary.signature,
                "digest": replayed.summary.digest,
                "notes": replayed.notes,
                "lines": replayed.lines,
            }
        )
    else:
        write("\n".join([*replayed.summary.output, str(replayed)]))
    if replayed.verdict != "same":
        click.get_current_context().exit(FAILED)


@click.command()
@click.argument("file", type=_FILE)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it.  [default: FILE itself]",
)
@click.option(
    "--runs", type=click.IntRange(min=1), default=300, show_default=True, help="How many runs it may take."
)
@click.option(
    "--time",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="How many seconds it may take.",
)
@JSON
def shrink(file: Path, output: Path | None, runs: int, seconds: float, as_json: bool) -> None:
    """Make a failing run smaller; Ctrl-C keeps the smallest one so far."""
    from junto.sim.artefacts import ArtefactError
    from junto.sim.investigating import shrink_again

    artefact = _read(file)
    try:
        failure = shrink_again(artefact, _maker(artefact), output or file, runs=runs, seconds=seconds)
    except ArtefactError as error:
        raise Failure("input", f"{file}: {error}.") from error
    write_failure(failure, as_json)


@click.command()
@click.argument("file", type=_FILE)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it.  [default: beside FILE]",
)
def timeline(file: Path, output: Path | None) -> None:
    """Draw a run, of a FILE or of a trace, as a page."""
    from junto.sim.timeline import make_page

    title, facts, failed = "", [], None
    if _is_artefact(file):
        failure = _read(file).reported()
        title, failed = failure.sentence, failure.place
        facts = [("test", failure.test), ("replay", failure.replay)]
    target = output or file.with_name(file.name.removesuffix(".json").removesuffix(".sim") + ".html")
    page = make_page(_trace(file), title=title, facts=facts, failed=failed)
    target.write_text(page, encoding="utf-8", newline="\n")
    write(str(target))


@click.command()
@click.argument("left", type=_FILE)
@click.argument("right", type=_FILE)
def diff(left: Path, right: Path) -> None:
    """Tell the first difference of two runs, of FILEs or of traces, and what led to it."""
    from junto.sim.diffing import describe_difference

    lines = describe_difference(_trace(left), _trace(right), (left.name, right.name))
    write("\n".join(lines) if lines else "they are the same")
    if lines:
        click.get_current_context().exit(FAILED)


@click.command()
@click.argument("file", type=_FILE)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Only what concerns this host; more than once for several.",
)
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="Only events of this kind, such as send."
)
@click.option("--around", type=click.IntRange(min=0), metavar="N", help="Only what is near event N.")
@click.option(
    "--context",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="How many events before and after that.",
)
@JSON
def trace(
    file: Path,
    hosts: tuple[str, ...],
    kinds: tuple[str, ...],
    around: int | None,
    context: int,
    as_json: bool,
) -> None:
    """Tell the events of a run, of a FILE or of a trace, one in a line."""
    from junto.sim.telling import select, trace_lines

    recorded = _trace(file)
    try:
        numbers = select(recorded.events, hosts=hosts, kinds=kinds, around=around, context=context)
    except ValueError as error:
        raise Failure("input", f"{error}.") from error
    if as_json:
        lines = list(recorded.lines())
        write("\n".join(lines[number] for number in numbers))
    else:
        write("\n".join(trace_lines(recorded.events, numbers, around)))


def load_program(program: str) -> Any:
    """Find a program for worlds; raises `Failure` if there is none."""
    from junto.sim.scenarios import ScenarioError, load

    sys.path.insert(0, "")  # as it is for `python -m`
    try:
        return load(program)
    except ScenarioError as error:
        raise Failure("input", f"{error}.") from error


def _read(file: Path) -> Any:
    from junto.sim.artefacts import Artefact, ArtefactError

    try:
        return Artefact.read(file)
    except ArtefactError as error:
        raise Failure("input", f"{error}.") from error


def _maker(artefact: Any) -> Any:
    """Tell how to start processes that can make the run of an artefact."""
    from junto.sim.workers import worker_for
    from junto.sim.workers_of_tests import worker_for_test

    if "::" in artefact.program:
        maker = worker_for_test(artefact.program)
    else:
        maker = worker_for(load_program(artefact.program).changed(**artefact.changes()))
    if maker is None:
        raise Failure("input", f"No other process can run {artefact.program}.")
    return maker


def _is_artefact(file: Path) -> bool:
    return file.name.endswith(".sim.json")


def _trace(file: Path) -> Any:
    from junto.sim.trace import TraceError, read_trace

    try:
        found = _read(file).events() if _is_artefact(file) else read_trace(file)
    except TraceError as error:
        raise Failure("input", f"{file}: {error}.") from error
    if found is None:
        raise Failure("input", f"{file} has no trace in it, for it was too long: replay it.")
    return found


def write_failure(failure: Any, as_json: bool) -> None:
    """Write the report of a failure to stdout."""
    from junto.sim.report import report_json, report_text

    write(report_json(failure) if as_json else report_text(failure))


def write(text: str) -> None:
    """Write lines to stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
