"""What a host's kernel knows of the network: its endpoints, its addresses, and who has which port."""

from __future__ import annotations

import socket
from errno import EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT
from typing import TYPE_CHECKING, Any

from junto.sim.network.addresses import ANY4, ANY6, Wire, is_loopback, literal
from junto.sim.network.datagrams import DatagramEnd
from junto.sim.network.endpoints import Endpoint, os_error
from junto.sim.network.streams import State, StreamEnd
from junto.sim.network.unix import UnixNames

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.network.internet import Network

__all__ = ["Stack"]

EPHEMERAL = range(32768, 61000)
REUSE_PORT = (socket.SOL_SOCKET, socket.SO_REUSEPORT)
REUSE_ADDRESS = (socket.SOL_SOCKET, socket.SO_REUSEADDR)
ONLY_IPV6 = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


class Stack:
    """The network side of one host, through all its lives.

    Attributes:
        ipv6: The host's IPv6 address, or None.
        unix: Its unix names.
        endpoints: Its open endpoints, by number.
        ports: Those that are given to who asks for none in particular.
    """

    def __init__(self, host: Host, net: Network, ipv6: str | None) -> None:
        self.host = host
        self.net = net
        self.ipv6 = ipv6
        self.unix = UnixNames()
        self.endpoints: dict[int, Endpoint] = {}
        self.ports = EPHEMERAL
        self._ports: dict[tuple[int, int], list[Endpoint]] = {}  # by type and port
        self._next_port: int | None = None
        self._buried: list[object] = []

    def number_ports(self, ports: range) -> None:
        """Give ports of a range, from its beginning, to who asks for none in particular."""
        self.ports = ports
        self._next_port = 0

    # Lives

    def start(self) -> None:
        """A life of the host begins."""
        self.host.closing.append(self._end)
        self.net.switch(self.host, True)

    def power_off(self) -> None:
        """Nothing leaves or reaches the host any more."""
        self.net.switch(self.host, False)

    def _end(self, orderly: bool) -> None:
        for end in list(self.endpoints.values()):
            self._buried.append(
                end.on_change
            )  # what belonged to the process is not finalized before the run's end
            if orderly:
                end.close()
            else:
                end.vanish()
        self.endpoints.clear()
        self._ports.clear()
        self.unix = UnixNames()

    def register(self, end: Endpoint) -> int:
        """Take a new endpoint in.

        Returns:
            Its number.
        """
        number = self.net.number_endpoint(end)
        self.endpoints[number] = end
        return number

    def forget(self, end: Endpoint) -> None:
        """Let a closed endpoint and its port go."""
        self.endpoints.pop(end.number, None)
        self.net.forget(end)
        if isinstance(end.bound, tuple):
            holders = self._ports.get((end.type, end.bound[1]))
            if holders is not None and end in holders:
                holders.remove(end)
                if not holders:
                    del self._ports[end.type, end.bound[1]]
        else:
            self.unix.release(end)

    # Addresses

    def owns(self, ip: str) -> bool:
        """Tell whether an address is the host's own."""
        return ip == self.host.ip or is_loopback(ip) or (self.ipv6 is not None and ip == self.ipv6)

    def parse(self, family: int, address: Any) -> Wire:
        """Bring what a program gives as a peer's address into the network's form.

        Raises:
            OSError: It is of another family; gaierror, the name is not known.
        """
        name, port = address[:2]
        ip = literal(name) if name else ("::1" if family == socket.AF_INET6 else "127.0.0.1")
        if ip is None:
            infos = self.net.dns.resolve(self.host, name, port, family)
            ip = literal(infos[0][4][0])
            assert ip is not None
        if ":" in ip and family == socket.AF_INET:
            raise os_error(EAFNOSUPPORT)
        if ip == ANY4:
            ip = "127.0.0.1"
        elif ip == ANY6:
            ip = "::1"
        return ip, _port(port)

    # Ports

    def bind(self, end: Endpoint, address: Any) -> None:
        """Give an endpoint an address of its own.

        Raises:
            OSError: EADDRINUSE, EADDRNOTAVAIL, EINVAL.
        """
        if end.family == socket.AF_UNIX:
            self.unix.bind(end, address)
            return
        name, port = address[:2]
        ip = literal(name) if name else (ANY6 if end.family == socket.AF_INET6 else ANY4)
        if ip is None:
            ip = literal(self.net.dns.resolve(self.host, name, port, end.family)[0][4][0])
            assert ip is not None
        if ip == ANY4 and end.family == socket.AF_INET6:
            ip = ANY6 if name == ANY6 else ip
        if (":" in ip) and end.family == socket.AF_INET:
            raise os_error(EAFNOSUPPORT)
        if ip not in (ANY4, ANY6) and not self.owns(ip):
            raise os_error(EADDRNOTAVAIL)
        port = _port(port)
        if not port:
            port = self._free_port(end, ip)
        elif any(self._conflict(end, ip, other) for other in self._ports.get((end.type, port), ())):
            raise os_error(EADDRINUSE)
        self._hold(end, (ip, port))

    def bind_for(self, end: Endpoint, ip: str) -> None:
        """Give an endpoint that connects an ephemeral port of an address."""
        self._hold(end, (ip, self._free_port(end, ip)))

    def make_specific(self, end: Endpoint, ip: str) -> None:
        """Let a connected endpoint that was bound to any address have the one it uses."""
        assert isinstance(end.bound, tuple)
        if end.bound[0] in (ANY4, ANY6):
            end.bound = (ip, end.bound[1])

    def _hold(self, end: Endpoint, address: Wire) -> None:
        end.bound = address
        self._ports.setdefault((end.type, address[1]), []).append(end)

    def _free_port(self, end: Endpoint, ip: str) -> int:
        if self._next_port is None:  # where it begins differs, so that nobody counts on it
            choices = self.host.world.choices
            self._next_port = choices.once("net.port", self.host.name).below(len(EPHEMERAL))
        ports = self.ports
        for _ in ports:
            port = ports[self._next_port]
            self._next_port = (self._next_port + 1) % len(ports)
            if (end.type, port) not in self._ports:
                return port
        raise os_error(EADDRNOTAVAIL if end.type == socket.SOCK_STREAM else EADDRINUSE)

    def _conflict(self, end: Endpoint, ip: str, other: Endpoint) -> bool:
        """Tell whether two endpoints cannot have the same port."""
        assert isinstance(other.bound, tuple)
        if not (_covers(end, ip, other.bound[0]) or _covers(other, other.bound[0], ip)):
            return False
        if end.options.get(REUSE_PORT) and other.options.get(REUSE_PORT):
            return False
        if end.options.get(REUSE_ADDRESS) and other.options.get(REUSE_ADDRESS):
            return isinstance(other, StreamEnd) and other.state is State.LISTENING
        return True

    def check_listener(self, end: StreamEnd) -> None:
        """Make sure that an endpoint may listen where it is bound.

        Raises:
            OSError: EADDRINUSE, another one listens there.
        """
        if not isinstance(end.bound, tuple):
            return
        for other in self._ports.get((end.type, end.bound[1]), ()):
            if (
                other is not end
                and isinstance(other, StreamEnd)
                and other.state is State.LISTENING
                and self._conflict(end, end.bound[0], other)
            ):
                raise os_error(EADDRINUSE)

    def find_listener(self, ip: str, port: int) -> StreamEnd | None:
        """Find who accepts connections to an address."""
        found = self._best(
            [
                end
                for end in self._ports.get((socket.SOCK_STREAM, port), ())
                if isinstance(end, StreamEnd) and end.state is State.LISTENING
            ],
            ip,
        )
        assert found is None or isinstance(found, StreamEnd)
        return found

    def find_datagram(self, to: Wire, source: Wire) -> DatagramEnd | None:
        """Find who gets a datagram to an address from another one: first who is connected to that one."""
        ends = self._ports.get((socket.SOCK_DGRAM, to[1]), [])
        found = self._best([end for end in ends if end.remote == source], to[0])
        if found is None:
            found = self._best([end for end in ends if end.remote is None], to[0])
        assert found is None or isinstance(found, DatagramEnd)
        return found

    def _best(self, ends: list[Any], ip: str) -> Any:
        exact = [end for end in ends if end.bound[0] == ip]
        found = exact or [end for end in ends if _covers(end, end.bound[0], ip)]
        if not found:
            return None
        if len(found) > 1 and all(end.options.get(REUSE_PORT) for end in found):
            return found[self.host.choices("net.reuse_port").below(len(found))]
        return found[-1] if len(found) > 1 and found[0].type == socket.SOCK_DGRAM else found[0]


def _covers(end: Endpoint, ip: str, other: str) -> bool:
    """Tell whether an endpoint bound to an address also stands for another one."""
    if ip == other:
        return True
    if ip == ANY4:
        return ":" not in other
    if ip == ANY6:
        return ":" in other or not end.options.get(ONLY_IPV6)
    return False


def _port(port: Any) -> int:
    number = int(port or 0)
    if not 0 <= number <= 65535:
        raise OverflowError("port must be 0-65535.")
    return number
