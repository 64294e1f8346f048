"""The threads runtime: for programs that block, without a hidden thread.

How threads wait is in `junto.runtimes.leading`; here is what they wait for: connections, tasks and
workers; and how it all ends.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Coroutine
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from junto import runtime
from junto.errors import ConnectionLost, LocalProtocolError
from junto.runtimes import connecting
from junto.runtimes.binding import SYSTEM
from junto.runtimes.keeping import Keeper
from junto.runtimes.leading import LeaderAndFollowers, drop_flows
from junto.runtimes.listening import SocketListener
from junto.runtimes.polling import Poller
from junto.runtimes.tasks import Cancelled, Future, InvalidState, Task, settle
from junto.runtimes.workers import call_in_worker

if TYPE_CHECKING:
    import concurrent.futures
    import ssl

    from junto.address import Address
    from junto.runtime import BufferedEndpoint, DatagramEndpoint, DatagramTransport, Endpoint, Transport

__all__ = ["Cancelled", "Future", "InvalidState", "Task", "ThreadsRuntime"]

T = TypeVar("T")

READ_BUFFER_SIZE = 256 * 1024


class ThreadsRuntime(LeaderAndFollowers):
    """A runtime for programs that block.

    Nothing moves while nobody waits: for what comes unasked there are `serve_forever` and
    `start_thread`. Safe to call from any thread: `call`, `wait`, `submit`, `serve_forever`,
    `start_thread`, `close`, `time` and `call_soon_threadsafe`. All else is for callbacks and for functions
    given to `call`.
    """

    sockets = SYSTEM

    def __init__(self, poller: Poller | None = None) -> None:
        super().__init__(poller)
        self._keeper = Keeper(
            self, lambda: [task for task, waited_for in self._tasks.items() if not waited_for]
        )
        self.opened = self._keeper.opened
        self.closed = self._keeper.closed
        self._pumps: dict[Future[None], None] = {}
        self._threads: list[threading.Thread] = []
        self._buffer = memoryview(bytearray(READ_BUFFER_SIZE))
        self.time = time.monotonic
        self.create_future: Callable[[], Future[Any]] = functools.partial(Future, self)

    def call_at_once(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Do as `call` with a function that waits for nothing; for callbacks, too."""
        if self._owner == get_ident():
            return function(*args, **kwargs)
        return self.call(function, *args, **kwargs)

    def submit(
        self, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> concurrent.futures.Future[Any]:
        """Do as `call`, but return a future at once, which may be cancelled.

        The first step of a flow is made in the calling thread. May be called in callbacks, too.

        Raises:
            LocalProtocolError: Nobody carries it on: `start_thread` was not called.
            ConnectionLost: The runtime is closed.
        """
        from junto.runtimes.futures import begin  # late: few want it, and it takes long to import

        if not self._pumps:
            drop_flows(args)
            raise LocalProtocolError("futures need somebody who carries them on: call start_thread() first")
        if self._owner == get_ident():
            return begin(self, function, args, kwargs)
        return self.call(begin, self, function, args, kwargs)  # type: ignore[no-any-return]  # what begin returns

    def is_in_callback(self) -> bool:
        """Tell whether this thread runs a callback just now: it may call all, but cannot wait."""
        return self._owner == get_ident()

    def serve_forever(self, until: Future[Any] | None = None) -> None:
        """Lead or follow in this thread until *until* is done or the runtime is stopped or closed.

        Raises:
            BaseException: The error of *until*.
        """
        ended: Future[None] = Future(self)
        self._pumps[ended] = None
        if until is not None:
            self.call_soon_threadsafe(until.add_done_callback, lambda _until: settle(ended))
        self._pump(ended)
        if until is not None and until.done():
            until.result()

    def start_thread(self, name: str = "junto") -> threading.Thread:
        """Serve in a daemon thread of its own, which `close` ends and joins."""
        ended: Future[None] = Future(self)
        self._pumps[ended] = None
        thread = threading.Thread(target=self._pump, args=(ended,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _pump(self, ended: Future[None]) -> None:
        try:
            self.wait(ended)
        except ConnectionLost:
            if not self._closed:
                raise
        finally:
            self._pumps.pop(ended, None)

    def close(self) -> None:
        """Abort all that is open, end all tasks, and wake every waiting thread with `ConnectionLost`.

        What is not sent yet is lost; `stop` is the kinder way. Closing twice is fine.
        """
        if self._owner == get_ident():
            self._close()
            return
        with self._lock:
            self._owner = get_ident()
            try:
                self._close()
            finally:
                self._owner = 0
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    # -- the seam: for callbacks, under the lock --

    @property
    def read_buffer(self) -> memoryview:
        return self._buffer

    def create_task(self, flow: Coroutine[Any, Any, T], /) -> Task[T]:
        return Task(self, flow)

    async def connect(
        self,
        address: Address,
        factory: Callable[[], Endpoint | BufferedEndpoint],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> Transport:
        return await connecting.connect(self, address, factory, tls)

    async def listen(
        self,
        address: Address,
        factory: Callable[[], Endpoint | BufferedEndpoint],
        *,
        tls: ssl.SSLContext | None = None,
        handshake_timeout: float | None = None,
    ) -> SocketListener:
        return await connecting.listen(self, address, factory, tls, handshake_timeout)

    async def look_up(self, host: str) -> list[str]:
        return await connecting.look_up(self, host)

    async def open_datagram(
        self, address: Address, factory: Callable[[], DatagramEndpoint]
    ) -> DatagramTransport:
        return await connecting.open_datagram(self, address, factory)

    def adopt(self, result: T, /) -> T:
        return result

    def call_in_worker(self, function: Callable[[], T], /, *, pool: concurrent.futures.Executor) -> Future[T]:
        return call_in_worker(self, function, pool)  # type: ignore[no-any-return]  # create_future made it

    def stop(self) -> runtime.Future[None]:
        """Close all that is open and cancel the tasks; done, as `serve_forever` is, when nothing is left.

        Connections get a second to send what they hold. The runtime can be used again.
        """
        stopped = self._keeper.stop()
        stopped.add_done_callback(self._end_pumps)
        return stopped

    def task_ended(self, task: Task[Any], /) -> None:
        super().task_ended(task)
        self._keeper.look_whether_stopped()

    def _end_pumps(self, _stopped: object) -> None:
        for ended in self._pumps:
            settle(ended)

    def _close(self) -> None:
        if self._closed:
            return
        self._keeper.abort_all()
        super()._close()
