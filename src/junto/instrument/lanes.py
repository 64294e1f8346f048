"""Who may read and who may write: calls of one client, first come, first served.

There is a lane for reading and one for writing. A transaction needs both, from its write to the end of its
read; a lone read and a lone write need one each, and so run beside each other. A call never overtakes one
that came before it and needs the same lane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from junto.runtime import Future

__all__ = ["BOTH", "OPEN", "READ", "WRITE", "Lanes"]

READ: Final = 1
WRITE: Final = 2
BOTH: Final = READ | WRITE
# Whoever finds no connection takes this one too: there is one attempt at a time.
OPEN: Final = 4


class Lanes:
    """Turns.

    Attributes:
        busy: The lanes that are taken, as a sum; whoever finds those that he needs free, and nobody
            in the queue, takes them by adding them.
        queue: Those who wait, in order.
        holder: Who took both last, as the caller names himself; to tell a deadlock from a wait.
        inside: The lanes of the calls inside a turn that consists of several.
    """

    __slots__ = ("busy", "holder", "inside", "queue")

    def __init__(self) -> None:
        self.busy = 0
        self.queue: dict[Future[None], int] = {}
        self.holder: object = None
        self.inside: Lanes | None = None

    def take(self, needs: int) -> bool:
        """Take all of *needs* at once, unless one is busy or somebody waits for one of them."""
        if self.busy & needs or (self.queue and any(lanes & needs for lanes in self.queue.values())):
            return False
        self.busy |= needs
        return True

    def enter(self, needs: int, future: Future[None]) -> None:
        """Stand in the queue; *future* is done when it is that turn's time."""
        self.queue[future] = needs

    def leave(self, needs: int, future: Future[None]) -> None:
        """Give up a place in the queue, or a turn that has come meanwhile."""
        if self.queue.pop(future, None) is not None:
            self._serve()
        elif not future.cancelled() and future.exception() is None:
            self.release(needs)

    def release(self, needs: int) -> None:
        """End a turn."""
        self.busy &= ~needs
        if self.queue:
            self._serve()

    def refuse(self, error: Callable[[], BaseException]) -> None:
        """Fail all who wait, inside a turn as well."""
        if self.inside is not None:
            self.inside.refuse(error)
        queue, self.queue = self.queue, {}
        for future in queue:
            if not future.done():
                future.set_exception(error())

    def _serve(self) -> None:
        blocked = self.busy
        for future, needs in list(self.queue.items()):
            if future.done():
                continue  # it gave up, and leaves by itself
            if not needs & blocked:
                del self.queue[future]
                self.busy |= needs
                future.set_result(None)
            blocked |= needs
            if blocked & BOTH == BOTH and blocked & OPEN:
                return
