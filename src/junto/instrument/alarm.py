"""Deadlines of calls that wait, on one timer.

A timer for each call would cost more than all else that a call does for its time limit. Here a call only
writes down its deadline; the one timer is set anew only for a deadline that is earlier than all before.
When it goes off early, because that call has long ended, it is set to the next.
"""

from __future__ import annotations

from typing import Any

from junto.runtime import Future, Runtime, TimerHandle

__all__ = ["Alarm"]


class Alarm:
    """Raises ``TimeoutError`` for those who wait too long.

    Attributes:
        entries: Futures that are waited for, with their deadlines on the runtime's clock. Whoever waits
            puts his future in by `add` and takes it out by ``pop``.
    """

    __slots__ = ("_at", "_runtime", "_timer", "entries")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._at = 0.0
        self._timer: TimerHandle | None = None
        self.entries: dict[Future[Any], float] = {}

    def add(self, future: Future[Any], deadline: float) -> None:
        self.entries[future] = deadline
        if self._timer is None or deadline < self._at:
            self._set(deadline)

    def stop(self) -> None:
        """Let no timer run on, if nobody waits."""
        if self._timer is not None and not self.entries:
            self._timer.cancel()
            self._timer = None

    def _set(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._at = deadline
        self._timer = self._runtime.call_later(max(0.0, deadline - self._runtime.time()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._runtime.time()
        late = [future for future, deadline in self.entries.items() if deadline <= now]
        for future in late:
            del self.entries[future]
            if not future.done():
                future.set_exception(TimeoutError("the time given was over"))
        if self.entries:
            self._set(min(self.entries.values()))
