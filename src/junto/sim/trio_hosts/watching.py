"""What trio asks when it waits for sockets or other threads: it stands where the system's selector would."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from errno import EBADF
from typing import TYPE_CHECKING, Any

import trio
from trio.lowlevel import Abort, Task, current_task, reschedule, wait_task_rescheduled

from junto.sim.network.endpoints import Endpoint, os_error
from junto.sim.sockets.selecting import IN, OUT, descriptor, endpoint_at, mask_of
from junto.sim.sockets.waiting import unwatch, watch

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["Doorbell", "Watches"]

_run: Any = importlib.import_module("trio._core._run")  # for what trio resumes a task with


class Doorbell:
    """By it other threads, and signals, tell trio that they have something for it.

    It has the methods of trio's own pair of sockets.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._rung = False
        self._task: Task | None = None

    def wakeup_thread_and_signal_safe(self) -> None:
        self._rung = True
        self._wake()

    async def wait_woken(self) -> None:
        if not self._rung:
            self._task = current_task()

            def abort(_: object) -> Abort:
                self._task = None
                return Abort.SUCCEEDED

            await wait_task_rescheduled(abort)
        self._rung = False

    def answer(self) -> None:
        """Let who waits go on, if it has rung; in a turn of trio."""
        if self._rung and self._task is not None:
            task, self._task = self._task, None
            reschedule(task)

    def close(self) -> None:
        """Do nothing."""


class _Watch:
    """One socket, and the tasks that wait for it: one for each direction."""

    def __init__(self, watches: Watches, number: int, end: Endpoint) -> None:
        self.watches = watches
        self.number = number
        self.end = end
        self.tasks: dict[int, Task] = {}

    def changed(self) -> None:
        if self.mask():
            self.watches.hear(self)

    def mask(self) -> int:
        wanted = 0
        for direction in self.tasks:
            wanted |= direction
        found = mask_of(self.end, wanted)
        return found if found & wanted == found else found | wanted  # an error, or the end, wakes all


class Watches:
    """The sockets for which tasks of one run of trio wait.

    It has the methods of trio's own manager of I/O.
    """

    def __init__(self, host: Host, wake: Callable[[], None]) -> None:
        self._host = host
        self._wake = wake
        self._watches: dict[int, _Watch] = {}
        self._changed: dict[_Watch, None] = {}
        self._order = host.choices("ready").below
        self.doorbell = Doorbell(wake)

    def hear(self, watch: _Watch) -> None:
        """Have a socket looked at in the next turn."""
        self._changed[watch] = None
        self._wake()

    # What trio calls

    def statistics(self) -> Any:
        return self

    def force_wakeup(self) -> None:
        self._wake()

    def close(self) -> None:
        for found in list(self._watches.values()):
            self._forget(found)

    def get_events(self, timeout: float) -> list[_Watch]:
        """Take the sockets that have told of something, in an order that is free, as the system's is."""
        changed = list(self._changed)
        self._changed.clear()
        for last in range(len(changed) - 1, 0, -1):
            other = last - self._order(last + 1)  # neutral, 0, is the order in which they told
            changed[last], changed[other] = changed[other], changed[last]
        return changed

    def process_events(self, events: list[_Watch] | None) -> None:
        for found in events or ():
            mask = found.mask()
            for direction in (OUT, IN):
                if mask & direction and direction in found.tasks:
                    reschedule(found.tasks.pop(direction))
            self._settle(found)
        self.doorbell.answer()

    async def wait_readable(self, fd: Any) -> None:
        await self._wait(fd, IN, "trio.lowlevel.wait_readable")

    async def wait_writable(self, fd: Any) -> None:
        await self._wait(fd, OUT, "trio.lowlevel.wait_writable")

    def notify_closing(self, fd: Any) -> None:
        found = self._watches.get(descriptor(fd))
        if found is not None:
            for task in found.tasks.values():
                reschedule(task, _run.Error(trio.ClosedResourceError("another task closed this fd")))
            self._forget(found)

    async def _wait(self, fd: Any, direction: int, call: str) -> None:
        number = descriptor(fd)
        found = self._watches.get(number)
        if found is None:
            end = endpoint_at(self._host, number, call)
            if end is None:
                raise os_error(EBADF)
            found = self._watches[number] = _Watch(self, number, end)
            watch(end, found.changed)
        if direction in found.tasks:
            raise trio.BusyResourceError("another task is already reading / writing this fd")
        found.tasks[direction] = current_task()
        found.changed()
        waiting = found

        def abort(_: object) -> Abort:
            waiting.tasks.pop(direction, None)
            self._settle(waiting)
            return Abort.SUCCEEDED

        await wait_task_rescheduled(abort)

    def _settle(self, found: _Watch) -> None:
        if not found.tasks:
            self._forget(found)

    def _forget(self, found: _Watch) -> None:
        found.tasks.clear()
        unwatch(found.end, found.changed)
        self._changed.pop(found, None)
        if self._watches.get(found.number) is found:
            del self._watches[found.number]
