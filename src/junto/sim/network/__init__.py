"""The simulated network, below every API of sockets: endpoints that belong to a host and never wait.

`internet` has the network as a whole: links, partitions, resets; `links` and `latency` what one direction
does to packets. `stack` is one host's side: addresses and ports. `endpoints`, `streams` (with `stream_data`,
`handshake` and `flows`), `datagrams` and `unix` are sockets below their surface; `names` resolves names.
"""

from __future__ import annotations

from junto.sim.network.datagrams import DatagramEnd
from junto.sim.network.endpoints import Endpoint
from junto.sim.network.internet import Network, Partition
from junto.sim.network.latency import fixed, lognormal, pareto, uniform
from junto.sim.network.links import Conditions, Link
from junto.sim.network.streams import StreamEnd
from junto.sim.network.unix import pair

__all__ = [
    "Conditions",
    "DatagramEnd",
    "Endpoint",
    "Link",
    "Network",
    "Partition",
    "StreamEnd",
    "fixed",
    "lognormal",
    "pair",
    "pareto",
    "uniform",
]
