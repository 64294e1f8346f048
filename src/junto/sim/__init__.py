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
from junto.sim.faults import Faults
from junto.sim.host import Host, Program
from junto.sim.plans import Fault, Plan, PlanError
from junto.sim.points import choose, note, reached, sometimes
from junto.sim.running import Outcome, run
from junto.sim.world import World

__all__ = [
    "Fault",
    "Faults",
    "Host",
    "HostDied",
    "OracleFailed",
    "Outcome",
    "Plan",
    "PlanError",
    "Program",
    "SimDeadlock",
    "SimError",
    "SimEscape",
    "SimStuck",
    "SimTimeout",
    "UnclaimedError",
    "World",
    "choose",
    "note",
    "reached",
    "run",
    "sometimes",
]
