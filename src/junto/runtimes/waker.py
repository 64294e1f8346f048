"""How one thread ends another's poll."""

from __future__ import annotations

import contextlib
import socket
import weakref

__all__ = ["Waker"]


class Waker:
    """A socket to oneself: `wake` makes it ready, `drain` makes it quiet again.

    `wake` may be called from any thread, `drain` by the one that polled. What a thread did before
    `wake` is visible to what the other does after `drain`, even if no byte was sent for it.
    """

    def __init__(self) -> None:
        self._inner, self._outer = socket.socketpair()
        self._inner.setblocking(False)
        self._outer.setblocking(False)
        self.fd = self._inner.fileno()
        self._woken = False
        # In a circle that is collected the sockets might go before what would close them, and complain.
        self._unless_closed = weakref.finalize(self, _close, self._inner, self._outer)
        self._unless_closed.atexit = False  # until then threads may wait here

    def wake(self) -> None:
        if not self._woken:  # one byte is enough, and a full buffer would be a trap
            self._woken = True
            with contextlib.suppress(OSError):  # closed: there is nobody left to wake
                self._outer.send(b"\0")

    def drain(self, _mask: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._inner.recv(64)
        # After the byte is gone: who comes in between sees True, and is heard in this turn.
        self._woken = False

    def close(self) -> None:
        self._unless_closed.detach()  # not called: when an interpreter ends, it would do nothing
        _close(self._inner, self._outer)


def _close(*ends: socket.socket) -> None:
    for end in ends:
        end.close()
