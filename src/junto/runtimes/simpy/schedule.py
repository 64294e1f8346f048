"""SimPy's events on the wall's clock: what is due, and in which order.

Events are where SimPy has them, in the order of time, priority and number; only that most of them are due
at once, so they wait in a deque beside the heap. Their time is that of the turn they
were made in, which never goes back, so both are always in order. A delay, on the contrary, counts from the
very moment of the call: no time-out comes early because a process has computed for long.

Callbacks of the runtime (`call_soon`, timers) stand among the events, in the same order.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

# What is named twice is for other modules, too.
from simpy.core import EmptySchedule as EmptySchedule
from simpy.core import Infinity
from simpy.core import StopSimulation as StopSimulation
from simpy.events import NORMAL, EventPriority
from simpy.events import Event as Event
from simpy.events import ProcessGenerator as ProcessGenerator

from junto.runtimes.simpy.contract import FIRST, Call, SocketEnvironment, copied
from junto.runtimes.simpy.quiet_sockets import QuietSockets

__all__ = ["WallClockEnvironment"]

_MOST_EVENTS = 128  # in a row, before sockets get their turn
_LONG = 0.005  # seconds; when as many events took longer than this, sockets get it earlier
_FEW = 64  # cancelled calls that are not worth a sweep


class WallClockEnvironment(SocketEnvironment):
    """What every environment in real time has; how one waits is for others to say.

    `run` ends, as SimPy's does, when nothing can happen any more: no event is scheduled, no socket is
    watched, and nobody called `hold`. Callbacks and handlers that fail end it with their error, as
    events do; the environment can be run again.
    """

    sockets = QuietSockets()

    def __init__(self) -> None:
        # The wall's clock may be set; this one only tells how it stood in the beginning.
        self._start = time.time() - time.monotonic()
        super().__init__(self._start + time.monotonic())
        self._told = self._now  # what `now` was when somebody asked
        # Both instead of SimPy's queue; an entry is a time, a priority, a number, and an event or a `Call`.
        self._agenda: list[tuple[float, int, int, Any]] = []
        self._ready: collections.deque[tuple[float, int, int, Any]] = collections.deque()
        self._errands: collections.deque[tuple[Callable[..., object], tuple[Any, ...]]] = collections.deque()
        self._reviews: list[Callable[[], object]] = []
        self._cancelled = 0  # or fewer: those whose time has come are still counted
        self._held = 0
        self._handlers: dict[int, Callable[[int], object]] = {}  # of what is watched, by its number
        self._in_background: set[int] = set()
        self._most_events = _MOST_EVENTS

    @property
    def now(self) -> float:
        """The time in seconds since 1970, on a clock that never goes back."""
        self._told = now = self._start + time.monotonic()
        return now

    # -- SimPy's face --

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: float = 0) -> None:
        if delay:
            when = self._start + time.monotonic() + delay
            heappush(self._agenda, (when, priority, next(self._eid), event))
        elif priority == NORMAL:
            self._ready.append((self._now, priority, next(self._eid), event))
        else:
            heappush(self._agenda, (self._now, priority, next(self._eid), event))

    def peek(self) -> float:
        """Tell when the next event is due; `simpy.core.Infinity` if there is none."""
        when = self._next_time()
        return min(Infinity if when is None else when, self._ready[0][0] if self._ready else Infinity)

    # -- callbacks and timers --

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> Call:
        call = Call(self, callback, args)
        self._ready.append((self._now, NORMAL, next(self._eid), call))
        return call

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Call:
        return self.call_at(self._start + time.monotonic() + delay, callback, *args)

    def call_at(self, when: float, callback: Callable[..., object], /, *args: Any) -> Call:
        call = Call(self, callback, args)
        heappush(self._agenda, (when, NORMAL, next(self._eid), call))
        return call

    def hold(self) -> None:
        self._held += 1

    def release(self) -> None:
        self._held -= 1

    def before_waiting(self, review: Callable[[], object], /) -> None:
        self._reviews.append(review)

    def set_background(self, fd: int, whether: bool, /) -> None:
        if whether:
            self._in_background.add(fd)
        else:
            self._in_background.discard(fd)

    def one_was_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > _FEW and self._cancelled * 2 > len(self._agenda):
            self._agenda[:] = [entry for entry in self._agenda if entry[3].callbacks != ()]
            heapify(self._agenda)
            self._cancelled = 0

    # -- for those who run it --

    def _last_told(self) -> float:
        # Not the time by now: who computes an end from it may be interrupted by the system.
        return self._told

    def _put(self, when: float, priority: EventPriority, call: Call) -> None:
        heappush(self._agenda, (when, priority, next(self._eid), call))

    def _due_calls(self) -> list[Call]:
        return [entry[3] for entry in self._ready if isinstance(entry[3], Call)]

    def _is_due(self) -> bool:
        when = self._next_time()
        return bool(self._ready) or (when is not None and when <= self._now)

    def _next_time(self) -> float | None:
        agenda = self._agenda
        while agenda:
            if agenda[0][3].callbacks != ():
                return agenda[0][0]
            heappop(agenda)
        return None

    def _process(self, most: int) -> None:
        """Process at most so many events that are due."""
        ready = self._ready
        agenda = self._agenda
        now = self._now
        event: Any
        callback: Any = None
        for _ in range(most):
            if ready:
                entry = heappop(agenda) if agenda and agenda[0] < ready[0] else ready.popleft()
            elif agenda and agenda[0][0] <= now:
                entry = heappop(agenda)
            else:
                return
            event = entry[3]
            callbacks = event.callbacks
            event.callbacks = None
            try:
                for callback in callbacks:
                    callback(event)
            except StopSimulation:
                # What else waits for it is called when the environment is run again.
                event.callbacks = callbacks[callbacks.index(callback) + 1 :]
                if event.callbacks != ():
                    self.schedule(event, FIRST)
                raise
            if not event._ok and not hasattr(event, "_defused"):
                raise copied(event._value)

    def _review(self) -> None:
        if self._reviews:
            reviews, self._reviews = self._reviews, []
            for review in reviews:
                review()

    def _be_fair(self) -> None:
        """Look how long the turn took in which there were more events than a turn may have."""
        if self._start + time.monotonic() - self._now > _LONG:
            self._most_events = max(1, self._most_events // 2)
        else:
            self._most_events = min(_MOST_EVENTS, self._most_events * 2)

    def _run_errands(self) -> None:
        while self._errands:
            callback, args = self._errands.popleft()
            self.call_soon(callback, *args)
