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
from junto.piping import PipeEnd
from junto.runtime import BufferedEndpoint, DatagramEndpoint, DatagramTransport, Endpoint
from junto.runtimes.tasks import Future, Task, settle, settle_with_error
from junto.runtimes.timers import Timer, Timers

if TYPE_CHECKING:
    import ssl

__all__ = ["MemoryRuntime", "MemoryTransport"]

T = TypeVar("T")

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


class MemoryTransport(PipeEnd):
    """One end of a connection in memory, which lets news take the runtime's latency."""

    def __init__(self, runtime: MemoryRuntime, endpoint: AnyEndpoint, port: int) -> None:
        super().__init__(runtime, endpoint)
        self._memory = runtime
        self._port = port
        self.tell_peer = self._tell_later
        runtime.opened(self)

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        if self._eof_sent:
            raise LocalProtocolError("nothing can be written after write_eof()")
        super().write(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("memory", self._port) if name in ("peername", "sockname") else default

    def _tell_later(self, call: Callable[..., object], *args: Any) -> None:
        self._memory.call_later(self._memory.latency, call, *args)

    def _lose(self, error: Exception | None) -> None:
        try:
            super()._lose(error)
        finally:
            self._memory.closed(self)
