"""Faults between hosts: what they do to the links of a world's network.

Several faults may concern the same link at a time. Of each condition the last fault that began and has not
ended counts; when none is left, the link has again what it had before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from junto.sim.plans import Fault, PlanError

if TYPE_CHECKING:
    from junto.sim.world import World

__all__ = ["NetworkFaults"]


class NetworkFaults:
    """The faults that are in effect between hosts."""

    def __init__(self, world: World) -> None:
        self._world = world

    def begin(self, fault: Fault) -> tuple[int, Callable[[], int] | None]:
        """Begin a fault; return what it has hit so far, and what ends it and counts the rest.

        Raises:
            PlanError: There is no network that could have it.
        """
        raise PlanError(f"this world has no network for {fault.kind}")
