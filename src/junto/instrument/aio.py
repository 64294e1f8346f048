"""The instrument client of `junto.aio`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from junto.instrument import urls
from junto.instrument.client import TCP as _TCP
from junto.instrument.errors import (
    BlockFormatError,
    ConnectionClosedError,
    ConnectionEOFError,
    ConnectionTimeoutError,
    IncompleteReadError,
    InstrumentError,
    LimitOverrunError,
    StaleInputError,
)
from junto.instrument.retrying import Retry
from junto.instrument.settings import (
    IPTOS_LOWCOST,
    IPTOS_LOWDELAY,
    IPTOS_NORMAL,
    IPTOS_RELIABILITY,
    IPTOS_THROUGHPUT,
)
from junto.instrument.streams import BlockStream
from junto.instrument.streams import LineStream as _LineStream
from junto.instrument.system import Flavour
from junto.runtimes.asyncio import AsyncioRuntime, asyncio_runtime
from junto.runtimes.instruments import SocketSystem

__all__ = [
    "IPTOS_LOWCOST",
    "IPTOS_LOWDELAY",
    "IPTOS_NORMAL",
    "IPTOS_RELIABILITY",
    "IPTOS_THROUGHPUT",
    "TCP",
    "BlockFormatError",
    "BlockStream",
    "ConnectionClosedError",
    "ConnectionEOFError",
    "ConnectionTimeoutError",
    "IncompleteReadError",
    "InstrumentError",
    "LimitOverrunError",
    "LineStream",
    "Retry",
    "StaleInputError",
    "socket_for_url",
]


def _running() -> Callable[[], AsyncioRuntime]:
    """Make what gives the runtime of the running loop, quickly if it is the one of the last time."""
    last: AsyncioRuntime | None = None
    loop: asyncio.AbstractEventLoop | None = None

    def find() -> AsyncioRuntime:
        nonlocal last, loop
        if last is None or asyncio.get_running_loop() is not loop:
            last = asyncio_runtime()
            loop = asyncio.get_running_loop()
        return last

    return find


def socket_for_url(url: str, *, concurrency: str = "async", **options: Any) -> Any:
    """Make the client of the instrument at *url*; see `junto.instrument.urls`."""
    return urls.socket_for_url(url, concurrency=concurrency, **options)


class LineStream(_LineStream):
    """Lines as they come: ``async for line in LineStream(client)``.

    Leaving the loop loses nothing; it can be entered again. It ends when the peer ends, with the last line
    even if that has no terminator.
    """

    def __aiter__(self) -> AsyncIterator[Any]:
        # Asyncio looks after generators that are left early; elsewhere whoever leaves one has to.
        return self.generate()


class TCP(_TCP):
    """A client of one instrument, in the event loop that runs when it is first used."""

    _flavour = Flavour(_running, SocketSystem(asyncio.current_task))

    def __aiter__(self) -> AsyncIterator[Any]:
        return LineStream(self).generate()
