"""The simulated world: whole distributed programs in virtual time, on a network that fails from a seed."""

from __future__ import annotations

from junto.sim.errors import (
    HostDied,
    OracleFailed,
    SimDeadlock,
    SimError,
    SimEscape,
    SimStuck,
    SimTimeout,
    UnclaimedError,
)
from junto.sim.host import Host, Program
from junto.sim.world import World

__all__ = [
    "Host",
    "HostDied",
    "OracleFailed",
    "Program",
    "SimDeadlock",
    "SimError",
    "SimEscape",
    "SimStuck",
    "SimTimeout",
    "UnclaimedError",
    "World",
]
