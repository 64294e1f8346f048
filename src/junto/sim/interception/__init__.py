"""Interception: clocks, randomness, identities and counters of the process, as each host sees them.

`installing` holds the registry, in which the other parts of the simulation put what they replace; `clocks`,
`unix_clocks` and `dates` tell the time; `entropy` and `generators` draw; `identity` says who a process is;
`counters` and `numbering` count what a process would count from its start; `trio_parts` does so for trio;
`borrowing` is what surrounds a run, with `older_generators`; `imports` is for those in the middle of one;
`refusing` has what cannot be simulated; `audit` finds what all this does not reach.
"""

from __future__ import annotations

from junto.sim.interception import (
    clocks,
    counters,
    dates,
    entropy,
    generators,
    identity,
    imports,
    refusing,
    trio_parts,
    unix_clocks,
)
from junto.sim.interception.borrowing import borrowed
from junto.sim.interception.installing import install, installed, replace, replaces, uninstall, when_imported
from junto.sim.interception.numbering import NumberingLoop, task_factory

__all__ = [
    "NumberingLoop",
    "borrowed",
    "clocks",
    "counters",
    "dates",
    "entropy",
    "generators",
    "identity",
    "imports",
    "install",
    "installed",
    "refusing",
    "replace",
    "replaces",
    "task_factory",
    "trio_parts",
    "uninstall",
    "unix_clocks",
    "when_imported",
]
