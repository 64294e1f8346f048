"""Which sockets are ready: the system's way of asking, behind one small class.

On Linux this is a bare `select.epoll`: `selectors` makes an object per event and a
``max_ev`` per call, which a blocking request/reply would pay each time. Elsewhere it is `selectors`.
"""

from __future__ import annotations

import contextlib
import select
import selectors
from collections.abc import Callable
from typing import Protocol

__all__ = ["READ", "WRITE", "EpollPoller", "Poller", "SelectorPoller", "make_poller"]

# The values of EPOLLIN and EPOLLOUT, so that epoll's masks pass through as they are. A mask may
# have other bits as well (a hang-up, an error): both directions then learn it by trying.
READ = 1
WRITE = 4

_MOST_EVENTS = 128  # at a time; epoll.poll allocates for as many, and the rest comes next time


class Poller(Protocol):
    """Knows which sockets are watched for what.

    Attributes:
        handlers: What to call with a mask when a socket is ready, by its number.
        sees_changes: Whether `poll` in one thread notices what `watch` in another changes.
    """

    handlers: dict[int, Callable[[int], object]]
    sees_changes: bool

    def watch(self, fd: int, interest: int, handler: Callable[[int], object]) -> None:
        """Watch *fd* for *interest*, a sum of `READ` and `WRITE`; 0 stops watching."""
        ...

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        """Wait for at most *timeout* seconds; return pairs of number and mask."""
        ...

    def close(self) -> None: ...


class EpollPoller:
    """A `Poller` for Linux."""

    sees_changes = True

    def __init__(self) -> None:
        self.handlers: dict[int, Callable[[int], object]] = {}
        self._epoll = select.epoll()
        self._wait = self._epoll.poll

    def watch(self, fd: int, interest: int, handler: Callable[[int], object]) -> None:
        if not interest:
            # Not merely an empty interest: epoll reports hang-ups even then, again and again.
            if self.handlers.pop(fd, None) is not None:
                # A socket that was collected with all that held it has closed before, and is not there.
                with contextlib.suppress(OSError):
                    self._epoll.unregister(fd)
        elif fd in self.handlers:
            self.handlers[fd] = handler
            self._epoll.modify(fd, interest)
        else:
            self._epoll.register(fd, interest)
            self.handlers[fd] = handler

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        return self._wait(timeout, _MOST_EVENTS)

    def close(self) -> None:
        self.handlers.clear()
        self._epoll.close()


class SelectorPoller:
    """A `Poller` for every system."""

    # Some systems' ways do, but `select` does not.
    sees_changes = False

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        self.handlers: dict[int, Callable[[int], object]] = {}
        self._selector = selectors.DefaultSelector() if selector is None else selector

    def watch(self, fd: int, interest: int, handler: Callable[[int], object]) -> None:
        events = 0
        if interest & READ:
            events |= selectors.EVENT_READ
        if interest & WRITE:
            events |= selectors.EVENT_WRITE
        if not interest:
            if self.handlers.pop(fd, None) is not None:
                self._selector.unregister(fd)
        elif fd in self.handlers:
            self.handlers[fd] = handler
            self._selector.modify(fd, events)
        else:
            self._selector.register(fd, events)
            self.handlers[fd] = handler

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        return [
            (
                key.fd,
                (READ if events & selectors.EVENT_READ else 0)
                | (WRITE if events & selectors.EVENT_WRITE else 0),
            )
            for key, events in self._selector.select(timeout)
        ]

    def close(self) -> None:
        self.handlers.clear()
        self._selector.close()


def make_poller() -> Poller:
    """Make the quickest one that this system has."""
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()
