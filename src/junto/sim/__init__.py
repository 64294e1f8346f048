"""The simulated world: whole distributed programs in virtual time, on a network that fails from a seed."""

from __future__ import annotations

from junto.sim.artefacts import Artefact, ArtefactError
from junto.sim.decorating import simulated as test
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
from junto.sim.exploring import Explored, NotDeterministic, explore
from junto.sim.faults import Faults
from junto.sim.fixtures import fixture
from junto.sim.host import Host, Program
from junto.sim.investigating import SimFailure
from junto.sim.operations import ops
from junto.sim.plans import Fault, Plan, PlanError
from junto.sim.points import choose, note, reached, sometimes
from junto.sim.replaying import Replay, replay
from junto.sim.running import Outcome, run
from junto.sim.scenarios import ScenarioError
from junto.sim.world import World

__all__ = [
    "Artefact",
    "ArtefactError",
    "Explored",
    "Fault",
    "Faults",
    "Host",
    "HostDied",
    "NotDeterministic",
    "OracleFailed",
    "Outcome",
    "Plan",
    "PlanError",
    "Program",
    "Replay",
    "ScenarioError",
    "SimDeadlock",
    "SimError",
    "SimEscape",
    "SimFailure",
    "SimStuck",
    "SimTimeout",
    "UnclaimedError",
    "World",
    "choose",
    "explore",
    "fixture",
    "note",
    "ops",
    "reached",
    "replay",
    "run",
    "sometimes",
    "test",
]
