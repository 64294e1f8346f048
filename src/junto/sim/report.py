"""The report of a failure: what failed, what it needs, what came before, and how to see it again.

Its parts always stand in the same order, and all of them fit a terminal of 25 lines; the traceback follows
it. The same facts as JSON (`junto-sim-failure/1`) are for programs.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from junto.errors import JuntoError
from junto.sim.showing import seconds, shorten, visible

__all__ = ["FORMAT", "Failure", "ReportError", "read_failure", "report_json", "report_text"]

FORMAT: Final = "junto-sim-failure/1"
_LINES = 25
_WIDTH = 110
_INDENT = " " * 10


class ReportError(JuntoError, ValueError):
    """Text is no report of a failure, or one of another format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """All that is known of a failed run.

    Attributes:
        test: The name of what was run.
        seed: The run's seed.
        seeds_tried: How many seeds were run, this one included.
        wall_seconds: The real time that took.
        oracle: The name of the property that did not hold; empty if an exception ended the run.
        error: The name of the exception's type.
        message: What was wrong.
        time: When, in nanoseconds of the world; ``None`` if the run did not get so far as to have a time.
        host: Where; empty if on no host.
        needs: The faults without which it does not fail, as lines of a plan, and what else is not neutral.
        shrunk: How far it was shrunk, such as ``27 faults -> 1, 44 runs``; empty if it was not.
        last: What happened last, in lines, as from `junto.sim.telling.last_lines`.
        replay: The command that repeats the run.
        view: The path of the page that shows it; empty if there is none.
        versions: Versions, by name, such as ``python``, and what else the run depends on.
        confirmed: Whether a new process failed in the same way; ``None`` if that was not tried.
        notes: What else should be known, in sentences.
    """

    test: str
    seed: int
    seeds_tried: int = 1
    wall_seconds: float = 0.0
    oracle: str = ""
    error: str = ""
    message: str = ""
    time: int | None = None
    host: str = ""
    needs: tuple[str, ...] = ()
    shrunk: str = ""
    last: tuple[str, ...] = ()
    replay: str = ""
    view: str = ""
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    confirmed: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[int, str] | None:
        """When and where it failed, as far as that is known."""
        return None if self.time is None else (self.time, self.host)

    @property
    def sentence(self) -> str:
        """What failed, in one line; the title of its page. The rest of the message is in the traceback."""
        name, message = self.oracle or self.error, self.message.partition("\n")[0]
        return visible(f"{name}: {message}" if name and message else name or message)


def report_text(failure: Failure) -> str:
    """Write the report, at most 25 lines, without an end of line behind the last one."""
    seeds = f"seed{'s' * (failure.seeds_tried != 1)}"
    head = (
        f"SIM FAILURE {visible(failure.test)}  seed {failure.seed}  "
        f"after {failure.seeds_tried:,} {seeds} ({failure.wall_seconds:.1f} s)"
    )
    where = f" on {visible(failure.host)}" if failure.host else ""
    when = "" if failure.time is None else f"at t={seconds(failure.time, 6)} s{where}"
    before = _part("oracle" if failure.oracle else "error", _wrap(failure.sentence, 3), when)
    needs = [visible(line) for line in failure.needs]
    if not needs:
        needs = (
            ["no fault, nothing of the seed; the neutral run fails"]
            if failure.shrunk
            else ["not known: the run was not shrunk"]
        )
    shrunk = f"({failure.shrunk})" if failure.shrunk else ""
    before += _part("needs", _some(needs, 6, first=True), shrunk)
    after = _part("replay", [visible(failure.replay)]) if failure.replay else []
    after += _part("view", [visible(failure.view)]) if failure.view else []
    for note in failure.notes[:2]:
        after += _part("note", [visible(note)])
    after.append(f"  {_circumstances(failure)}")
    room = _LINES - 1 - len(before) - len(after)
    last = [shorten(visible(line), _WIDTH - 10) for line in failure.last]
    return "\n".join([head, *before, *_part("last", _some(last, room, first=False)), *after])


def _circumstances(failure: Failure) -> str:
    # An equals sign where it would stand in a shell.
    versions = [
        f"{name}={text}" if name.isupper() else f"{name} {text}" for name, text in failure.versions.items()
    ]
    confirmed = {
        True: "confirmed in a clean process",
        False: "NOT repeated in a clean process: it depends on state left by earlier runs",
        None: "not confirmed in a clean process",
    }[failure.confirmed]
    return visible(", ".join([*versions, confirmed]))


def _part(word: str, lines: list[str], behind: str = "") -> list[str]:
    """Put the part's name before the first line, and something behind it."""
    if not lines:
        return []
    first, *rest = lines
    if behind:
        if len(first) + len(behind) + 6 <= _WIDTH:
            first = f"{first}      {behind}"
        else:
            rest = [*rest, behind]
    return [f"  {word:<6}  {first}", *(_INDENT + line for line in rest)]


def _wrap(text: str, most: int) -> list[str]:
    return textwrap.wrap(text, _WIDTH - 10, max_lines=most, placeholder=" …", break_on_hyphens=False) or [""]


def _some(lines: list[str], most: int, *, first: bool) -> list[str]:
    """Keep the first or the last lines, and tell how many are missing."""
    if len(lines) <= most:
        return lines
    missing = len(lines) - most + 1
    if first:
        return [*lines[: most - 1], f"… and {missing} more"]
    return [f"… {missing} before", *lines[missing:]]


def report_json(failure: Failure) -> str:
    """Write the same facts as JSON in one line."""
    return msgspec.json.encode({"format": FORMAT, **msgspec.to_builtins(failure)}).decode()


def read_failure(text: str | bytes) -> Failure:
    """Read what `report_json` wrote.

    Raises:
        ReportError: It is not of this format.
    """
    try:
        fields: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
        if fields.pop("format", None) != FORMAT:
            raise ReportError(f"this is no report of the format {FORMAT!r}")
        return msgspec.convert(fields, Failure)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ReportError(f"this is no report of the format {FORMAT!r}: {error}") from error
