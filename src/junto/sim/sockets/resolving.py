"""Questions about names that code of a host asks and waits for the answer: they are the world's names."""

from __future__ import annotations

import socket
from typing import Any

from junto.sim.here import here
from junto.sim.interception.installing import replaces
from junto.sim.network.addresses import literal
from junto.sim.network.names import SERVICES
from junto.sim.threads.baton import Waiter

__all__ = [
    "getaddrinfo",
    "gethostbyaddr",
    "gethostbyname",
    "gethostbyname_ex",
    "getnameinfo",
    "getservbyname",
    "getservbyport",
]

_getaddrinfo, _getnameinfo = socket.getaddrinfo, socket.getnameinfo
_gethostbyname, _gethostbyname_ex = socket.gethostbyname, socket.gethostbyname_ex
_gethostbyaddr = socket.gethostbyaddr
_getservbyname, _getservbyport = socket.getservbyname, socket.getservbyport


def _wait_for(name: Any) -> None:
    host = here.host
    assert host is not None
    delay = host.world.net.dns.delay(host, name)
    if delay:
        Waiter(host, f"the address of {name}").wait(delay)


@replaces("socket", "getaddrinfo")
def getaddrinfo(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[Any]:
    """Resolve a name by the world's, in virtual time."""
    asking = here.host
    if asking is None:
        return _getaddrinfo(host, port, family, type, proto, flags)
    if not flags & socket.AI_NUMERICHOST:
        _wait_for(host)
    return list(asking.world.net.dns.resolve(asking, host, port, family, type, proto, flags))


@replaces("socket", "getnameinfo")
def getnameinfo(sockaddr: Any, flags: int, /) -> tuple[str, str]:
    """Tell a name of an address, in virtual time."""
    asking = here.host
    if asking is None:
        return _getnameinfo(sockaddr, flags)
    if not flags & socket.NI_NUMERICHOST:
        _wait_for("?")
    return asking.world.net.dns.name_of(sockaddr, flags)


@replaces("socket", "gethostbyname")
def gethostbyname(hostname: Any, /) -> str:
    """Tell the first IPv4 address of a name."""
    if here.host is None:
        return _gethostbyname(hostname)
    return _addresses(hostname)[0]


@replaces("socket", "gethostbyname_ex")
def gethostbyname_ex(hostname: Any, /) -> tuple[str, list[str], list[str]]:
    """Tell all IPv4 addresses of a name."""
    if here.host is None:
        return _gethostbyname_ex(hostname)
    return hostname, [], _addresses(hostname)


def _addresses(name: Any) -> list[str]:
    if name == "":
        return ["0.0.0.0"]
    infos = getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    return [info[4][0] for info in infos]


@replaces("socket", "gethostbyaddr")
def gethostbyaddr(ip_address: Any, /) -> tuple[str, list[str], list[str]]:
    """Tell the name of an address."""
    asking = here.host
    if asking is None:
        return _gethostbyaddr(ip_address)
    ip = literal(ip_address) or _addresses(ip_address)[0]
    _wait_for("?")
    try:
        name, _ = asking.world.net.dns.name_of((ip, 0), socket.NI_NAMEREQD)
    except socket.gaierror:
        raise socket.herror(1, "Unknown host") from None
    return name, [], [ip]


@replaces("socket", "getservbyname")
def getservbyname(servicename: str, protocolname: str = "tcp", /) -> int:
    """Tell the port of a service: the same on each machine."""
    if here.host is None:
        return _getservbyname(servicename, protocolname)
    if servicename not in SERVICES:
        raise OSError("service/proto not found")
    return SERVICES[servicename]


@replaces("socket", "getservbyport")
def getservbyport(port: int, protocolname: str = "tcp", /) -> str:
    """Tell the service that has a port: the same on each machine."""
    if here.host is None:
        return _getservbyport(port, protocolname)
    for name, number in SERVICES.items():
        if number == port:
            return name
    raise OSError("port/proto not found")
