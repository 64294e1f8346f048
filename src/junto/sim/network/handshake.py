"""How a connection is made: one round trip, and as many tries as it takes until one comes through."""

from __future__ import annotations

from errno import ECONNREFUSED, ETIMEDOUT
from typing import TYPE_CHECKING

from junto.sim.network.addresses import Wire, is_loopback

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.network.links import Link
    from junto.sim.network.streams import StreamEnd

__all__ = ["Handshake", "choose_source"]


def choose_source(host: Host, target: str) -> str:
    """Choose a host's own address from which it talks to another address."""
    stack = host.stack
    if stack.owns(target):
        return target
    if is_loopback(target):
        return "::1" if ":" in target else "127.0.0.1"
    if ":" in target:
        return stack.ipv6 or "::1"
    return host.ip


class Handshake:
    """The making of one connection, seen from the end that wants it.

    Nothing comes back from a host that is off or cut off, or whose listener has no room: then it is tried
    again, at the times of the network's `connect_retries`, until `connect_timeout`.
    """

    def __init__(self, client: StreamEnd, address: Wire) -> None:
        self._client = client
        self._address = address
        self._net = client.host.world.net
        self._kernel = client.host.kernel
        self._begun = client.host.now()
        self._child: StreamEnd | None = None
        self._over = False
        self._tries = 0

    def start(self) -> None:
        """Send the first packet, and plan the others."""
        self._client.connection = self._net.number_connection()
        self._record("connect")
        self._try()

    def give_up(self) -> None:
        """Let nothing come of it."""
        self._over = True
        self._lose_child()

    def _try(self) -> None:
        if self._over:
            return
        retries = self._net.connect_retries
        begun = self._begun
        if self._tries < len(retries):
            self._kernel.at(begun + retries[self._tries], self._try)
        else:
            self._kernel.at(begun + self._net.connect_timeout, self._time_out)
        now = begun if not self._tries else self._kernel.now
        self._tries += 1
        host = self._net.find(self._client.host, self._address[0])
        if host is None:
            self._record("drop", "nobody has this address")
            return
        there, back = self._net.links(self._client.host, host, self._address[0])
        if there.blocked or there.lost():
            self._record("drop", "SYN lost")
            return
        self._kernel.at(there.leave(now, 0) + there.latency(), self._arrive, host, there, back)

    def _arrive(self, host: Host, there: Link, back: Link) -> None:
        """The first packet has come to the host it was sent to."""
        if self._over or self._child is not None:
            return
        if there.blocked or back.blocked or not host.powered:
            self._record("drop", "SYN lost")
            return
        client = self._client
        listener = host.stack.find_listener(*self._address)
        when = self._kernel.now + back.latency()
        if listener is None:
            self._kernel.at(when, self._refused, back)
            return
        if len(listener.accepted) + listener.embryos > listener.backlog:
            self._record("drop", "backlog full")
            return
        if back.lost():
            self._record("drop", "SYN-ACK lost")
            return
        self._child = client.make_child(listener)
        self._kernel.at(when, self._answered, back)

    def _refused(self, back: Link) -> None:
        if self._over or back.blocked:
            return
        self._over = True
        self._record("refuse")
        self._client.refused(ECONNREFUSED)

    def _answered(self, back: Link) -> None:
        child = self._child
        if self._over or child is None:
            return
        if back.blocked or child.closed:
            self._lose_child()
            return
        self._over = True
        client = self._client
        client.handshake = None
        client.join(child)
        assert client.outflow is not None
        client.outflow.greet()
        client.changed()

    def _time_out(self) -> None:
        if not self._over:
            self._over = True
            self._lose_child()
            self._client.refused(ETIMEDOUT)

    def _lose_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            if child.listener is not None:
                child.listener.embryos -= 1
                child.listener = None
            child.close()

    def _record(self, kind: str, detail: str | None = None) -> None:
        world = self._client.host.world
        if world.trace is not None:
            ip, port = self._address
            host = self._net.find(self._client.host, ip)
            name = host.name if host is not None else f"{ip}:{port}"
            when = max(self._begun, self._kernel.now)
            world.trace.events.append(
                (when, self._client.host.name, kind, self._client.connection, name, None, None, detail)
            )
