"""A SimPy environment in real time, which watches sockets while it waits."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any

from junto.runtimes.polling import READ, Poller, make_poller
from junto.runtimes.simpy.schedule import (
    EmptySchedule,
    Event,
    WallClockEnvironment,
)
from junto.runtimes.waker import Waker

__all__ = ["RealTimeEnvironment"]

_LONGEST_POLL = 86400.0  # seconds; the systems' calls count milliseconds in 32 bits
_NAP = 0.05  # seconds; in a closed environment other threads cannot wake us


class RealTimeEnvironment(WallClockEnvironment):
    """An environment whose time is the wall's, and in which sockets are watched.

    `run` sleeps in the system, until a socket is ready or an event is due. Only `call_soon_threadsafe` may
    be called from other threads.
    """

    def __init__(self, poller: Poller | None = None) -> None:
        super().__init__()
        self._poller = make_poller() if poller is None else poller
        self._poll = self._poller.poll
        self._polling = False
        waker = Waker()
        self._waker = waker
        # Handlers are kept here, not in the poller: they know us, and then we would never go out of use.
        self._handlers[waker.fd] = waker.drain
        self._poller.watch(waker.fd, READ, _heard_elsewhere)
        self._always_watched = len(self._handlers)
        # SimPy's users do not close their environments, and nothing may be left behind by that.
        self._release = weakref.finalize(self, _release, self._poller, waker)

    def step(self) -> None:
        """Wait for the next event, and process it.

        Raises:
            simpy.core.EmptySchedule: There is none, and nothing is watched that could make one.
        """
        self._look_around()
        while not self._is_due():
            self._look_around()
        self._process(1)

    def run(self, until: float | Event | None = None) -> Any:
        """Process events until the time or the event *until*, or until nothing can happen any more.

        Raises:
            ValueError: *until* is a time that is not in the future.
            RuntimeError: Nothing can happen any more, and the event *until* did not.
            BaseException: The error of *until*, of an event that failed and that nobody handled, or of
                a callback.
        """
        return self._run(until, self._drive)

    def close(self) -> None:
        self._abort_all()
        self._release()
        self._handlers.clear()
        self._in_background.clear()
        self._always_watched = 0
        self._poll = _sleep

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> None:
        # The order matters: `_look_around` says that it polls before it looks whether there is work.
        self._errands.append((callback, args))
        if self._polling:
            self._waker.wake()

    def watch(self, fd: int, interest: int, handler: Callable[[int], object], /) -> None:
        if interest:
            if not self._release.alive:
                raise RuntimeError("the environment is closed")
            self._poller.watch(fd, interest, _heard_elsewhere)
            self._handlers[fd] = handler
        elif self._handlers.pop(fd, None) is not None:
            self._poller.watch(fd, 0, _heard_elsewhere)
            self._in_background.discard(fd)

    def _drive(self) -> None:
        while True:
            self._process(self._most_events)
            self._look_around()

    def _look_around(self) -> None:
        """Hear sockets and other threads; sleep till then, or till an event is due, if none is now."""
        timeout: float | None
        self._review()
        if self._ready:
            timeout = 0.0
            self._be_fair()
        else:
            when = self._next_time()
            if when is not None:
                timeout = min(max(0.0, when - self._start - time.monotonic()), _LONGEST_POLL)
            elif self._is_waiting():
                timeout = None
            else:
                raise EmptySchedule
        if timeout != 0.0:
            self._polling = True  # first: see call_soon_threadsafe
            try:
                events = self._poll(0.0 if self._errands else timeout)
            finally:
                self._polling = False
        elif len(self._handlers) > self._always_watched:
            events = self._poll(0.0)
        else:
            events = []
        self._now = self._start + time.monotonic()
        handlers = self._handlers
        for fd, mask in events:
            handler = handlers.get(fd)
            if handler is not None:
                handler(mask)
        if self._errands:
            self._run_errands()

    def _is_waiting(self) -> bool:
        watched = len(self._handlers) - self._always_watched - len(self._in_background)
        return watched > 0 or bool(self._held or self._errands)


def _release(poller: Poller, waker: Waker) -> None:
    poller.close()
    waker.close()


def _heard_elsewhere(_mask: int) -> None:
    """Stand in a poller for a handler that the environment keeps."""


def _sleep(timeout: float | None) -> list[tuple[int, int]]:
    time.sleep(_NAP if timeout is None else min(timeout, _NAP))
    return []
