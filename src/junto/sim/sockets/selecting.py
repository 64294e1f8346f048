"""`select.select` and `select.poll` over simulated sockets, and what their masks say of an endpoint."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterable
from errno import ENOENT
from typing import TYPE_CHECKING, Any

from junto.sim.errors import SimEscape
from junto.sim.here import here
from junto.sim.interception.installing import replace, replaces
from junto.sim.network.endpoints import Endpoint, os_error
from junto.sim.sockets.waiting import deadline, give_way, wait_until

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["ERR", "HUP", "IN", "OUT", "PRI", "RDHUP", "descriptor", "endpoint_at", "mask_of"]

# Of poll and epoll alike.
IN, PRI, OUT, ERR, HUP, NVAL, RDHUP = 1, 2, 4, 8, 16, 32, 0x2000

_select: Any = select.select
_poll: Any = getattr(select, "poll", None)


def mask_of(end: Endpoint, wanted: int) -> int:
    """Tell what holds of an endpoint: of what is wanted, and of what is always told."""
    mask = 0
    if end.hung_up():
        mask = HUP
    if end.error:
        mask |= ERR
    if wanted & IN and (mask or end.readable()):
        mask |= IN
    if wanted & OUT and (mask or end.writable()):
        mask |= OUT
    if wanted & RDHUP and getattr(end, "eof", False):
        mask |= RDHUP
    return mask


def descriptor(thing: Any) -> int:
    """Find the number of a descriptor, or of an object that has one."""
    number = thing if isinstance(thing, int) else thing.fileno()
    if not isinstance(number, int):
        raise TypeError("fileno() returned a non-integer")
    if number < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({number})")
    return number


def endpoint_at(host: Host, number: int, call: str) -> Endpoint | None:
    """Find the endpoint of a descriptor; None for one that was closed.

    Raises:
        SimEscape: It is a real one.
    """
    net = host.world.net
    end = net.endpoint(number)
    if end is not None and end.host is host:
        return end
    if end is None and net.pretends(number):
        return None
    raise SimEscape(
        f"{call} with descriptor {number}", "it is none of this host's simulated sockets; wait for these only"
    )


@replaces("select", "select")
def select_(
    rlist: Iterable[Any], wlist: Iterable[Any], xlist: Iterable[Any], timeout: float | None = None, /
) -> tuple[list[Any], list[Any], list[Any]]:
    """Wait until sockets are ready."""
    host = here.host
    if host is None:
        found: tuple[list[Any], list[Any], list[Any]] = _select(rlist, wlist, xlist, timeout)
        return found
    if timeout is not None and timeout < 0:
        raise ValueError("timeout must be non-negative")
    until = deadline(host, timeout)
    readers, writers, others = (
        [(thing, _endpoint_for_select(host, thing)) for thing in things] for things in (rlist, wlist, xlist)
    )
    ends = list(dict.fromkeys(end for _, end in [*readers, *writers, *others]))
    if timeout == 0:
        give_way(host)

    def look() -> tuple[list[Any], list[Any], list[Any]]:
        return (
            [thing for thing, end in readers if mask_of(end, IN)],
            [thing for thing, end in writers if mask_of(end, OUT) & (OUT | ERR)],
            [],  # there is no urgent data
        )

    ready = look()
    if not any(ready) and timeout != 0 and wait_until(host, ends, lambda: any(look()), "select()", until):
        ready = look()
    return ready


def _endpoint_for_select(host: Host, thing: Any) -> Endpoint:
    end = endpoint_at(host, descriptor(thing), "select()")
    if end is None:
        raise os_error(9)
    return end


class SimPoll:
    """What `select.poll` makes in a world."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._ends: dict[int, tuple[Endpoint | None, int]] = {}

    def register(self, fd: Any, eventmask: int = IN | PRI | OUT, /) -> None:
        number = descriptor(fd)
        self._ends[number] = endpoint_at(self._host, number, "poll()"), eventmask

    def modify(self, fd: Any, eventmask: int, /) -> None:
        number = descriptor(fd)
        if number not in self._ends:
            raise os_error(ENOENT)
        self._ends[number] = self._ends[number][0], eventmask

    def unregister(self, fd: Any, /) -> None:
        del self._ends[descriptor(fd)]

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        host = self._host
        if timeout is not None and timeout < 0:
            timeout = None
        until = deadline(host, None if timeout is None else timeout / 1000)
        if timeout == 0:
            give_way(host)
        ready = self._look()
        if not ready and timeout != 0:
            ends = [end for end, _ in self._ends.values() if end is not None]
            if wait_until(host, ends, lambda: bool(self._look()), "poll()", until):
                ready = self._look()
        return ready

    def _look(self) -> list[tuple[int, int]]:
        ready = []
        for number, (end, wanted) in self._ends.items():
            mask = NVAL if end is None or end.closed else mask_of(end, wanted)
            if mask:
                ready.append((number, mask))
        return ready


if _poll is not None:

    @replaces("select", "poll")
    def poll() -> Any:
        """Make an object that waits until sockets are ready."""
        host = here.host
        return _poll() if host is None else SimPoll(host)

    replace("selectors", "PollSelector._selector_cls", staticmethod(poll))

replace("selectors", "SelectSelector._select", staticmethod(select_))


def _refuse(name: str) -> Callable[..., Any]:
    original: Any = getattr(select, name)

    @replaces("select", name)
    def make(*args: Any, **options: Any) -> Any:
        if here.host is None:
            return original(*args, **options)
        raise SimEscape(f"select.{name}", "take selectors.PollSelector or selectors.SelectSelector")

    return make


for _name in ("devpoll", "kqueue"):
    if hasattr(select, _name):
        _refuse(_name)
