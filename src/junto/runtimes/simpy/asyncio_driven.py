"""A SimPy environment that a running asyncio loop drives, beside its own tasks.

The environment never waits: the loop calls it when a socket is ready or an event is due. While nobody
drives it, it has nothing in any loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from junto.runtimes.polling import READ, WRITE
from junto.runtimes.simpy.contract import Call, never_happens
from junto.runtimes.simpy.schedule import (
    EmptySchedule,
    Event,
    StopSimulation,
    WallClockEnvironment,
)

__all__ = ["AsyncioEnvironment"]


class AsyncioEnvironment(WallClockEnvironment):
    """An environment whose time is the wall's, driven by asyncio.

    `arun` runs it in the running loop; tasks of the loop may trigger its events. `run`, outside of any
    loop, does the same in a loop of its own. All else is as in `RealTimeEnvironment`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._interests: dict[int, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[Any] | None = None
        self._turn_handle: asyncio.Handle | None = None
        self._sleeping = False
        self._stepping = False
        self._is_closed = False

    def step(self) -> None:
        """Wait for the next event, and process it.

        Raises:
            simpy.core.EmptySchedule: There is none, and nothing is watched that could make one.
            RuntimeError: A loop is running in this thread, and no event is due now.
        """
        self._now = self._start + time.monotonic()
        if not self._is_due():
            self._stepping = True
            try:
                self._run_in_own_loop(self._drive())
            finally:
                self._stepping = False
        self._process(1)

    def run(self, until: float | Event | None = None) -> Any:
        """Do as `arun`, in a loop of its own.

        Raises:
            RuntimeError: Also if a loop is running in this thread.
        """
        return self._run_in_own_loop(self.arun(until))

    async def arun(self, until: float | Event | None = None) -> Any:
        """Process events until the time or the event *until*, or until nothing can happen any more.

        Cancelling it leaves the environment as it is, to be run again, and nothing in the loop.

        Raises:
            ValueError: *until* is a time that is not in the future.
            RuntimeError: Nothing can happen any more, and the event *until* did not; or the environment is
                run already.
            BaseException: The error of *until*, of an event that failed and that nobody handled, or of
                a callback.
        """
        if isinstance(until, Event) and until.processed:
            return until.value
        take_back = self._stop_at(until)
        try:
            return await self._drive()
        except EmptySchedule:
            if isinstance(until, Event):
                raise never_happens(until) from None
        finally:
            take_back()
        return None

    def close(self) -> None:
        self._abort_all()
        for fd, handler in list(self._handlers.items()):
            self.watch(fd, 0, handler)
        self._is_closed = True

    # -- what may be called by tasks of the loop, while we sleep --

    def schedule(self, event: Event, *args: Any, **kwargs: Any) -> None:
        super().schedule(event, *args, **kwargs)
        if self._sleeping:
            self._wake()

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> Call:
        if self._sleeping:
            self._wake()
        return super().call_soon(callback, *args)

    def call_at(self, when: float, callback: Callable[..., object], /, *args: Any) -> Call:
        if self._sleeping:
            self._wake()
        return super().call_at(when, callback, *args)

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> None:
        self._errands.append((callback, args))
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # closed just now: who drives us next finds it
                pass

    def watch(self, fd: int, interest: int, handler: Callable[[int], object], /) -> None:
        if interest and self._is_closed:
            raise RuntimeError("the environment is closed")
        before = self._interests.get(fd, 0)
        if interest:
            self._handlers[fd] = handler
            self._interests[fd] = interest
        else:
            self._handlers.pop(fd, None)
            self._interests.pop(fd, None)
            self._in_background.discard(fd)
        if self._loop is not None:
            self._change(self._loop, fd, before, interest)
            if self._sleeping:  # this may have been all that we waited for
                self._wake()

    # -- inside --

    def _run_in_own_loop(self, flow: Any) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            flow.close()
            raise RuntimeError("an asyncio loop is running in this thread: await env.arun() instead")
        # Not every system's default loop can watch sockets for others.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            return runner.run(flow)

    async def _drive(self) -> Any:
        if self._loop is not None:
            raise RuntimeError("the environment is run already")
        loop = self._loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        try:
            for fd, interest in self._interests.items():
                self._change(loop, fd, 0, interest)
            self._turn_handle = loop.call_soon(self._turn)
            return await self._ended
        finally:
            self._loop = None
            self._sleeping = False
            if self._turn_handle is not None:
                self._turn_handle.cancel()
            for fd, interest in self._interests.items():
                self._change(loop, fd, interest, 0)

    def _change(self, loop: asyncio.AbstractEventLoop, fd: int, before: int, interest: int) -> None:
        if interest & READ and not before & READ:
            loop.add_reader(fd, self._on_ready, fd, READ)
        elif before & READ and not interest & READ:
            loop.remove_reader(fd)
        if interest & WRITE and not before & WRITE:
            loop.add_writer(fd, self._on_ready, fd, WRITE)
        elif before & WRITE and not interest & WRITE:
            loop.remove_writer(fd)

    def _on_ready(self, fd: int, mask: int) -> None:
        handler = self._handlers.get(fd)
        if handler is None or self._loop is None:
            return
        self._wake()
        self._now = self._start + time.monotonic()
        try:
            handler(mask)
        except BaseException as error:
            self._end(error)

    def _wake(self) -> None:
        if self._sleeping and self._loop is not None:
            self._sleeping = False
            if self._turn_handle is not None:
                self._turn_handle.cancel()
            self._turn_handle = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        loop = self._loop
        assert loop is not None, "who stops driving cancels the turn"
        self._turn_handle = None
        self._sleeping = False  # it may have been a timer that woke us; nobody is to do so again
        self._now = self._start + time.monotonic()
        try:
            self._run_errands()
            if not self._stepping:
                self._process(self._most_events)
            elif self._is_due():
                raise StopSimulation(None)
            self._review()
            when = self._next_time()
            if self._ready or self._errands:
                self._be_fair()
                self._turn_handle = loop.call_soon(self._turn)
                return
            if when is not None:
                delay = max(0.0, when - self._start - time.monotonic())
                self._turn_handle = loop.call_later(delay, self._turn)
            elif len(self._handlers) == len(self._in_background) and not self._held:
                raise EmptySchedule
            self._sleeping = True
        except BaseException as error:
            self._end(error)

    def _end(self, error: BaseException) -> None:
        if self._turn_handle is not None:
            self._turn_handle.cancel()
        self._sleeping = False
        ended = self._ended
        if ended is None or ended.done():  # cancelled in this turn of the loop
            return
        if isinstance(error, StopSimulation):
            ended.set_result(error.args[0])
        else:
            ended.set_exception(error)
