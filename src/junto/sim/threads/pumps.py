"""Threads in which the kernel runs: one at a time, the one that has the baton."""

from __future__ import annotations

import sys
import threading
from _thread import LockType, allocate_lock, get_ident, start_new_thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from junto.sim.threads.baton import Baton

__all__ = ["PATIENCE", "Pump", "closed_gate", "forget_thread"]

PATIENCE = 5.0  # real seconds for a thread to end at the end of a run


def closed_gate() -> LockType:
    """Make a lock that is held: who acquires it waits until another thread opens it."""
    gate = allocate_lock()
    gate.acquire()
    return gate


def forget_thread(owner: threading.Thread | None = None) -> None:
    """Take the thread at hand out of `threading`'s lists; asking for its name has put it there for good.

    Args:
        owner: What it is for `threading`; broken off at its very beginning, it
            stands among those that are to begin.
    """
    threading._active.pop(get_ident(), None)  # type: ignore[attr-defined]
    threading._limbo.pop(owner, None)  # type: ignore[attr-defined]


class Pump:
    """A thread that lets the kernel run whenever it is its turn to do so.

    Attributes:
        gate: What it waits at while it has nothing to do.
        waits_at: What it waits at now.
        lost: Whether it is in a call from which it does not come back.
    """

    def __init__(self, baton: Baton) -> None:
        self.gate = self.waits_at = closed_gate()
        self._baton = baton
        self.ident = 0
        self.lost = False
        self._end = closed_gate()

    def start(self) -> None:
        """Begin in a thread of its own, with the first opening of the gate."""
        start_new_thread(self._run, ())

    def work(self) -> None:
        """Let the kernel run, and others do so in between, until the run is over."""
        baton, kernel = self._baton, self._baton.kernel
        baton.entering()
        self.ident = get_ident()
        outcome: bool | BaseException
        while not baton.over:
            baton.pump = self
            try:
                outcome = kernel.run(baton.until)
            except BaseException as error:
                outcome = error
            if baton.over:  # its stack was one of those that were stopped, and is unwound now
                return
            gate = baton.take_next()
            if gate is None or isinstance(outcome, BaseException):
                gate = baton.end(outcome)
                if gate is None:
                    return
            self.waits_at = self.gate
            baton.idle.append(self)
            gate.release()
            self.gate.acquire()

    def unwind(self) -> None:
        """End its thread, whatever host's code lies on its stack; not if it is lost."""
        if self.lost:
            return
        self.waits_at.release()
        self._end.acquire(timeout=PATIENCE)

    def _run(self) -> None:
        self.gate.acquire()
        # Whoever looks at what each thread does looks at this one too.
        if (trace := threading.gettrace()) is not None:
            sys.settrace(trace)
        if (profile := threading.getprofile()) is not None:
            sys.setprofile(profile)
        self.work()
        forget_thread()
        self._end.release()
