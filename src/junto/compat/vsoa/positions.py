"""The position service: who asks, and who answers."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from junto.sansio.vsoa.positions import Position as Place
from junto.sansio.vsoa.positions import Query
from junto.vsoa import sync
from junto.vsoa.addresses import ServerURL

__all__ = ["Position", "chosen", "lookup", "pos"]

_chosen: list[tuple[str, int]] = []


def pos(addr: str, port: int) -> None:
    """Ask this position server, and no other.

    Raises:
        ValueError: *addr* is no IP address, or *port* none from 1 to 65535.
    """
    ipaddress.ip_address(addr)
    if not isinstance(port, int) or not 0 < port <= 65535:
        raise ValueError(f"a port is from 1 to 65535, not {port!r}")
    _chosen[:] = [(addr, port)]


def chosen() -> list[tuple[str, int]] | None:
    """Give what `pos` has chosen; ``None`` for what is configured."""
    return list(_chosen) or None


def lookup(name: str, domain: int = -1) -> tuple[str, int] | tuple[None, None]:
    """Ask where the server *name* is; ``(None, None)`` if nobody knows it.

    Raises:
        TypeError: *name* is empty, or no text.
    """
    if not isinstance(name, str) or not name:
        raise TypeError("a server's name is a text")
    found = sync.lookup(name, servers=chosen(), domain=domain)
    return (None, None) if found is None else (found.host, found.port)


class Position:
    """A position server; *onquery* gets the question and what to answer with."""

    def __init__(self, onquery: Callable[[dict[str, Any], Callable[[Any], None]], Any]) -> None:
        self._onquery = onquery

    def run(self, host: str, port: int) -> None:
        """Answer, for ever."""
        with sync.serve_positions({}, str(ServerURL(host, port))) as server:
            server.on_query(self._asked)
            server.serve_forever()

    def _asked(self, query: Query, answer: Callable[[Place | None], None]) -> None:
        def reply(found: Any = None) -> None:
            answer(_place_of(found))

        self._onquery(query.content, reply)


def _place_of(answer: Any) -> Place | None:
    if not answer:
        return None
    if not isinstance(answer, dict):
        raise TypeError("a position is a dictionary")
    return Place(answer["addr"], answer["port"], answer.get("security", False))
