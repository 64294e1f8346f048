"""Signs of life in quick succession, while answers are awaited."""

from __future__ import annotations

from collections.abc import Callable

from junto.errors import ConnectionLost, Overloaded
from junto.vsoa import sync
from junto.vsoa.timers import Timer

__all__ = ["Turbo"]


class Turbo:
    """Sends a NOOP again and again while requests of one client wait for their answers."""

    def __init__(self, client: sync.Client, interval: float, most: int) -> None:
        """Begin.

        Args:
            client: Connected; another connection needs another one of this.
            interval: Seconds from one to the next.
            most: How many to send before all answers were there once.
        """
        self._client = client
        self._most = most
        self._sent = 0
        self._timer = Timer(client.runtime)
        self._do(lambda: self._timer.start(interval, self._beat, interval))

    def _do(self, step: Callable[[], object]) -> None:
        runtime = self._client.runtime
        if runtime.is_in_callback():
            step()
        else:
            try:
                runtime.call(step)
            except ConnectionLost:
                pass  # the client has ended, and its timers with it

    def _beat(self) -> None:
        if not self._client.pending:
            self._sent = 0
        elif self._sent < self._most:
            self._sent += 1
            try:
                self._client.noop()
            except (ConnectionLost, Overloaded):
                pass  # what waits will hear of it

    def stop(self) -> None:
        """Send no more."""
        self._do(self._timer.stop)
