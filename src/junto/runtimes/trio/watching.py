"""Watching sockets: a task for each direction in which something is awaited."""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio
from trio.lowlevel import notify_closing, wait_readable, wait_writable

from junto.runtimes.polling import READ, WRITE

__all__ = ["Watches"]

_log = logging.getLogger("junto")


class Watch:
    """What one socket is watched for.

    Attributes:
        fd: The socket's number.
        interest: A sum of `READ` and `WRITE`; 0 for ever once nobody is interested any more.
        handler: Called with what the socket is ready for.
        pumps: The directions that have a task.
        waiting: Those of them whose task waits for the system.
    """

    __slots__ = ("fd", "handler", "interest", "pumps", "waiting")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.interest = 0
        self.handler: Callable[[int], object]
        self.pumps = 0
        self.waiting = 0


class Watches:
    """All watched sockets of one runtime."""

    def __init__(self, nursery: trio.Nursery, *, shielded: bool) -> None:
        self._nursery = nursery
        self._shielded = shielded
        self._watches: dict[int, Watch] = {}

    def watch(self, fd: int, interest: int, handler: Callable[[int], object], /) -> None:
        """Call *handler* with `READ` or `WRITE` whenever *fd* is ready; an interest of 0 stops that.

        To be stopped before the socket is closed.
        """
        watch = self._watches.get(fd)
        if watch is None:
            if not interest:
                return
            watch = self._watches[fd] = Watch(fd)
        lost = watch.interest & ~interest
        watch.interest = interest
        watch.handler = handler
        if not interest:
            del self._watches[fd]
        if lost & watch.waiting:
            # Tasks in either direction wake up, look what is still wanted, and wait again or end.
            watch.waiting = 0
            notify_closing(fd)
        wanted = interest & ~watch.pumps
        if wanted & READ:
            self._nursery.start_soon(self._pump, watch, READ, name="junto reads")
        if wanted & WRITE:
            self._nursery.start_soon(self._pump, watch, WRITE, name="junto writes")
        watch.pumps |= wanted

    async def _pump(self, watch: Watch, direction: int) -> None:
        wait = wait_readable if direction == READ else wait_writable
        is_socket = True
        with trio.CancelScope(shield=self._shielded):
            while watch.interest & direction and is_socket:
                watch.waiting |= direction
                try:
                    await wait(watch.fd)
                except trio.ClosedResourceError:  # the interest has changed
                    continue
                except OSError:  # closed behind our back, which the handler learns by trying
                    is_socket = False
                watch.waiting &= ~direction
                if watch.interest & direction:
                    try:
                        watch.handler(direction)
                    except Exception as error:
                        _log.error("a socket could not be served", exc_info=error)
        watch.pumps &= ~direction
