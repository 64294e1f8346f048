"""Making a run again from its artefact, and telling whether it is still the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from junto.sim.artefacts import Artefact
from junto.sim.confirming import events_of
from junto.sim.diffing import describe_difference
from junto.sim.running_here import Here, Runner
from junto.sim.scenarios import Scenario, load
from junto.sim.summaries import Order, Summary
from junto.sim.workers import fixed_hash_seed, worker_for

__all__ = ["Replay", "judge", "replay"]


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a run that was made again.

    Attributes:
        verdict: ``same``: it fails as before, event by event. ``diverged``: it fails as before, but
            not all events are the same. ``changed``: it fails otherwise. ``fixed``: it does not fail.
        summary: What came of it.
        lines: Where its events differ first, and what led there.
        notes: What is not as it was when the artefact was made, in sentences.
    """

    verdict: Literal["same", "diverged", "changed", "fixed"]
    summary: Summary
    lines: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        signature = self.summary.signature
        sentence = {
            "same": f"the same failure, event by event: {signature}",
            "diverged": f"the same failure, but the run diverges: {signature}",
            "changed": f"fixed or changed: now it fails with {signature}",
            "fixed": "fixed or changed: it does not fail any more",
        }[self.verdict]
        return "\n".join([sentence, *(f"  note: {note}" for note in self.notes), *self.lines])


def replay(artefact: str | Path | Artefact, program: Callable[..., Any] | Scenario | None = None) -> Replay:
    """Make a run again.

    If its program can be found by another process, it runs in a new one that has the artefact's hash
    seed, else here.

    Args:
        artefact: The file, or what was read from it.
        program: The program; None for the one that the artefact names.

    Raises:
        ArtefactError: The file is no artefact.
        ScenarioError: The program is not found.
        junto.sim.workers.WorkerLost: The new process failed.
    """
    found = artefact if isinstance(artefact, Artefact) else Artefact.read(artefact)
    if not isinstance(program, Scenario):
        program = load(found.program) if program is None else Scenario.of(program)
    scenario = program.changed(**found.changes())
    make_worker = worker_for(scenario)
    if make_worker is None:
        return judge(found, Here(scenario), fixed_hash_seed())
    hash_seed = found.hash_seed or "0"
    with make_worker(hash_seed) as worker:
        return judge(found, worker, hash_seed)


def judge(artefact: Artefact, runner: Runner, hash_seed: str | None, order: Order | None = None) -> Replay:
    """Make a run again with what can make it, and compare."""
    summary = runner.run(order or artefact.order)
    notes = artefact.differences()
    if artefact.hash_seed is not None and hash_seed != artefact.hash_seed:
        notes.append(f"it was made with PYTHONHASHSEED={artefact.hash_seed}, this is another one")
    lines: list[str] = []
    before = artefact.events()
    if summary.digest != artefact.digest and before is not None and summary.trace is not None:
        lines = describe_difference(before, events_of(summary), ("then", "now"))
    if not summary.failed:
        return Replay("fixed", summary, tuple(lines), tuple(notes))
    if summary.signature != artefact.signature:
        return Replay("changed", summary, tuple(lines), tuple(notes))
    same = summary.digest == artefact.digest
    return Replay("same" if same else "diverged", summary, tuple(lines), tuple(notes))
