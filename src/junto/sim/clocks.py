"""The two clocks of a host: one that only goes on, and one that shows the time of day.

Both follow the world's time, at a rate and from a start of their own. While a host's code runs, its time is
that of its turn's begin and what its callbacks have cost since.
"""

from __future__ import annotations

from math import ceil

from junto.sim.kernel import SECOND, Kernel

__all__ = ["HostClock"]


class HostClock:
    """What time it is for a host.

    Attributes:
        clock: The world's time for the host's code, in nanoseconds: when it is busy, until when.
        kernel: The world's kernel.
        rate: How fast both clocks run, relative to the world's.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.clock = kernel.now
        self._monotonic = 0  # what the clocks showed at the world time _since
        self._wall = 0
        self._since = kernel.now
        self.rate = 1.0

    def now(self) -> int:
        """Return the world's time for this host's code, in nanoseconds."""
        clock, now = self.clock, self.kernel.now
        return clock if clock > now else now

    def monotonic_ns(self) -> int:
        """Return what the monotonic clock shows."""
        return self._monotonic + self._elapsed()

    def time_ns(self) -> int:
        """Return what the wall clock shows, in nanoseconds since 1970."""
        return self._wall + self._elapsed()

    def set_clocks(self, monotonic: int, wall: int) -> None:
        """Set both clocks, in nanoseconds."""
        self._since = self.now()
        self._monotonic, self._wall = monotonic, wall

    def skew(self, seconds: float) -> None:
        """Move the wall clock, forwards or backwards."""
        self._wall += round(seconds * SECOND)

    def drift(self, rate: float) -> None:
        """Let both clocks run `rate` times as fast as the world's; 1 ends it."""
        self._monotonic, self._wall, self._since = self.monotonic_ns(), self.time_ns(), self.now()
        self.rate = rate

    def world_time(self, monotonic: float) -> int:
        """Tell when the monotonic clock will show at least `monotonic` seconds."""
        remaining = monotonic * SECOND - self._monotonic
        return self._since + ceil(remaining / self.rate) + 1  # a float's last bit must not make it early

    def when(self, monotonic: int) -> int:
        """Tell when the monotonic clock will show so many nanoseconds, if its rate stays as it is."""
        remaining = monotonic - self._monotonic
        return self._since + (remaining if self.rate == 1.0 else ceil(remaining / self.rate))

    def _elapsed(self) -> int:
        clock, now = self.clock, self.kernel.now
        elapsed = (clock if clock > now else now) - self._since
        return elapsed if self.rate == 1.0 else int(elapsed * self.rate)
