"""`select.epoll` over simulated sockets.

Only the endpoints that have told of a change since they were last found idle are looked at.
"""

from __future__ import annotations

import select
import selectors
from errno import EBADF, EEXIST, ENOENT
from typing import TYPE_CHECKING, Any

from junto.sim.errors import SimEscape
from junto.sim.here import here
from junto.sim.interception.installing import replace
from junto.sim.network.endpoints import Endpoint, os_error
from junto.sim.sockets.selecting import IN, OUT, PRI, descriptor, endpoint_at, mask_of
from junto.sim.sockets.waiting import deadline, give_way, unwatch, watch
from junto.sim.threads.baton import Waiter

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["SimEpoll"]

EDGE, ONCE = 1 << 31, 1 << 30
_real: Any = getattr(select, "epoll", None)


class _Entry:
    """One descriptor that is watched."""

    def __init__(self, epoll: SimEpoll, number: int, end: Endpoint, mask: int) -> None:
        self.epoll = epoll
        self.number = number
        self.end = end
        self.mask = mask
        self.enabled = True  # until it was told of, if it is to be once

    def changed(self) -> None:
        """Something may be ready: have it looked at, and who waits go on."""
        self.epoll.hear(self)


class SimEpoll:
    """What `select.epoll` makes in a world."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._number = host.world.net.number_apart()
        self._entries: dict[int, _Entry] = {}
        self._changed: dict[_Entry, None] = {}
        self._waiters: list[Waiter] = []
        self._order = host.choices("ready").below
        self.closed = False

    def fileno(self) -> int:
        self._check_open()
        return self._number

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            for entry in self._entries.values():
                unwatch(entry.end, entry.changed)
            self._entries.clear()
            self._changed.clear()

    def __enter__(self) -> SimEpoll:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(self, fd: Any, eventmask: int = IN | PRI | OUT) -> None:
        self._check_open()
        number = descriptor(fd)
        known = self._entries.get(number)
        if known is not None and not known.end.closed:
            raise os_error(EEXIST)
        end = endpoint_at(self._host, number, "epoll")
        if end is None:
            raise os_error(EBADF)
        entry = self._entries[number] = _Entry(self, number, end, eventmask)
        watch(end, entry.changed)
        entry.changed()

    def modify(self, fd: Any, eventmask: int) -> None:
        entry = self._entry(fd)
        entry.mask = eventmask
        entry.enabled = True
        entry.changed()

    def unregister(self, fd: Any) -> None:
        entry = self._entry(fd)
        del self._entries[entry.number]
        self._changed.pop(entry, None)
        unwatch(entry.end, entry.changed)

    def poll(self, timeout: float | None = None, maxevents: int = -1) -> list[tuple[int, int]]:
        self._check_open()
        if maxevents == 0 or maxevents < -1:
            raise ValueError(f"maxevents must be greater than 0, got {maxevents}")
        host = self._host
        if timeout is not None and timeout < 0:
            timeout = None
        until = deadline(host, timeout)
        if timeout == 0:
            give_way(host)
        while True:
            events = self._collect(maxevents)
            if events or timeout == 0:
                return events
            if here.host is None:
                raise SimEscape("epoll outside of the world", "only code of its host may wait for it")
            waiter = Waiter(host, "epoll")
            self._waiters.append(waiter)
            try:
                woken = waiter.wait_until(until)
            finally:
                self._waiters.remove(waiter)
            if not woken:
                return self._collect(maxevents)

    def hear(self, entry: _Entry) -> None:
        """Have an entry looked at, and who waits go on."""
        self._changed[entry] = None
        for waiter in self._waiters:
            waiter.wake()

    def _collect(self, most: int) -> list[tuple[int, int]]:
        """Find what is ready, in an order that is free, as the system's is."""
        changed = list(self._changed)
        order = self._order
        for last in range(len(changed) - 1, 0, -1):
            other = last - order(last + 1)  # neutral, 0, is the order in which they told
            changed[last], changed[other] = changed[other], changed[last]
        events: list[tuple[int, int]] = []
        for entry in changed:
            if len(events) == most:
                break
            if entry.end.closed:  # as with a real one it is then watched no more
                self._changed.pop(entry, None)
                if self._entries.get(entry.number) is entry:
                    del self._entries[entry.number]
                continue
            mask = mask_of(entry.end, entry.mask) if entry.enabled else 0
            if not mask or entry.mask & EDGE:
                del self._changed[entry]
            if mask:
                events.append((entry.number, mask))
                if entry.mask & ONCE:
                    entry.enabled = False
        return events

    def _entry(self, fd: Any) -> _Entry:
        self._check_open()
        number = descriptor(fd)
        entry = self._entries.get(number)
        if entry is None or entry.end.closed:
            raise os_error(ENOENT if endpoint_at(self._host, number, "epoll") else EBADF)
        return entry

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed epoll object")


class _Type(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (SimEpoll, _real))


class Epoll(metaclass=_Type):
    """What stands for `select.epoll`."""

    def __new__(cls, sizehint: int = -1, flags: int = 0) -> Any:
        host = here.host
        return _real(sizehint, flags) if host is None else SimEpoll(host)

    @staticmethod
    def fromfd(fd: int, /) -> Any:
        """Make one of a descriptor."""
        if here.host is None:
            return _real.fromfd(fd)
        raise SimEscape("select.epoll.fromfd", "make a new one")


if _real is not None:
    Epoll.__module__, Epoll.__name__, Epoll.__qualname__ = "select", "epoll", "epoll"
    replace("select", "epoll", Epoll)
    replace("selectors", "EpollSelector._selector_cls", Epoll)
else:
    _default_selector: Any = selectors.DefaultSelector
    _portable: Any = getattr(selectors, "PollSelector", selectors.SelectSelector)

    def default_selector() -> Any:
        """Make the best selector there is: in a world one that every system has."""
        return (_default_selector if here.host is None else _portable)()

    replace("selectors", "DefaultSelector", default_selector)
