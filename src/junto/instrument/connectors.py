"""Connectors: the flows that open one connection each, over the network or in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from junto.address import Address
from junto.instrument.system import Connector
from junto.runtime import BufferedEndpoint, Runtime, Transport

if TYPE_CHECKING:
    import ssl

__all__ = ["connector_for", "loop_back"]


def connector_for(address: Address, tls: ssl.SSLContext | None) -> Connector:
    """Give what connects to *address*."""

    async def connect(runtime: Runtime, factory: Callable[[], BufferedEndpoint]) -> Transport:
        return await runtime.connect(address, factory, tls=tls)

    return connect


async def loop_back(runtime: Runtime, factory: Callable[[], BufferedEndpoint]) -> Transport:
    """Open a connection to itself: what is written comes back."""
    transport = _Loop(runtime, factory())
    transport.endpoint.connection_made(transport)
    return transport


class _Loop:
    """A transport that receives what it sends."""

    def __init__(self, runtime: Runtime, endpoint: BufferedEndpoint) -> None:
        self._runtime = runtime
        self._waiting = bytearray()
        self._reading = True
        self._closing = False
        self._ended = False
        self._moving = False
        self.endpoint = endpoint

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        if not (self._closing or self._ended):
            self._waiting += data
            self._move_soon()

    def writelines(self, chunks: list[bytes], /) -> None:
        self.write(b"".join(chunks))

    def _move_soon(self) -> None:
        if not self._moving:
            self._moving = True
            self._runtime.call_soon(self._move)

    def _move(self) -> None:
        self._moving = False
        while self._waiting and self._reading and not self._closing:
            room = self.endpoint.get_buffer(-1)
            size = min(len(room), len(self._waiting))
            room[:size] = self._waiting[:size]
            del self._waiting[:size]
            self.endpoint.buffer_updated(size)
        if self._ended and not self._waiting and not self._closing and not self.endpoint.eof_received():
            self.close()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._ended = True
        self._move_soon()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._runtime.call_soon(self.endpoint.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._move_soon()

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default
