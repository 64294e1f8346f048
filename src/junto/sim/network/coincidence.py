"""Arrivals and timers that come close are drawn together, for many faults show only when they coincide.

The host on which something arrives is busy for a moment, as any host may be; what comes in that moment, it
handles in one turn. All of it could have happened without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from junto.sim.kernel import SECOND

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.world import World

__all__ = ["Coincidence"]


class Coincidence:
    """Whether hosts of a run are now and then busy when something arrives.

    Attributes:
        active: Whether this run is one of those.
        window: How long a host is busy at most, in nanoseconds.
    """

    def __init__(self, world: World, probability: float, window: float = 0.002) -> None:
        self.active = probability > 0 and world.choices.stream("coincidence", "world").random() < probability
        self.window = round(window * SECOND)

    def arrived(self, host: Host) -> None:
        """Something arrives at a host: let it wait for the next timer, or for what else may come."""
        now = host.kernel.now
        if not self.active or host.clock > now or not host.running:
            return
        timer = host.loop.next_timer()
        if timer is not None and now < timer <= now + self.window:
            host.clock = timer
        else:
            draw = host.choices("coincidence").random
            if draw() < 0.25:
                host.clock = now + round(draw() * self.window)
