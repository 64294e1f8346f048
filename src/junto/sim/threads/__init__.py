"""Threads of simulated hosts: real ones, of which one runs at a time, in an order that the seed decides."""

from __future__ import annotations

from junto.sim.threads import hashing
from junto.sim.threads.starting import replacements

__all__ = ["hashing", "replacements"]
