"""The name service: one JSON object in a datagram asks, one answers, without a frame around them.

There is no number by which an answer could be told from another; whoever asks uses a port for each question.
"""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import dataclass
from typing import Any, Final

from junto.errors import CodecError
from junto.sansio.vsoa.payloads import decode_param, encode_param

__all__ = [
    "ANY_DOMAIN",
    "DEFAULT_PORT",
    "MAX_DATAGRAM",
    "Position",
    "Query",
    "decode_answer",
    "decode_query",
    "domain_of",
    "encode_answer",
    "encode_query",
    "read_servers",
    "read_servers_file",
]

MAX_DATAGRAM: Final = 4096
DEFAULT_PORT: Final = 54
ANY_DOMAIN: Final = -1
_MAX_NAME: Final = 512
_IPV4: Final = 2  # everywhere
_IPV6: Final = {"darwin": 30, "win32": 23}.get(sys.platform, 10)


@dataclass(frozen=True, slots=True)
class Query:
    """A question where a server is.

    Attributes:
        name: The server's name.
        domain: The number of an address family in the asker's system, or `ANY_DOMAIN`.
        content: All of what was asked, as it was received.
    """

    name: str
    domain: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a server is.

    Attributes:
        host: An IP address.
        port: From 0 to 65535.
        security: Whether the server speaks TLS.
    """

    host: str
    port: int
    security: bool = False

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.host)  # raises ValueError
        if not isinstance(self.port, int) or not 0 <= self.port <= 65535:
            raise ValueError(f"a port is a number from 0 to 65535, not {self.port!r}")


def domain_of(host: str) -> int:
    """Give this system's number of the family of an IP address.

    Raises:
        ValueError: *host* is no IP address.
    """
    return _IPV4 if ipaddress.ip_address(host).version == 4 else _IPV6


def encode_query(name: str, domain: int = ANY_DOMAIN) -> bytes:
    """Make the datagram that asks for the server *name*.

    Raises:
        ValueError: The name is empty, or has more than 512 bytes.
    """
    if not isinstance(name, str) or not name or len(name.encode()) > _MAX_NAME:
        raise ValueError(f"a server's name is a text of 1 to {_MAX_NAME} bytes, not {name!r}")
    return encode_param({"name": name, "domain": domain})


def _read_object(datagram: bytes) -> dict[str, Any] | None:
    content = decode_param(datagram) if len(datagram) <= MAX_DATAGRAM else None
    return content if isinstance(content, dict) else None


def decode_query(datagram: bytes) -> Query | None:
    """Read a question; ``None`` if it is none."""
    content = _read_object(datagram)
    name = None if content is None else content.get("name")
    if content is None or not isinstance(name, str) or not name or len(name) > _MAX_NAME:
        return None
    domain = content.get("domain", ANY_DOMAIN)
    return Query(name, domain if type(domain) is int else ANY_DOMAIN, content)


def encode_answer(position: Position | None) -> bytes:
    """Make the datagram that tells a position; of ``None``, that there is no such server."""
    if position is None:
        return b"{}"
    answer: dict[str, Any] = {
        "addr": position.host,
        "port": position.port,
        "domain": domain_of(position.host),
    }
    if position.security:
        answer["security"] = True
    return encode_param(answer)


def decode_answer(datagram: bytes) -> Position | None:
    """Read an answer; ``None`` if it says that there is no such server.

    Raises:
        CodecError: It is no answer at all.
    """
    content = _read_object(datagram)
    if content is None:
        raise CodecError("a position is told by a JSON object")
    if not content.get("addr"):
        return None
    try:
        return Position(content["addr"], content["port"], content.get("security") is True)
    except (KeyError, TypeError, ValueError) as error:
        raise CodecError(f"this is no position: {error}") from error


def _read_server(text: str) -> tuple[str, int] | None:
    """Read ``host``, ``host port``, ``host:port`` or ``[v6]:port``; ``None`` where that fails."""
    words = text.split()
    if not words:
        return None
    host, port = words[0], "" if len(words) < 2 else words[1]
    if host.startswith("["):
        host, closed, rest = host[1:].partition("]")
        if not closed:
            return None
        port = rest.removeprefix(":") or port
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) <= 65535)):
        return None
    return host, int(port) if port else DEFAULT_PORT


def read_servers(text: str) -> list[tuple[str, int]]:
    """Read the environment variable's form: position servers, with commas between them.

    Returns:
        Host and port of each, in order; items that cannot be read are left out.
    """
    return [server for item in text.split(",") if (server := _read_server(item)) is not None]


def read_servers_file(text: str) -> list[tuple[str, int]]:
    """Read the file's form: one position server in a line, ``#`` before what is only for people.

    Returns:
        Host and port of each, in order; lines that cannot be read are left out.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    return [server for line in lines if (server := _read_server(line)) is not None]
