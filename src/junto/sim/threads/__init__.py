"""Threads of simulated hosts: real ones, of which one runs at a time, in an order that the seed decides.

`baton` hands on from one to the next; `locks` and `starting` are what `threading` builds all else on;
`numbering` keeps their order free from addresses.
"""

from __future__ import annotations

from junto.sim.threads import numbering
from junto.sim.threads.starting import replacements

__all__ = ["numbering", "replacements"]
