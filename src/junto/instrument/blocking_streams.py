"""Streams for programs that block: each item is waited for. For the client that gives futures, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

from junto.instrument import streams as _streams
from junto.instrument.home import Home
from junto.instrument.messages import MakeProtocol
from junto.instrument.settings import USUAL, Eol, Timeout
from junto.instrument.streams import Gap

__all__ = ["BlockStream", "LineStream", "Streaming"]

T = TypeVar("T")


class Streaming:
    """What a client gives in pieces."""

    _home: Home
    _inner: Any

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
        client: Streaming,
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

    def __init__(self, client: Streaming, limit: int | bytes, *, timeout: Timeout = USUAL) -> None:
        home, inner = client.parts()
        super().__init__(home, _streams.BlockStream(inner, limit, timeout=timeout))
