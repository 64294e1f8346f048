"""Where containers are, and the URLs of the agents in them.

    tcp://127.0.0.1:5555/0        tcp://[::1]:5555/0        tls://example.org:5555/0
    ipc://[/run/market.sock]/0    local://market/0

An agent's URL is the base URL of its container and the agent's path, which is its id, and behind that the
names of services in it. A unix socket's base URL is in the form of aiomas, in which the path has an end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from junto.address import Address

__all__ = ["Place", "is_everywhere", "split_url"]

_KINDS = ("tcp://", "tls://", "ipc://", "unix://", "local://")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container is.

    Attributes:
        scheme: ``tcp``, ``tls``, ``unix`` or ``local``.
        host: A host's name or number without brackets; the path of a unix socket; the name of a local queue.
        port: 0 but for ``tcp`` and ``tls``.
    """

    scheme: Literal["tcp", "tls", "unix", "local"]
    host: str
    port: int = 0

    @classmethod
    def parse(cls, url: str | Address | Place) -> Place:
        """Read a container's address: what `Address` knows, ``ipc://[path]/`` and ``local://name``.

        Raises:
            ValueError: The text is no such address; the message tells what is wrong with it.
        """
        if isinstance(url, Place):
            return url
        if isinstance(url, Address):
            return cls(url.scheme, url.path or url.host, url.port)
        if isinstance(url, str) and url.startswith(("ipc://", "unix://[", "local://", "tcp://", "tls://")):
            place, path = _split(url if url.endswith("/") else f"{url}/")
            if path:
                raise ValueError(f"{url!r} is an agent's URL; a container's has nothing behind its address")
            return place
        if isinstance(url, str) and not url.startswith(_KINDS):
            raise ValueError(f"{url!r} does not begin with one of {', '.join(_KINDS)}")
        return cls.parse(Address.parse(url))

    @property
    def address(self) -> Address:
        """The same for a runtime; there is none for ``local``."""
        if self.scheme == "unix":
            return Address("unix", path=self.host)
        assert self.scheme != "local", "a queue is no address of the network"
        return Address(self.scheme, self.host, self.port)

    @property
    def base(self) -> str:
        """The container's base URL, which ends in a slash."""
        if self.scheme == "unix":
            return f"ipc://[{self.host}]/"
        if self.scheme == "local":
            return f"local://{self.host}/"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/"

    def with_host(self, host: str) -> Place:
        """Make the same place with another host."""
        return replace(self, host=host)


def is_everywhere(place: Place) -> bool:
    """Tell whether a place to listen at is every interface, which is no place to connect to."""
    return place.scheme in ("tcp", "tls") and place.host in ("", "0.0.0.0", "::")


def split_url(url: str) -> tuple[Place, str]:
    """Take an agent's URL apart.

    Returns:
        Where its container is, and its path there.

    Raises:
        ValueError: It is none; the message tells what is wrong with it.
    """
    if not isinstance(url, str):
        raise ValueError(f"an agent's URL is a text such as 'tcp://127.0.0.1:5555/0', not {url!r}")
    place, path = _split(url)
    if not path or path[0] == "/" or path[-1] == "/":
        raise ValueError(f"{url!r} names no agent: it needs an id behind the container's address")
    return place, path


def _split(url: str) -> tuple[Place, str]:
    scheme, _, rest = url.partition("://")
    if scheme in ("tcp", "tls"):
        where, slash, path = rest.partition("/")
        if not slash:
            raise ValueError(f"{url!r} needs a slash behind its port")
        return _at_port(url, scheme, where), path
    if scheme == "ipc" or (scheme == "unix" and rest.startswith("[")):
        where, end, path = rest.partition("]/")
        if where[:1] != "[" or len(where) < 2 or not end or "\0" in where:
            raise ValueError(f"{url!r} needs the path of a socket in brackets: ipc://[path]/")
        return Place("unix", where[1:]), path
    if scheme == "unix":
        where, slash, path = rest.rpartition("/")
        if not where or "\0" in where:
            raise ValueError(f"{url!r} names no socket")
        return Place("unix", where), path
    if scheme == "local":
        where, slash, path = rest.partition("/")
        if not where or not slash:
            raise ValueError(f"{url!r} names no queue: local://name/")
        return Place("local", where), path
    raise ValueError(f"{url!r} does not begin with one of {', '.join(_KINDS)}")


def _at_port(url: str, scheme: str, where: str) -> Place:
    host, _, port = where.rpartition(":")
    if ":" in host and host[0] != "[":
        where = f"[{host}]:{port}"  # as aiomas writes it
    try:
        address = Address.parse(f"{scheme}://{where}")
    except ValueError as error:
        raise ValueError(f"{url!r} is no container's address: {error}") from None
    return Place("tls" if scheme == "tls" else "tcp", address.host, address.port)
