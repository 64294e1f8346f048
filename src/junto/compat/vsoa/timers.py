"""Timers whose callbacks run in one thread of the process, one after the other."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Timer"]

logger = logging.getLogger("junto")


class _Clockwork:
    """The thread, and what is due when; begins with the first timer."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Timer, int]] = []
        self._count = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, at: float, timer: Timer, version: int) -> None:
        with self._changed:
            heapq.heappush(self._due, (at, next(self._count), timer, version))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="junto-timer", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while (wait := self._until_next()) is None or wait > 0:
                    self._changed.wait(wait)
                at, _, timer, version = heapq.heappop(self._due)
            timer.fire(at, version)

    def _until_next(self) -> float | None:
        if not self._due:
            return None
        return min(self._due[0][0] - time.monotonic(), threading.TIMEOUT_MAX)


_clockwork = _Clockwork()


class Timer:
    """Calls a function after a while, or again and again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = 0
        self._started = False
        self._interval = 0.0
        self._call: Callable[[], Any] | None = None

    def start(
        self,
        timeout: float,
        callback: Callable[..., Any],
        interval: float = 0,
        args: Any = (),
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Call *callback* after *timeout* seconds, then every *interval*, if that is not 0.

        Raises:
            ValueError: *timeout* is negative.
            TypeError: *callback* cannot be called.
        """
        if timeout < 0:
            raise ValueError("timeout must not be negative")
        if not callable(callback):
            raise TypeError("callback must be callable")
        given = tuple(args) if isinstance(args, tuple | list) else (args,)
        named = dict(kwargs or {})
        with self._lock:
            self._version += 1
            self._started = True
            self._interval = interval
            self._call = lambda: callback(*given, **named)
            version = self._version
        _clockwork.add(time.monotonic() + timeout, self, version)

    def stop(self) -> None:
        """Call nothing any more; a stopped timer can be started again."""
        with self._lock:
            self._version += 1
            self._started = False

    def is_started(self) -> bool:
        """Tell whether a call is still to come."""
        return self._started

    def fire(self, at: float, version: int) -> None:
        """Call the function that was due at *at*, unless the timer was stopped or started since."""
        with self._lock:
            if version != self._version:
                return
            call, interval = self._call, self._interval
            self._started = interval > 0
        if interval > 0:
            _clockwork.add(max(at + interval, time.monotonic()), self, version)
        assert call is not None, "it was started"
        try:
            call()
        except Exception as error:
            logger.error("a timer's callback failed", exc_info=error)
