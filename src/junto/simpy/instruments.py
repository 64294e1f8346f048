"""The client of an instrument for SimPy: each operation gives an event."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

from junto.instrument import client as _client
from junto.instrument import streams as _streams
from junto.instrument import urls
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
from junto.instrument.messages import MakeProtocol
from junto.instrument.retrying import Retry
from junto.instrument.settings import (
    IPTOS_LOWCOST,
    IPTOS_LOWDELAY,
    IPTOS_NORMAL,
    IPTOS_RELIABILITY,
    IPTOS_THROUGHPUT,
    USUAL,
    ClientOptions,
    Eol,
    Timeout,
)
from junto.instrument.state import State
from junto.instrument.streams import Gap
from junto.instrument.system import Connector, Flavour, System
from junto.instrument.text import Text
from junto.runtimes.instruments import SocketSystem
from junto.runtimes.simpy.futures import Future, Task
from junto.runtimes.simpy.runtime import simpy_runtime
from junto.simpy.environments import SocketEnvironment
from junto.simpy.facades import EndOfStream

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
    "Transaction",
    "socket_for_url",
]

P = ParamSpec("P")
T = TypeVar("T")

_RAISE: Any = object()


def _nowhere() -> Any:
    raise AssertionError("each client is given a runtime")


class _Inner(_client.TCP):
    _flavour = Flavour(lambda: _nowhere, SocketSystem(lambda: None))


def _eventual(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], Future[T]]:
    """Make of an operation one that gives an event."""

    @functools.wraps(method)
    def start(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return Task(self.env, method(self._inner, *args, **kwargs))

    return start


class _Operations:
    """The operations, as events."""

    env: SocketEnvironment
    _inner: Any

    read = _eventual(Text.read)
    read_some = _eventual(Text.read_some)
    peek = _eventual(Text.peek)
    readexactly = _eventual(Text.readexactly)
    readexactly_into = _eventual(Text.readexactly_into)
    readuntil = _eventual(Text.readuntil)
    readline = _eventual(Text.readline)
    readlines = _eventual(Text.readlines)
    readbuffer = _eventual(Text.readbuffer)
    write = _eventual(Text.write)
    writelines = _eventual(Text.writelines)
    drain = _eventual(Text.drain)
    write_read = _eventual(Text.write_read)
    write_readline = _eventual(Text.write_readline)
    write_readlines = _eventual(Text.write_readlines)
    writelines_readlines = _eventual(Text.writelines_readlines)
    write_readexactly = _eventual(Text.write_readexactly)
    write_readuntil = _eventual(Text.write_readuntil)
    read_block = _eventual(Text.read_block)
    read_blocks = _eventual(Text.read_blocks)
    readblock_into = _eventual(Text.readblock_into)
    write_read_block = _eventual(Text.write_read_block)
    write_block = _eventual(Text.write_block)
    query_binary = _eventual(Text.query_binary)
    query = _eventual(Text.query)
    command = _eventual(Text.command)
    query_many = _eventual(Text.query_many)
    query_ascii = _eventual(Text.query_ascii)
    idn = _eventual(Text.idn)
    wait_complete = _eventual(Text.wait_complete)
    errors = _eventual(Text.errors)

    @property
    def last_block_prefix(self) -> bytes:
        """What came before the last block that was read."""
        prefix: bytes = self._inner.last_block_prefix
        return prefix

    def stream(self, protocol: MakeProtocol, *, timeout: Timeout = USUAL) -> MessageStream:
        """Give the events and results of *protocol*, an event each; see ``junto.aio.TCP.stream``."""
        return MessageStream(self.env, self._inner.stream(protocol, timeout=timeout))

    def parts(self) -> tuple[SocketEnvironment, Any]:
        """Give what this is made of, for streams."""
        return self.env, self._inner


class Transaction(_Operations):
    """Exclusive use of a client: its operations, which nobody else's come between.

    It ends with the block of the ``with`` in which it is, or by `end`.
    """

    def __init__(self, env: SocketEnvironment, manager: Any, inner: Text) -> None:
        self.env = env
        self._manager = manager
        self._inner = inner

    def end(self) -> Future[None]:
        """Let others have their turn."""
        manager, self._manager = self._manager, None
        return Task(self.env, _leave(manager))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()  # at once, as it waits for nothing


async def _leave(manager: Any) -> None:
    if manager is not None:
        await manager.__aexit__(None, None, None)


def socket_for_url(env: SocketEnvironment, url: str, **options: Any) -> TCP:
    """Make the client of the instrument at *url*; see `junto.instrument.urls`."""
    client: TCP = urls.socket_for_url(url, concurrency="simpy", env=env, **options)
    return client


class TCP(State, _Operations):
    """A client of one instrument, whose operations give events.

    The arguments, operations and errors are those of ``junto.aio.TCP``, after the environment. A process that
    is interrupted while it waits gives up its operation, as a task of asyncio does that is cancelled.
    """

    def __init__(
        self, env: SocketEnvironment, host: str, port: int, **options: Unpack[ClientOptions]
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            env: An environment of `junto.simpy.Environment`.
            host: A name, or an IPv4 or IPv6 address.
            port: The port.
            **options: See `junto.instrument.settings.Settings`.

        Raises:
            TypeError: An option is unknown, or of the wrong type; or *env* watches no sockets.
            ValueError: An option is out of range.
        """
        self._prepare(env, host, port, _Inner(host, port, runtime=simpy_runtime(env), **options))

    def _prepare(self, env: SocketEnvironment, host: str, port: int, inner: _Inner) -> None:
        self.env = env
        self._inner = inner
        self._session = inner.session
        self._host = host
        self._port = port

    @classmethod
    def over(
        cls, env: SocketEnvironment, connector: Connector, name: str, **options: Unpack[ClientOptions]
    ) -> Self:
        """Make a client over something else than TCP, called *name* in errors and in the log.

        Raises:
            ValueError: An option is TCP's own.
        """
        self = cls.__new__(cls)
        self._prepare(env, name, 0, _Inner.over(connector, name, runtime=simpy_runtime(env), **options))
        return self

    @staticmethod
    def system() -> System:
        """Give what knows the system, for those who make connectors."""
        return _Inner.system()

    open = _eventual(_client.TCP.open)

    def close(self) -> Future[None]:
        """Close the connection; calls that wait raise `ConnectionClosedError`. Closing twice is fine."""
        return Task(self.env, self._inner.close())

    def transaction(self, *, timeout: Timeout = USUAL) -> Future[Transaction]:
        """Have the client for several calls, made through the event's value.

        ``with (yield client.transaction()) as instrument:`` gives the turn back at the end of the block.
        """
        manager = self._inner.transaction(timeout=timeout)

        async def enter() -> Transaction:
            return Transaction(self.env, manager, await manager.__aenter__())

        return Task(self.env, enter())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A block cannot wait at its end: what was written is still sent while the environment runs on.
        self.close()


class _Items:
    """The items of a stream, an event each."""

    def __init__(self, env: SocketEnvironment, stream: Any) -> None:
        self.env = env
        self._stream = stream

    def get(self, default: Any = _RAISE) -> Future[Any]:
        """Wait for the next item, or for the end, where the value is *default* if there is one.

        The event fails with `EndOfStream` at the end, or as the stream of `junto.aio` raises.
        """

        async def following() -> Any:
            try:
                return await self._stream.__anext__()
            except StopAsyncIteration:
                if default is _RAISE:
                    raise EndOfStream("the stream has no more items") from None
                return default

        return Task(self.env, following())


class LineStream(_Items):
    """Lines as they come: ``line = yield lines.get()``; see ``junto.aio.LineStream``."""

    def __init__(
        self,
        client: _Operations,
        eol: Eol | None = None,
        *,
        timeout: Timeout = USUAL,
        reconnect: bool = False,
        on_gap: Callable[[Gap], object] | None = None,
    ) -> None:
        env, inner = client.parts()
        super().__init__(
            env, _streams.LineStream(inner, eol, timeout=timeout, reconnect=reconnect, on_gap=on_gap)
        )

    def next_batch(self) -> Future[list[Any]]:
        """Wait for all whole lines that are there, at least one; an empty list is the end."""
        return Task(self.env, self._stream.next_batch())


class BlockStream(_Items):
    """Blocks as they come, so many bytes each, or up to a terminator; see ``junto.aio.BlockStream``."""

    def __init__(self, client: _Operations, limit: int | bytes, *, timeout: Timeout = USUAL) -> None:
        env, inner = client.parts()
        super().__init__(env, _streams.BlockStream(inner, limit, timeout=timeout))


class MessageStream(_Items):
    """What a protocol makes of what comes; `TCP.stream` gives it."""
