"""The instrument client of `junto.trio`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NoReturn, Self, Unpack

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
    ClientOptions,
)
from junto.instrument.streams import BlockStream, LineStream
from junto.instrument.system import Connector, Flavour
from junto.runtimes.instruments import SocketSystem
from junto.runtimes.trio.opening import current_task, opened

if TYPE_CHECKING:
    from junto.runtime import Runtime
    from junto.runtimes.trio.opening import Nursery
    from junto.runtimes.trio.runtime import TrioRuntime

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


def socket_for_url(url: str, **options: Any) -> TCP:
    """Make the client of the instrument at *url*, to be entered; see `junto.instrument.urls`."""
    client: TCP = urls.socket_for_url(url, concurrency="trio", **options)
    return client


class TCP(_TCP):
    """A client of one instrument, for the time of an ``async with``.

    The arguments, operations and errors are those of ``junto.aio.TCP``. Entering connects; within the block
    the client connects again when it has to. It may be entered again later.
    """

    _flavour = Flavour(lambda: _refuse, SocketSystem(current_task))

    def __init__(
        self, host: str, port: int, *, nursery: Nursery | None = None, **options: Unpack[ClientOptions]
    ) -> None:
        """Prepare; nothing is opened yet, and trio need not run.

        Args:
            host: A name, or an IPv4 or IPv6 address.
            port: The port.
            nursery: Where the tasks run that the connection needs; ``None`` for a nursery of its own.
            **options: See `junto.instrument.settings.Settings`.
        """
        super().__init__(host, port, **options)
        self._nursery = nursery
        self._opened: AbstractAsyncContextManager[Self] | None = None

    @classmethod
    def over(  # pyright: ignore[reportIncompatibleMethodOverride]  # no option is called nursery
        cls,
        connector: Connector,
        name: str,
        *,
        runtime: Runtime | None = None,
        nursery: Nursery | None = None,
        **options: Unpack[ClientOptions],
    ) -> Self:
        """Make a client over something else than TCP, as in ``junto.aio.TCP``; *nursery* is as for `TCP`."""
        self = super().over(connector, name, runtime=runtime, **options)
        self._nursery = nursery
        self._opened = None
        return self

    async def __aenter__(self) -> Self:
        if self._opened is not None:
            raise RuntimeError("this client was entered already")
        opening = self._opened = opened(self._begin, self._nursery)
        try:
            return await opening.__aenter__()
        except BaseException:
            self._leave()
            raise

    async def _begin(self, runtime: TrioRuntime) -> Self:
        self.session.live_in(lambda: runtime)
        await self.open()
        return self

    def _leave(self) -> None:
        self._opened = None
        self.session.live_in(_refuse)

    async def _close(self, epoch: int) -> None:
        if self._opened is not None:  # else it is closed, and there is nowhere to do it again
            await super()._close(epoch)

    async def __aexit__(self, *exc_info: Any) -> None:
        assert self._opened is not None, "left only after it was entered"
        try:
            await self._opened.__aexit__(*exc_info)
        finally:
            self._leave()


def _refuse() -> NoReturn:
    raise RuntimeError("in trio, enter the client first: async with junto.trio.TCP(...) as client")
