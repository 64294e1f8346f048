"""What goes to and fro: for the log, for a user's callable, and recorded to be played again."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from junto.instrument.settings import Settings

__all__ = ["Recorded", "Recorder", "read_recording", "tap_for"]

_SHOWN = 256

Tap = Callable[[str, int, bytes], object]


def tap_for(settings: Settings, log: logging.Logger) -> Tap | None:
    """Make what is called with all bytes that go to and fro, if anybody wants to know."""
    trace = settings.trace
    if trace is None:
        return _logging_tap(log) if log.isEnabledFor(logging.DEBUG) else None
    logged = _logging_tap(log)

    def tap(direction: str, generation: int, data: bytes) -> None:
        try:
            trace(time.monotonic(), direction, generation, data)
        except Exception as error:
            log.error("the trace failed", exc_info=error)
        logged(direction, generation, data)

    return tap


def _logging_tap(log: logging.Logger) -> Tap:
    def tap(direction: str, generation: int, data: bytes) -> None:
        if log.isEnabledFor(logging.DEBUG):
            more = f" and {len(data) - _SHOWN:,} more" if len(data) > _SHOWN else ""
            log.debug("%s %d %s%s", direction, generation, ascii(data[:_SHOWN])[1:], more)

    return tap


class Recorded(NamedTuple):
    """One piece of a recording.

    Attributes:
        time: Seconds on the recorder's clock.
        direction: ``">"`` to the instrument, ``"<"`` from it.
        generation: Of which connection.
        data: The bytes.
    """

    time: float
    direction: str
    generation: int
    data: bytes


class Recorder:
    """A ``trace`` that writes one line of JSON for each piece of data.

    In it are ``time``, ``direction``, ``generation`` and ``data``, as text in Latin-1.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, when: float, direction: str, generation: int, data: bytes) -> None:
        entry: dict[str, Any] = {
            "time": when,
            "direction": direction,
            "generation": generation,
            "data": data.decode("latin-1"),
        }
        self._file.write(json.dumps(entry) + "\n")


def read_recording(lines: Iterable[str]) -> Iterator[Recorded]:
    """Read what a `Recorder` wrote.

    Raises:
        ValueError: A line is not of that form.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            yield Recorded(
                float(entry["time"]),
                entry["direction"],
                int(entry["generation"]),
                entry["data"].encode("latin-1"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"line {number} is no line of a recording: {error}") from error
