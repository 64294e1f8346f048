"""Who takes part: one module each, with a server and a client.

Every module has two functions, both ``async def`` if it runs in an event loop:

- ``serve(announce, **options)`` listens at 127.0.0.1, calls ``announce(port)`` and serves for ever;
- ``connect(port, work, **options)`` opens one connection and returns a `Client` for *work*.

RPC libraries really call ``add(3, 4)``. Those that only carry bytes send the bytes of such a request
and get them back, so nothing is charged to them for a codec or a dispatch that they do not have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

HOST = "127.0.0.1"

Announce = Callable[[int], None]


class Work(NamedTuple):
    """What one call does.

    Attributes:
        kind: ``add``; ``async_add``, the same by an ``async def`` handler; ``echo`` of bytes; ``take``,
            where the server answers only with the length of the bytes.
        size: How many bytes are sent by ``echo`` and ``take``.
    """

    kind: str = "add"
    size: int = 0

    def content(self) -> bytes:
        """Make the bytes that ``echo`` and ``take`` send, and no row of equal ones."""
        return bytes(range(256)) * (self.size // 256)

    def body(self) -> bytes:
        """Make what those send that only carry bytes."""
        return b'[0,1,["add",[3,4],{}]]' if self.kind == "add" else self.content()


ADD = Work()


class Pipe(NamedTuple):
    """Sending apart from receiving, where that is the faster way to have many requests in flight.

    Attributes:
        send: Sends one request; in an event loop it returns something to await.
        receive: Receives the next result, likewise.
    """

    send: Callable[[], Any]
    receive: Callable[[], Any]


@dataclass
class Client:
    """One open connection, ready for its work.

    Attributes:
        expected: What each call must give.
        call: Makes one call: returns its result, or in an event loop something to await.
        pipe: Used instead of *call* to have many in flight.
    """

    expected: Any
    call: Callable[[], Any]
    pipe: Pipe | None = None
