"""Leader and followers: threads that wait do the work of all, so no hidden thread is needed.

One lock guards all: callbacks, transports and endpoints run under it. The first thread that
waits becomes the *leader*. It polls the sockets (without the lock), runs what is to be
run, and when its own future is done hands over to the *follower* that waits longest.
A follower sleeps on a lock of its own until its future is done or it has to lead.
So nothing moves while nobody waits.

The property that all of this serves: **nobody sleeps while there is no leader.** It holds because

- ``_leader`` changes under the lock only, and goes from one thread to the next in
  one step, before the next one is awake (`_resign`);
- a follower is woken once, by whoever takes it out of ``_followers``; it leaves by itself (a
  time-out, Ctrl-C) only under the lock, and if it was chosen to lead meanwhile, it hands over;
- whoever gives the leader something to do while it polls also wakes it: a callback, an
  earlier timer, a result for its own future.
"""

from __future__ import annotations

import collections
import logging
import math
import threading
import time
from collections.abc import Callable, Coroutine
from threading import get_ident
from types import CoroutineType
from typing import Any, NoReturn, TypeVar

from junto.errors import ConnectionLost, LocalProtocolError, RequestTimeout
from junto.runtimes.polling import READ, Poller, make_poller
from junto.runtimes.seats import DONE, LEADS, WAITS, Seat
from junto.runtimes.tasks import Future, Task, settle, settle_with_error
from junto.runtimes.timers import Timer, Timers
from junto.runtimes.waker import Waker

__all__ = ["LeaderAndFollowers", "drop_flows"]

T = TypeVar("T")

_log = logging.getLogger("junto")

_ROUNDS = 8  # of callbacks that make callbacks, before sockets and timers get their turn
_LONGEST_POLL = 86400.0  # seconds; the systems' calls count milliseconds in 32 bits

_LOOK_FIRST = -1.0  # instead of a timeout: look what is to be done before polling


class LeaderAndFollowers:
    """Futures, tasks, timers, watched sockets, and threads that wait for them.

    `call`, `wait` and `call_soon_threadsafe` are for every thread; all else is for
    callbacks, and for functions given to `call`.
    """

    def __init__(self, poller: Poller | None = None) -> None:
        self._poller = make_poller() if poller is None else poller
        self._handlers = self._poller.handlers
        self._poll = self._poller.poll
        self._lock = threading.Lock()
        self._owner = 0  # the thread that runs callbacks, by its ident: it cannot wait
        self._leader = 0  # the thread that leads or was chosen to, by its ident
        self._polling = False  # the leader polls, is about to, or just did
        self._poll_until = 0.0  # when it comes back by itself
        self._followers: dict[Seat, None] = {}  # the one that waits longest is the first
        self._ready: collections.deque[tuple[Callable[..., object], tuple[Any, ...]]] = collections.deque()
        self._errands: collections.deque[Callable[[], object]] = collections.deque()
        self._timers = Timers()
        self._tasks: dict[Task[Any], bool] = {}  # true: a thread waits for it
        self._closed = False
        self._waker = Waker()
        self._poller.watch(self._waker.fd, READ, self._waker.drain)

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call *function* among the callbacks of this runtime, and wait for what it returns.

        Returns:
            The result of the future or flow that *function* returns, or any other value as it is.

        Raises:
            LocalProtocolError: This thread runs a callback of this runtime just now.
            ConnectionLost: The runtime is or was closed.
        """
        return self._perform(None, function, args, kwargs)

    def wait(self, awaited: Future[T] | Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Wait for a future or a flow, and return its result or raise its error.

        Raises:
            RequestTimeout: It was not done after *timeout* seconds; it is cancelled.
            LocalProtocolError: This thread runs a callback of this runtime just now, or
                another waits for this future.
            ConnectionLost: The runtime is or was closed.
        """
        deadline = None if timeout is None or timeout == math.inf else time.monotonic() + timeout
        return self._perform(deadline, _same, (awaited,), {})  # type: ignore[no-any-return]  # the result of awaited

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> None:
        # Without the lock, for it may be called from anywhere, a finalizer in a callback included.
        # The order matters: the leader says that it polls before it looks whether there is work.
        self._ready.append((callback, args))
        if self._polling:
            self._waker.wake()

    # -- leading and following --

    def _perform(
        self,
        deadline: float | None,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        me = get_ident()
        if me == self._owner or me == self._leader:
            drop_flows(args)
            _refuse_to_wait()
        future: Future[Any] | None = None
        seat: Seat | None = None
        timeout: float | None = None
        try:  # Ctrl-C may come between any two steps
            with self._lock:
                self._owner = me
                try:
                    if self._closed:
                        drop_flows(args)
                        raise _closed_error()
                    outcome = function(*args, **kwargs)
                    if isinstance(outcome, CoroutineType):
                        outcome = self._start_call(outcome)
                    if self._ready:
                        self._run_ready()
                    if not isinstance(outcome, Future):
                        return outcome
                    if not outcome.state and not self._closed:
                        if outcome.waker is not None:
                            raise LocalProtocolError("another thread waits for this future already")
                        future = outcome
                        seat = self._join(me, future)
                        if seat is None:
                            timeout = self._before_poll(deadline)
                finally:
                    self._owner = 0
                    if self._polling and self._leader != me and (self._ready or self._errands):
                        self._waker.wake()
            if future is not None:
                self._wait_for(me, future, seat, deadline, timeout)
        except BaseException:
            self._withdraw(me, future)
            raise
        if self._closed and (not outcome.state or outcome.cancelled()):
            raise _closed_error()
        if not outcome.state:
            self._withdraw(me, outcome)
            if not outcome.state or outcome.cancelled():
                raise RequestTimeout("the time given was over")
        return outcome.result()

    def _join(self, me: int, future: Future[Any]) -> Seat | None:
        if not self._leader:
            self._leader = me
            future.waker = self._wake_leader
            return None
        seat = Seat(me, future, self._followers)
        self._followers[seat] = None
        future.waker = seat.wake
        return seat

    def _wait_for(
        self, me: int, future: Future[Any], seat: Seat | None, deadline: float | None, timeout: float | None
    ) -> None:
        while True:
            if seat is not None:
                if not self._sleep(seat, deadline):
                    return
                timeout = _LOOK_FIRST
            errand = self._lead(me, future, deadline, timeout)
            if errand is None:
                return
            errand()
            with self._lock:
                if future.state or self._closed:
                    return
                seat = self._join(me, future)
            timeout = _LOOK_FIRST

    def _sleep(self, seat: Seat, deadline: float | None) -> bool:
        """Follow; return whether to lead now."""
        if deadline is None:
            seat.lock.acquire()
        elif not seat.lock.acquire(timeout=min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)):
            with self._lock:
                if seat.state == WAITS:
                    seat.state = DONE
                    del self._followers[seat]
        return seat.state == LEADS

    def _lead(
        self, me: int, future: Future[Any], deadline: float | None, timeout: float | None
    ) -> Callable[[], object] | None:
        """Do everybody's work until *future* is done; then, or for an errand to return, resign."""
        while True:
            # Who was chosen does not poll at once: each system call lets the other threads in
            # before us, and they are the ones that have just been woken.
            events = self._poll(timeout) if timeout != _LOOK_FIRST else []
            with self._lock:
                self._owner = me
                try:
                    self._polling = False
                    for fd, mask in events:
                        handler = self._handlers.get(fd)
                        if handler is not None:
                            try:
                                handler(mask)
                            except Exception as error:
                                _report(error)
                    if self._timers:
                        for timer in self._timers.pop_due(time.monotonic()):
                            self._ready.append((timer.run, ()))
                    if self._ready:
                        self._run_ready()
                    if (
                        future.state
                        or self._closed
                        or (deadline is not None and time.monotonic() >= deadline)
                    ):
                        self._resign()
                        return None
                    if self._errands:
                        errand = self._errands.popleft()
                        self._resign()
                        return errand
                    timeout = self._before_poll(deadline)
                finally:
                    self._owner = 0

    def _before_poll(self, deadline: float | None) -> float | None:
        self._polling = True  # first: see call_soon_threadsafe
        due = self._timers.next_time()
        if self._ready or self._errands:
            self._poll_until = 0.0
            return 0.0
        if deadline is None or (due is not None and due < deadline):
            deadline = due
        if deadline is None:
            self._poll_until = math.inf
            return None
        self._poll_until = deadline
        return min(max(0.0, deadline - time.monotonic()), _LONGEST_POLL)

    def _resign(self) -> None:
        # Nothing here but the release is a call, so Ctrl-C cannot come in between.
        self._polling = False
        for seat in self._followers:
            del self._followers[seat]
            seat.state = LEADS
            seat.future.waker = self._wake_leader
            self._leader = seat.ident
            seat.lock.release()
            return
        self._leader = 0
        if self._closed:
            self._release()

    def _withdraw(self, me: int, future: Future[Any] | None) -> None:
        """Leave, as leader or follower, without a result; *future* is cancelled."""
        with self._lock:
            self._owner = me
            try:
                for seat in self._followers:
                    if seat.ident == me:
                        del self._followers[seat]
                        break
                if future is not None and not future.state:
                    future.waker = None
                    future.cancel()
                    self._run_ready()
            finally:
                self._owner = 0
                if self._leader == me:
                    self._resign()
                elif self._polling and (self._ready or self._errands):
                    self._waker.wake()

    def _wake_leader(self) -> None:
        if self._polling:
            self._waker.wake()

    def _run_ready(self) -> None:
        ready = self._ready
        for _ in range(_ROUNDS):
            for _ in range(len(ready)):
                callback, args = ready.popleft()
                try:
                    callback(*args)
                except Exception as error:
                    _report(error)
            if not ready:
                return

    # -- for callbacks, under the lock --

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> None:
        self._ready.append((callback, args))

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Timer:
        when = time.monotonic() + delay
        timer = self._timers.add(when, callback, args)
        if self._polling and when < self._poll_until:
            self._waker.wake()
        return timer

    def watch(self, fd: int, interest: int, handler: Callable[[int], object], /) -> None:
        self._poller.watch(fd, interest, handler)
        if self._polling and not self._poller.sees_changes:
            self._waker.wake()

    def resolve(self, look_up: Callable[[], T], /) -> Future[T]:
        """Have *look_up* called by a thread that waits, while it neither leads nor holds the lock."""
        future: Future[T] = Future(self)

        def errand() -> None:
            try:
                found = look_up()
            except BaseException as error:
                self.call_soon_threadsafe(settle_with_error, future, error)
                if not isinstance(error, Exception):  # Ctrl-C is for this thread, too
                    raise
            else:
                self.call_soon_threadsafe(settle, future, found)

        self._errands.append(errand)
        return future

    def task_started(self, task: Task[Any], /) -> None:
        self._tasks[task] = False

    def task_ended(self, task: Task[Any], /) -> None:
        self._tasks.pop(task, None)

    def _start_call(self, flow: Coroutine[Any, Any, T]) -> Task[T]:
        task = Task(self, flow)
        if not task.state:
            self._tasks[task] = True
        return task

    def _close(self) -> None:
        """End all tasks, wake all that wait, and never poll again; under the lock."""
        self._closed = True
        try:
            for task in list(self._tasks):
                task.cancel()
            for _ in range(_ROUNDS):
                self._run_ready()
            for task in list(self._tasks):
                task.abandon()
            self._run_ready()
        finally:  # even if Ctrl-C came into a callback
            for seat in list(self._followers):
                seat.wake()
            if not self._leader:
                self._release()
            elif self._polling:
                self._waker.wake()

    def _release(self) -> None:
        # Only when nobody leads: a poller must not be closed while it polls.
        self._timers.clear()
        self._ready.clear()
        self._poller.close()
        self._waker.close()


def _same(awaited: T) -> T:
    return awaited


def drop_flows(args: tuple[Any, ...]) -> None:
    """Tell flows that were handed to us that they will never run."""
    for flow in args:
        if isinstance(flow, CoroutineType):
            flow.close()


def _report(error: Exception) -> None:
    _log.error("a callback failed", exc_info=error)


def _closed_error() -> ConnectionLost:
    return ConnectionLost("the runtime is closed")


def _refuse_to_wait() -> NoReturn:
    raise LocalProtocolError(
        "a handler or callback cannot block on its own runtime, for then nothing could end the wait: "
        "run it in a worker pool (workers=...), make it an async def, or use another runtime"
    )
