"""Searching for hours: one seed after the other, and a later search goes on where this one ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import monotonic

import msgspec

from junto.sim.artefacts import junto_version, name_for
from junto.sim.exploring import Explored, Settings, explore_scenario
from junto.sim.scenarios import Scenario
from junto.sim.summaries import Tally

__all__ = ["soak"]

_BLOCK = 30.0  # real seconds, more or less; what was run in the last one is run again after an interruption


class _Diary(msgspec.Struct):
    junto: str
    program: str
    next: int = 0


def soak(scenario: Scenario, settings: Settings, first: int | None = None) -> Explored:
    """Run seeds until one fails, or the time is over, if there is one; with Ctrl-C it ends too.

    How far it came is written to the directory of the settings.

    Args:
        scenario: What is run.
        settings: How to search; the budget is for all of it.
        first: The first seed; None for where the last one ended, with this
            version of junto.

    Returns:
        What it came to; a failure is not raised.
    """
    assert settings.directory is not None
    program = scenario.target or scenario.name
    path = settings.directory / (name_for(program, 0).removesuffix("-0") + ".soak.json")
    diary = _read(path, program)
    if first is not None:
        diary.next = first
    began = monotonic()
    parts: list[Tally] = []
    count = 200
    while True:
        left = None if settings.budget is None else began + settings.budget - monotonic()
        if left is not None and left <= 0:
            break
        try:
            explored = explore_scenario(
                scenario,
                range(diary.next, diary.next + count),
                replace(settings, budget=left, first_failed=False),
                program=program,
            )
        except KeyboardInterrupt:
            break
        parts.append(explored.tally)
        failed = explored.tally.failed
        if failed is not None:
            _write(path, diary, failed.seed + 1)
            return Explored(Tally.sum(parts), monotonic() - began, explored.investigation)
        if explored.tally.seeds < count:
            break  # the time is over; which of the last ones were run is not known
        _write(path, diary, diary.next + count)
        count = max(1, min(int(count * _BLOCK / max(explored.seconds, 1e-3)), 10 * count))
    return Explored(Tally.sum(parts), monotonic() - began)


def _read(path: Path, program: str) -> _Diary:
    try:
        diary = msgspec.json.decode(path.read_bytes(), type=_Diary)
    except (OSError, msgspec.MsgspecError):
        return _Diary(junto_version(), program)
    # With another version the same seeds are other runs.
    same = diary.junto == junto_version() and diary.program == program
    return diary if same else _Diary(junto_version(), program)


def _write(path: Path, diary: _Diary, next_seed: int) -> None:
    diary.next = next_seed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(diary) + b"\n")
