"""The facade of `TCP` for programs that block: each operation returns its result."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Concatenate, ParamSpec, Self, TypeVar, Unpack

from junto.instrument import client as _client
from junto.instrument import streams as _streams
from junto.instrument.connection import Connection
from junto.instrument.home import Home, HostRuntime, Kit
from junto.instrument.messages import MakeProtocol
from junto.instrument.operations import Buffer
from junto.instrument.settings import USUAL, ClientOptions, Eol, Timeout, check_callback
from junto.instrument.state import State
from junto.instrument.streams import Gap
from junto.instrument.system import Connector, System
from junto.instrument.text import Text
from junto.instrument.wants import Line

__all__ = ["TCP", "BlockStream", "Client", "LineStream", "Transaction"]

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


class _Operations:
    """The operations, as results."""

    _home: Home
    _inner: Any

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

    @property
    def last_block_prefix(self) -> bytes:
        """What came before the last block that was read."""
        prefix: bytes = self._inner.last_block_prefix
        return prefix

    def parts(self) -> tuple[Home, Any]:
        """Give what this is made of, for streams."""
        return self._home, self._inner

    def stream(self, protocol: MakeProtocol, *, timeout: Timeout = USUAL) -> Iterator[Any]:
        """Give the events and results of *protocol* as they come; see ``junto.aio.TCP.stream``."""
        return _Items(self._home, self._inner.stream(protocol, timeout=timeout))

    def iter_block(self, chunk: int = 64 * 1024, **options: Any) -> Iterator[bytes]:
        """Read one block in pieces of *chunk* bytes; see ``junto.aio.TCP.iter_block``."""
        pieces = self._inner.iter_block(chunk, **options)
        try:
            while True:
                try:
                    piece = self._home.call(_step, pieces)
                except StopAsyncIteration:
                    return
                yield piece
        finally:
            self._home.call(_end, pieces)

    def __iter__(self) -> LineStream:
        return LineStream(self)


async def _step(pieces: Any) -> Any:
    return await anext(pieces)


async def _end(pieces: Any) -> None:
    await pieces.aclose()


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


class _Items(Iterator[T]):
    """The items of a stream."""

    def __init__(self, home: Home, stream: Any) -> None:
        self._home = home
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """Wait for the next item; raises as the stream of `junto.aio` does."""
        try:
            item: T = self._home.call(self._stream.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None
        return item


class LineStream(_Items[Any]):
    """Lines as they come: ``for line in LineStream(client)``; see ``junto.aio.LineStream``."""

    def __init__(
        self,
        client: _Operations,
        eol: Eol | None = None,
        *,
        timeout: Timeout = USUAL,
        reconnect: bool = False,
        on_gap: Callable[[Gap], object] | None = None,
    ) -> None:
        home, inner = client.parts()
        super().__init__(
            home, _streams.LineStream(inner, eol, timeout=timeout, reconnect=reconnect, on_gap=on_gap)
        )

    def batch(self) -> Iterator[list[Any]]:
        """Give lists of all whole lines that are there, at least one."""
        while lines := self._home.call(self._stream.next_batch):
            yield lines


class BlockStream(_Items[bytes]):
    """Blocks as they come, so many bytes each, or up to a terminator; see ``junto.aio.BlockStream``."""

    def __init__(self, client: _Operations, limit: int | bytes, *, timeout: Timeout = USUAL) -> None:
        home, inner = client.parts()
        super().__init__(home, _streams.BlockStream(inner, limit, timeout=timeout))
