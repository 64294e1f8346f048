"""A host's loop that writes its turns and tasks into the trace, each with what made it run.

Only for the levels ``turns`` and ``all`` of a trace: at the others the loop is a plain `HostLoop`, and this
costs it nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from junto.sim.loop import HostLoop, task_of
from junto.sim.trace import Trace

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["make_loop"]

# What reaches a host from outside.
_INPUT: Final = frozenset({"accept", "dns", "recv", "refuse", "resume"})


def make_loop(host: Host) -> HostLoop:
    """Make the loop of a host's new life, as its world is recorded."""
    trace = host.world.trace
    return _RecordingLoop(host, trace) if isinstance(trace, Trace) and trace.turns else HostLoop(host)


class _Inputs(list[asyncio.Handle]):
    """What has come in since the last turn, and the event that was the first of it."""

    def __init__(self, loop: _RecordingLoop) -> None:
        super().__init__()
        self._loop = loop
        self.cause: int | None = None

    def append(self, handle: asyncio.Handle) -> None:
        if not self:
            self.cause = self._loop.newest_input()
        super().append(handle)


class _RecordingLoop(HostLoop):
    """A loop that records.

    Attributes:
        at: The number of the event in which its code runs, or ran last.
    """

    def __init__(self, host: Host, trace: Trace) -> None:
        self._events = trace.events
        self._records_tasks = trace.tasks
        self._set_in: dict[int, int | None] = {}  # in which turn each timer was set, by its number
        self.at: int | None = None
        super().__init__(host)
        self._came = self.inputs = _Inputs(self)

    def newest_input(self) -> int | None:
        """Find the event that has just reached the host, if the newest one has."""
        events = self._events
        if events:
            when, host, kind, *_ = events[-1]
            if host == self.host.name and kind in _INPUT and when >= self.host.kernel.now:
                return len(events) - 1
        return None

    def turn(self) -> float | None:
        ready: Any = self._ready  # type: ignore[attr-defined]  # asyncio's deque of handles
        due = self._due(self.time())
        count = len(self._came) + len(ready) + due
        if not count:
            return super().turn()
        if self._came:
            cause = self._came.cause
        elif ready:
            cause = None
        else:
            cause = self._set_in.get(self._timers[0][1])
        self.at = self._record("turn", self._began() if cause is None else cause, length=count)
        tasks = self._tasks(ready) if self._records_tasks else {}
        try:
            return super().turn()
        finally:
            self._record_ends(tasks)

    def _tasks(self, ready: Iterable[asyncio.Handle]) -> dict[ref[asyncio.Task[Any]], str]:
        """Find the tasks that are to run, with their names; not so that they live longer than else."""
        tasks = [task for handle in ready if (task := task_of(handle)) is not None]
        return {ref(task): task.get_name() for task in tasks}

    def _record_ends(self, tasks: dict[ref[asyncio.Task[Any]], str]) -> None:
        # Not where it is called: an error keeps the frames below it, and a task in one of them would live on.
        for find, name in tasks.items():
            task = find()
            if task is None or task.done():
                self._record("task_end", self.at, name)

    def call_at(  # type: ignore[override]  # as the loop's own
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        self._set_in[self._timer_count] = self._began()
        return timer

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = super().create_task(coro, **options)
        if self._records_tasks and not self._over:
            name = getattr(coro, "__qualname__", type(coro).__name__)
            self._record("task", self._began(), f"{task.get_name()} {name}")
            if task.done():
                self._record("task_end", self.at, task.get_name())
        return task

    def _began(self) -> int | None:
        """Find the event in which its code runs: before its first turn, the start of its host."""
        if self.at is None:
            for number in range(len(self._events) - 1, -1, -1):
                if self._events[number][1:3] == (self.host.name, "start"):
                    self.at = number
                    break
        return self.at

    def _due(self, now: float, place: int = 0) -> int:
        """Count the timers that are due, from a place of their heap on."""
        timers = self._timers
        if place >= len(timers) or timers[place][0] > now:
            return 0
        return 1 + self._due(now, 2 * place + 1) + self._due(now, 2 * place + 2)

    def _record(
        self, kind: str, cause: int | None, detail: str | None = None, length: int | None = None
    ) -> int:
        self._events.append((self.host.now(), self.host.name, kind, cause, None, length, None, detail))
        return len(self._events) - 1
