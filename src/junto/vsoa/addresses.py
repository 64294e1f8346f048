"""Addresses of VSOA servers: ``vsoa://host:port/path``, or a name that the position service knows."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from junto.address import Address

__all__ = ["ServerURL", "plain_host"]

_PORT = re.compile("[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class ServerURL:
    """Where a server is, or is to be.

    Attributes:
        host: An IP address without brackets, a host's name, or the name of a server; empty for every
            interface.
        port: 0 to 65535; ``None`` for a name that is to be looked up.
        path: What is behind the host, with its slash; empty if nothing is.
    """

    host: str
    port: int | None = None
    path: str = ""

    @classmethod
    def parse(cls, url: str | ServerURL) -> ServerURL:
        """Read a URL; one that is read already is returned as it is.

        Raises:
            ValueError: The text is not such a URL; the message tells what is wrong with it.
        """
        if isinstance(url, ServerURL):
            return url
        scheme, separator, rest = url.partition("://") if isinstance(url, str) else ("", "", "")
        if not separator or scheme.lower() != "vsoa":
            raise ValueError(f"{url!r} does not begin with vsoa://")
        place, slash, path = rest.partition("/")
        host, closed, port = place.rpartition("]") if place.startswith("[") else (place, "", "")
        if closed:
            host = host[1:]
        elif place.startswith("["):
            raise ValueError(f"{url!r} has no valid host")
        else:
            host, colon, port = place.partition(":")
            port = colon + port
        if port and not (port[0] == ":" and _PORT.fullmatch(port[1:]) and int(port[1:]) <= 65535):
            raise ValueError(f"{url!r} has no valid port, which is from 0 to 65535")
        number = _is_number(host)
        if (bool(closed) != (number and ":" in host)) or any(c.isspace() or c in "@?#[]" for c in host):
            raise ValueError(f"{url!r} has no valid host")
        if not port and (number or not host or host.lower() == "localhost"):
            raise ValueError(f"{url!r} needs a port, as in 'vsoa://127.0.0.1:3000'")
        return cls(host, int(port[1:]) if port else None, slash + path)

    @property
    def is_direct(self) -> bool:
        """Whether the host needs no look-up by the position service."""
        return not self.host or _is_number(self.host) or self.host.lower() == "localhost"

    def to_address(self, *, tls: bool = False) -> Address:
        """Give the address of its transport; there must be a port."""
        assert self.port is not None, "a name without a port is looked up first"
        host = "127.0.0.1" if self.host.lower() == "localhost" else self.host
        return Address("tls" if tls else "tcp", host, self.port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"vsoa://{host}{port}{self.path}"


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def plain_host(host: str) -> str:
    """Give an IP address in one form: sockets for both families write IPv4 in the form of IPv6."""
    return host.removeprefix("::ffff:") if "." in host else host
