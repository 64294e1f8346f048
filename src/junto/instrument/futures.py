"""The facade of `TCP` for programs that want futures: each operation returns one at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, ParamSpec, TypeVar, Unpack

from junto.instrument import client as _client
from junto.instrument.blocking import Client
from junto.instrument.blocking_streams import Streaming
from junto.instrument.home import HostRuntime
from junto.instrument.settings import ClientOptions

if TYPE_CHECKING:
    from junto.instrument.callfutures import CallFuture

__all__ = ["FuturesTCP"]

P = ParamSpec("P")
T = TypeVar("T")


def _begun(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], CallFuture[T]]:
    """Make of an operation one that gives a future of its result."""

    @functools.wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> CallFuture[T]:
        future: CallFuture[T] = self._home.submit(method, self._inner, *args, **kwargs)
        return future

    return call


class FuturesTCP(Client, Streaming):
    """A client of one instrument, whose operations return futures at once.

    The arguments, operations and errors are those of ``junto.aio.TCP``. A thread of its own, started with
    the first call, carries them on. Cancelling a future cancels the call, as running out of time would.
    Streams, and the client itself when one iterates over it, wait for each item.
    """

    _with_thread: ClassVar[bool] = True

    def __init__(
        self,
        host: str,
        port: int,
        *,
        runtime: HostRuntime | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """Prepare; nothing is opened yet, and no thread is started. See ``junto.sync.TCP``."""
        self._prepare(functools.partial(self._kit.client, host, port), runtime, options)

    open = _begun(_client.TCP.open)
    read = _begun(_client.TCP.read)
    read_some = _begun(_client.TCP.read_some)
    peek = _begun(_client.TCP.peek)
    readexactly = _begun(_client.TCP.readexactly)
    readexactly_into = _begun(_client.TCP.readexactly_into)
    readuntil = _begun(_client.TCP.readuntil)
    readline = _begun(_client.TCP.readline)
    readlines = _begun(_client.TCP.readlines)
    readbuffer = _begun(_client.TCP.readbuffer)
    write = _begun(_client.TCP.write)
    writelines = _begun(_client.TCP.writelines)
    drain = _begun(_client.TCP.drain)
    write_read = _begun(_client.TCP.write_read)
    write_readline = _begun(_client.TCP.write_readline)
    write_readlines = _begun(_client.TCP.write_readlines)
    writelines_readlines = _begun(_client.TCP.writelines_readlines)
    write_readexactly = _begun(_client.TCP.write_readexactly)
    write_readuntil = _begun(_client.TCP.write_readuntil)
    read_block = _begun(_client.TCP.read_block)
    read_blocks = _begun(_client.TCP.read_blocks)
    readblock_into = _begun(_client.TCP.readblock_into)
    write_read_block = _begun(_client.TCP.write_read_block)
    write_block = _begun(_client.TCP.write_block)
    query_binary = _begun(_client.TCP.query_binary)
    query = _begun(_client.TCP.query)
    command = _begun(_client.TCP.command)
    query_many = _begun(_client.TCP.query_many)
    query_ascii = _begun(_client.TCP.query_ascii)
    idn = _begun(_client.TCP.idn)
    wait_complete = _begun(_client.TCP.wait_complete)
    errors = _begun(_client.TCP.errors)

    def close(self) -> CallFuture[None]:
        """Close the connection; calls that wait raise `ConnectionClosedError`. Closing twice is fine."""
        return self._home.submit(self._inner.close)
