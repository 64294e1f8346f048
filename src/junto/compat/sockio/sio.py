"""sockio's names for programs that block."""

from __future__ import annotations

from typing import Any

from junto import sync as _sync
from junto.compat.sockio.aio import socket_for_url
from junto.instrument.settings import Eol
from junto.sync import (
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


class TCP(_sync.TCP):
    """``junto.sync.TCP``, whose terminator may be given as the third positional argument."""

    def __new__(
        cls, host: str, port: int, eol: Eol = b"\n", *, resolve_futures: bool = True, **options: Any
    ) -> Any:
        """Make the client, or the one that gives futures."""
        return super().__new__(cls, host, port, eol=eol, resolve_futures=resolve_futures, **options)

    def __init__(
        self,
        host: str,
        port: int,
        eol: Eol = b"\n",
        *,
        resolve_futures: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(host, port, eol=eol, **options)
