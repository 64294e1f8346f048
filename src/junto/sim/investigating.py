"""From a seed that fails to a report: confirmed, shrunk, recorded, and shown on a page."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from junto.sim.artefacts import ENDING, Artefact, ArtefactError, name_for
from junto.sim.confirming import HASH_SEEDS, confirm, events_of
from junto.sim.errors import SimError
from junto.sim.needing import needs
from junto.sim.report import Failure, report_text
from junto.sim.running_here import Here, Runner
from junto.sim.searching import Search
from junto.sim.shrinking import RUNS, SECONDS, Shrunk, shrink
from junto.sim.summaries import Order, Summary
from junto.sim.telling import last_lines
from junto.sim.trace import Level
from junto.sim.workers import MakeWorker, Worker, WorkerLost

__all__ = ["Investigation", "SimFailure", "investigate", "shrink_again"]


class SimFailure(SimError, AssertionError):
    """A seed fails; the text is the report, and what was raised.

    Attributes:
        investigation: All that is known.
    """

    def __init__(self, investigation: Investigation) -> None:
        super().__init__(investigation.text)
        self.investigation = investigation


@dataclass(frozen=True, slots=True)
class Investigation:
    """What is known of a failure.

    Attributes:
        failure: The report.
        summary: The run, shrunk if it could be.
        path: The artefact, or None if nothing was to be written.
    """

    failure: Failure
    summary: Summary
    path: Path | None

    @property
    def text(self) -> str:
        """The report, and the traceback behind it."""
        return f"{report_text(self.failure)}\n\n{self.summary.traceback.rstrip()}"


def investigate(
    here: Here,
    found: Search,
    *,
    program: str,
    make_worker: MakeWorker | None = None,
    directory: Path | None = None,
    replay: Callable[[Path], str] | None = None,
    level: Level = "net",
    shrinking: bool = True,
    runs: int = RUNS,
    seconds: float = SECONDS,
    tell: Callable[[str], object] | None = None,
) -> Investigation:
    """Find out what there is to know of the failure that a search has found.

    Args:
        here: Makes runs in this process.
        found: The search.
        program: The name of the program in the artefact.
        make_worker: Starts processes that make runs; without it nothing is confirmed.
        directory: Where the artefact and the page are written; None for nowhere.
        replay: Makes the command that repeats the run, of the artefact's path.
        level: What is recorded.
        shrinking: Whether to shrink the run.
        runs: How many runs that may take.
        seconds: How many real seconds it may take.
        tell: Is told what is done, in a few words.
    """
    failed = found.tally.failed
    assert failed is not None
    order = Order(seed=failed.seed)
    told = tell or (lambda _: None)
    runner: Runner = here
    worker: Worker | None = None
    confirmed: bool | None = None
    notes: list[str] = []
    if make_worker is not None:
        told("confirming it in a clean process")
        try:
            known = (found.hash_seed,) if found.hash_seed is not None else HASH_SEEDS
            confirmation = confirm(make_worker, here, order, failed, known)
        except WorkerLost as error:
            notes.append(f"no clean process could run it: {error}")
        else:
            worker = confirmation.worker
            confirmed = worker is not None
            notes += confirmation.differing[:3]
            if worker is not None:
                runner, failed = worker, confirmation.summary
    try:
        shrunk: Shrunk | None = None
        if shrinking and confirmed is not False:
            told("shrinking it")
            shrunk = shrink(
                runner,
                failed,
                order,
                runs=runs,
                seconds=seconds,
                tell=lambda count, _: told(f"shrinking it, run {count}"),
            )
            order = shrunk.order
            if worker is not None and make_worker is not None and not shrunk.complete:
                # It was interrupted, perhaps in the middle of an answer.
                worker.close()
                runner = worker = make_worker(worker.hash_seed)
        hash_seed = found.hash_seed if worker is None else worker.hash_seed
        return _recorded(
            here, found, runner, order, shrunk, confirmed, hash_seed, notes, program, directory, replay, level
        )
    finally:
        if worker is not None:
            worker.close()


def _recorded(
    here: Here,
    found: Search,
    runner: Runner,
    order: Order,
    shrunk: Shrunk | None,
    confirmed: bool | None,
    hash_seed: str | None,
    notes: list[str],
    program: str,
    directory: Path | None,
    replay: Callable[[Path], str] | None,
    level: Level,
) -> Investigation:
    """Make the run for the last time, with all that is to be kept of it."""
    original = found.tally.failed
    assert original is not None
    final = order.changed(level=level if level != "off" else "net", output=True)
    summary = runner.run(final)
    if summary.signature != original.signature:
        if confirmed:
            notes.append("the shrunk run did not fail again; this is the whole one")
        final = Order(seed=original.seed, level=final.level, output=True)
        shrunk = None
        summary = runner.run(final)
    if not summary.failed:  # only runs before it make it fail
        summary = original
        notes.append("its run could not be recorded: it does not fail any more")
    path = None if directory is None else directory / (name_for(program, original.seed) + ENDING)
    page = None if path is None else path.with_name(path.name.removesuffix(ENDING) + ".html")
    failure = Failure(
        test=here.scenario.name,
        seed=original.seed,
        seeds_tried=found.tally.seeds,
        wall_seconds=found.seconds,
        oracle=summary.oracle,
        error=summary.error,
        message=summary.message,
        time=summary.failed_ns,
        host=summary.failed_on,
        needs=needs(final, summary) if shrunk is not None else (),
        shrunk=shrunk.text if shrunk is not None else "",
        replay="" if path is None else replay(_shown(path)) if replay else f"junto sim replay {_shown(path)}",
        view="" if page is None or not summary.trace else str(_shown(page)),
        versions={"python": platform.python_version(), "PYTHONHASHSEED": hash_seed or "random"},
        confirmed=confirmed,
        notes=(*notes, *sorted(found.tally.told)),
    )
    if summary.trace:
        failure = replace(failure, last=_last(summary))
    if path is not None and page is not None:
        Artefact.make(here.scenario, program, final, summary, failure, hash_seed).write(path)
        if summary.trace:
            _draw(summary, failure, page)
    return Investigation(failure, summary, path)


def shrink_again(
    artefact: Artefact, make_worker: MakeWorker, target: Path, *, runs: int = RUNS, seconds: float = SECONDS
) -> Failure:
    """Shrink the run of an artefact, and write what is left as another one.

    Args:
        artefact: The artefact.
        make_worker: Starts processes that make its runs.
        target: Where to write.
        runs: How many runs it may take.
        seconds: How many real seconds it may take.

    Raises:
        ArtefactError: Its run does not fail as it did.
    """
    order = artefact.order.changed(level="off", output=False)
    hash_seed = artefact.hash_seed or "0"
    with make_worker(hash_seed) as worker:
        before = worker.run(order)
        if before.signature != artefact.signature:
            raise ArtefactError("the run does not fail any more as it did; replay it")
        shrunk = shrink(worker, before, order, runs=runs, seconds=seconds)
    final = shrunk.order.changed(level=artefact.order.level, output=True)
    with make_worker(hash_seed) as worker:
        summary = worker.run(final)
    failure = replace(
        artefact.reported(),
        oracle=summary.oracle,
        error=summary.error,
        message=summary.message,
        time=summary.failed_ns,
        host=summary.failed_on,
        needs=needs(final, summary),
        shrunk=shrunk.text,
        last=_last(summary),
    )
    artefact.again(final, summary, failure).write(target)
    _draw(summary, failure, target.with_name(target.name.removesuffix(ENDING) + ".html"))
    return failure


def _last(summary: Summary) -> tuple[str, ...]:
    events = events_of(summary).events
    # What is left when a run has failed says nothing of why it failed.
    while events and events[-1][2] == "note" and " is left: " in (events[-1][7] or ""):
        events.pop()
    return tuple(last_lines(events))


def _shown(path: Path) -> Path:
    """Shorten a path as far as it is below the working directory."""
    try:
        return path.resolve().relative_to(Path(os.getcwd()).resolve())
    except ValueError:
        return path


def _draw(summary: Summary, failure: Failure, page: Path) -> None:
    from junto.sim.timeline import make_page  # only a failure needs it

    facts = [("test", failure.test), ("replay", failure.replay)]
    facts += [("needs", line) for line in failure.needs]
    text = make_page(events_of(summary), title=failure.sentence, facts=facts, failed=failure.place)
    page.write_text(text, encoding="utf-8", newline="\n")
