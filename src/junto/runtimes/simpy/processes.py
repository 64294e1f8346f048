"""Processes that leave no trace when they are interrupted.

SimPy takes an interrupted process out of the event for which it waited, and leaves that event alone. If
the event is a future of ours, or a condition that has one, nobody may want it any more: then it is cancelled.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from simpy import events
from simpy.events import Condition, Event

from junto.runtimes.simpy.futures import DoneCallback, Future

__all__ = ["Process", "give_up", "happened"]


class Process(events.Process):
    """A SimPy process whose interruption cancels the future or task for which it waits.

    Unless the process waits for it again at once, which it does if it yields that event, or another condition
    with it, before anything else.
    """

    def interrupt(self, cause: Any | None = None) -> None:
        """Interrupt this process as SimPy does; see there for what is raised."""
        _Interruption(self, cause)

    @classmethod
    def begun(cls, env: Any, generator: Generator[Event, Any, Any]) -> Process:
        """Make a process whose first step is made here and now."""
        process = cls.__new__(cls)
        process.env = env
        process.callbacks = []
        process._generator = generator
        process.step(happened(env))
        return process

    def step(self, event: Event) -> None:
        """Go on here and now with the value or error of *event*, whichever process is the active one."""
        env: Any = self.env
        active = env.active_process
        self._resume(event)
        env._active_proc = active

    def leave(self, error: BaseException) -> None:
        """Raise *error* here and now where the process waits, and give up what it waits for."""
        abandoned = self.target
        abandoned.callbacks.remove(self._resume)
        self.step(happened(self.env, error))
        give_up(abandoned)


class _Interruption(events.Interruption):
    def _interrupt(self, event: Event) -> None:
        process = self.process
        if process.is_alive:
            abandoned = process.target
            super()._interrupt(event)
            give_up(abandoned)


def happened(env: Any, error: BaseException | None = None) -> Event:
    """Make an event that has its outcome, and that the environment does not know."""
    event: Any = Event(env)
    event._ok = error is None
    event._value = error
    return event  # type: ignore[no-any-return]  # made above


def give_up(event: Event) -> None:
    """Cancel *event* if it is a future of ours, or a condition that has one, and nobody waits for it now."""
    if _has_future(event) and not _waiters(event):
        _give_up(event)


def _give_up(event: Event) -> None:
    if isinstance(event, Future):
        event.give_up()
    elif isinstance(event, Condition):
        condition: Any = event
        # When one of its futures is cancelled, it will fail, and nobody is there to hear that.
        condition.defused = True
        for part in condition._events:
            if all(waiter == condition._check for waiter in _waiters(part)):
                _give_up(part)


def _has_future(event: Any) -> bool:
    if isinstance(event, Condition):
        condition: Any = event
        return any(map(_has_future, condition._events))
    return isinstance(event, Future)


def _waiters(event: Any) -> list[Callable[[Any], object]]:
    """Give the callbacks of those who wait for *event*, without what belongs to the event itself."""
    own = getattr(event, "_build_value", None)  # of a condition
    return [
        callback
        for callback in event.callbacks or ()
        if type(callback) is not DoneCallback and callback != own
    ]
