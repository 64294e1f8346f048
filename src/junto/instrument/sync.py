"""The instrument clients of `junto.sync`: one whose operations block, and one that gives futures."""

from __future__ import annotations

from typing import Any, Literal, Self, Unpack, overload

from junto.instrument import blocking as _blocking
from junto.instrument import client as _client
from junto.instrument import futures as _futures
from junto.instrument import urls
from junto.instrument.blocking_streams import BlockStream, LineStream
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
from junto.instrument.home import HostRuntime, Kit
from junto.instrument.retrying import Retry
from junto.instrument.settings import (
    IPTOS_LOWCOST,
    IPTOS_LOWDELAY,
    IPTOS_NORMAL,
    IPTOS_RELIABILITY,
    IPTOS_THROUGHPUT,
    ClientOptions,
)
from junto.instrument.system import Flavour
from junto.runtimes.instruments import SocketSystem, watcher
from junto.runtimes.threads import ThreadsRuntime

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
    "FuturesTCP",
    "IncompleteReadError",
    "InstrumentError",
    "LimitOverrunError",
    "LineStream",
    "Retry",
    "StaleInputError",
    "socket_for_url",
]


class _Inner(_client.TCP):
    _flavour = Flavour(lambda: ThreadsRuntime, SocketSystem())


_KIT = Kit(_Inner, ThreadsRuntime, watcher)


def socket_for_url(url: str, *, concurrency: str = "sync", **options: Any) -> Any:
    """Make the client of the instrument at *url*; see `junto.instrument.urls`."""
    return urls.socket_for_url(url, concurrency=concurrency, **options)


class FuturesTCP(_futures.FuturesTCP):
    """A client of one instrument, whose operations return futures; see `junto.instrument.futures`."""

    _kit = _KIT


class TCP(_blocking.TCP):
    """A client of one instrument, whose operations block; see `junto.instrument.blocking.TCP`.

    With ``resolve_futures=False`` it is a `FuturesTCP`.
    """

    _kit = _KIT

    @overload
    def __new__(  # type: ignore[misc]  # what it makes is told by an argument; drivers rely on that
        cls, *args: Any, resolve_futures: Literal[False], **kwargs: Any
    ) -> FuturesTCP: ...
    @overload
    def __new__(cls, *args: Any, resolve_futures: bool = ..., **kwargs: Any) -> Self: ...

    def __new__(cls, *args: Any, resolve_futures: bool = True, **kwargs: Any) -> Any:
        """Make the client, or the one of the other form."""
        return super().__new__(cls) if resolve_futures else FuturesTCP(*args, **kwargs)

    def __init__(
        self,
        host: str,
        port: int,
        *,
        resolve_futures: bool = True,
        runtime: HostRuntime | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(host, port, runtime=runtime, **options)
