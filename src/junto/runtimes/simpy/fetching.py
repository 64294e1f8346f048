"""Events that fetch what comes, one item each, and that take nothing from anybody in vain."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from simpy.events import PENDING

from junto.runtimes.simpy.futures import DoneCallback, Future, Waiters

if TYPE_CHECKING:
    from junto.runtimes.simpy.contract import SocketEnvironment

__all__ = ["Fetch"]

T = TypeVar("T")


class _Demand(Waiters):
    fetch: Fetch[Any]

    def append(self, callback: Any, /) -> None:
        super().append(callback)
        self.fetch.demand()

    def remove(self, callback: Any, /) -> None:
        super().remove(callback)
        if len(self) == 1:  # what is left is the fetch itself
            self.fetch.withdraw()


class Fetch(Future[T]):
    """The next item of an inbox, taken out of it at the moment when it is handed to who waits.

    So a process that is interrupted takes none away, nor does a condition that another event has
    satisfied: the event stays as it was, and fetches what is next when it is yielded again.
    """

    def __init__(self, env: SocketEnvironment, arrival: Callable[[], Any], take: Callable[[], T]) -> None:
        """Prepare to fetch; nothing happens before somebody waits.

        Args:
            env: The environment.
            arrival: Gives a future that is done when there is something to take; whoever waits no
                more cancels it.
            take: Takes what is there, or raises what there is instead.
        """
        super().__init__(env)
        self._ok = True  # the environment looks at it, even if there was nothing to hand over
        self._arrival = arrival
        self._take = take
        self._arriving: Future[None] | None = None
        self._demand: _Demand | None
        self._scheduled = False
        demand = _Demand([DoneCallback(self._hand_over)])
        demand.fetch = self
        self.callbacks = self._demand = demand

    def demand(self) -> None:
        """Look for an item: somebody waits."""
        if self._arriving is None and not self._scheduled and self._value is PENDING:
            try:
                arriving = self._arrival()
            except Exception as error:
                self.set_exception(error)
                return
            if arriving.done():
                self._schedule()
            else:
                self._arriving = arriving
                arriving.add_done_callback(self._arrived)

    def withdraw(self) -> None:
        """Look no more: nobody waits."""
        arriving, self._arriving = self._arriving, None
        if arriving is not None:
            arriving.cancel()

    def _arrived(self, arriving: Future[None]) -> None:
        if arriving is self._arriving:
            self._arriving = None
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self.env.schedule(self)

    def _hand_over(self, _event: Any) -> None:
        """Do as the first of the callbacks: have a value for the others, if there are any."""
        self._scheduled = False
        demand, self._demand = self._demand, None  # no circle is left of what was handed over
        if self._value is not PENDING:
            return  # cancelled, or failed
        if demand is not None and len(demand) == 1:
            self.callbacks = self._demand = demand  # as if nothing had been
            return
        try:
            self._value = self._take()
        except Exception as error:
            self._ok = False
            self._value = error
            self._defused = True

    def _settle_as_cancelled(self) -> None:
        self.withdraw()
        super()._settle_as_cancelled()
