"""A real thread that sees when a world does not go on, and ends what it does instead.

A callback that never returns, or one that waits for something real, stops the whole world: no virtual time
goes by, so no virtual time limit helps. One thread of the process looks after all worlds that run, by the
number of their events. It is started for the first world and ends some time after the last one.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from junto.sim.errors import SimStuck
from junto.sim.host import Host
from junto.sim.kernel import SECOND
from junto.sim.threads.baton import Baton, HostThread

if TYPE_CHECKING:
    from junto.sim.course import Course

__all__ = ["Interrupted", "watched"]

LOOK = 0.25  # at most so many real seconds between two looks
GRACE = 1.0  # at most so many real seconds until it has another try
TRIES = 3  # for some take every error
LINGER = 5.0  # for so long it waits for another world
OTHERS = 4  # so many others are told of
OURS = os.path.dirname(__file__) + os.sep
STACK = 12  # so many calls of the stack are told, from the innermost
IN_C = (
    "\nIt is in a call that waits for something real. Locks, queues and pools of threads are simulated if"
    " they are made in the run, by the program and not by a module that it imports; pipes, the terminal and"
    " what else comes from outside are not."
)


class Interrupted(KeyboardInterrupt):
    """What the watchdog raises in the code that does not return; asyncio keeps it in no task.

    Attributes:
        raised: How often it was, in this process.
    """

    raised = 0

    def __init__(self) -> None:
        super().__init__()
        Interrupted.raised += 1


class Watch:
    """One world that is looked after.

    Attributes:
        report: What it was doing when it was ended, or None.
    """

    def __init__(self, world: Course, patience: float) -> None:
        self.world = world
        self.patience = patience
        self.report: str | None = None
        self._events = -1
        self._since = time.monotonic()
        self._raised: int | None = None  # how often `Interrupted` had been, when it was to be
        self._tries = 0
        self._given_up = False

    def look(self, now: float) -> None:
        """End what the world does if it has not gone on for too long."""
        events = self.world.kernel.events
        if events != self._events:
            self._events, self._since = events, now
        elif now - self._since > (self.patience if self.report is None else min(self.patience, GRACE)):
            self._since = now
            self._end()

    def _end(self) -> None:
        thread = self.world.baton.runs_in
        frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
        frame = frames.get(thread)
        if frame is None or self._given_up:
            return
        if self.report is None:
            self.report = report(frame, self.patience, self.world.kernel.now)
            # If it waits for a real lock, one of those has it.
            self.report += "".join(others(self.world.baton, frames))
        self.world.kernel.stopping = True  # if a program takes the error for its own
        in_c = self._raised == Interrupted.raised  # where no error is raised
        if in_c:
            self.report += IN_C
        if in_c or self._tries == TRIES:
            self._give_up(thread)
        else:
            self._tries += 1
            self._raised = Interrupted.raised
            _interrupt(thread)

    def _give_up(self, thread: int) -> None:
        """End the run without the thread that does not come back."""
        self._given_up = True
        if self.world.baton.abandon():
            # Until the lost thread takes its error, each other one would look for one at each step, and under
            # a profiler never come to that step in Python 3.11; so one is taken here.
            with suppress(Interrupted):
                _interrupt(get_ident())
                _take_interruption()
        elif not _signal_to(thread):
            sys.stderr.write(f"{self.report}\nThis run cannot be ended.\n")


def _interrupt(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Interrupted))


def _signal_to(thread: int) -> bool:
    """Break off a call in C of the main thread, as Ctrl-C does; tell whether that can be."""
    handler = signal.getsignal(signal.SIGINT)
    if thread != threading.main_thread().ident or not callable(handler) or os.name != "posix":
        return False
    signal.pthread_kill(thread, signal.SIGINT)  # if its handler raises nothing, `Interrupted` is raised there
    return True


def report(frame: FrameType, patience: float, now: int) -> str:
    """Say which host, which task and which code it is that does not return."""
    who, depth = _who(frame)
    stack = "".join(traceback.format_stack(frame)[-min(depth, STACK) :]).rstrip()
    return f"{who} has not returned for {patience:g} real seconds, at {now / SECOND:.6f} s:\n{stack}"


def others(baton: Baton, frames: dict[int, FrameType]) -> Iterator[str]:
    """Say which other code stands still in mid-way, and what that waits for."""
    waiting = [strand for strand in baton.lives if strand.waiter is not None and strand.ident in frames]
    for strand in waiting[:OTHERS]:
        frame = frames[strand.ident]
        who, depth = _who(frame)
        stack = list(traceback.extract_stack(frame)[-depth:])
        while stack and stack[-1].filename.startswith(OURS):
            stack.pop()
        text = "".join(traceback.format_list(stack[-STACK:])).rstrip()
        assert strand.waiter is not None
        yield f"\n{who} waits for {strand.waiter.on}:\n{text}"


def _who(frame: FrameType) -> tuple[str, int]:
    """Say whose turn lies on a stack, and how many calls are above it."""
    above: FrameType | None = frame
    depth = 0
    while above is not None:
        if above.f_code is Host.turn.__code__:
            host = above.f_locals["self"]
            task = asyncio.current_task(host.loop)
            # Between it and the program is the loop's turn.
            return f"{host.name}: {'a callback' if task is None else _title(task)}", max(depth - 1, 1)
        if above.f_code is HostThread.live.__code__:
            strand = above.f_locals["self"]
            return f"{strand.host.name}: {strand.name}", max(depth, 1)
        above = above.f_back
        depth += 1
    return "the simulation itself", STACK


def _title(task: asyncio.Task[Any]) -> str:
    return f"{task.get_name()} ({getattr(task.get_coro(), '__qualname__', '?')})"


_lock = allocate_lock()
_watches: list[Watch] = []
_running = False


def _after_fork() -> None:
    """In a new process there is no such thread, and no world that runs."""
    global _lock, _running
    _lock = allocate_lock()
    _watches.clear()
    _running = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def watched(world: Course, patience: float | None) -> Generator[None]:
    """Have the watchdog look after a world.

    Args:
        world: The world, which runs in the block.
        patience: For how many real seconds a callback may run; None for ever.

    Raises:
        SimStuck: Something did not return for longer; it was broken off.
    """
    if patience is None:
        yield
        return
    watch = Watch(world, patience)
    _add(watch)
    try:
        try:
            yield
        finally:
            with _lock:
                _watches.remove(watch)
            if watch.report is not None:
                _take_interruption()
    except BaseException as error:
        if watch.report is None:
            raise
        raise SimStuck(watch.report) from (None if isinstance(error, KeyboardInterrupt) else error)
    if watch.report is not None:
        raise SimStuck(watch.report)


def _take_interruption() -> None:
    """Let an error come now that was raised just when the code went on.

    It cannot be taken back: an interpreter that was told so looks for signals at each step from then on.
    """
    with suppress(Interrupted):
        for _ in range(1000):
            pass


def _add(watch: Watch) -> None:
    global _running
    with _lock:
        _watches.append(watch)
        if not _running:
            _running = True
            start_new_thread(_look_on, ())


def _look_on() -> None:
    global _running
    idle_since = time.monotonic()
    while True:
        with _lock:
            pause = min([LOOK, *(watch.patience / 4 for watch in _watches)])
        time.sleep(pause)
        now = time.monotonic()
        with _lock:
            for number in range(len(_watches)):  # in no name of ours, for that would keep its world
                _watches[number].look(now)
            if _watches:
                idle_since = now
            elif now - idle_since > LINGER:
                _running = False
                return
