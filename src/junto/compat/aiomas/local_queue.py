"""Connections inside one program, whose messages come in an order that repeats itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from junto.agents import local
from junto.agents.local import LocalTransport as LocalQueueTransport
from junto.compat.aiomas.exceptions import translating
from junto.errors import ConnectionFailed
from junto.runtime import BufferedEndpoint
from junto.runtimes.asyncio import asyncio_runtime

__all__ = [
    "LocalQueue",
    "LocalQueueServer",
    "LocalQueueTransport",
    "clear_queue_cache",
    "connect_endpoint",
    "create_connection",
    "create_server",
    "get_queue",
]

_queues: dict[str, LocalQueue] = {}


def get_queue(queue_id: str) -> LocalQueue:
    """Give the queue of that name, always the same one.

    Raises:
        ValueError: It is no text, or has a slash in it.
    """
    if not isinstance(queue_id, str) or "/" in queue_id:
        raise ValueError(f"a queue's id is a text without a slash, not {queue_id!r}")
    return _queues.setdefault(queue_id, LocalQueue(queue_id))


def clear_queue_cache() -> None:
    """Forget all queues; their names are free again, connections live on."""
    for queue in _queues.values():
        if queue.server is not None:
            queue.server.close()
    _queues.clear()


class LocalQueue:
    """A name at which one server listens."""

    def __init__(self, queue_id: str) -> None:
        self._queue_id = queue_id
        self._server: LocalQueueServer | None = None

    @property
    def queue_id(self) -> str:
        """Its name."""
        return self._queue_id

    @property
    def server(self) -> LocalQueueServer | None:
        """Who listens there."""
        return self._server

    def set_server(self, server: LocalQueueServer) -> None:
        """Bind *server*; raises `RuntimeError` if there is one."""
        if self._server is not None:
            raise RuntimeError("the queue has a server already")
        self._server = server

    def unset_server(self) -> None:
        """Let another server be bound."""
        self._server = None

    def __str__(self) -> str:
        return f"LocalQueue({self._queue_id!r})"

    def __repr__(self) -> str:
        return f"<{__name__}.{self} at {id(self):#x}>"


class LocalQueueServer:
    """Listens at a queue."""

    def __init__(self, factory: Callable[[], Any], lq: LocalQueue) -> None:
        """Listen at *lq*, which must have no other server."""
        lq.set_server(self)
        self._lq = lq
        try:
            self._listener = local.listen(asyncio_runtime(), lq.queue_id, lambda: _buffered(factory()))
        except ConnectionFailed as error:
            lq.unset_server()
            raise RuntimeError(str(error)) from error

    @property
    def lq(self) -> LocalQueue:
        """Where it listens."""
        return self._lq

    def close(self) -> None:
        """Listen no more; connections live on."""
        self._listener.close()
        if self._lq.server is self:
            self._lq.unset_server()

    async def wait_closed(self) -> None:
        """Wait for nothing: it is closed at once."""


def connect_endpoint(lq: LocalQueue, factory: Callable[[], Any]) -> LocalQueueTransport:
    """Connect an endpoint; raises `ConnectionRefusedError` if nobody listens."""
    with translating():
        return local.connect(asyncio_runtime(), lq.queue_id, factory)


async def create_connection(
    protocol_factory: Callable[[], Any],
    lq: LocalQueue,
    *,
    loop: asyncio.AbstractEventLoop | None = None,
    **kwds: Any,
) -> tuple[LocalQueueTransport, Any]:
    """Connect a protocol of asyncio to who listens at *lq*.

    Raises:
        ConnectionRefusedError: Nobody does.
    """
    protocol = protocol_factory()
    return connect_endpoint(lq, lambda: _buffered(protocol)), protocol


async def create_server(protocol_factory: Callable[[], Any], lq: LocalQueue, **kwds: Any) -> LocalQueueServer:
    """Make a protocol of asyncio for each connection to *lq*.

    Raises:
        RuntimeError: Somebody listens there already.
    """
    return LocalQueueServer(protocol_factory, lq)


class _Buffered:
    """Gives a protocol of asyncio each write as one piece."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol
        self._room = bytearray()
        self.connection_made = protocol.connection_made
        self.eof_received = protocol.eof_received
        self.pause_writing = protocol.pause_writing
        self.resume_writing = protocol.resume_writing

    def get_buffer(self, sizehint: int, /) -> memoryview:
        self._room = bytearray(sizehint)
        return memoryview(self._room)

    def buffer_updated(self, nbytes: int, /) -> None:
        self._protocol.data_received(bytes(self._room[:nbytes]))

    def connection_lost(self, error: Exception | None, /) -> None:
        self._protocol.connection_lost(error)


def _buffered(endpoint: Any) -> BufferedEndpoint:
    return endpoint if hasattr(endpoint, "get_buffer") else _Buffered(endpoint)
