"""Sockets of simulated hosts: the surface of `socket`, `select` and `ssl`, over endpoints of the network.

`simsocket` has the class, with `receiving`, `sending` and `options`; `making` is how code of a host comes to
have one when it asks for a `socket.socket`; `resolving` answers about names. `selecting` and `epolling` tell
which sockets are ready, `secured` speaks TLS in threads, `unix_paths` has the files of unix sockets,
`descriptors` what is done with their numbers. All of them wait by `waiting`.
"""

from __future__ import annotations

from junto.sim.sockets import descriptors, epolling, making, resolving, secured, selecting, unix_paths
from junto.sim.sockets.simsocket import SimSocket, endpoint_of

__all__ = [
    "SimSocket",
    "descriptors",
    "endpoint_of",
    "epolling",
    "making",
    "resolving",
    "secured",
    "selecting",
    "unix_paths",
]
