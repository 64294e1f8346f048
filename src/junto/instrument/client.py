"""TCP: the client of one instrument."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Self, Unpack

from junto.address import Address
from junto.instrument.connectors import connector_for
from junto.instrument.lanes import BOTH, Lanes
from junto.instrument.messages import MakeProtocol, MessageStream
from junto.instrument.session import Session
from junto.instrument.settings import TCP_ONLY, USUAL, ClientOptions, Settings, Timeout, check_timeout
from junto.instrument.state import State
from junto.instrument.streams import LineStream
from junto.instrument.system import Connector, Flavour, System
from junto.instrument.text import Text
from junto.runtime import Runtime

__all__ = ["TCP", "Transaction"]


class _Items(Text):
    """Operations, and streams."""

    def __aiter__(self) -> AsyncIterator[Any]:
        return LineStream(self)

    def stream(self, protocol: MakeProtocol, *, timeout: Timeout = USUAL) -> MessageStream:
        """Give the events and results of *protocol* as they come; see `MessageStream`.

        Args:
            protocol: What `junto.protocols.protocol` makes of a generator function.
            timeout: Seconds for each item.
        """
        return MessageStream(self, protocol, timeout=timeout)


class Transaction(_Items):
    """Exclusive use of a client: the operations of `TCP`, which nobody else's come between."""

    def __init__(self, session: Session, lanes: Lanes) -> None:
        self._session = session
        self._lanes = lanes
        self._usual_line = None

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Self, None]:
        """Go on with the same exclusive use."""
        yield self


class TCP(State, _Items):
    """A client of one instrument, which connects when it is used, and again when the connection was lost.

    Calls are served first come, first served. A lone read and a lone write run side by side; a
    transaction, a write and the read of its reply, has both directions for itself. A call that runs
    out of time, or is cancelled, after it sent or consumed something closes the connection: so a late reply
    is never taken for that to another request. A request is never sent twice, unless ``resend`` allows it.

    This class is not bound to any way of waiting; those of `junto.aio` and its like are.
    """

    _flavour: ClassVar[Flavour]

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connector: Connector | None = None,
        runtime: Runtime | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """Prepare; nothing is opened yet, and no event loop needs to run.

        Args:
            host: A name, or an IPv4 or IPv6 address.
            port: The port.
            connector: Opens connections, if they are not TCP's; see `socket_for_url`.
            runtime: The world to live in; ``None`` for that of whoever makes the first call.
            **options: See `junto.instrument.settings.Settings`.

        Raises:
            TypeError: An option is unknown, or of the wrong type.
            ValueError: An option is out of range.
        """
        _check_place(host, port)
        settings = Settings(**options)
        self._host = host
        self._port = port
        address = Address("tcp" if settings.tls is None else "tls", host, port)
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._open_session(settings, name, connector or connector_for(address, settings.tls), runtime)

    def _open_session(
        self, settings: Settings, name: str, connector: Connector, runtime: Runtime | None
    ) -> None:
        self._lanes = None
        self._usual_line = None
        flavour = self._flavour
        find = flavour.make_finder() if runtime is None else lambda: runtime
        self._session = Session(settings, name, connector, flavour.system, find)

    @classmethod
    def over(
        cls,
        connector: Connector,
        name: str,
        *,
        runtime: Runtime | None = None,
        **options: Unpack[ClientOptions],
    ) -> Self:
        """Make a client over something else than TCP, called *name* in errors and in the log.

        Raises:
            ValueError: An option is TCP's own.
        """
        for option in TCP_ONLY:
            if option in options:
                raise ValueError(f"{option} is for TCP, which {name} is not")
        self = cls.__new__(cls)
        self._host = name
        self._port = 0
        self._open_session(Settings(**options), name, connector, runtime)
        return self

    @classmethod
    def system(cls) -> System:
        """Give what knows the system, for those who make connectors."""
        return cls._flavour.system

    # -- life --

    async def open(self, timeout: Timeout = USUAL) -> None:
        """Connect, and let ``on_connection_made`` initialise the connection.

        Args:
            timeout: Seconds for each attempt; ``None`` for ever, by default ``connection_timeout``.

        Raises:
            ConnectionError: It is open already; nothing has changed.
            OSError: The system's own error; the client is closed.
            ConnectionTimeoutError: An attempt took too long.
        """
        session = self._session
        session.enter()
        if timeout is USUAL:
            timeout = session.settings.connection_timeout
        else:
            check_timeout(timeout)
        try:
            await session.open(timeout)
        except Exception as error:
            raise session.failure(error, "open", timeout)  # noqa: B904  # it has its cause

    def close(self) -> Coroutine[Any, Any, None]:
        """Close the connection; calls that wait raise `ConnectionClosedError`.

        What was written has ``linger`` seconds to be sent. Closing twice is fine, and opening again too. What
        is opened after this was called is not closed by it, even if this is awaited later.
        """
        return self._close(self._session.epoch)

    async def _close(self, epoch: int) -> None:
        if self._session.is_used():
            self._session.enter()
            await self._session.close(epoch)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is not None and session.connection is not None:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            session.abandon()

    # -- more to do --

    @asynccontextmanager
    async def transaction(self, *, timeout: Timeout = USUAL) -> AsyncGenerator[Transaction, None]:
        """Have the client for several calls, made through what this gives.

        Args:
            timeout: Seconds to wait for the turn.

        Raises:
            ConnectionTimeoutError: The turn did not come in time.
        """
        async with self._session.turn(None, BOTH, timeout, "transaction") as inside:
            yield Transaction(self._session, inside)


def _check_place(host: Any, port: Any) -> None:
    if not isinstance(host, str):
        raise TypeError(f"a host is a text, not {host!r}")
    if not host:
        raise ValueError("a host has a name, or an address")
    if not isinstance(port, int) or isinstance(port, bool):
        raise TypeError(f"a port is a number, not {port!r}")
    if not 0 <= port <= 65535:
        raise ValueError(f"a port is from 0 to 65535, not {port}")
