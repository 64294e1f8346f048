"""A SimPy environment in real time, which watches sockets while it waits.

Events are where SimPy has them, in the order of time, priority and number; only that most of them are due
at once, so they wait in a deque beside the heap. Their time is that of the turn they
were made in, which never goes back, so both are always in order. A delay, on the contrary, counts from the
very moment of the call: no time-out comes early because a process has computed for long.

Callbacks of the runtime (`call_soon`, timers) stand among the events, in the same order.
"""

from __future__ import annotations

import collections
import time
import weakref
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

import simpy
from simpy.core import EmptySchedule, Infinity, StopSimulation
from simpy.events import NORMAL, URGENT, Event, EventPriority

from junto.runtimes.polling import READ, Poller, make_poller
from junto.runtimes.sockets import Closable
from junto.runtimes.waker import Waker

__all__ = ["Call", "EmptySchedule", "Event", "RealTimeEnvironment"]

_MOST_EVENTS = 128  # in a row, before sockets get their turn
_LONG = 0.005  # seconds; when as many events took longer than this, sockets get it earlier
_LONGEST_POLL = 86400.0  # seconds; the systems' calls count milliseconds in 32 bits
_FEW = 64  # cancelled calls that are not worth a sweep
_NAP = 0.05  # seconds; in a closed environment other threads cannot wake us
_FIRST = EventPriority(-1)  # before what SimPy calls urgent


class Call:
    """A callback among the events, with as much of an event's face as processing it needs."""

    __slots__ = ("_args", "_env", "_function", "callbacks")

    _ok = True

    def __init__(
        self, env: RealTimeEnvironment, function: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self._env = env
        self._function = function
        self._args = args
        self.callbacks: tuple[Callable[[Any], object], ...] | None = (self._run,)

    def _run(self, _call: Call) -> None:
        self._function(*self._args)

    def cancel(self) -> None:
        """Never call the callback; doing so twice, or too late, is fine."""
        if self.callbacks:
            self.callbacks = ()
            self._args = ()
            self._env.one_was_cancelled()


class RealTimeEnvironment(simpy.Environment):
    """An environment whose time is the wall's, and in which sockets are watched.

    `run` sleeps in *poller* until a socket is ready or an event is due. It ends, as SimPy's does, when
    nothing can happen any more: no event is scheduled, no socket is watched, and nobody called `hold`.

    Callbacks and handlers that fail end `run` with their error, as events do; the environment can be run
    again. Only `call_soon_threadsafe` may be called from other threads.
    """

    def __init__(self, poller: Poller | None = None) -> None:
        # The wall's clock may be set; this one only tells how it stood in the beginning.
        self._start = time.time() - time.monotonic()
        super().__init__(self._start + time.monotonic())
        self._poller = make_poller() if poller is None else poller
        self._handlers = self._poller.handlers
        self._poll = self._poller.poll
        # Both instead of SimPy's queue; an entry is a time, a priority, a number, and an event or a `Call`.
        self._agenda: list[tuple[float, int, int, Any]] = []
        self._ready: collections.deque[tuple[float, int, int, Any]] = collections.deque()
        self._errands: collections.deque[tuple[Callable[..., object], tuple[Any, ...]]] = collections.deque()
        self._reviews: list[Callable[[], object]] = []
        self._cancelled = 0  # or fewer: those whose time has come are still counted
        self._held = 0
        self._most_events = _MOST_EVENTS
        self._polling = False
        self._open: weakref.WeakKeyDictionary[Closable, None] = weakref.WeakKeyDictionary()
        waker = Waker()
        self._waker = waker
        self._poller.watch(waker.fd, READ, waker.drain)
        self._always_watched = len(self._handlers)
        # SimPy's users do not close their environments, and nothing may be left behind by that.
        self._release = weakref.finalize(self, _release, self._poller, waker)

    @property
    def now(self) -> float:
        """The time in seconds since 1970, on a clock that never goes back."""
        return self._start + time.monotonic()

    # -- SimPy's face --

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: float = 0) -> None:
        if delay:
            when = self._start + time.monotonic() + delay
            heappush(self._agenda, (when, priority, next(self._eid), event))
        elif priority == NORMAL:
            self._ready.append((self._now, priority, next(self._eid), event))
        else:
            heappush(self._agenda, (self._now, priority, next(self._eid), event))

    def peek(self) -> float:
        """Tell when the next event is due; `simpy.core.Infinity` if there is none."""
        when = self._next_time()
        return min(Infinity if when is None else when, self._ready[0][0] if self._ready else Infinity)

    def step(self) -> None:
        """Wait for the next event, and process it.

        Raises:
            EmptySchedule: There is none, and nothing is watched that could make one.
        """
        while True:
            self._look_around()
            when = self._next_time()
            if self._ready or (when is not None and when <= self._now):
                self._process(1)
                return

    def run(self, until: float | Event | None = None) -> Any:
        """Process events until the time or the event *until*, or until nothing can happen any more.

        Raises:
            ValueError: *until* is a time that is not in the future.
            RuntimeError: Nothing can happen any more, and the event *until* did not.
            BaseException: The error of *until*, of an event that failed and that nobody handled, or of
                a callback.
        """
        end = None
        if until is not None:
            end = until if isinstance(until, Event) else self._alarm(float(until))
            if end.processed:
                return end.value
            end.callbacks.append(StopSimulation.callback)
        try:
            while True:
                self._process(self._most_events)
                self._look_around()
        except StopSimulation as stop:
            return stop.args[0]
        except EmptySchedule:
            if end is not None:
                raise _never_happens(end) from None
        return None

    def close(self) -> None:
        """Close all that is open in this environment; closing twice is fine.

        What waited for it learns so when the environment is run again, which is possible, but nothing
        can be opened in it any more.
        """
        for thing in list(self._open):
            thing.abort()
        self._release()
        self._poll = _sleep

    # -- callbacks, timers, sockets --

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> Call:
        """Call *callback* after the events that are due now."""
        call = Call(self, callback, args)
        self._ready.append((self._now, NORMAL, next(self._eid), call))
        return call

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Call:
        """Call *callback* after *delay* seconds, unless it is cancelled before."""
        return self.call_at(self._start + time.monotonic() + delay, callback, *args)

    def call_at(self, when: float, callback: Callable[..., object], /, *args: Any) -> Call:
        """Call *callback* at the time *when*, as `now` tells it, unless it is cancelled before."""
        call = Call(self, callback, args)
        heappush(self._agenda, (when, NORMAL, next(self._eid), call))
        return call

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> None:
        """Do as `call_soon`, from any thread; see `hold`."""
        # The order matters: `_look_around` says that it polls before it looks whether there is work.
        self._errands.append((callback, args))
        if self._polling:
            self._waker.wake()

    def hold(self) -> None:
        """Keep `run` from ending: something will come by `call_soon_threadsafe`."""
        self._held += 1

    def release(self) -> None:
        """Take back one `hold`."""
        self._held -= 1

    def watch(self, fd: int, interest: int, handler: Callable[[int], object], /) -> None:
        """Call *handler* with a mask whenever *fd* is ready; an interest of 0 stops that.

        What is watched keeps `run` from ending. A handler is called between events.

        Raises:
            RuntimeError: The environment is closed.
        """
        if not self._release.alive:
            if interest:
                raise RuntimeError("the environment is closed")
            return
        self._poller.watch(fd, interest, handler)

    def before_waiting(self, review: Callable[[], object], /) -> None:
        """Call *review* once, before sockets are looked at the next time.

        The place to stop watching a socket of which nobody has wanted more since the last time.
        """
        self._reviews.append(review)

    def opened(self, thing: Closable, /) -> None:
        """Remember *thing*, as long as others do, to abort it when the environment is closed."""
        self._open[thing] = None

    def closed(self, thing: Closable, /) -> None:
        """Forget *thing*: nothing of it is left."""
        self._open.pop(thing, None)

    def one_was_cancelled(self) -> None:
        """Sweep when too many cancelled calls wait for their time."""
        self._cancelled += 1
        if self._cancelled > _FEW and self._cancelled * 2 > len(self._agenda):
            self._agenda[:] = [entry for entry in self._agenda if entry[3].callbacks != ()]
            heapify(self._agenda)
            self._cancelled = 0

    # -- inside --

    def _alarm(self, at: float) -> Event:
        if at <= self.now:
            raise ValueError(f"until ({at}) must be greater than the current time")
        alarm = Event(self)
        event: Any = alarm
        event._ok = True
        event._value = None
        heappush(self._agenda, (at, URGENT, next(self._eid), event))
        return alarm

    def _process(self, most: int) -> None:
        """Process at most so many events that are due."""
        ready = self._ready
        agenda = self._agenda
        now = self._now
        event: Any
        callback: Any = None
        for _ in range(most):
            if ready:
                entry = heappop(agenda) if agenda and agenda[0] < ready[0] else ready.popleft()
            elif agenda and agenda[0][0] <= now:
                entry = heappop(agenda)
            else:
                return
            event = entry[3]
            callbacks = event.callbacks
            event.callbacks = None
            try:
                for callback in callbacks:
                    callback(event)
            except StopSimulation:
                # What else waits for it is called when the environment is run again.
                event.callbacks = callbacks[callbacks.index(callback) + 1 :]
                self.schedule(event, _FIRST)
                raise
            if not event._ok and not hasattr(event, "_defused"):
                raise _copied(event._value)

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
        while self._errands:
            callback, args = self._errands.popleft()
            self.call_soon(callback, *args)

    def _review(self) -> None:
        if self._reviews:
            reviews, self._reviews = self._reviews, []
            for review in reviews:
                review()

    def _be_fair(self) -> None:
        # There were more events than a turn may have: look how long they took.
        if self._start + time.monotonic() - self._now > _LONG:
            self._most_events = max(1, self._most_events // 2)
        else:
            self._most_events = min(_MOST_EVENTS, self._most_events * 2)

    def _is_waiting(self) -> bool:
        return bool(len(self._handlers) > self._always_watched or self._held or self._errands)

    def _next_time(self) -> float | None:
        agenda = self._agenda
        while agenda:
            if agenda[0][3].callbacks != ():
                return agenda[0][0]
            heappop(agenda)
        return None


def _copied(error: BaseException) -> BaseException:
    # As SimPy does: each that raises it has a traceback of its own.
    copy = type(error)(*error.args)
    copy.__cause__ = error
    return copy


def _never_happens(until: Event) -> RuntimeError:
    assert not until.triggered
    return RuntimeError(f'no scheduled events left but "until" event was not triggered: {until}')


def _release(poller: Poller, waker: Waker) -> None:
    poller.close()
    waker.close()


def _sleep(timeout: float | None) -> list[tuple[int, int]]:
    time.sleep(_NAP if timeout is None else min(timeout, _NAP))
    return []
