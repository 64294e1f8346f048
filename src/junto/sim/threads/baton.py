"""Exactly one thread of the process runs in a world, and it hands on the baton only where it would block.

Most of the time that is the pump, the thread in which the kernel gives hosts their turns. A host's own
threads get their slices from it and give the baton back when they wait. If the code of a host's loop blocks,
its frames lie on the pump's stack: that stack waits, and another thread becomes the pump until what it waits
for is there.
"""

from __future__ import annotations

import threading
import warnings
from _thread import LockType, get_ident, start_new_thread
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from junto.sim.here import here
from junto.sim.kernel import TakesTurns
from junto.sim.threads.pumps import PATIENCE, Pump, closed_gate, forget_thread

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.kernel import Kernel

__all__ = ["Baton", "HostThread", "Waiter"]


class Strand(TakesTurns):
    """Something of a host that has stopped in mid-way, and goes on in a turn of its own."""

    name = "its loop"

    def __init__(self, host: Host) -> None:
        self.host = host
        self.kernel = host.kernel
        self.baton = host.world.baton
        self.gate = closed_gate()
        self.waiter: Waiter | None = None
        self.interrupts: list[Callable[[], object]] = []
        self.ident = 0  # the real thread on whose stack it stands

    def standing(self) -> tuple[str, int, int]:
        return self.host.standing()

    def interrupt(self, call: Callable[[], object]) -> None:
        """Have a function called by this when it waits next, or now if it does; it may raise there."""
        self.interrupts.append(call)
        if self.waiter is not None:
            self.want_turn()

    def turn(self) -> int | None:
        """Go on where it stopped, unless its host is dead, paused or busy."""
        self._due = False
        host = self.host
        if not host.alive or self.baton.lives.get(self) != host.boot:
            return None
        if not host.running:
            host.resuming.append(self.want_turn)
            return None
        if host.clock > self.kernel.now:
            return host.clock
        host.clock = self.kernel.now
        self.go_on()
        return None

    def go_on(self) -> None:
        """Hand it the baton."""
        raise NotImplementedError

    def park(self) -> None:
        """Give the baton away, and wait until it comes back; on the thread of this strand."""
        raise NotImplementedError


class HostThread(Strand):
    """A thread that a program on a host has started."""

    def __init__(self, host: Host, main: Callable[[], object]) -> None:
        super().__init__(host)
        self.main = main
        self.name = "a thread"
        self.owner: threading.Thread | None = None
        self.number = host.next_strand()
        self.ended = self.lost = False
        self.sentinel: Any = None  # the lock that `threading` lets go of at its end, up to Python 3.12
        self._end = closed_gate()
        self.baton.lives[self] = host.boot
        self._cost = host.choices("thread").random

    def standing(self) -> tuple[str, int, int]:
        return f"{self.host.name} {self.number}", self.host.number, self.number

    def start(self) -> None:
        """Make the real thread, which waits for its first slice."""
        self.ident = start_new_thread(self.live, ())

    def go_on(self) -> None:
        self.host.clock += int((1 + 2 * self._cost()) * self.host.callback_cost)
        self.slice()

    def slice(self) -> None:
        """Let it run until it waits, while the calling thread does."""
        baton = self.baton
        back, running = baton.back, baton.running
        baton.back = gate = closed_gate()
        baton.running = self
        self.gate.release()
        gate.acquire()
        baton.back, baton.running = back, running

    def park(self) -> None:
        if not (self.baton.over or self.lost):
            self.baton.back.release()
            self.gate.acquire()
        if self.baton.over or self.lost:
            raise SystemExit  # the run is over: its thread ends, silently

    def unwind(self) -> None:
        """End it after the run, whatever it was doing; one that is lost has no baton to give back."""
        if not (self.ended or self.lost):
            self.gate.release()
            if not self._end.acquire(timeout=PATIENCE):
                warnings.warn(f"a thread of {self.host.name} does not end", ResourceWarning, stacklevel=2)

    def record(self, what: str) -> None:
        """Write into the trace what it does, if that is recorded."""
        world = self.host.world
        if getattr(world.trace, "tasks", False) and not self.baton.over:
            world.record(self.host, "thread", f"{self.name} {what}")

    def live(self) -> None:
        """Be that thread, from its first slice to its end."""
        self.gate.acquire()
        here.host, here.thread = self.host, self
        try:
            if not self.baton.over:
                self.record("begins")
                self.main()
                self.record("ends")
        except SystemExit:
            pass
        except BaseException:
            if not self.lost:
                raise
        finally:
            self.ended = True
            self.baton.lives.pop(self, None)
            forget_thread(self.owner)
            self._end.release()
            if not (self.baton.over or self.lost):
                self.baton.back.release()


class LoopStrand(Strand):
    """The code of a host's loop, stopped in the middle of a turn."""

    def go_on(self) -> None:
        self.baton.hand_over(self.gate)

    def park(self) -> None:
        baton = self.baton
        baton.lives[self] = self.host.boot
        self.ident = get_ident()
        if not baton.over:
            pump = baton.pump
            pump.waits_at = self.gate
            baton.next_pump()
            self.gate.acquire()
            baton.pump = pump
        baton.lives.pop(self, None)
        if baton.over:
            raise SystemExit


class Waiter:
    """One thing that the code of a host waits for; made by it, woken by others.

    Args:
        host: The host whose code it is.
        on: What it waits for, for reports.

    Attributes:
        woken: Whether `wake` was called since the last wait.
    """

    __slots__ = ("_deadline", "_late", "_strand", "_until", "host", "on", "woken")

    def __init__(self, host: Host, on: str) -> None:
        self.host = host
        self.on = on
        self.woken = self._late = False
        self._strand: Strand | None = None
        self._until: int | None = None  # when it is to be looked whether the time is over
        self._deadline: int | None = None  # when it is, by the host's clock

    def wait_until(self, deadline: int | None) -> bool:
        """Wait until `wake` is called, at the longest up to a time of the host's monotonic clock.

        Args:
            deadline: The time in nanoseconds, or None.

        Returns:
            Whether it was woken; False if the time is over.
        """
        if deadline is None:
            return self.wait()
        self._deadline = deadline
        try:
            return self.wait(max(0, self.host.when(deadline) - self.host.now()))
        finally:
            self._deadline = None

    def aim(self) -> None:
        """Look for the deadline when the host's clock, as it goes now, will show it."""
        if self._deadline is not None and self._strand is not None:
            kernel = self._strand.kernel
            self._until = until = max(self.host.when(self._deadline), kernel.now + 1)
            kernel.at(until, self._time_over, until)

    def wait(self, timeout: int | None = None) -> bool:
        """Wait until `wake` is called.

        In one of the host's threads others go on; on its loop's own thread the
        loop stands still.

        Args:
            timeout: At most how long, in nanoseconds of the world.

        Returns:
            Whether it was woken; False if the time is over.
        """
        if not self.woken and timeout != 0:
            strand: Strand = here.thread or LoopStrand(self.host)
            before = strand.waiter  # of the wait that was interrupted by what waits now
            whose = here.host
            self._strand, self._late = strand, False
            self._until = None
            if timeout is not None:
                self._until = until = self.host.now() + timeout
                strand.kernel.at(until, self._time_over, until)
            try:
                while not (self.woken or self._late):
                    strand.waiter = self
                    if strand.interrupts:
                        strand.interrupts.pop(0)()
                    else:
                        strand.park()
                        here.host = whose
            finally:
                self._strand, strand.waiter = None, before
                here.host = whose
        woken, self.woken = self.woken, False
        return woken

    def wake(self) -> None:
        """Let it go on; before it waits, its next wait ends at once."""
        if not self.woken:
            self.woken = True
            if self._strand is not None:
                self._strand.want_turn()

    def _time_over(self, until: int) -> None:
        if self._strand is None or self._until != until:
            return
        if self._deadline is not None and self.host.monotonic_ns() < self._deadline:
            self.aim()
        else:
            self._late = True
            self._strand.want_turn()


class Baton:
    """Who runs in one world.

    Attributes:
        kernel: The world's kernel.
        until: Where it stops at the latest, in nanoseconds.
        over: Whether the run has ended, so that whoever waits ends as well.
        back: What a host's thread opens when it gives the baton back.
        lives: The strands there are, with the lives of their hosts that they belong to.
        pump: The thread in which the kernel runs.
        running: The host's thread that has its slice, if one has.
        idle: Those that could be.
    """

    def __init__(self, kernel: Kernel, entering: Callable[[], object], ending: Callable[[], object]) -> None:
        self.kernel = kernel
        self.until: int | None = None
        self.over = False
        self.back = closed_gate()
        self.lives: dict[Strand, int] = {}
        self.idle: list[Pump] = []
        self.running: HostThread | None = None
        self.entering = entering  # called in each thread that becomes a pump
        self._ending = ending  # called when the run ends, while all stands as it did then
        self._main = self.pump = Pump(self)
        self._others: list[Pump] = []
        self._next: LockType | None = None
        self._outcome: bool | BaseException = False
        self._leader: LockType | None = None  # the gate of who waits for the end of a step

    @property
    def runs_in(self) -> int:
        """The number of the real thread that has the baton."""
        return self.pump.ident if self.running is None else self.running.ident

    def run(self, until: int | None) -> bool:
        """Let the kernel run, in this thread and those that stand in for it.

        Returns:
            What `Kernel.run` does.
        """
        self.until = until
        self._main.work()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def step(self, until: int) -> bool:
        """Let the kernel run up to a time, in other threads than the one that waits for it here.

        Returns:
            What `Kernel.run` does.
        """
        self.until = until
        self.kernel.stopping = False
        self._leader = gate = closed_gate()
        self.next_pump()
        try:
            gate.acquire()
        except BaseException:  # Ctrl-C: the world stands still before anybody sees it
            self.kernel.stopping = True
            gate.acquire()
            raise
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def next_pump(self) -> None:
        """Let another thread be the pump; the calling one is about to wait."""
        if self.idle:
            pump = self.idle.pop()
        else:
            pump = Pump(self)
            self._others.append(pump)
            pump.start()
        pump.gate.release()

    def hand_over(self, gate: LockType) -> None:
        """Stop being the pump, in favour of the one who waits at a gate."""
        self._next = gate
        self.kernel.stopping = True

    def take_next(self) -> LockType | None:
        """Take the gate of the one who is to go on, if the kernel stopped for that."""
        gate = self._next
        if gate is not None:
            self._next = None
            self.kernel.stopping = False
        return gate

    def end(self, outcome: bool | BaseException) -> LockType | None:
        """End the run, on whatever pump this is; or a step: then return the gate of who waits for that."""
        self._outcome = outcome
        if self._leader is not None:
            return self._leader
        self._ending()
        self.over = self.kernel.stopping = True
        if self.pump is not self._main:
            self._main.waits_at.release()
        return None

    def abandon(self) -> bool:
        """Take the baton, from outside, from a thread that does not come back, and end the run or step.

        Returns:
            Whether that could be done: not if `run` was called in that very thread.
        """
        if self.running is not None:
            self.running.lost = True
            self.kernel.stopping = True
            self.back.release()
        elif self.pump is self._main:
            return False
        else:
            self.pump.lost = True
            if (leader := self.end(True)) is not None:
                self.over = True
                leader.release()
        return True

    def finish(self) -> None:
        """End all threads of the world; on the thread that called `run`, after it."""
        self.over = True
        for strand in list(self.lives):
            if isinstance(strand, HostThread):
                strand.unwind()
        for pump in self._others:
            pump.unwind()
        self.lives.clear()
