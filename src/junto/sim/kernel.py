"""The one clock of a world: a heap of timed events, and the turns of an instant.

All that happens is an event at a world time, an integer number of nanoseconds. An event changes the world
outside the programs: bytes arrive, a link is cut. It may make a host due; the due hosts take their turns when
all events of that instant have been handled. So what arrives together is read together.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Any

from junto.sim.choices import Stream

__all__ = ["SECOND", "Kernel", "TakesTurns"]

SECOND = 1_000_000_000


class Kernel:
    """The heap of events of one world, and the time.

    Attributes:
        now: The world's time in nanoseconds; it never goes back.
        due: Those who take a turn in this instant.
        events: How many events and turns there have been.
        scheduled: How many times `at` was called.
        stopping: Ends `run` after the event at hand.
        after_turn: Called after each turn, if there is anything to check.
    """

    _clock: Callable[[], int]  # what `follow` was given

    def __init__(self, ties: Stream) -> None:
        self.now = 0
        self.due: list[TakesTurns] = []
        self.events = 0
        self.scheduled = 0
        self.stopping = False
        self.after_turn: Callable[[], None] | None = None
        self._heap: list[tuple[int, int, Callable[..., object], tuple[Any, ...]]] = []
        self._ties = ties
        self._until: float = inf

    def at(self, when: int, call: Callable[..., object], *args: Any) -> None:
        """Let something happen at a world time, after all that was to happen then before."""
        self.scheduled = count = self.scheduled + 1
        heappush(self._heap, (when, count, call, args))

    def next_event_time(self) -> int | None:
        """Tell the time of the next event, or None if there is none."""
        if self.due:
            return self.now
        return self._heap[0][0] if self._heap else None

    def horizon(self) -> float:
        """Tell until when nothing else happens, so that a turn may let `now` go on up to there.

        It holds until the kernel's `scheduled` differs.
        """
        if self.due or self.stopping or self.after_turn:
            return self.now
        return min(self._until + 1, self._heap[0][0] if self._heap else inf)

    def follow(self, clock: Callable[[], int]) -> None:
        """Let `now` be what a clock tells, for who goes on alone for long: hardly anybody asks meanwhile.

        It ends with `settle`, or when `now` is set, which `scheduled` tells.
        """
        self._clock = clock
        self.__class__ = _Following  # pyright: ignore[reportAttributeAccessIssue]  # it adds nothing but `now`

    def settle(self) -> None:
        """Let `now` stand still again."""

    def run(self, until: int | None = None) -> bool:
        """Let things happen until `stopping` is set or nothing is left.

        Args:
            until: Where to stop at the latest, in nanoseconds; it is the time then.

        Returns:
            Whether it was stopped, or the time given was reached: False if nothing is left.
        """
        heap, due = self._heap, self.due
        self._until = inf if until is None else until
        while not self.stopping:
            if due and not (heap and heap[0][0] <= self.now):
                self._turns()
                continue
            if not heap:
                return False
            if heap[0][0] > self._until:
                assert until is not None
                self.now = until
                return True
            when, _, call, args = heappop(heap)
            self.now = when
            self.events += 1
            call(*args)
        return True

    def _turns(self) -> None:
        due = self.due
        who = due.pop(self._ties.below(len(due))) if len(due) > 1 else due.pop()
        heap = self._heap
        while True:
            self.events += 1
            again = who.turn()
            if self.after_turn is not None:
                self.after_turn()
            if again is None:
                return
            # While nobody else has anything to do before, it goes on without the heap.
            if due or self.stopping or again > self._until or (heap and heap[0][0] <= again):
                who.wake_at(again)
                return
            self.now = again


class _Following(Kernel):
    """A kernel that goes by a clock; a class of its own, for `now` has to cost all others nothing."""

    @property
    def now(self) -> int:
        return self._clock()

    @now.setter
    def now(self, when: int) -> None:
        self.__class__ = Kernel  # type: ignore[assignment]  # back to what it was made as
        self.now = when
        self.scheduled += 1

    def settle(self) -> None:
        self.now = self.now


class TakesTurns:
    """Something whose code runs in turns.

    Attributes:
        kernel: What gives it its turns.
    """

    kernel: Kernel
    _due = False  # whether it waits for a turn in this instant
    _wake: float = inf  # when it is woken, at the earliest

    def turn(self) -> int | None:
        """Run what is ready, at the kernel's time; tell when the next turn is wanted."""
        raise NotImplementedError

    def want_turn(self) -> None:
        """Make this due."""
        if not self._due:
            self._due = True
            self.kernel.due.append(self)

    def wake_at(self, when: int) -> None:
        """Make this due at a world time."""
        if when < self._wake:
            self._wake = when
            self.kernel.at(when, self._woken, when)

    def _woken(self, when: int) -> None:
        if when == self._wake:
            self._wake = inf
            self.want_turn()
