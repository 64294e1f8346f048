"""The quick channel: frames in UDP datagrams, beside the stream, for what may be lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from junto.runtime import DatagramTransport
from junto.sansio.vsoa.frames import Frame, read_datagram
from junto.vsoa.addresses import plain_host
from junto.vsoa.traffic import widen

__all__ = ["QuickEndpoint"]

logger = logging.getLogger("junto")

Place = tuple[str, int]


class QuickEndpoint:
    """One UDP port: of a client, for one server, or of a server, for all its clients."""

    def __init__(self, receive: Callable[[Frame, Place], object]) -> None:
        """Call *receive* with each frame, and where it came from."""
        self._receive = receive
        self._transport: DatagramTransport | None = None
        self._is_ipv6 = False
        self.port = 0

    def connection_made(self, transport: DatagramTransport) -> None:
        self._transport = transport
        name = transport.get_extra_info("sockname")
        self.port = name[1]
        self._is_ipv6 = ":" in name[0]
        widen(transport)

    def datagram_received(self, data: bytes, address: Any) -> None:
        frame = read_datagram(data)
        if frame is not None:
            self._receive(frame, (plain_host(address[0]), address[1]))

    def error_received(self, error: Exception) -> None:
        # The system tells that an earlier datagram found nobody; nothing follows from that.
        logger.debug("a quick datagram came back: %s", error)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None

    @property
    def transport(self) -> DatagramTransport | None:
        """What sends, while it is open."""
        return self._transport

    def send(self, frame: bytes, place: Place) -> bool:
        """Send one frame; tells whether that was possible at all."""
        if self._transport is None or self._transport.is_closing():
            return False
        host, port = place
        if self._is_ipv6 and ":" not in host:
            host = f"::ffff:{host}"
        self._transport.sendto(frame, (host, port))
        return True

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
