"""The facade of `TCP` for programs that block: each operation returns its result."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar, Unpack

from junto.instrument import client as _client
from junto.instrument.blocking_streams import Streaming
from junto.instrument.connection import Connection
from junto.instrument.home import Home, HostRuntime, Kit
from junto.instrument.operations import Buffer
from junto.instrument.settings import USUAL, ClientOptions, Eol, Timeout, check_callback
from junto.instrument.state import State
from junto.instrument.system import Connector, System
from junto.instrument.text import Text
from junto.instrument.wants import Line

__all__ = ["TCP", "Client", "Transaction"]

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], T]:
    """Make of an operation one that blocks the calling thread."""

    @functools.wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._home.call(method, self._inner, *args, **kwargs)
        return result

    return call


class _Operations(Streaming):
    """The operations, as results."""

    read = _blocking(Text.read)
    read_some = _blocking(Text.read_some)
    peek = _blocking(Text.peek)
    readexactly = _blocking(Text.readexactly)
    readexactly_into = _blocking(Text.readexactly_into)
    readuntil = _blocking(Text.readuntil)
    readline = _blocking(Text.readline)
    readlines = _blocking(Text.readlines)
    readbuffer = _blocking(Text.readbuffer)
    write = _blocking(Text.write)
    writelines = _blocking(Text.writelines)
    drain = _blocking(Text.drain)
    write_read = _blocking(Text.write_read)
    write_readlines = _blocking(Text.write_readlines)
    writelines_readlines = _blocking(Text.writelines_readlines)
    write_readexactly = _blocking(Text.write_readexactly)
    write_readuntil = _blocking(Text.write_readuntil)
    read_block = _blocking(Text.read_block)
    read_blocks = _blocking(Text.read_blocks)
    readblock_into = _blocking(Text.readblock_into)
    write_read_block = _blocking(Text.write_read_block)
    write_block = _blocking(Text.write_block)
    query_binary = _blocking(Text.query_binary)
    query = _blocking(Text.query)
    command = _blocking(Text.command)
    query_many = _blocking(Text.query_many)
    query_ascii = _blocking(Text.query_ascii)
    idn = _blocking(Text.idn)
    wait_complete = _blocking(Text.wait_complete)
    errors = _blocking(Text.errors)

    def write_readline(
        self,
        data: Buffer,
        eol: Eol | None = None,
        *,
        timeout: Timeout = USUAL,
        resend: int = 0,
        resend_on_timeout: bool = False,
        query_delay: float | None = None,
    ) -> bytes:
        """Send *data* and read like ``readline(eol)``."""
        inner = self._inner
        if type(data) is bytes and not resend and query_delay is None:
            line: Line = inner.line(eol)
            return self._home.ask(inner.lanes, data, line, timeout, "write_readline")
        reply: bytes = self._home.call(
            inner.write_readline,
            data,
            eol,
            timeout=timeout,
            resend=resend,
            resend_on_timeout=resend_on_timeout,
            query_delay=query_delay,
        )
        return reply


class Transaction(_Operations):
    """Exclusive use of a client: the operations of `TCP`, which nobody else's come between."""

    def __init__(self, home: Home, inner: Text) -> None:
        self._home = home
        self._inner = inner

    @contextmanager
    def transaction(self) -> Generator[Self, None, None]:
        """Go on with the same exclusive use."""
        yield self


class Client(State):
    """What both forms of the blocking client have: life, state and settings."""

    _kit: ClassVar[Kit]
    _with_thread: ClassVar[bool] = False
    _home: Home
    _inner: Any

    def _prepare(
        self, make: Callable[..., _client.TCP], runtime: HostRuntime | None, options: ClientOptions
    ) -> None:
        home = self._home = Home(self._kit, runtime, with_thread=self._with_thread)
        self._made = options.get("on_connection_made")
        check_callback(self._made, "on_connection_made")
        if self._made is not None:
            options = {**options, "on_connection_made": home.outside(self._made)}
        self._inner = make(**options)
        self._session = home.session = self._inner.session
        self._session.live_in(home.runtime)
        self._host = self._inner.host
        self._port = self._inner.port

    @classmethod
    def over(
        cls,
        connector: Connector,
        name: str,
        *,
        runtime: HostRuntime | None = None,
        **options: Unpack[ClientOptions],
    ) -> Self:
        """Make a client over something else than TCP, called *name* in errors and in the log."""
        self = cls.__new__(cls)
        self._prepare(functools.partial(cls._kit.client.over, connector, name), runtime, options)
        return self

    @classmethod
    def system(cls) -> System:
        """Give what knows the system, for those who make connectors."""
        return cls._kit.client.system()

    def _look(self) -> Connection | None:
        self._home.look()
        return self._session.connection

    def reset_input_buffer(self) -> None:
        """Forget what was received and not read."""
        if self._session.connection is not None:
            self._home.call(super().reset_input_buffer)

    @property
    def on_connection_made(self) -> Callable[[], Any] | None:
        return self._made

    @on_connection_made.setter
    def on_connection_made(self, callback: Callable[[], Any] | None) -> None:
        check_callback(callback, "on_connection_made")
        self._made = callback
        self._inner.on_connection_made = None if callback is None else self._home.outside(callback)

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is None:
            return
        connection, session.connection = session.connection, None
        if connection is not None:
            connection.told = True
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
        self._home.end(connection)


class TCP(Client, _Operations):
    """A client of one instrument, whose operations block the calling thread.

    The arguments, operations and errors are those of ``junto.aio.TCP``. Threads may share it; each call
    and each transaction is one whole. No thread is started: who waits reads the socket himself, so nothing
    moves while nobody waits, and that the peer has ended meanwhile is seen with the next call.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        runtime: HostRuntime | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            host: A name, or an IPv4 or IPv6 address.
            port: The port.
            runtime: What to live in, which somebody else runs and ends; ``None`` for a runtime of its
                own.
            **options: See `junto.instrument.settings.Settings`.

        Raises:
            TypeError: An option is unknown, or of the wrong type.
            ValueError: An option is out of range.
        """
        self._prepare(functools.partial(self._kit.client, host, port), runtime, options)

    open = _blocking(_client.TCP.open)

    def close(self) -> None:
        """Close the connection; calls that wait raise `ConnectionClosedError`. Closing twice is fine."""
        if self._session.is_used():
            self._home.call(self._inner.close)

    @contextmanager
    def transaction(self, *, timeout: Timeout = USUAL) -> Generator[Transaction, None, None]:
        """Have the client for several calls, made through what this gives, as in ``junto.aio.TCP``."""
        manager = self._inner.transaction(timeout=timeout)
        inner = self._home.call(_enter, manager)
        try:
            yield Transaction(self._home, inner)
        finally:
            self._home.call(_leave, manager)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


async def _enter(manager: Any) -> Any:
    return await manager.__aenter__()


async def _leave(manager: Any) -> None:
    await manager.__aexit__(None, None, None)
