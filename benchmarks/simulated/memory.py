"""The least that a simulated connection can be: a transport that hands bytes to its peer's protocol."""

from __future__ import annotations

import asyncio
from typing import Any


class Half(asyncio.Transport):
    """One end; each write is one callback of the loop at the other end, without any model of a network."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._closing = False
        self.peer: Half = self
        self.protocol: asyncio.Protocol = asyncio.Protocol()

    def write(self, data: Any) -> None:
        self._loop.call_soon(self.peer.protocol.data_received, data)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self.peer.protocol.eof_received)
            self._loop.call_soon(self.protocol.connection_lost, None)


def connect(first: asyncio.Protocol, second: asyncio.Protocol) -> tuple[Half, Half]:
    """Join two protocols."""
    loop = asyncio.get_running_loop()
    ends = Half(loop), Half(loop)
    for end, peer, protocol in zip(ends, reversed(ends), (first, second), strict=True):
        end.peer = peer
        end.protocol = protocol
        protocol.connection_made(end)
    return ends
