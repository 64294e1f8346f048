"""The event loop of one simulated host: asyncio's own order, without a selector, in the world's time.

One turn is what one iteration of the standard loop is: input first, then the timers that are due, then all
callbacks that were ready by then, in this order. Each callback costs the host virtual time. The sockets below
are the network's part (`AsyncioNetwork`); the rest of the loop is asyncio's `BaseEventLoop`, as it is.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextvars import Context
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from junto.sim.asyncio_network import AsyncioNetwork
from junto.sim.errors import SimEscape
from junto.sim.handles import Handle
from junto.sim.here import here
from junto.sim.interception.numbering import NumberingLoop
from junto.sim.kernel import SECOND
from junto.sim.signals import SignalHandling

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = [
    "Guest",
    "HostLoop",
    "close_coroutine",
    "close_task",
    "in_order_of_making",
    "make_running",
    "task_of",
]


def make_running(loop: HostLoop | None) -> None:
    """Let asyncio take a loop for the running one in this thread, until another one is made that."""
    here.loop = loop
    events._set_running_loop(loop)


class Guest(Protocol):
    """A scheduler of another library, that takes its turns as callbacks of a host's loop."""

    def waiting(self) -> list[str]:
        """Tell for each of its tasks what that waits for."""
        ...

    def finish(self) -> None:
        """Close what its tasks have left, at the end of the run."""
        ...


# typeshed's selector loops name an argument of sock_recv otherwise than its base class does.
class HostLoop(SignalHandling, NumberingLoop, AsyncioNetwork):  # pyright: ignore[reportIncompatibleMethodOverride]
    """The loop on which a host's coroutines run; the host's kernel gives it its turns.

    Attributes:
        host: The host.
        turning: Whether its code is running now.
        inputs: Handles to be run first in the next turn, in the order they came.
        guests: The schedulers of other libraries that take their turns on it.
    """

    # There may be ten thousand: with these in its dictionary too, that would take 1.2 KiB more.
    __slots__ = (
        "_cost",
        "_order",
        "_over",
        "_permutes",
        "_timer_count",
        "_timers",
        "_was_asked",
        "guests",
        "host",
        "inputs",
        "turning",
    )

    def __init__(self, host: Host) -> None:
        self.host: Host = host
        self._over = False
        self._was_asked = False  # to run something, though it is over
        super().__init__()
        self.turning = False
        self.inputs: list[asyncio.Handle] = []
        self.guests: list[Guest] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timer_count = 0
        self._cost = host.choices("cpu").random
        self._order = host.choices("ready").below
        self._permutes = host.world.mode == "adversarial"

    def turn(self) -> float | None:
        """Run one iteration at the host's time.

        Returns:
            None if more is ready, else when the next timer is due by the loop's
            own clock; infinity for never.
        """
        ready: Any = self._ready  # type: ignore[attr-defined]  # asyncio's deque of handles
        host = self.host
        inputs = self.inputs
        if inputs:
            if len(inputs) > 1:
                # Which socket is told of first is free; a selector gives them in no order that it promises.
                order = self._order
                for last in range(len(inputs) - 1, 0, -1):
                    other = last - order(last + 1)  # neutral, 0, is the order in which they came
                    inputs[last], inputs[other] = inputs[other], inputs[last]
            ready.extend(inputs)
            inputs.clear()
        timers = self._timers
        handle: Any
        if timers:
            now = self.time()
            while timers and (timers[0][0] <= now or timers[0][2]._cancelled):
                handle = heappop(timers)[2]
                handle._scheduled = False
                ready.append(handle)
        if ready:
            here.host = host
            self.turning = True
            if here.loop is not self:  # it stays what it is between turns: setting it is a system call
                make_running(self)
            cost = int((1 + 2 * self._cost()) * host.callback_cost)
            if self._permutes and len(ready) > 1:
                self._permute(ready)
            try:
                for _ in range(len(ready)):
                    handle = ready.popleft()
                    if handle._cancelled:
                        continue
                    host.clock += cost
                    try:
                        handle._context.run(handle._callback, *handle._args)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:
                        self._callback_failed(handle, error)
                    if not host.running:
                        break
            except SystemExit:
                if host.world.baton.over or host is host.world.control:
                    raise
                host.signals.leave()
            finally:
                self.turning = False
                here.host = None
            handle = None  # what it refers to is not kept until the next turn
            if (ready or inputs) and not self._over:
                return None
        return timers[0][0] if timers else inf

    def next_timer(self) -> int | None:
        """Tell when the next timer is due, in the world's time, or None."""
        return self.host.world_time(self._timers[0][0]) if self._timers else None

    def _permute(self, ready: Any) -> None:
        """Let tasks that are ready together go in any order; what is no task's stays in its place."""
        places = [place for place, handle in enumerate(ready) if task_of(handle) is not None]
        order = self._order
        for last in range(len(places) - 1, 0, -1):
            one, other = places[last], places[last - order(last + 1)]
            ready[one], ready[other] = ready[other], ready[one]

    # What the base class does with real time, threads and a selector

    def time(self) -> float:
        """Return the host's monotonic clock in seconds."""
        return self.host.monotonic_ns() / SECOND

    def call_soon(  # type: ignore[override]  # the base's is generic over the arguments
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Let a callback run in the next turn, or later in this one."""
        handle = Handle(callback, args, self, context)
        if self._over:
            self._was_asked = True
            handle.cancel()
            return handle
        self._ready.append(handle)  # type: ignore[attr-defined]
        if not self.turning:
            self.host.want_turn()
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]  # likewise
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Let a callback run when the host's monotonic clock has reached a time."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        if self._over:
            timer.cancel()
            return timer
        self._timer_count = count = self._timer_count + 1
        heappush(self._timers, (when, count, timer))
        self.host.want_turn()
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave a cancelled timer in the heap: it is dropped when it comes to the head."""

    def run_forever(self) -> None:
        """Refuse: the world runs this loop.

        Raises:
            SimEscape: Always.
        """
        raise SimEscape(
            "loop.run_forever", "the world runs the loops of its hosts; give host.run() a coroutine function"
        )

    run_until_complete = run_forever  # type: ignore[assignment]

    def _set_coroutine_origin_tracking(self, enabled: bool) -> None:
        """Do not, in debug mode: it would hold for the whole thread, that is for all hosts, and stay."""

    def is_running(self) -> bool:
        """Tell whether the host lives: its loop runs as long."""
        return self.host.alive and not self._over

    def stop(self) -> None:
        """End the host's process, as the end of `run_forever` would."""
        self.host.exit()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Give an error that nobody else takes to the handler; the world records it."""
        error = context.get("exception") or RuntimeError(context["message"])
        if self._over:  # nobody has asked for it up to the end
            if self.host.loop is self:
                self.host.world.notes.found_late(self.host, f"{context['message']}: {error!r}")
            return
        self.host.record_error(error, context["message"])
        super().call_exception_handler(context)

    def _callback_failed(self, handle: asyncio.Handle, error: BaseException) -> None:
        text = repr(handle)  # asyncio's own text for it: <Handle ...>
        self.call_exception_handler(
            {"message": f"Exception in callback {text}", "exception": error, "handle": handle}
        )

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Do nothing more: the world has recorded it, and tells at the end."""

    def __del__(self) -> None:
        """Do not complain: a loop that was not closed belongs to a world that was not run."""

    def finish(self, tasks: Collection[asyncio.Task[Any]]) -> None:
        """Close what its programs have left, *tasks* among it, in the order of its making.

        No more can be scheduled.
        """
        self._over = True
        self.abandon_transports()
        generators = list(self._asyncgens)  # held, for they go with the last who refers to them, unclosed
        closed: set[asyncio.Task[Any]] = set()
        left = tasks
        before, here.host = here.host, self.host
        try:
            for guest in self.guests:
                guest.finish()
            for _ in range(100):  # tasks that are closed may make others, which never begin
                self._was_asked = False
                for task in in_order_of_making(left):
                    close_task(task)
                if not self._was_asked:  # as each new task does
                    break
                closed.update(left)
                left = asyncio.all_tasks(self) - closed
            for generator in generators:
                _close_generator(generator)
        finally:
            here.host = before
        self._ready.clear()  # type: ignore[attr-defined]
        self.inputs.clear()
        self._timers.clear()
        self._closed = True


def task_of(handle: asyncio.Handle) -> asyncio.Task[Any] | None:
    """Find the task of which a handle is the next step."""
    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
    return owner if isinstance(owner, asyncio.Task) else None


def in_order_of_making(tasks: Iterable[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Sort tasks as they were made; their names, unless they were given others, count."""
    return sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name()))


class _Over(BaseException):
    """The run is over; not GeneratorExit, after which what a coroutine awaits could not await again."""


def close_task(task: asyncio.Task[Any]) -> None:
    """End what a task does; it is told of nothing."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    # Until the collector finds it, each question for a loop's tasks would look at it.
    asyncio.tasks._unregister_task(task)
    close_coroutine(task.get_coro())


def close_coroutine(coroutine: Any) -> None:
    """End a coroutine that waits, however often it waits again."""
    for _ in range(100):
        try:
            coroutine.throw(_Over)
        except BaseException:
            return


def _close_generator(generator: AsyncGenerator[Any, Any]) -> None:
    """End an asynchronous generator that nobody iterates any more, however often it waits."""
    closing = generator.aclose()
    for _ in range(100):
        try:
            closing.send(None)
        except BaseException:
            return
