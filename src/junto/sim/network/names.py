"""The world's name service: what names mean, how long an answer takes, and whether there is one.

world.net.dns["db"] = ["n1", "10.0.0.9"]       # an alias: hosts' names and addresses
world.net.dns.fail("db")                       # from now on it cannot be resolved
world.net.dns.latency = (0.01, 0.2)
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from junto.sim.kernel import SECOND
from junto.sim.network.addresses import ANY4, ANY6, literal, shown
from junto.sim.network.latency import Latency, distribution

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.network.internet import Network

__all__ = ["AddressInfo", "Names", "Trouble"]

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]

# The services that programs ask for by name; those of the real machine would differ from place to place.
SERVICES = {
    "ftp": 21,
    "ssh": 22,
    "telnet": 23,
    "smtp": 25,
    "domain": 53,
    "http": 80,
    "pop3": 110,
    "ntp": 123,
    "imap": 143,
    "snmp": 161,
    "ldap": 389,
    "https": 443,
    "submission": 587,
    "ldaps": 636,
    "imaps": 993,
    "mqtt": 1883,
    "mysql": 3306,
    "postgresql": 5432,
    "amqp": 5672,
    "redis": 6379,
    "http-alt": 8080,
}
# As plain numbers: to ask an enumeration's flag for a bit takes a hundred times as long.
PASSIVE, CANONNAME, NUMERICHOST = int(socket.AI_PASSIVE), int(socket.AI_CANONNAME), int(socket.AI_NUMERICHOST)
NUMERICSERV, V4MAPPED, ALL = int(socket.AI_NUMERICSERV), int(socket.AI_V4MAPPED), int(socket.AI_ALL)
KINDS = (
    (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    (socket.SOCK_RAW, socket.IPPROTO_IP),
)


def gai_error(code: int, text: str) -> socket.gaierror:
    """Make the error of a name that cannot be resolved."""
    return socket.gaierror(code, text)


@dataclass(eq=False, slots=True)
class Trouble:
    """What some hosts have with names for a time.

    Attributes:
        hosts: The hosts.
        name: The name that it concerns; None for all.
        delay: How much longer an answer takes, in nanoseconds.
        answer: What the name seems to mean.
        hits: How often it was met.

    Without a delay and an answer there is no answer at all.
    """

    hosts: frozenset[Host]
    name: str | None = None
    delay: int | None = None
    answer: str | None = None
    hits: int = 0

    def concerns(self, host: Host, name: str) -> bool:
        """Tell whether a question of a host meets it."""
        return host in self.hosts and self.name in (None, name.lower().rstrip("."))


class Names(MutableMapping[str, list[str]]):
    """Names and what they mean: a list of addresses, and of other names.

    Attributes:
        latency: How long an answer takes; literals and ``localhost`` take no time.
        troubles: What befalls some hosts only.
    """

    def __init__(self, net: Network) -> None:
        self._net = net
        self._hosts: dict[str, list[str]] = {}
        self._names: dict[str, list[str]] = {}
        self._failures: dict[str | None, int] = {}
        self.latency: Latency = (0.0002, 0.002)
        self.troubles: list[Trouble] = []

    def add(self, host: Host, addresses: list[str]) -> None:
        """Let a host's name mean its addresses."""
        self._hosts[host.name.lower()] = addresses

    def __getitem__(self, name: str) -> list[str]:
        key = name.lower().rstrip(".")
        return self._names[key] if key in self._names else self._hosts[key]

    def __setitem__(self, name: str, targets: Iterable[str] | str) -> None:
        self._names[name.lower().rstrip(".")] = [targets] if isinstance(targets, str) else list(targets)

    def __delitem__(self, name: str) -> None:
        del self._names[name.lower().rstrip(".")]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._hosts, **self._names})

    def __len__(self) -> int:
        return len({**self._hosts, **self._names})

    def fail(self, name: str | None = None, code: int = socket.EAI_AGAIN) -> None:
        """Let a name, or all of them, not be resolved any more."""
        self._failures[None if name is None else name.lower()] = code

    def recover(self, name: str | None = None) -> None:
        """End what `fail` did for a name; None ends all of it."""
        if name is None:
            self._failures.clear()
        else:
            self._failures.pop(name.lower(), None)

    def delay(self, host: Host, name: Any) -> int:
        """Draw how long a host waits for the answer to a name, in nanoseconds."""
        text = _text(name)
        if not text or literal(text) is not None or _is_localhost(text):
            return 0
        delay = round(distribution(self.latency)(host.choices("net.dns").random()) * SECOND)
        for trouble in self.troubles:
            if trouble.delay is not None and trouble.concerns(host, text):
                trouble.hits += 1
                delay += trouble.delay
        return delay

    def resolve(
        self,
        host: Host,
        name: Any,
        port: Any,
        family: int = 0,
        kind: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[AddressInfo]:
        """Answer as `socket.getaddrinfo` does on a host, without waiting.

        Raises:
            gaierror: EAI_NONAME, EAI_SERVICE, EAI_FAMILY, EAI_BADFLAGS, or the failure that was asked for.
        """
        flags = int(flags)
        if family not in (0, socket.AF_INET, socket.AF_INET6):
            raise gai_error(socket.EAI_FAMILY, "ai_family not supported")
        text = _text(name)
        if text is None and port is None:
            raise gai_error(socket.EAI_NONAME, "Name or service not known")
        number = self._service(port, flags)
        kinds = [k for k in KINDS if kind in (0, k[0]) and proto in (0, k[1])]
        if not kinds:
            raise gai_error(socket.EAI_SOCKTYPE, "ai_socktype not supported")
        canonical = (text or "") if flags & CANONNAME else ""
        infos: list[AddressInfo] = []
        for fam, ip in self._addresses(host, text, family, flags):
            for one, protocol in kinds:
                address = shown(fam, ip, number)
                infos.append((fam, one, protocol, canonical, address))
                canonical = ""
        if not infos:
            raise gai_error(socket.EAI_NONAME, "Name or service not known")
        return infos

    def _addresses(
        self, host: Host, text: str | None, family: int, flags: int
    ) -> list[tuple[socket.AddressFamily, str]]:
        if not text:
            if flags & PASSIVE:
                found = [ANY4] + [ANY6] * (family == socket.AF_INET6 or host.stack.ipv6 is not None)
            else:
                found = self._localhost(host, family)
        elif (ip := literal(text)) is not None:
            mapped = ":" in text and ":" not in ip  # a literal of IPv6 is one, also where it says IPv4
            if mapped:
                return [(socket.AF_INET6, ip)] if family != socket.AF_INET else []
            if family == socket.AF_INET6 and ":" not in ip and not flags & V4MAPPED:
                raise gai_error(socket.EAI_ADDRFAMILY, "Address family for hostname not supported")
            found = [ip]
        elif flags & NUMERICHOST:
            raise gai_error(socket.EAI_NONAME, "Name or service not known")
        elif _is_localhost(text):
            found = self._localhost(host, family)
        else:
            found = self._ask(host, text)
        four = [(socket.AF_INET, ip) for ip in found if ":" not in ip]
        six = [(socket.AF_INET6, ip) for ip in found if ":" in ip]
        if family == socket.AF_INET:
            return list(four)
        if family == socket.AF_INET6:
            if flags & V4MAPPED and (not six or flags & ALL):
                six = six + [(socket.AF_INET6, ip) for _, ip in four]
            return list(six)
        if text:
            return [*six, *four]  # as RFC 6724 prefers
        return [*four, *six]

    def _localhost(self, host: Host, family: int) -> list[str]:
        wants6 = family == socket.AF_INET6 or host.stack.ipv6 is not None
        return ["::1", "127.0.0.1"] if wants6 else ["127.0.0.1"]

    def _ask(self, host: Host, text: str) -> list[str]:
        key = text.lower().rstrip(".")
        code = self._failures.get(key, self._failures.get(None))
        world = self._net.world
        answer = self._follow(key, 0) if code is None else []
        for trouble in self.troubles:
            if trouble.delay is None and trouble.concerns(host, key):
                trouble.hits += 1
                if trouble.answer is None:
                    code, answer = socket.EAI_AGAIN, []
                else:
                    ip = literal(trouble.answer)
                    answer = [ip] if ip is not None else self._follow(trouble.answer, 0)
        if world.trace is not None:
            detail = f"{key} = {', '.join(answer) or 'not known'}"
            world.trace.events.append((host.now(), host.name, "dns", None, None, None, None, detail))
        if code is not None:
            raise gai_error(code, "Temporary failure in name resolution")
        return answer

    def _follow(self, key: str, depth: int) -> list[str]:
        if key not in self._names:
            return self._hosts.get(key, [])
        if depth > 8:
            raise gai_error(socket.EAI_FAIL, f"the alias {key} leads back to itself")
        found: list[str] = []
        for target in self._names[key]:
            ip = literal(target)
            found += [ip] if ip is not None else self._follow(target.lower().rstrip("."), depth + 1)
        return list(dict.fromkeys(found))

    def _service(self, port: Any, flags: int) -> int:
        if port is None or port in ("", b""):
            return 0
        if isinstance(port, int):
            return port
        text = port.decode() if isinstance(port, bytes | bytearray) else str(port)
        if text.isdigit():
            return int(text)
        if flags & NUMERICSERV or text not in SERVICES:
            raise gai_error(socket.EAI_SERVICE, "Servname not supported for ai_socktype")
        return SERVICES[text]

    def name_of(self, address: Any, flags: int) -> tuple[str, str]:
        """Answer as `socket.getnameinfo` does.

        Raises:
            gaierror: EAI_NONAME, a name was required and there is none.
        """
        ip, port = literal(address[0]), address[1]
        if ip is None:
            raise gai_error(socket.EAI_NONAME, "Name or service not known")
        name = address[0]
        if not flags & socket.NI_NUMERICHOST:
            names = [key for key, addresses in self._hosts.items() if ip in addresses]
            if ip in ("127.0.0.1", "::1"):
                names = ["localhost"]
            if not names and flags & socket.NI_NAMEREQD:
                raise gai_error(socket.EAI_NONAME, "Name or service not known")
            name = names[0] if names else name
        services = {number: service for service, number in SERVICES.items()}
        numeric = flags & socket.NI_NUMERICSERV or port not in services
        return name, str(port) if numeric else services[port]


def _text(name: Any) -> str | None:
    """Read a name as `getaddrinfo` takes it: text, also of other scripts, or bytes."""
    if name is None:
        return None
    if isinstance(name, bytes | bytearray):
        return name.decode("ascii")
    if not isinstance(name, str):
        raise TypeError(f"getaddrinfo() argument 1 must be string or None, not {type(name).__name__}")
    return name if name.isascii() else name.encode("idna").decode("ascii")


def _is_localhost(text: str) -> bool:
    name = text.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")
