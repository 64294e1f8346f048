"""A heap of timers, for the runtimes that keep their own time.

A cancelled timer stays in the heap until its time or until too many are there: most timers
are time-outs that never fire, and looking for one in a heap costs more than waiting for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

__all__ = ["Timer", "Timers"]

_FEW = 64  # cancelled timers that are not worth a sweep


class Timer:
    """A callback that waits for its time."""

    __slots__ = ("_args", "_callback", "_timers", "number", "when")

    def __init__(
        self, timers: Timers, when: float, number: int, callback: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self._timers: Timers | None = timers
        self.when = when
        self.number = number
        self._callback: Callable[..., object] | None = callback
        self._args = args

    def cancel(self) -> None:
        """Never call the callback; doing so twice, or too late, is fine."""
        if self._callback is not None:
            self._callback = None
            self._args = ()
            if self._timers is not None:
                self._timers.one_was_cancelled()

    @property
    def cancelled(self) -> bool:
        return self._callback is None

    def leave_heap(self) -> None:
        """Remember that a cancellation from now on leaves nothing behind in the heap."""
        self._timers = None

    def run(self) -> None:
        """Call the callback, unless the timer was cancelled; at most once."""
        callback, args = self._callback, self._args
        if callback is not None:
            self._callback = None
            self._args = ()
            callback(*args)

    def __lt__(self, other: Timer) -> bool:
        if self.when == other.when:  # in the order they were made
            return self.number < other.number
        return self.when < other.when


class Timers:
    """Timers, the earliest first."""

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._made = 0
        self._cancelled = 0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, when: float, callback: Callable[..., object], args: tuple[Any, ...]) -> Timer:
        """Make a timer for the point in time *when*."""
        self._made += 1
        timer = Timer(self, when, self._made, callback, args)
        heapq.heappush(self._heap, timer)
        return timer

    def next_time(self) -> float | None:
        """Tell when the earliest timer is due, or ``None`` if there is no timer."""
        heap = self._heap
        while heap and heap[0].cancelled:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0].when if heap else None

    def pop_due(self, now: float) -> list[Timer]:
        """Take out the timers whose time has come, the earliest first."""
        due: list[Timer] = []
        while (when := self.next_time()) is not None and when <= now:
            timer = heapq.heappop(self._heap)
            timer.leave_heap()
            due.append(timer)
        return due

    def clear(self) -> None:
        """Cancel them all."""
        for timer in self._heap:
            timer.leave_heap()
            timer.cancel()
        self._heap.clear()
        self._cancelled = 0

    def one_was_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > _FEW and self._cancelled * 2 > len(self._heap):
            self._heap = [timer for timer in self._heap if not timer.cancelled]
            heapq.heapify(self._heap)
            self._cancelled = 0
