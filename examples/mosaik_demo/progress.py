"""A bar that shows how far a run is; where there is no terminal, one line when it is done."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

WIDTH = 32
PARTS = " ▏▎▍▌▋▊▉█"
PAUSE = 0.05  # seconds between two drawings


class Bar:
    def __init__(self, title: str, stream: TextIO = sys.stderr) -> None:
        self._title = title
        self._stream = stream
        self._alive = stream.isatty()
        self._drawn = 0.0
        self.note = ""

    def __enter__(self) -> Bar:
        self.advance(0.0)
        return self

    def advance(self, part: float, seconds: float | None = None) -> None:
        """Show that *part*, 0 to 1, is done, after so many *seconds*; or else at that time of the day."""
        now = time.monotonic()
        if self._alive and (part >= 1 or now - self._drawn >= PAUSE):
            self._drawn = now
            eighths = round(part * WIDTH * 8)
            full = PARTS[-1] * (eighths // 8)
            bar = (full + (PARTS[eighths % 8] if eighths % 8 else "")).ljust(WIDTH)
            small = round(part * 24 * 60 if seconds is None else seconds)  # minutes, or seconds
            clock = f"{small // 60:02}:{small % 60:02}"
            self._stream.write(f"\r  {self._title:<34} {bar} {part:4.0%}  {clock}")
            self._stream.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._alive:
            self._stream.write(f"  {self.note}\n")
        elif error is None:
            self._stream.write(f"  {self._title:<34} done  {self.note}\n")
        self._stream.flush()
