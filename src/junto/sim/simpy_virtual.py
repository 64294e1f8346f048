"""simpy.io's virtual network: one SimPy environment that drives a world of its own.

Time is simulated, and moves only with events. The world has one host, which is 127.0.0.1 to itself;
connections on it are those of `junto.sim.network.frames`. Processes are not intercepted: they are the
program that drives the world, not one that lives in it.
"""

from __future__ import annotations

import socket
import threading
from asyncio import events
from collections import deque
from collections.abc import Callable
from heapq import heappop
from typing import Any

from junto.runtimes.simpy.contract import copied
from junto.runtimes.simpy.schedule import EmptySchedule, Event, StopSimulation
from junto.sim.here import here
from junto.sim.network.endpoints import Endpoint
from junto.sim.network.frames import FramedEnd, Framing
from junto.sim.simpy_bridge import MOST_EVENTS, HostEnvironment
from junto.sim.simpy_sockets import HostSockets
from junto.sim.world import World

__all__ = ["VirtualEnvironment"]

PATIENCE = 0.5  # real seconds for which time stands still for a worker thread
PORTS = range(1, 65536)


class VirtualEnvironment(HostEnvironment):
    """An environment in simulated time, with a simulated network inside.

    It is run as SimPy's own. Sockets of `junto.simpy.virtual` behave as those of simpy.io's virtual network;
    packets, messages, channels and RPC work over them. Two runs of one program are equal.

    Args:
        loopback_latency: Gives the time that a frame needs, called once for each; None for 1 each time.
        initial_time: What `now` is in the beginning.
        old_timing: Whether a read that waits gets its data only when the frame's
            acknowledgement has arrived, as simpy.io had it, instead of with the frame.
        max_buffer_size: How many bytes a socket keeps for each direction.
        max_segment_size: The most bytes of a frame; None for a whole buffer.
    """

    def __init__(
        self,
        loopback_latency: Callable[[], float] | None = None,
        *,
        initial_time: float = 0.0,
        old_timing: bool = False,
        max_buffer_size: int = 4096,
        max_segment_size: int | None = None,
    ) -> None:
        latency = _one if loopback_latency is None else loopback_latency
        world = World(monotonic_start=0.0, patience=None, ipv6=True)
        host = world.host("virtual")
        host.stack.number_ports(PORTS)
        world.net.link(host, host).change(latency=lambda _draw: latency())
        super().__init__(host, initial_time=initial_time)
        self.world = world
        framing = Framing(self.call_later, latency, old_timing, max_buffer_size, max_segment_size)
        self.sockets = VirtualSockets(self, framing)
        self._code_of = None
        self._held = 0
        self._stands_still = False
        self._is_stepping = False
        self._driven_by = 0  # the thread that runs it
        self._errands: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._news = threading.Condition()

    def run(self, until: float | Event | None = None) -> Any:
        """Process events until the time or the event *until*, or until nothing can happen any more.

        Raises:
            ValueError: *until* is a time that is not in the future.
            RuntimeError: Nothing can happen any more, and the event *until* did not.
            BaseException: The error of *until*, of an event that failed and that nobody handled, or of
                a callback.
        """
        return self._run(until, self._drive)

    def step(self) -> None:
        """Process the next event.

        Raises:
            simpy.core.EmptySchedule: There is none.
        """
        self._drop_cancelled()
        self._is_stepping = True
        try:
            self._drive()
        except StopSimulation:
            pass
        finally:
            self._is_stepping = False

    def peek(self) -> float:
        """Tell when the next event is due; `simpy.core.Infinity` if there is none."""
        self._drop_cancelled()
        return super().peek()

    def hold(self) -> None:
        """Keep `run` from ending, and for a moment also time: something will come from another thread."""
        self._held += 1
        if not self._stands_still:
            self._stands_still = True
            self.call_soon(self._stand_still)

    def release(self) -> None:
        self._held -= 1

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> None:
        if threading.get_ident() == self._driven_by:
            self.call_soon(callback, *args)
            return
        with self._news:
            self._errands.append((callback, args))
            self._news.notify()
        if self._driven_by:
            self.kernel.due.append(self)  # before time goes on, it has another turn

    # Inside

    def wake_at(self, when: int) -> None:
        """Make this due at a world time, if it is run."""
        if self._driven_by:  # else it looks when it is run, and what is cancelled until then leaves no trace
            super().wake_at(when)

    def _drive(self) -> None:
        before = events._get_running_loop()
        self._driven_by = threading.get_ident()
        try:
            while True:
                if self._queue:
                    self.wake_at(max(self._world_time(self._queue[0][0]), self.kernel.now))
                self.kernel.run()
                if not self._held and not self._errands:
                    raise EmptySchedule
                self._wait_for_errand(None)
                self._run_errands()
        finally:
            self._driven_by = 0
            here.loop = None  # tasks of `task` may have run in the meantime
            events._set_running_loop(before)

    def _process_events(self) -> int | None:
        if self._errands:
            self._run_errands()
        if not self._is_stepping:
            self._most_events = MOST_EVENTS
            return super()._process_events()
        queue = self._queue
        first = queue[0] if queue else None
        self._most_events = 1
        again = super()._process_events()
        if first is not None and not (queue and queue[0] is first):
            raise StopSimulation(None)
        return again

    def _stand_still(self) -> None:
        """Wait for another thread before time goes on; not for long, for it may wait for time to go on."""
        if self._held:
            # What another thread brought takes some steps until nothing is held any more.
            others = self._queue and self._queue[0][0] <= self._now
            if others or self._wait_for_errand(PATIENCE):
                self._run_errands()
                self.call_soon(self._stand_still)
                return
        self._stands_still = False

    def _wait_for_errand(self, patience: float | None) -> bool:
        with self._news:
            return bool(self._news.wait_for(lambda: self._errands, patience))

    def _run_errands(self) -> None:
        while self._errands:
            callback, args = self._errands.popleft()
            self.call_soon(callback, *args)

    def _drop_cancelled(self) -> None:
        queue: list[Any] = self._queue
        while queue and queue[0][3].callbacks == ():
            heappop(queue)

    def _event_failed(self, event: Any) -> None:
        raise copied(event._value)

    def _callback_failed(self, error: Exception) -> None:
        try:
            raise error
        finally:
            del error  # it holds the traceback, which holds this frame


class VirtualSockets(HostSockets):
    """Makes the sockets of a virtual environment."""

    def __init__(self, env: VirtualEnvironment, framing: Framing) -> None:
        super().__init__(env.host)
        self._framing = framing

    def endpoint(self, family: int, kind: int, proto: int) -> Endpoint:
        if family == socket.AF_UNIX or kind != socket.SOCK_STREAM:
            return super().endpoint(family, kind, proto)
        return FramedEnd(self._host, self._framing, family)


def _one() -> float:
    return 1.0
