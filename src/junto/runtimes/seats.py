"""Where threads sleep that follow a leader."""

from __future__ import annotations

import threading
from typing import Any, Final

from junto.runtimes.tasks import Future

__all__ = ["DONE", "LEADS", "WAITS", "Seat"]

# A seat's states.
WAITS: Final = 0
DONE: Final = 1
LEADS: Final = 2


class Seat:
    """Where one follower sleeps."""

    __slots__ = ("followers", "future", "ident", "lock", "state")

    def __init__(self, ident: int, future: Future[Any], followers: dict[Seat, None]) -> None:
        self.ident = ident
        self.future = future
        self.followers = followers
        self.state = WAITS
        self.lock = threading.Lock()
        self.lock.acquire()

    def wake(self) -> None:
        """Its future is done, or the runtime is closed; called under the runtime's lock."""
        if self.state == WAITS:
            self.state = DONE
            del self.followers[self]
            self.lock.release()
