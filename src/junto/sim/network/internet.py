"""The network between all hosts of a world: its links, and what cuts them.

world.net.link("a", "b").change(latency=(0.1, 0.2), loss=0.05)      # one direction
split = world.net.partition({"a"}, {"b", "c"})
split.heal()
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from junto.sim.kernel import SECOND
from junto.sim.network.addresses import is_loopback, literal
from junto.sim.network.coincidence import Coincidence
from junto.sim.network.endpoints import Endpoint
from junto.sim.network.latency import distribution
from junto.sim.network.links import Conditions, Link
from junto.sim.network.names import Names
from junto.sim.network.stack import Stack
from junto.sim.network.streams import State, StreamEnd

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.world import World

__all__ = ["FIRST_NUMBER", "Network", "Partition"]

FIRST_NUMBER = 1_000_000  # of what pretends to be a descriptor
LOOPBACK = Conditions(latency=(0.00001, 0.00003))
UNIX = Conditions(latency=0.000002)


class Network:
    """All links and endpoints of a world.

    Attributes:
        dns: The names, and how long and how well they are resolved.
        conditions: Those of links that are yet to be made.
        coincidence: What draws arrivals together, if the run is one of those.
        send_buffer: How many bytes a stream's sender keeps, in bytes.
        receive_buffer: How many bytes a stream's receiver keeps.
        connect_retries: When a connection is tried again, in nanoseconds after the first try.
        connect_timeout: When that ends.
        retransmission_timeout: How long bytes may go unacknowledged, in nanoseconds.
    """

    def __init__(
        self, world: World, conditions: Conditions, *, ipv6: bool = False, coincidence: float = 0.0
    ) -> None:
        self.world = world
        self.dns = Names(self)
        self.coincidence = Coincidence(world, coincidence)
        self.send_buffer = self.receive_buffer = 256 * 1024
        self.connect_retries: tuple[int, ...] = tuple(s * SECOND for s in (1, 3, 7, 15, 31, 63))
        self.connect_timeout = 127 * SECOND
        self.retransmission_timeout = 924 * SECOND
        self.conditions = conditions
        self._ipv6 = ipv6
        self._links: dict[tuple[Host, Host], Link] = {}
        self._loopbacks: dict[Host, Link] = {}
        self._unix: dict[Host, Link] = {}
        self._addresses: dict[str, Host] = {}
        self._partitions: dict[Partition, None] = {}
        self._endpoints: dict[int, Endpoint] = {}
        self._hosts = 0
        self._next_number = FIRST_NUMBER
        self._connections = 0

    def add(self, host: Host) -> Stack:
        """Give a new host its place.

        Raises:
            ValueError: Another host has its address, or it is none of IPv4; or
                the name means something already.
        """
        ip = literal(host.ip)
        if ip is None or ":" in ip or is_loopback(ip) or ip in self._addresses:
            raise ValueError(f"{host.ip} is no address for a host, or another host's")
        if host.name in ("", "localhost") or literal(host.name) == host.name:
            raise ValueError(f"{host.name!r} is no name for a host")
        number = self._hosts
        self._hosts += 1
        ipv6 = f"fd00::{number:x}" if self._ipv6 and number else None
        self._addresses[ip] = host
        if ipv6 is not None:
            self._addresses[ipv6] = host
        self.dns.add(host, [ip] if ipv6 is None else [ip, ipv6])
        return Stack(host, self, ipv6)

    # Endpoints

    def endpoint(self, number: int) -> Endpoint | None:
        """Find an open endpoint by what stands for its file descriptor."""
        return self._endpoints.get(number)

    def number_endpoint(self, end: Endpoint) -> int:
        """Give a new endpoint its number."""
        number = self._next_number
        self._next_number = number + 1
        self._endpoints[number] = end
        return number

    def forget(self, end: Endpoint) -> None:
        """Let the number of a closed endpoint go."""
        self._endpoints.pop(end.number, None)

    def half_closed(self) -> list[StreamEnd]:
        """List the ends that are open though the other end of their connection is closed."""
        return [
            end
            for end in self._endpoints.values()
            if isinstance(end, StreamEnd) and end.connection and (end.eof or end.state is State.OVER)
        ]

    def vanish(self) -> None:
        """Let all that is open be gone without a word: whoever closes it now does so after the run."""
        for end in list(self._endpoints.values()):
            end.vanish()

    def release(self, number: int) -> None:
        """Let a number go that stands for nothing any more."""
        self._endpoints.pop(number, None)

    def pretends(self, number: int) -> bool:
        """Tell whether a number is one of those that stand for descriptors, or was."""
        return FIRST_NUMBER <= number < self._next_number

    def number_apart(self) -> int:
        """Give a number to something that has one as descriptors have, and is no endpoint."""
        self._next_number += 1
        return self._next_number - 1

    def number_connection(self) -> int:
        """Give a new connection its number, from 1."""
        self._connections += 1
        return self._connections

    # Ways

    def find(self, host: Host, ip: str) -> Host | None:
        """Find the host that an address means, seen from a host."""
        return host if is_loopback(ip) else self._addresses.get(ip)

    def links(self, source: Host, target: Host, ip: str) -> tuple[Link, Link]:
        """Find the ways to an address of a host and back."""
        if source is target:
            loopback = self._loopback(source)
            return loopback, loopback
        return self.link(source, target), self.link(target, source)

    def route(self, source: StreamEnd, target: StreamEnd) -> Link:
        """Find the way from one end of a connection to the other."""
        if source.host is not target.host:
            return self.link(source.host, target.host)
        return (
            self._loopback(source.host)
            if isinstance(source.bound or target.bound, tuple)
            else self.unix_link(source.host)
        )

    def link(self, source: Host | str, target: Host | str) -> Link:
        """Find the direction from one host to another, given by itself or its name."""
        source, target = self._host(source), self._host(target)
        if source is target:
            return self._loopback(source)
        link = self._links.get((source, target))
        if link is None:
            link = self._links[source, target] = Link(source, target, self.conditions)
            for host in (source, target):
                if not host.powered:
                    link.block(host)
            for partition in self._partitions:
                if partition.cuts(source, target):
                    link.block(partition)
        return link

    def all_links(self) -> list[Link]:
        """List the links between hosts that there are."""
        return list(self._links.values())

    def unix_link(self, host: Host) -> Link:
        """Find the way between a host's unix sockets."""
        return self._own(self._unix, host, UNIX)

    def _loopback(self, host: Host) -> Link:
        return self._own(self._loopbacks, host, LOOPBACK)

    def _own(self, links: dict[Host, Link], host: Host, conditions: Conditions) -> Link:
        link = links.get(host)
        if link is None:
            link = links[host] = Link(host, host, conditions)
        chunking = self.conditions.chunking
        if link.conditions.chunking != chunking:
            link.change(chunking=chunking)
        return link

    def change(self, **conditions: Any) -> None:
        """Change conditions of all links between hosts, those to come too, by the names of `Conditions`."""
        self.conditions = replace(self.conditions, **conditions)
        distribution(self.conditions.latency)  # refuses what makes no sense
        for link in self._links.values():
            link.change(**conditions)

    def _host(self, host: Host | str) -> Host:
        return self.world.host(host) if isinstance(host, str) else host

    # Cuts

    def switch(self, host: Host, powered: bool) -> None:
        """A host has been switched on or off."""
        for (source, target), link in self._links.items():
            if host in (source, target):
                if powered:
                    link.unblock(host)
                else:
                    link.block(host)
                    if source is host:
                        for flow in list(link.flows):  # those of closed ends, too, which it had still to send
                            flow.source.vanish()

    def partition(self, *sides: Host | str | Iterable[Host | str], one_way: bool = False) -> Partition:
        """Let sets of hosts not reach each other; hosts in none of them reach all.

        Args:
            sides: Hosts, names, or sets of them; a single one is parted from
                all other hosts.
            one_way: Whether only what goes from the first set is stopped.

        Returns:
            What heals it.
        """
        sets = [frozenset(self._host(host) for host in _members(side)) for side in sides]
        partition = Partition(self, sets, one_way)
        self._partitions[partition] = None
        for (source, target), link in self._links.items():
            if partition.cuts(source, target):
                link.block(partition)
        return partition

    def heal(self, partition: Partition | None = None) -> None:
        """End a partition, or all of them."""
        for ended in [partition] if partition is not None else list(self._partitions):
            self._partitions.pop(ended, None)
            for link in self._links.values():
                link.unblock(ended)

    def reset(self, one: Host | str, other: Host | str) -> int:
        """Break all connections between two hosts, as something between them may.

        Returns:
            How many there were.
        """
        one, other = self._host(one), self._host(other)
        ends: dict[StreamEnd, None] = {}
        for link in (self.link(one, other), self.link(other, one)):
            for flow in link.flows:
                ends[flow.source] = ends[flow.target] = None
        broken = 0
        for end in ends:
            broken += end.broken()
        return broken // 2


class Partition:
    """Sets of hosts that do not reach each other."""

    def __init__(self, net: Network, sets: list[frozenset[Host]], one_way: bool) -> None:
        self._net = net
        self._sets = sets
        self._one_way = one_way

    def cuts(self, source: Host, target: Host) -> bool:
        """Tell whether it stops what goes from a host to another."""
        here, there = self._side(source), self._side(target)
        if len(self._sets) == 1:
            return here != there and (here == 0 or not self._one_way)
        if here is None or there is None or here == there:
            return False
        return here == 0 or not self._one_way

    def heal(self) -> None:
        """End it; what was held back comes when it is sent again."""
        self._net.heal(self)

    def _side(self, host: Host) -> int | None:
        for number, side in enumerate(self._sets):
            if host in side:
                return number
        return None


def _members(side: Host | str | Iterable[Host | str]) -> Iterable[Host | str]:
    return side if isinstance(side, Iterable) and not isinstance(side, str) else [side]
