"""What layers and sockets ask of an environment of SimPy, whatever its time is.

An environment has events, as SimPy's users know them; among these stand callbacks of the runtime, in the same
order. It watches sockets, which it also makes: those of the system in real time, others in a simulated world.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import simpy
from simpy.core import EmptySchedule, StopSimulation
from simpy.events import URGENT, Event, EventPriority

from junto.runtimes.simpy.processes import Process
from junto.runtimes.sockets import Closable

__all__ = ["FIRST", "Call", "SocketEnvironment", "copied", "never_happens"]

FIRST = EventPriority(-1)  # before what SimPy calls urgent
_ROUNDS = 4  # of calls that make calls, when the environment is closed


class Call:
    """A callback among the events, with as much of an event's face as processing it needs."""

    __slots__ = ("_args", "_env", "_function", "callbacks")

    _ok = True

    def __init__(
        self, env: SocketEnvironment, function: Callable[..., object], args: tuple[Any, ...]
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


class SocketEnvironment(simpy.Environment, ABC):
    """An environment in which sockets can be used.

    Attributes:
        runtime_class: What makes its runtime, if that is not `junto.runtimes.simpy.runtime.SimpyRuntime`.
        sockets: Where its sockets come from.
        runtime: That of the layers, when it was first asked for.
    """

    runtime_class: ClassVar[type | None] = None
    sockets: Any

    def __init__(self, initial_time: float) -> None:
        super().__init__(initial_time)
        # SimPy does so for its own class only: to look them up each time takes as long as to make an event.
        for name in ("timeout", "event", "all_of", "any_of"):
            setattr(self, name, getattr(self, name))
        self._open: weakref.WeakKeyDictionary[Closable, None] = weakref.WeakKeyDictionary()
        self.runtime: Any = None

    def process(self, generator: Any) -> Process:
        """Make a process of *generator*, one that leaves no trace when it is interrupted."""
        return Process(self, generator)

    # -- callbacks and timers --

    @abstractmethod
    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> Call:
        """Call *callback* after the events that are due now."""

    @abstractmethod
    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Call:
        """Call *callback* after *delay*, in the environment's time, unless it is cancelled before."""

    @abstractmethod
    def call_at(self, when: float, callback: Callable[..., object], /, *args: Any) -> Call:
        """Call *callback* at the time *when*, as `now` tells it, unless it is cancelled before."""

    @abstractmethod
    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> None:
        """Do as `call_soon`, from any thread; see `hold`."""

    @abstractmethod
    def hold(self) -> None:
        """Keep `run` from ending: something will come by `call_soon_threadsafe`."""

    @abstractmethod
    def release(self) -> None:
        """Take back one `hold`."""

    @abstractmethod
    def before_waiting(self, review: Callable[[], object], /) -> None:
        """Call *review* once, before sockets are looked at the next time.

        The place to stop watching a socket of which nobody has wanted more since the last time.
        """

    @abstractmethod
    def one_was_cancelled(self) -> None:
        """Sweep when too many cancelled calls wait for their time."""

    # -- for sockets --

    @abstractmethod
    def watch(self, fd: int, interest: int, handler: Callable[[int], object], /) -> None:
        """Call *handler* with a mask whenever *fd* is ready; an interest of 0 stops that.

        A handler is called between events. What is watched keeps `run` from ending, but for what
        `set_background` says.

        Raises:
            RuntimeError: The environment is closed.
        """

    @abstractmethod
    def set_background(self, fd: int, whether: bool, /) -> None:
        """Tell whether *fd*, which is watched, does not keep `run` from ending; forgotten with the watch."""

    @abstractmethod
    def close(self) -> None:
        """Close all that is open in this environment; closing twice is fine.

        What waited for it learns so when the environment is run again, which is possible, but nothing
        can be opened in it any more.
        """

    def opened(self, thing: Closable, /) -> None:
        """Remember *thing*, as long as others do, to abort it when the environment is closed."""
        self._open[thing] = None

    def closed(self, thing: Closable, /) -> None:
        """Forget *thing*: nothing of it is left."""
        self._open.pop(thing, None)

    # -- for those who run it --

    def _run(self, until: float | Event | None, drive: Callable[[], object]) -> Any:
        """Process events by *drive* until the time or the event *until*, or until none can come any more."""
        if isinstance(until, Event) and until.processed:
            return until.value
        take_back = self._stop_at(until)
        try:
            drive()
        except StopSimulation as stop:
            return stop.args[0]
        except EmptySchedule:
            if isinstance(until, Event):
                raise never_happens(until) from None
        finally:
            take_back()
        return None

    def _stop_at(self, until: float | Event | None) -> Callable[[], object]:
        """Have *until* stop the run; returns what takes that back, if something else ends it."""
        if until is None:
            return _nothing
        if isinstance(until, Event):
            callbacks = until.callbacks
            callbacks.append(StopSimulation.callback)

            def take_back() -> None:
                if StopSimulation.callback in callbacks:
                    callbacks.remove(StopSimulation.callback)

            return take_back
        at = float(until)
        if at <= self._last_told():
            raise ValueError(f"until ({at}) must be greater than the current time")
        alarm = Call(self, _stop, ())
        self._put(at, URGENT, alarm)
        return alarm.cancel

    @abstractmethod
    def _last_told(self) -> float:
        """Give what `now` was when somebody asked."""

    @abstractmethod
    def _put(self, when: float, priority: EventPriority, call: Call) -> None:
        """Let a call stand among the events at a time."""

    @abstractmethod
    def _due_calls(self) -> list[Call]:
        """Find the calls that are due."""

    def _abort_all(self) -> None:
        """Abort what is open, and run the calls that are due, but no event: in them, sockets are closed."""
        for thing in list(self._open):
            thing.abort()
        for _ in range(_ROUNDS):
            for call in self._due_calls():
                callbacks, call.callbacks = call.callbacks, ()
                for callback in callbacks or ():
                    callback(call)


def never_happens(until: Event) -> RuntimeError:
    """Make the error of a run that ended before the event that should end it."""
    assert not until.triggered
    return RuntimeError(f'no scheduled events left but "until" event was not triggered: {until}')


def _stop() -> None:
    raise StopSimulation(None)


def _nothing() -> None:
    """Take nothing back."""


def copied(error: BaseException) -> BaseException:
    """Copy an error, as SimPy does: each that raises it has a traceback of its own."""
    copy = type(error)(*error.args)
    copy.__cause__ = error
    return copy
