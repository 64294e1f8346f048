"""Locks of a world's threads: what `threading` builds all the rest on.

A lock belongs to the world in which it was made. Where nothing runs in a world any more, as at the end of the
process, a lock that is taken is simply refused.
"""

from __future__ import annotations

from collections import deque
from threading import get_ident

from junto.sim.here import here
from junto.sim.kernel import SECOND
from junto.sim.threads.baton import Waiter

__all__ = ["SimLock", "SimRLock"]


class SimLock:
    """What ``threading.Lock()`` makes in a world."""

    def __init__(self) -> None:
        self._locked = False
        self._waiters: deque[Waiter] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, as ``threading.Lock.acquire`` does.

        Raises:
            ValueError: The timeout is negative, or given without blocking.
        """
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        if not self._locked:
            self._locked = True
            return True
        return blocking and self._wait(timeout)

    def _wait(self, timeout: float) -> bool:
        host = here.host
        if host is None:
            return False
        end = None if timeout < 0 else host.monotonic_ns() + round(timeout * SECOND)
        waiter = Waiter(host, "a lock")
        while self._locked:
            self._waiters.append(waiter)
            woken = False
            try:
                woken = waiter.wait_until(end)
            finally:
                if not woken:
                    self._forget(waiter)
            if not woken:
                return False
        self._locked = True
        return True

    def release(self) -> None:
        """Give the lock back.

        Raises:
            RuntimeError: It was not taken.
        """
        if not self._locked:
            raise RuntimeError("release unlocked lock")
        self._locked = False
        if self._waiters:
            self._waiters.popleft().wake()

    def locked(self) -> bool:
        """Tell whether it is taken."""
        return self._locked

    def _forget(self, waiter: Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif not self._locked and self._waiters:  # it was woken in the instant of its timeout
            self._waiters.popleft().wake()

    def _at_fork_reinit(self) -> None:
        self._locked = False
        self._waiters.clear()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class SimRLock:
    """What ``threading.RLock()`` makes in a world."""

    def __init__(self) -> None:
        self._block = SimLock()
        self._owner: object = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, again if this thread has it, as ``threading.RLock.acquire`` does."""
        me = _strand()
        if self._owner == me:
            self._count += 1
            return True
        if not self._block.acquire(blocking, timeout):
            return False
        self._owner, self._count = me, 1
        return True

    def release(self) -> None:
        """Give it back once.

        Raises:
            RuntimeError: This thread does not have it.
        """
        if self._owner != _strand():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            self._block.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    # What threading.Condition uses

    def _acquire_restore(self, state: tuple[int, object]) -> None:
        self._block.acquire()
        self._count, self._owner = state

    def _release_save(self) -> tuple[int, object]:
        state = (self._count, self._owner)
        self._count, self._owner = 0, None
        self._block.release()
        return state

    def _is_owned(self) -> bool:
        return self._owner == _strand()

    def _recursion_count(self) -> int:
        return self._count if self._owner == _strand() else 0

    def _at_fork_reinit(self) -> None:
        self._block._at_fork_reinit()  # pyright: ignore[reportPrivateUsage]  # its own kind
        self._owner, self._count = None, 0


def _strand() -> object:
    """Tell who runs: a host's thread, or its loop's own, on whatever real thread that is just now."""
    return here.thread or here.host or get_ident()
