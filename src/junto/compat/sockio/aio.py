"""sockio's names for asyncio."""

from __future__ import annotations

from typing import Any

from junto import aio as _aio
from junto.aio import (
    IPTOS_LOWCOST,
    IPTOS_LOWDELAY,
    IPTOS_NORMAL,
    IPTOS_RELIABILITY,
    IPTOS_THROUGHPUT,
    BlockStream,
    ConnectionEOFError,
    ConnectionTimeoutError,
    LineStream,
)
from junto.instrument.settings import Eol
from junto.instrument.urls import socket_for_url as _socket_for_url

__all__ = [
    "IPTOS_LOWCOST",
    "IPTOS_LOWDELAY",
    "IPTOS_NORMAL",
    "IPTOS_RELIABILITY",
    "IPTOS_THROUGHPUT",
    "TCP",
    "BlockStream",
    "ConnectionEOFError",
    "ConnectionTimeoutError",
    "LineStream",
    "socket_for_url",
]


class TCP(_aio.TCP):
    """``junto.aio.TCP``, whose terminator may be given as the third positional argument."""

    def __init__(self, host: str, port: int, eol: Eol = b"\n", **options: Any) -> None:
        super().__init__(host, port, eol=eol, **options)


def socket_for_url(url: str, *, concurrency: str = "async", **options: Any) -> Any:
    """Make the client of the instrument at *url*; see `junto.instrument.urls`."""
    return _socket_for_url(url, concurrency=concurrency, **options)
