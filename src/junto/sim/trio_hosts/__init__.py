"""trio on simulated hosts: its run loop, given its turns by the loop of its host.

`programs` is what `Host.run_trio` returns; `guest` drives trio's scheduler; `watching` is what trio asks for
I/O. What trio has for the whole process is divided between hosts by `interception.trio_parts`.
"""

from __future__ import annotations

from junto.sim.trio_hosts.programs import TrioProgram

__all__ = ["TrioProgram"]
