"""Timers: one callback after a while, or again and again without drift."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from junto.runtime import Runtime, TimerHandle

__all__ = ["Timer"]

logger = logging.getLogger("junto")


class Timer:
    """A timer of one runtime; what its callback raises is logged, and disturbs no other."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._handle: TimerHandle | None = None

    def start(
        self,
        timeout: float,
        callback: Callable[..., object],
        interval: float = 0.0,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Call *callback* after *timeout* seconds; a timer that is started already begins anew.

        Args:
            timeout: 0 for at once, which is still later than this call.
            callback: Gets *args* and *kwargs*.
            interval: Seconds from one due time to the next; 0 for only one.
            args: By place.
            kwargs: By name.

        Raises:
            ValueError: *timeout* or *interval* is negative.
            TypeError: *callback* cannot be called.
        """
        if not timeout >= 0 or not interval >= 0:
            raise ValueError(f"a timer's times are not negative, as {timeout!r} or {interval!r}")
        if not callable(callback):
            raise TypeError(f"{callback!r} cannot be called")
        self.stop()
        due = self._runtime.time() + timeout
        self._arm(due, callback, interval, tuple(args), dict(kwargs or {}))

    def _arm(
        self,
        due: float,
        callback: Callable[..., object],
        interval: float,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        def fire() -> None:
            self._handle = None
            if interval:
                # From the time when it was due, not from now; but never a burst for what was missed.
                following = max(due + interval, self._runtime.time())
                self._arm(following, callback, interval, args, kwargs)
            try:
                callback(*args, **kwargs)
            except Exception as error:
                logger.error("a timer's callback failed", exc_info=error)

        self._handle = self._runtime.call_later(max(0.0, due - self._runtime.time()), fire)

    def stop(self) -> None:
        """Call nothing any more; stopping twice is fine."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def is_started(self) -> bool:
        """Tell whether a call is still to come."""
        return self._handle is not None
