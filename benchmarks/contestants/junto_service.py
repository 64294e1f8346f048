"""The service that junto's servers offer, the same for every flavour, and the calls to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.contestants import Client, Work
from junto import expose


class Service:
    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    async def async_add(self, a: int, b: int) -> int:
        return a + b

    @expose
    def echo(self, content: bytes) -> bytes:
        return content

    @expose
    def take(self, content: bytes) -> int:
        return len(content)


def make_client(peer: Any, work: Work) -> Client:
    """Write the call as a user would, with the proxy looked up each time."""
    content = work.content()
    calls: dict[str, tuple[Any, Callable[[], Any]]] = {
        "add": (7, lambda: peer.remote.add(3, 4)),
        "async_add": (7, lambda: peer.remote.async_add(3, 4)),
        "echo": (content, lambda: peer.remote.echo(content)),
        "take": (work.size, lambda: peer.remote.take(content)),
    }
    return Client(*calls[work.kind])
