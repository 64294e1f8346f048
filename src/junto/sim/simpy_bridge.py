"""A SimPy environment on a simulated host: its clock is the world's.

SimPy's own order holds inside: time, then priority, then the order of scheduling. Events in a row that come
before anything else in the world are run in one turn, without the world's heap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from heapq import heapify, heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

from simpy.core import StopSimulation
from simpy.events import NORMAL, Event, EventPriority

from junto.runtimes.simpy.contract import FIRST, Call, SocketEnvironment
from junto.sim.errors import SimEscape
from junto.sim.here import here
from junto.sim.kernel import SECOND, TakesTurns
from junto.sim.loop import make_running
from junto.sim.simpy_sockets import HostRuntime, HostSockets, Watch

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["HostEnvironment"]

T = TypeVar("T")


MOST_EVENTS = 10_000  # in one turn: after it the watchdog sees that the world goes on
LEAD = 30  # events in a row, after which more are to be expected
FEW = 64  # cancelled calls that are not worth a sweep
_WORLD_RUNS_IT = "the world runs the environment, from world.run() on"


class HostEnvironment(SocketEnvironment, TakesTurns):
    """SimPy's environment, run by the world.

    It ends with its host's life; a program given to ``host.run`` makes it
    anew after a restart. A process that fails, with nobody waiting for it,
    is an error of its host. Sockets, channels and RPC of `junto.simpy` work
    in it, on the world's network.

    Args:
        host: The host it is on.
        unit: How many seconds of the world one unit of its time takes.
        initial_time: What its clock shows first.
    """

    runtime_class = HostRuntime

    def __init__(self, host: Host, unit: float = 1.0, initial_time: float = 0.0) -> None:
        self.host = host
        self.kernel = host.kernel
        self.unit = unit
        self._boot = host.boot
        self._number = host.next_strand()
        self._scale = unit * SECOND
        self._begin = host.now() - round(initial_time * self._scale)
        self._turning = False
        self._code_of: Host | None = host  # whose code its processes are, to what is intercepted
        self._watches: dict[int, Watch] = {}
        self._cancelled = 0  # or fewer: those whose time has come are still counted
        self._is_closed = False
        self._most_events = MOST_EVENTS
        self.sockets = HostSockets(host)
        super().__init__(initial_time)

    def standing(self) -> tuple[str, int, int]:
        return f"{self.host.name} {self._number}", self.host.number, self._number

    @property
    def now(self) -> float:
        """The time, in units since this was made, if it began at 0."""
        if not self._turning:
            self._catch_up()
        return self._now

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: float = 0) -> None:
        if self._turning:
            heappush(self._queue, (self._now + delay, priority, next(self._eid), event))
            return
        self._catch_up()
        heappush(self._queue, (self._now + delay, priority, next(self._eid), event))
        if self.host.alive:
            self.wake_at(max(self._world_time(self._queue[0][0]), self.kernel.now))

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> Call:
        call = Call(self, callback, args)
        self.schedule(call)  # type: ignore[arg-type]  # it has what processing an event needs
        return call

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Call:
        call = Call(self, callback, args)
        self.schedule(call, NORMAL, delay)  # type: ignore[arg-type]  # likewise
        return call

    def call_at(self, when: float, callback: Callable[..., object], /, *args: Any) -> Call:
        call = Call(self, callback, args)
        self._put(max(when, self.now), NORMAL, call)
        return call

    def run(self, until: float | Event | None = None) -> Any:
        """Refuse: the world runs it.

        Raises:
            SimEscape: Always.
        """
        raise SimEscape("env.run() on a simulated host", _WORLD_RUNS_IT)

    def step(self) -> None:
        """Refuse, as `run` does.

        Raises:
            SimEscape: Always.
        """
        raise SimEscape("env.step() on a simulated host", _WORLD_RUNS_IT)

    # Coroutines

    def task(self, coroutine: Coroutine[Any, Any, T]) -> Event:
        """Run a coroutine as a task of the host, as an event that a process can wait for.

        The event has the task's result or its error. If the process that
        waits for it is interrupted, the task is cancelled.
        """
        event = Event(self)
        task = self.host.loop.create_task(coroutine)
        event.callbacks = _OfTask(task)
        task.add_done_callback(lambda task: _give(event, task))
        return event

    def wait(self, event: Event) -> asyncio.Future[Any]:
        """Wait in a coroutine of the host for an event, a process or a condition.

        The error of an event that is awaited counts as taken. Cancelling the
        wait leaves nothing with the event.
        """
        future: asyncio.Future[Any] = self.host.loop.create_future()
        if event.processed:
            _pass_on(event, future)
            return future

        def processed(event: Event) -> None:
            _pass_on(event, future)

        def forget(future: asyncio.Future[Any]) -> None:
            callbacks: Any = event.callbacks
            if future.cancelled() and callbacks is not None and processed in callbacks:
                callbacks.remove(processed)

        event.callbacks.append(processed)
        future.add_done_callback(forget)
        return future

    # Sockets

    def watch(self, fd: int, interest: int, handler: Callable[[int], object], /) -> None:
        watch = self._watches.get(fd) if interest else self._watches.pop(fd, None)
        if watch is None:
            if not interest:
                return
            if self._is_closed:
                raise RuntimeError("the environment is closed")
            end = self.host.stack.endpoints.get(fd)
            if end is None:
                raise SimEscape(f"watching descriptor {fd}", "it is no simulated socket of this host")
            watch = self._watches[fd] = Watch(self, end)
        watch.change(interest, handler)

    def set_background(self, fd: int, whether: bool, /) -> None:
        """Do nothing: sockets do not keep a world running."""

    def before_waiting(self, review: Callable[[], object], /) -> None:
        self.call_soon(review)

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> None:
        self.call_soon(callback, *args)  # of all threads of a world, one runs

    def hold(self) -> None:
        """Do nothing: it does not end before the world does."""

    def release(self) -> None:
        """Do nothing, as `hold`."""

    def one_was_cancelled(self) -> None:
        self._cancelled += 1
        self.kernel.scheduled += 1  # a turn that goes on looks closer now
        queue: list[Any] = self._queue
        if self._cancelled > FEW and self._cancelled * 2 > len(queue):
            queue[:] = [entry for entry in queue if entry[3].callbacks != ()]
            heapify(queue)
            self._cancelled = 0

    def close(self) -> None:
        self._abort_all()
        self._is_closed = True

    def _put(self, when: float, priority: EventPriority, call: Call) -> None:
        self._catch_up()
        heappush(self._queue, (when, priority, next(self._eid), call))  # type: ignore[misc]  # as in call_soon
        if not self._turning and self.host.alive:
            self.wake_at(max(self._world_time(self._queue[0][0]), self.kernel.now))

    def _last_told(self) -> float:
        return self.now

    def _due_calls(self) -> list[Call]:
        now = self.now
        entries: list[Any] = sorted(self._queue)
        return [entry[3] for entry in entries if entry[0] <= now and isinstance(entry[3], Call)]

    # Turns

    def turn(self) -> int | None:
        """Process the events of this instant, and those after it that nothing else in the world precedes."""
        self._due = False
        host = self.host
        if not host.alive or host.boot != self._boot:
            return None
        if not host.running:
            host.resuming.append(self.want_turn)
            return None
        if self._queue and getattr(host.world.trace, "tasks", False):
            host.world.record(host, "simpy", f"events from {self._queue[0][0]:g} on")
        here.host = self._code_of
        self._turning = True
        if self._code_of is not None and here.loop is not host.loop:
            make_running(host.loop)
        try:
            while True:
                try:
                    return self._process_events()
                except Exception as error:
                    self._callback_failed(error)
        finally:
            self.kernel.settle()
            self._turning = False
            here.host = None

    def _process_events(self) -> int | None:
        """Process events as long as nothing else precedes them; tell when there will be more."""
        kernel, queue, due = self.kernel, self._queue, self.kernel.due
        begin, scale = self._begin, self._scale
        scheduled = -1  # look first: until then it is not known what comes when
        limit = fast = -inf
        lead = 0  # after so many events in a row it pays to let the kernel ask for the time
        follows = False
        now = self._now
        event: Any
        callback: Any = None
        for number in range(self._most_events):
            if not queue:
                return None
            when, _, _, event = entry = heappop(queue)
            if when > now:
                if when < fast and scheduled == kernel.scheduled and not due:  # nothing forbids to go on
                    self._now = now = when
                    if not follows:
                        kernel.now = begin + (when * scale).__round__()  # as `round` does, in half the time
                        if number > lead:
                            follows = True
                            kernel.follow(self._present)
                else:
                    if follows:
                        follows = False
                        kernel.settle()
                    lead = number + LEAD
                    if scheduled != kernel.scheduled or due:
                        if not self.host.running:
                            heappush(queue, entry)
                            self.host.resuming.append(self.want_turn)
                            return None
                        scheduled = kernel.scheduled
                        # Half a nanosecond before what comes next, since instants are rounded.
                        limit = (kernel.horizon() - 0.5 - begin) / scale
                    if self._cancelled and event.callbacks == ():
                        continue  # a call that was cancelled lets no time go by
                    instant = begin + round(when * scale)
                    if instant > kernel.now:
                        if when >= limit:
                            heappush(queue, entry)
                            return instant
                        kernel.now = instant
                        self._now = now = when
                        fast = -inf if self._cancelled else limit
                    else:
                        self._now = now = self._late(when, instant)
                        fast = -inf  # what comes next may be late too
            callbacks = event.callbacks
            event.callbacks = None
            try:
                for callback in callbacks:
                    callback(event)
            except StopSimulation:
                # What else waits for it is called when the environment is run again.
                rest = callbacks[callbacks.index(callback) + 1 :]
                if rest:
                    event.callbacks = rest
                    self.schedule(event, FIRST)
                raise
            if not event._ok and not hasattr(event, "_defused"):
                self._event_failed(event)
        return self._begin + max(round(queue[0][0] * scale), kernel.now - begin) if queue else None

    def _event_failed(self, event: Any) -> None:
        """Take note of an event that failed, and of which nobody takes the error."""
        self.host.record_error(event._value, "a SimPy process failed")

    def _callback_failed(self, error: Exception) -> None:
        """Take note of the error that a callback has raised."""
        self.host.record_error(error, "a callback of a SimPy event failed")

    def _late(self, when: float, instant: int) -> float:
        """Tell the time at which something is processed that was due at `when`, or is now."""
        now = self.kernel.now
        return when if instant == now else (now - self._begin) / self._scale  # the host was paused

    def _catch_up(self) -> None:
        """Let the clock show the world's time, for code that runs beside SimPy's."""
        elapsed = self.host.now() - self._begin
        if elapsed > round(self._now * self._scale):  # else SimPy's time is the more exact one
            now = elapsed / self._scale
            queue = self._queue
            if queue and queue[0][0] < now:
                now = queue[0][0]  # what is due now comes first
            if now > self._now:
                self._now = now

    def _present(self) -> int:
        return self._begin + round(self._now * self._scale)

    def _world_time(self, when: float) -> int:
        return self._begin + round(when * self._scale)


class _OfTask(list[Callable[[Event], None]]):
    """The callbacks of a task's event: the task goes with the last one, whose process was interrupted."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        super().__init__()
        self._task = task

    def remove(self, callback: Callable[[Event], None], /) -> None:
        super().remove(callback)
        if not self:
            self._task.cancel()

    def pop(self, index: SupportsIndex = -1, /) -> Callable[[Event], None]:
        callback = super().pop(index)
        if not self:
            self._task.cancel()
        return callback


def _give(event: Event, task: asyncio.Task[Any]) -> None:
    """Let an event happen as its task has ended."""
    if task.cancelled():
        event.defused = True  # nobody but a process that was told so cancels it
        event.fail(asyncio.CancelledError())  # type: ignore[arg-type]  # SimPy takes any error
        return
    error = task.exception()
    if error is None:
        event.succeed(task.result())
    else:
        event.fail(error)  # type: ignore[arg-type]  # likewise


def _pass_on(event: Any, future: asyncio.Future[Any]) -> None:
    """Give what an event has to who awaits it."""
    if future.done():
        return
    if event._ok:
        future.set_result(event._value)
    else:
        event.defused = True
        future.set_exception(event._value)
