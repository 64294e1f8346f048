"""Callbacks and timers, run by one task."""

from __future__ import annotations

import collections
import logging
import math
from collections.abc import Callable
from typing import Any

import trio
from trio.lowlevel import Abort, checkpoint, current_task, reschedule, wait_task_rescheduled

from junto.runtimes.timers import Timer, Timers

__all__ = ["Turns"]

_log = logging.getLogger("junto")

_ROUNDS = 8  # of callbacks that make callbacks, before the other tasks get their turn


class Turns:
    """Runs what is to be called soon, or later.

    While there is nothing to do its task sleeps, in a cancel scope whose deadline is an alarm: the time
    of the earliest timer, or before it.
    """

    def __init__(self, time: Callable[[], float], timers: Timers) -> None:
        self._time = time
        self._timers = timers
        self._ready: collections.deque[tuple[Callable[..., object], tuple[Any, ...]]] = collections.deque()
        self._asleep: trio.lowlevel.Task | None = None
        self._scope = trio.CancelScope()
        self._alarm = math.inf
        self._over = False

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> None:
        if self._over:
            return
        self._ready.append((callback, args))
        if self._asleep is not None:
            reschedule(self._asleep)
            self._asleep = None

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Timer:
        when = self._time() + delay
        timer = self._timers.add(when, callback, args)
        if self._asleep is not None and when < self._alarm:
            self._set_alarm(when)
        return timer

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Run callbacks and timers until, in between, *is_over* says so; nothing is called after that."""
        while not self._over:
            self._alarm = math.inf
            with trio.CancelScope() as self._scope:  # one for each alarm that goes off
                await self._run_until_alarm(is_over)

    async def _run_until_alarm(self, is_over: Callable[[], bool]) -> None:
        task = current_task()
        while True:
            if self._timers:
                for timer in self._timers.pop_due(self._time()):
                    self._ready.append((timer.run, ()))
            self.run_ready()
            if is_over():
                self._over = True
                self._timers.clear()
                self._ready.clear()
                return
            if self._ready:
                await checkpoint()
                continue
            when = self._timers.next_time()
            # An alarm that is too early, for a timer that was cancelled, costs less than setting it anew.
            if when is not None and when < self._alarm:
                self._set_alarm(when)
            self._asleep = task
            await wait_task_rescheduled(self._abort)

    def run_ready(self) -> None:
        """Run what is ready, and some of what that makes ready."""
        ready = self._ready
        for _ in range(_ROUNDS):
            for _ in range(len(ready)):
                callback, args = ready.popleft()
                try:
                    callback(*args)
                except Exception as error:
                    _log.error("a callback failed", exc_info=error)
            if not ready:
                return

    def _set_alarm(self, when: float) -> None:
        self._alarm = when
        self._scope.deadline = when

    def _abort(self, raise_cancelled: object) -> Abort:
        self._asleep = None
        return Abort.SUCCEEDED
