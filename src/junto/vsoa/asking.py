"""A client's requests: what waits for replies, and for how long."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from junto.errors import Overloaded, RequestTimeout, fresh
from junto.runtime import Future, Runtime, TimerHandle
from junto.sansio.vsoa.client import Numbers

__all__ = ["MAX_OPEN", "Asked", "Asking"]

MAX_OPEN: Final = 65_535
"""How many requests of one client may wait: their numbers have 16 bits."""


Asked: TypeAlias = tuple[int, Future[Any], bool, int]
"""One request that was made: what type the reply must have; the future that gets it; whether another status
than success is an error; how many were made before it.

A plain tuple, for one is made for each request.
"""


class Asking:
    """Requests by their number, in the order in which they were made.

    A waiter that gives up only cancels its future: the number is not used again before the late reply has
    come, so that this is not taken for another's. Only when all numbers are in use, those are forgotten.

    Attributes:
        open: What waits for a reply, or for a reply that nobody wants.
        late_replies: How many replies came that nobody waited for any more.
    """

    __slots__ = ("_count", "_marks", "_numbers", "_runtime", "_timers", "_walking", "late_replies", "open")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._numbers = Numbers()
        self._count = 0
        self._marks: list[tuple[float, int]] = []
        self._walking: TimerHandle | None = None
        self._timers: dict[int, TimerHandle] = {}
        self.open: dict[int, Asked] = {}
        self.late_replies = 0

    def take_number(self) -> int:
        """Give a number for the next request.

        Raises:
            Overloaded: All numbers are in use.
        """
        if len(self.open) >= MAX_OPEN:
            self._sweep()
        return self._numbers.take(self.open)  # type: ignore[arg-type]  # it looks at the keys only

    def take_number_apart(self) -> int:
        """Give a number for a request whose answer nobody waits for."""
        return self._numbers.take_apart()

    def continue_after(self, before: Asking) -> None:
        """Go on with the numbers of *before*, which makes no more requests."""
        self._numbers = before._numbers

    def _sweep(self) -> None:
        for number in [number for number, asked in self.open.items() if asked[1].done()]:
            self._forget(number)
        if len(self.open) >= MAX_OPEN:
            raise Overloaded(f"{len(self.open):,} requests wait for replies, and more may not")

    def add(
        self,
        number: int,
        type: int,
        future: Future[Any],
        strict: bool,
        timeout: float | None,
        usual: float | None,
    ) -> None:
        """Wait for the reply to request *number*.

        Args:
            number: As `take_number` gave it.
            type: What type the reply must have.
            future: Gets the frame of the reply.
            strict: See `Asked`.
            timeout: Seconds to wait, exactly.
            usual: Seconds to wait about, if there is no *timeout*; the same for all. ``None`` for ever.
        """
        self._count += 1
        self.open[number] = (type, future, strict, self._count)
        if timeout is not None:
            self._timers[number] = self._runtime.call_later(timeout, self._expire, number, timeout)
        elif usual is not None and self._walking is None:
            self._walking = self._runtime.call_later(usual / 10, self._walk, usual)

    def take(self, type: int, number: int) -> Asked | None:
        """Take out what waits for this reply; ``None`` if nobody does."""
        asked = self.open.get(number)
        if asked is None or asked[0] != type:
            self.late_replies += number <= 0xFFFF  # others have no number of 16 bits
            return None
        del self.open[number]
        if self._timers:
            self._stop_timer(number)
        if asked[1].done():
            self.late_replies += 1
            return None
        return asked

    def _forget(self, number: int) -> None:
        self.open.pop(number, None)
        self._stop_timer(number)

    def _stop_timer(self, number: int) -> None:
        timer = self._timers.pop(number, None)
        if timer is not None:
            timer.cancel()

    def _expire(self, number: int, timeout: float) -> None:
        self._timers.pop(number, None)
        asked = self.open.get(number)
        if asked is not None:
            _fail_late(asked[1], timeout)

    def _walk(self, timeout: float) -> None:
        """Fail those that have waited for about *timeout* seconds: one timer serves all of them."""
        now = self._runtime.time()
        marks = self._marks
        marks.append((now, self._count))
        newest = -1
        while marks and marks[0][0] <= now - timeout:
            newest = marks.pop(0)[1]
        waits = False
        for number, (_, future, _, order) in list(self.open.items()):
            if order <= newest and number not in self._timers:
                _fail_late(future, timeout)
            elif not future.done():
                waits = True
                if order > newest:
                    break
        if waits:
            self._walking = self._runtime.call_later(timeout / 10, self._walk, timeout)
        else:
            self._walking = None
            marks.clear()

    def fail(self, error: BaseException, keep: dict[int, bytes] | None = None) -> None:
        """Fail all, with a fresh copy of *error* each; but not those that are to be kept."""
        failing = [number for number in self.open if keep is None or number not in keep]
        for number in failing:
            _, future, _, _ = self.open.pop(number)
            self._stop_timer(number)
            if not future.done():
                future.set_exception(fresh(error))
        if not self.open and self._walking is not None:
            self._walking.cancel()
            self._walking = None
            self._marks.clear()


def _fail_late(future: Future[Any], timeout: float) -> None:
    if not future.done():
        future.set_exception(RequestTimeout(f"no reply within {timeout:g} s"))
