"""Arrivals and timers that come close are drawn together, for many faults show only when they coincide.

Only latencies grow by it, by less than the window: what happens could have happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from junto.sim.kernel import SECOND

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.world import World

__all__ = ["Coincidence"]


class Coincidence:
    """Whether and how much arrivals of a run are delayed to meet others.

    Attributes:
        active: Whether this run is one of those.
        window: By how much an arrival is delayed at most, in nanoseconds.
    """

    def __init__(self, world: World, probability: float, window: float = 0.002) -> None:
        self.active = probability > 0 and world.choices.stream("coincidence", "world").random() < probability
        self.window = round(window * SECOND)
        self._met: dict[Host, int] = {}

    def pull(self, host: Host, when: int) -> int:
        """Delay an arrival at a host to the next other arrival or timer there, if it is within the window."""
        if not self.active:
            return when
        last = self._met.get(host, 0)
        timer = host.loop.next_timer()
        near = [t for t in (last, timer) if t is not None and when < t <= when + self.window]
        if near:
            return min(near)
        self._met[host] = max(when, last)
        return when
