"""Addresses: from the text that people write to a value, and back.

    tcp://127.0.0.1:5555      tcp://[::1]:5555      tcp://:5555 (every interface)
    tls://example.org:5555    unix:///run/math.sock    unix://relative.sock

Port 0 lets the system choose; a listener's address then tells the port it got.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Address"]

_PORT = re.compile("[0-9]{1,5}")
_SCHEMES = ("tcp", "tls", "unix")


@dataclass(frozen=True, slots=True)
class Address:
    """A place to connect to or to listen at.

    Attributes:
        scheme: ``tcp``, ``tls`` or ``unix``.
        host: A host's name or number without brackets, empty for every
            interface; empty for ``unix``.
        port: 0 to 65535; 0 for ``unix``.
        path: The path of a unix socket, empty otherwise.
    """

    scheme: Literal["tcp", "tls", "unix"]
    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, url: str | Address) -> Address:
        """Read a URL; an `Address` is returned as it is.

        Raises:
            ValueError: The text is not such a URL; the message tells what is
                wrong with it.
        """
        if isinstance(url, Address):
            return url
        if not isinstance(url, str):
            raise ValueError(f"an address is a text such as 'tcp://127.0.0.1:5555', not {url!r}")
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in _SCHEMES:
            known = ", ".join(f"{name}://" for name in _SCHEMES)
            raise ValueError(f"{url!r} does not begin with one of {known}")
        if scheme == "unix":
            if not rest or "\0" in rest:
                raise ValueError(f"{url!r} names no path")
            return cls("unix", path=rest)
        host, separator, port = rest.removesuffix("/").rpartition(":")
        if not separator or not _PORT.fullmatch(port) or int(port) > 65535:
            raise ValueError(f"{url!r} needs a port from 0 to 65535, as in '{scheme}://127.0.0.1:5555'")
        number = host.startswith("[") and host.endswith("]")
        if number:
            host = host[1:-1]
        if number != (":" in host):
            raise ValueError(
                f"{url!r} has no valid host: an IPv6 number, and nothing else, stands in brackets"
            )
        if any(
            character in "/[]@?#" or character.isspace() or not character.isprintable() for character in host
        ):
            raise ValueError(f"{url!r} has no valid host")
        return cls("tls" if scheme == "tls" else "tcp", host=host, port=int(port))

    def with_port(self, port: int) -> Address:
        """Make the same address with another port."""
        return replace(self, port=port)

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"
