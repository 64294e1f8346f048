"""trio's scheduler on a host: one run of it, whose turns are callbacks of the host's loop.

In its turn it does what ``trio.run`` does between two looks at the system: it takes what I/O there is, then
the deadlines that are over, then a batch of tasks, in an order or its reverse as the seed decides. Each step
of a task costs the host virtual time.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import copy_context
from math import inf
from typing import TYPE_CHECKING, Any

import trio

from junto.sim.here import here
from junto.sim.kernel import SECOND
from junto.sim.loop import close_coroutine, make_running
from junto.sim.trio_hosts.watching import Watches
from junto.sim.whereabouts import of_coroutine

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["Guest"]

_run: Any = importlib.import_module("trio._core._run")  # trio's scheduler, of which no part is public

PLACES = (os.path.dirname(trio.__file__) + os.sep,)


class _Clock(trio.abc.Clock):
    """The host's monotonic clock."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def start_clock(self) -> None:
        """Do nothing: it goes."""

    def current_time(self) -> float:
        return self._host.monotonic_ns() / SECOND

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - self.current_time()


class _Steps(trio.abc.Instrument):
    """What each step of a task costs, and how a batch ends with its process."""

    def __init__(self, guest: Guest, host: Host) -> None:
        self._guest = guest
        self._host = host
        self._cost = host.choices("cpu").drawing()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._host.clock += int((1 + 2 * self._cost()) * self._host.callback_cost)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if not self._host.alive or self._host.world.baton.over:
            self._guest.break_off()


class Guest:
    """One run of trio, in one life of a host.

    Args:
        host: The host.
        main: The function of the main task.
        args: What it is given.
        ended: Called when the run has ended, in the host's code.

    Attributes:
        over: Whether it has ended.
        value: What the main task returned.
        error: What it raised, or what trio itself failed with.
    """

    def __init__(
        self,
        host: Host,
        main: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        ended: Callable[[], object],
    ) -> None:
        self.over = False
        self.value: Any = None
        self.error: BaseException | None = None
        self._host = host
        self._loop = host.loop
        self._main = main
        self._args = args
        self._ended = ended
        self._runner: Any = None
        self._batches: Any = None
        self._hooks: tuple[Any, Any] = (None, None)
        self._timer: asyncio.TimerHandle | None = None
        self._woken = False
        self._handle = asyncio.Handle(self._turn, (), host.loop, None)
        self._io = Watches(host, self.wake)
        host.loop.guests.append(self)
        self.wake()

    def wake(self) -> None:
        """Have a turn, as soon as the host's loop can give it."""
        if not (self._woken or self.over):
            self._woken = True
            self._host.wake(self._handle)

    # Its turns

    def _turn(self) -> None:
        self._woken = False
        if self.over or not self._host.alive:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        timeout = inf
        with self._inside():
            try:
                if self._runner is None:
                    self._begin()
                    timeout = next(self._batches)
                else:
                    timeout = self._batches.send(self._io.get_events(0))
            except StopIteration:
                self.over = True
                self._keep()
            except BaseException as error:
                if self._host.world.baton.over:
                    raise
                self.over = True
                self.error = error
        if self.over:
            if self._host.alive:
                self._ended()
        elif timeout <= 0:
            self.wake()
        elif self._waits_for_time():
            self._timer = self._loop.call_at(self._loop.time() + timeout, self.wake)

    def _waits_for_time(self) -> bool:
        """Tell whether there is any deadline; trio itself would look once a day whether there is."""
        return bool(self._runner.waiting_for_idle) or self._runner.deadlines.next_deadline() < inf

    def _keep(self) -> None:
        try:
            self.value = self._runner.main_task_outcome.unwrap()
        except BaseException as error:
            self.error = error

    def _begin(self) -> None:
        """Do as ``trio.run`` before its first turn, in the code of the host."""
        host = self._host
        keyboard = _run.KIManager()
        self._runner = runner = _run.Runner(
            clock=_Clock(host),
            instruments=_run.Instruments([_Steps(self, host)]),
            io_manager=self._io,
            ki_manager=keyboard,
            strict_exception_groups=True,
            system_context=copy_context(),
        )
        _run.GLOBAL_RUN_CONTEXT.runner = runner
        runner.entry_queue.wakeup.close()
        runner.entry_queue.wakeup = self._io.doorbell
        hooks = sys.get_asyncgen_hooks()
        runner.asyncgens.install_hooks(runner)
        self._hooks = tuple(sys.get_asyncgen_hooks())  # type: ignore[assignment]  # a pair
        runner.asyncgens.prev_hooks = hooks
        keyboard.install(runner.deliver_ki, False)
        self._batches = _run.unrolled_run(runner, self._main, self._args, host_uses_signal_set_wakeup_fd=True)

    @contextmanager
    def _inside(self) -> Generator[None]:
        """Let the thread at hand be one in which this trio runs, and asyncio does not."""
        hooks = sys.get_asyncgen_hooks()
        library, _run.sniffio_library.name = _run.sniffio_library.name, "trio"
        loop = here.loop
        make_running(None)
        if self._runner is not None:
            sys.set_asyncgen_hooks(*self._hooks)
            _run.GLOBAL_RUN_CONTEXT.runner = self._runner
        try:
            yield
        finally:
            _run.GLOBAL_RUN_CONTEXT.__dict__.clear()
            sys.set_asyncgen_hooks(*hooks)
            _run.sniffio_library.name = library
            make_running(loop)

    def break_off(self) -> None:
        """Run no more tasks of the batch at hand."""
        frame = self._batches.gi_frame
        batch = None if frame is None else frame.f_locals.get("batch")
        if batch:
            batch.clear()

    # Its end, and what is told of it

    def tasks(self) -> list[trio.lowlevel.Task]:
        """List its tasks, in the order of their making."""
        return [] if self._runner is None or self.over else sorted(self._runner.tasks, key=hash)

    def waiting(self) -> list[str]:
        """Tell for each task of the program what it waits for."""
        return [
            f"trio task {task.name} {of_coroutine(task.coro, PLACES)}"
            for task in self.tasks()
            if self._is_of_program(task)
        ]

    def _is_of_program(self, task: trio.lowlevel.Task | None) -> bool:
        main = self._runner.main_task
        while task is not None and task is not main:
            task = None if task.parent_nursery is None else task.parent_nursery.parent_task
        return task is not None

    def finish(self) -> None:
        """Close what its tasks have left; the run of the world is over."""
        if self._batches is not None and self._batches.gi_frame is not None:
            with self._inside():
                self._close_tasks()
                self._batches.close()
        self.over = True
        self._runner = self._batches = None

    def _close_tasks(self) -> None:
        closed: set[Any] = set()
        for _ in range(100):  # tasks that are closed may make others, which never begin
            left = [task for task in self.tasks() if task not in closed]
            for task in left:
                nurseries: Any = task.child_nurseries
                close_coroutine(task.coro)
                for nursery in nurseries:
                    nursery._children.clear()  # or it would complain when it is finalized
            if not left:
                return
            closed.update(left)
