"""Addresses, in the one form the network uses and in the forms that sockets show.

The network knows an address as text and port; IPv4 is always written as IPv4. A socket of AF_INET6 sees it
mapped, as ``::ffff:10.0.0.1``.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

__all__ = ["ANY4", "ANY6", "Wire", "is_loopback", "literal", "shown"]

Wire = tuple[str, int]
ANY4 = "0.0.0.0"
ANY6 = "::"


@lru_cache(4096)
def literal(text: str) -> str | None:
    """Bring a literal address into its one form, an IPv4 one mapped into IPv6 too; None for a name."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return _short_ipv4(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


def _short_ipv4(text: str) -> str | None:
    """Read the old spellings of IPv4, such as ``127.1``."""
    if not text[:1].isdigit():
        return None
    try:
        return str(IPv4Address(socket.inet_aton(text)))
    except (OSError, ValueError):
        return None


def is_loopback(ip: str) -> bool:
    """Tell whether an address in the network's form is a host's own private one."""
    return ip.startswith("127.") or ip == "::1"


def shown(family: int, ip: str, port: int) -> Any:
    """Write an address as a socket of a family shows it."""
    if family == socket.AF_INET6:
        return ("::ffff:" + ip if "." in ip else ip, port, 0, 0)
    return (ip, port)
