"""How the code of a host waits for endpoints, and how several may watch the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from junto.sim.errors import SimEscape
from junto.sim.here import here
from junto.sim.kernel import SECOND
from junto.sim.network.endpoints import Endpoint
from junto.sim.threads.baton import Waiter

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["deadline", "give_way", "unwatch", "wait_until", "watch"]


class _Several:
    """Tells all who watch one endpoint."""

    def __init__(self, *listeners: Callable[[], None]) -> None:
        self.listeners = list(listeners)

    def __call__(self) -> None:
        for listener in tuple(self.listeners):
            listener()


def watch(end: Endpoint, listener: Callable[[], None]) -> None:
    """Have a function called when an endpoint's readiness may have changed, besides who is told already."""
    present = end.on_change
    if end.closed:
        return
    if present is None:
        end.on_change = listener
    elif isinstance(present, _Several):
        present.listeners.append(listener)
    else:
        end.on_change = _Several(present, listener)


def unwatch(end: Endpoint, listener: Callable[[], None]) -> None:
    """End what `watch` began; nothing happens if that is so."""
    present = end.on_change
    if isinstance(present, _Several):
        if listener in present.listeners:
            present.listeners.remove(listener)
        if len(present.listeners) == 1:
            end.on_change = present.listeners[0]
    elif present == listener:
        end.on_change = None


def deadline(host: Host, timeout: float | None) -> int | None:
    """Tell when a timeout in seconds is over, by the host's monotonic clock in nanoseconds."""
    return None if timeout is None else host.monotonic_ns() + round(timeout * SECOND)


def wait_until(
    host: Host, ends: Iterable[Endpoint], ready: Callable[[], bool], on: str, until: int | None
) -> bool:
    """Block the calling code of a host until something holds, or up to a time.

    Args:
        host: The host.
        ends: The endpoints on which it depends whether it holds.
        ready: Tells whether it does.
        on: What is waited for, for reports.
        until: The time by the host's monotonic clock, in nanoseconds, or None.

    Returns:
        Whether it holds.

    Raises:
        SimEscape: It is no code of a host that asks.
    """
    if here.host is None:
        raise SimEscape(f"waiting for {on} outside of the world", "only code of its host may wait for it")
    watched = list(ends)
    waiter = Waiter(host, on)
    for end in watched:
        watch(end, waiter.wake)
    try:
        while not ready():
            if not waiter.wait_until(until):
                return ready()
        return True
    finally:
        for end in watched:
            unwatch(end, waiter.wake)


def give_way(host: Host) -> None:
    """Let a thread that asks, and does not wait, take a little time, and others go on in that time.

    Without it who asks again and again would do so for ever in the same instant. A runtime that asks is no
    program: it asks when something is there.
    """
    if here.host is None:
        return
    host.clock = host.now() + int(host.callback_cost)
    if here.thread is not None and host.kernel.horizon() <= host.clock:
        Waiter(host, "its next turn").wait(1)
