"""What programs print and log in a run, line by line with its time and host."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

from junto.sim.here import here
from junto.sim.showing import seconds

__all__ = ["heard"]


@contextmanager
def heard(keep: bool = True) -> Generator[list[str]]:
    """Take what is printed and logged in the block on simulated hosts; all else goes where it went before.

    Args:
        keep: Whether to keep it; if not, it is lost.

    Yields:
        The lines, as they come.
    """
    lines: list[str] = []
    out, err = sys.stdout, sys.stderr
    sinks = [_Stream(stream, lines if keep else None) for stream in (out, err)]
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    handler = _Handler(lines if keep else None, handlers)
    sys.stdout, sys.stderr = sinks
    root.handlers = [handler]
    try:
        yield lines
    finally:
        sys.stdout, sys.stderr = out, err
        for sink in sinks:
            sink.end()
        root.handlers = handlers
        root.setLevel(level)


def _place() -> str | None:
    """Tell the time and the host, or None outside of hosts."""
    host = here.host
    return None if host is None else f"{seconds(host.now(), 6)} {host.name:<8} "


class _Stream(io.TextIOBase):
    def __init__(self, before: TextIO, lines: list[str] | None) -> None:
        self._before = before
        self._lines = lines
        self._part = ""
        self._begun = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a stream that can only be read says it
        return "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        place = _place()
        if place is None:
            return self._before.write(text)
        if self._lines is not None:
            if not self._part:
                self._begun = place
            *whole, self._part = (self._part + text).split("\n")
            for line in whole:
                self._lines.append(self._begun + line)
                self._begun = place
        return len(text)

    def flush(self) -> None:
        if not self._before.closed:
            self._before.flush()

    def fileno(self) -> int:
        return self._before.fileno()

    def isatty(self) -> bool:
        return False

    def end(self) -> None:
        """Keep a last line that has no end."""
        if self._part and self._lines is not None:
            self._lines.append(self._begun + self._part)
            self._part = ""


class _Handler(logging.Handler):
    def __init__(self, lines: list[str] | None, before: list[logging.Handler]) -> None:
        super().__init__()
        self._lines = lines
        self._before = before
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        place = _place()
        if place is None:
            for handler in self._before:
                if record.levelno >= handler.level:
                    handler.handle(record)
        elif self._lines is not None:
            self._lines += [place + line for line in self.format(record).splitlines()]
