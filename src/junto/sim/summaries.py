"""Runs as values that pass between processes: what is to be run, what came of it, and what many came to."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import msgspec

from junto.sim.errors import OracleFailed, UnclaimedError
from junto.sim.notes import TOLD
from junto.sim.running import Outcome

__all__ = ["Order", "Summary", "Tally", "describe_error", "summarize"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One run to be made.

    Attributes:
        seed: Its seed.
        plan: The lines of its plan, with all that is to happen; None for what the scenario says.
        neutral: The decisions that are not taken.
        end_ns: When it is broken off, if it is.
        level: What its trace records.
        output: Whether what is printed and logged is kept.
        stack: The number of the event of which it is to be told who has made it, if of one.
    """

    seed: int
    plan: str | None = None
    neutral: tuple[Any, ...] = ()
    end_ns: int | None = None
    level: Literal["off", "net", "turns", "all"] = "off"
    output: bool = False
    stack: int | None = None

    def __post_init__(self) -> None:
        # JSON makes lists of them.
        msgspec.structs.force_setattr(self, "neutral", tuple(map(tuple, self.neutral)))

    def changed(self, **changes: Any) -> Order:
        """Make an order that differs in some attributes."""
        return msgspec.structs.replace(self, **changes)


class Summary(msgspec.Struct, kw_only=True):
    """What came of one run; see `junto.sim.running.Outcome`.

    Attributes:
        error: The name of the type of what it failed with; empty if it did not fail.
        message: Its text.
        traceback: Its traceback, without the calls of the simulation.
        faults: What began, as lines of a plan, and how much each hit.
        output: What was printed and logged, with times and hosts.
        trace: The trace, as its file has it.
        stack: Who has made the event that was asked for.
    """

    seed: int
    signature: str | None = None
    oracle: str = ""
    error: str = ""
    message: str = ""
    traceback: str = ""
    failed_ns: int | None = None
    failed_on: str = ""
    plan: str = ""
    faults: list[tuple[str, str, int]] = []
    virtual_seconds: float = 0.0
    events: int = 0
    digest: str | None = None
    notes: list[str] = []
    reached: dict[str, int] = {}
    choices: list[tuple[str, str]] = []
    output: list[str] = []
    trace: str | None = None
    stack: list[str] = []

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.signature is not None


class Tally(msgspec.Struct, kw_only=True):
    """What some runs came to.

    Attributes:
        seeds: How many there were.
        virtual_seconds: How long they took in their worlds.
        events: How many events they had.
        faults: Of each kind of fault, how many began, and how many of these hit something.
        reached: How often each point was reached.
        told: Remarks that belong into every report, and in how many runs they were made.
        failed: The first that failed; it is the last that was run.
    """

    seeds: int = 0
    virtual_seconds: float = 0.0
    events: int = 0
    faults: dict[str, tuple[int, int]] = {}
    reached: dict[str, int] = {}
    told: dict[str, int] = {}
    failed: Summary | None = None

    def count(self, outcome: Outcome) -> None:
        """Add a run."""
        self.seeds += 1
        self.virtual_seconds += outcome.virtual_seconds
        self.events += outcome.events
        for injected in outcome.faults:
            begun, hit = self.faults.get(injected.fault.kind, (0, 0))
            self.faults[injected.fault.kind] = (begun + 1, hit + bool(injected.hits))
        for name, times in outcome.reached.items():
            self.reached[name] = self.reached.get(name, 0) + times
        for note in outcome.notes:
            if note.kind in TOLD:
                self.told[note.text] = self.told.get(note.text, 0) + 1

    @classmethod
    def of(cls, summary: Summary) -> Tally:
        """Count one run."""
        faults: dict[str, tuple[int, int]] = {}
        for _, kind, hits in summary.faults:
            begun, hit = faults.get(kind, (0, 0))
            faults[kind] = (begun + 1, hit + bool(hits))
        return cls(
            seeds=1,
            virtual_seconds=summary.virtual_seconds,
            events=summary.events,
            faults=faults,
            reached=dict(summary.reached),
            failed=summary if summary.failed else None,
        )

    @classmethod
    def sum(cls, tallies: Iterable[Tally]) -> Tally:
        """Add up what belongs together; the first failure counts."""
        total = cls()
        for tally in tallies:
            total.seeds += tally.seeds
            total.virtual_seconds += tally.virtual_seconds
            total.events += tally.events
            for kind, (begun, hit) in tally.faults.items():
                before = total.faults.get(kind, (0, 0))
                total.faults[kind] = (before[0] + begun, before[1] + hit)
            for name, times in tally.reached.items():
                total.reached[name] = total.reached.get(name, 0) + times
            for text, times in tally.told.items():
                total.told[text] = total.told.get(text, 0) + times
            total.failed = total.failed or tally.failed
        return total

    @property
    def never_reached(self) -> list[str]:
        """The points that were asked for and never reached."""
        return [name for name, times in self.reached.items() if not times]

    @property
    def never_hit(self) -> list[str]:
        """The kinds of faults that began and never hit anything."""
        return [kind for kind, (_, hit) in self.faults.items() if not hit]


def summarize(outcome: Outcome, output: Iterable[str] = ()) -> Summary:
    """Make of an outcome what can be sent."""
    kind, message = describe_error(outcome.error) if outcome.error is not None else ("", "")
    return Summary(
        seed=outcome.seed,
        signature=outcome.signature,
        oracle=outcome.oracle or "",
        error=kind,
        message=message,
        traceback="" if outcome.error is None else _traceback(outcome.error),
        failed_ns=outcome.failed_ns,
        failed_on=outcome.failed_on or "",
        plan=str(outcome.plan),
        faults=[(str(one.fault), one.fault.kind, one.hits) for one in outcome.faults],
        virtual_seconds=outcome.virtual_seconds,
        events=outcome.events,
        digest=outcome.digest,
        notes=[str(note) for note in outcome.notes],
        reached=outcome.reached,
        choices=list(outcome.choices),
        output=list(output),
        trace=None
        if outcome.trace is None
        else "\n".join((outcome.trace.header(), *outcome.trace.lines())) + "\n",
    )


def describe_error(error: BaseException) -> tuple[str, str]:
    """Tell the name of an error's type and its text; of an oracle only why it does not hold."""
    if isinstance(error, UnclaimedError) and error.__cause__ is not None:
        error = error.__cause__
    text = str(error)
    if isinstance(error, OracleFailed):
        text = text.removeprefix(error.name).removeprefix(": ")
    return type(error).__name__, text


_OWN = str(Path(__file__).parent)
_ASYNCIO = str(Path(asyncio.__file__).parent)


def _traceback(error: BaseException) -> str:
    shown = error.__cause__ if isinstance(error, UnclaimedError) and error.__cause__ is not None else error
    return "".join(traceback.format_exception(type(shown), shown, _programs_part(shown.__traceback__)))


def _programs_part(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the calls that lead from the simulation to the program."""
    part = trace
    while part is not None and _is_own(part):
        part = part.tb_next
    return part  # none for what the simulation itself has found, such as an oracle


def _is_own(part: TracebackType) -> bool:
    return part.tb_frame.f_code.co_filename.startswith((_OWN, _ASYNCIO))
