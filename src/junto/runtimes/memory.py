"""A world in memory, with a time of its own: for tests that must not wait, and that must repeat themselves.

There are no sockets: who listens and who connects must live in the same `MemoryRuntime`. Its time stands
still while anything is to be done, and jumps to the next timer when nothing is.
"""

from __future__ import annotations

import errno
import functools
import os
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, TypeVar

from junto.address import Address
from junto.errors import ConnectionFailed, LocalProtocolError
from junto.runtime import BufferedEndpoint, DatagramEndpoint, DatagramTransport, Endpoint
from junto.runtimes.tasks import Future, Task, settle, settle_with_error
from junto.runtimes.timers import Timer, Timers

if TYPE_CHECKING:
    import ssl

__all__ = ["MemoryRuntime", "MemoryTransport"]

T = TypeVar("T")

_HIGH_WATER = 64 * 1024
_FIRST_PORT = 50_000

AnyEndpoint = Endpoint | BufferedEndpoint


class MemoryRuntime:
    """A world without sockets.

    Attributes:
        black_holes: Ports at which connecting neither succeeds nor fails.
        latency: Seconds that bytes, and news of a connection, take to the other side.
    """

    def __init__(self, *, latency: float = 0.0) -> None:
        self.black_holes: set[int] = set()
        self.latency = latency
        self._now = 0.0
        self._ready: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._timers = Timers()
        self._listeners: dict[int, _Listener] = {}
        self._transports: dict[MemoryTransport, None] = {}
        self._tasks: dict[Task[Any], None] = {}
        self._ports = 0
        self._stopping: list[Future[None]] = []
        self._buffer = memoryview(bytearray(256 * 1024))
        self.create_future: Callable[[], Future[Any]] = functools.partial(Future, self)

    def run(self, flow: Coroutine[Any, Any, T]) -> T:
        """Run *flow* to its end, and all else that is to be done meanwhile.

        Raises:
            LocalProtocolError: It waits for something that will never be.
        """
        task: Task[T] = Task(self, flow)
        self._tasks.pop(task, None)  # it is nobody's but the caller's
        while not task.done():
            if not self._step():
                task.abandon()
                raise LocalProtocolError("nothing is left to be done, and the flow still waits")
        return task.result()

    def _step(self) -> bool:
        if not self._ready:
            when = self._timers.next_time()
            if when is None:
                return False
            self._now = max(self._now, when)
        for timer in self._timers.pop_due(self._now):
            self._ready.append((timer.run, ()))
        for _ in range(len(self._ready)):
            callback, args = self._ready.popleft()
            callback(*args)
        return True

    # -- the seam --

    @property
    def read_buffer(self) -> memoryview:
        return self._buffer

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> None:
        self._ready.append((callback, args))

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Timer:
        return self._timers.add(self._now + delay, callback, args)

    def create_task(self, flow: Coroutine[Any, Any, T], /) -> Task[T]:
        return Task(self, flow)

    def task_started(self, task: Task[Any], /) -> None:
        self._tasks[task] = None

    def task_ended(self, task: Task[Any], /) -> None:
        self._tasks.pop(task, None)
        self._look_whether_stopped()

    async def connect(
        self, address: Address, factory: Callable[[], AnyEndpoint], *, tls: ssl.SSLContext | None = None
    ) -> MemoryTransport:
        if address.port in self.black_holes:
            await self.create_future()
        await self._travel()
        listener = self._listeners.get(address.port)
        if listener is None:
            refused = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
            raise ConnectionFailed(f"cannot connect to {address}: {refused}") from refused
        ours = MemoryTransport(self, factory(), address.port)
        theirs = MemoryTransport(self, listener.factory(), address.port)
        ours.peer, theirs.peer = theirs, ours
        theirs.endpoint.connection_made(theirs)
        ours.endpoint.connection_made(ours)
        return ours

    async def _travel(self) -> None:
        arrived = self.create_future()
        self.call_later(self.latency, settle, arrived)
        await arrived

    async def listen(
        self,
        address: Address,
        factory: Callable[[], AnyEndpoint],
        *,
        tls: ssl.SSLContext | None = None,
        handshake_timeout: float | None = None,
    ) -> _Listener:
        if not address.port:
            self._ports += 1
            address = address.with_port(_FIRST_PORT + self._ports)
        if address.port in self._listeners:
            raise ConnectionFailed(f"cannot listen at {address}: somebody does")
        listener = self._listeners[address.port] = _Listener(self, address, factory)
        return listener

    async def look_up(self, host: str) -> list[str]:
        return [host]

    async def open_datagram(
        self, address: Address, factory: Callable[[], DatagramEndpoint]
    ) -> DatagramTransport:
        raise LocalProtocolError("there are no datagrams in memory")

    def adopt(self, result: T, /) -> T:
        return result

    def call_in_worker(self, function: Callable[[], T], /, *, pool: Executor) -> Future[T]:
        """Call *function* in this thread: there is but one here, and time stands still for it."""
        future: Future[T] = Future(self)
        try:
            settle(future, function())
        except Exception as error:
            settle_with_error(future, error)
        return future

    def stop(self) -> Future[None]:
        stopped: Future[None] = Future(self)
        self._stopping.append(stopped)
        self._listeners.clear()
        for transport in list(self._transports):
            transport.abort()
        for task in list(self._tasks):
            task.cancel()
        self.call_soon(self._look_whether_stopped)
        return stopped

    def _look_whether_stopped(self) -> None:
        if self._stopping and not self._transports:
            stopping, self._stopping = self._stopping, []
            for future in stopping:
                settle(future)

    def opened(self, transport: MemoryTransport) -> None:
        self._transports[transport] = None

    def closed(self, transport: MemoryTransport) -> None:
        self._transports.pop(transport, None)
        self._look_whether_stopped()

    def unlisted(self, port: int) -> None:
        self._listeners.pop(port, None)


class _Listener:
    def __init__(self, runtime: MemoryRuntime, address: Address, factory: Callable[[], AnyEndpoint]) -> None:
        self._runtime = runtime
        self.factory = factory
        self.address = address

    def close(self) -> None:
        self._runtime.unlisted(self.address.port)


class MemoryTransport:
    """One end of a connection in memory. Aborting it resets the other end."""

    def __init__(self, runtime: MemoryRuntime, endpoint: AnyEndpoint, port: int) -> None:
        self._runtime = runtime
        self._incoming = bytearray()
        self._reading = True
        self._closing = False
        self._eof_sent = False
        self._eof_coming = False
        self._eof_told = False
        self._paused = False
        self._outstanding = 0  # bytes that we wrote and the other end has not taken
        self._port = port
        self.endpoint: Any = endpoint
        self.peer: MemoryTransport
        runtime.opened(self)

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        if self._eof_sent:
            raise LocalProtocolError("nothing can be written after write_eof()")
        if self._closing or not data:
            return
        data = bytes(data)
        self._outstanding += len(data)
        self._runtime.call_later(self._runtime.latency, self.peer.receive, data)
        if self._outstanding > _HIGH_WATER and not self._paused:
            self._paused = True
            self.endpoint.pause_writing()

    def writelines(self, chunks: list[bytes], /) -> None:
        self.write(b"".join(chunks))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not (self._closing or self._eof_sent):
            self._eof_sent = True
            self._runtime.call_later(self._runtime.latency, self.peer.receive_eof)

    def close(self) -> None:
        if not self._closing:
            self.write_eof()
            self._end(None)

    def abort(self) -> None:
        if not self._closing:
            reset = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            self._runtime.call_later(self._runtime.latency, self.peer.receive_reset, reset)
            self._end(None)

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._runtime.call_soon(self._deliver)

    def get_write_buffer_size(self) -> int:
        return max(0, self._outstanding - _HIGH_WATER)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("memory", self._port) if name in ("peername", "sockname") else default

    # -- from the other end --

    def receive(self, data: bytes) -> None:
        if self._closing:
            return
        self._incoming += data
        self._deliver()

    def receive_eof(self) -> None:
        self._eof_coming = True
        self._deliver()

    def receive_reset(self, error: Exception) -> None:
        if not self._closing:
            self._end(error)

    def taken(self, size: int) -> None:
        """Take note that the other end has taken *size* bytes more."""
        self._outstanding -= size
        if self._paused and self._outstanding <= _HIGH_WATER and not self._closing:
            self._paused = False
            self.endpoint.resume_writing()

    # -- inside --

    def _deliver(self) -> None:
        while self._incoming and self._reading and not self._closing:
            if hasattr(self.endpoint, "get_buffer"):
                room = self.endpoint.get_buffer(-1)
                size = min(len(room), len(self._incoming))
                room[:size] = self._incoming[:size]
                del self._incoming[:size]
                self.endpoint.buffer_updated(size)
            else:
                data = bytes(self._incoming)
                size = len(data)
                self._incoming.clear()
                self.endpoint.data_received(data)
            self.peer.taken(size)
        if self._eof_coming and not (self._incoming or self._eof_told or self._closing) and self._reading:
            self._eof_told = True
            if not self.endpoint.eof_received():
                self.close()

    def _end(self, error: Exception | None) -> None:
        self._closing = True
        self._incoming.clear()
        self._runtime.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        try:
            self.endpoint.connection_lost(error)
        finally:
            self._runtime.closed(self)
