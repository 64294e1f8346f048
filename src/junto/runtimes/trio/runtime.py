"""The trio runtime: what layers ask for, in a nursery."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from junto.errors import ConnectionFailed
from junto.runtimes import connecting
from junto.runtimes.binding import SYSTEM
from junto.runtimes.keeping import Keeper
from junto.runtimes.listening import SocketListener
from junto.runtimes.sockets import Closable
from junto.runtimes.timers import Timers
from junto.runtimes.trio.futures import Cancelled, Future, Task
from junto.runtimes.trio.turns import Turns
from junto.runtimes.trio.watching import Watches
from junto.runtimes.workers import call_in_worker

if TYPE_CHECKING:
    import concurrent.futures
    import ssl

    from junto.address import Address
    from junto.runtime import BufferedEndpoint, DatagramEndpoint, DatagramTransport, Endpoint, Transport
    from junto.runtime import Future as AnyFuture

__all__ = ["TrioRuntime"]

T = TypeVar("T")

READ_BUFFER_SIZE = 256 * 1024


class TrioRuntime:
    """The world of one nursery.

    All its tasks are in the nursery: one for callbacks and timers, one or two for each socket, one for each
    flow. When the nursery is cancelled, all that is open is aborted, and the tasks end.
    """

    sockets = SYSTEM

    def __init__(self, nursery: trio.Nursery, *, shielded: bool = False) -> None:
        """Begin, in *nursery*.

        Args:
            nursery: Where the tasks are.
            shielded: Whether what moves bytes and time goes on when the nursery is cancelled, until
                somebody calls `end`; tasks with flows are cancelled nevertheless.
        """
        self._nursery = nursery
        self._shielded = shielded
        self._token = trio.lowlevel.current_trio_token()
        # Not `trio.current_time`, which only knows the time in tasks of trio.
        self.time = trio.lowlevel.current_clock().current_time
        self.create_future: Callable[[], Future[Any]] = functools.partial(Future, self)
        self._buffer: memoryview | None = None
        self._timers = Timers()
        self._turns = Turns(self.time, self._timers)
        self._watches = Watches(nursery, shielded=shielded)
        self._tasks: dict[Task[Any], None] = {}
        self._keeper = Keeper(self, lambda: self._tasks)
        self._ending = False
        self.call_soon = self._turns.call_soon
        self.call_later = self._turns.call_later
        self.watch = self._watches.watch
        self.closed = self._keeper.closed
        nursery.start_soon(self._run, name="junto")

    # Protected, so that Ctrl-C does not come in between two steps of a callback; the main task gets it.
    @trio.lowlevel.enable_ki_protection
    async def _run(self) -> None:
        try:
            with trio.CancelScope(shield=self._shielded):
                await self._turns.run(self._has_ended)
        finally:
            self.end()
            with trio.CancelScope(shield=True):  # for as long as our own tasks take to end
                await self._turns.run(self._has_ended)

    def _has_ended(self) -> bool:
        return self._ending and not (self._tasks or self._keeper.things)

    def _look_again(self) -> None:
        """Have the task that runs callbacks look whether we have ended."""
        self.call_soon(self._has_ended)

    def end(self) -> None:
        """Abort all that is open and cancel all tasks, at once; doing so twice is fine.

        Nothing can be opened any more. What is not sent yet is lost; `stop` is the kinder way.
        """
        if not self._ending:
            self._ending = True
            for task in list(self._tasks):
                task.cancel()
            self._keeper.abort_all()
            self._turns.run_ready()
            self._look_again()

    @property
    def read_buffer(self) -> memoryview:
        if self._buffer is None:
            self._buffer = memoryview(bytearray(READ_BUFFER_SIZE))
        return self._buffer

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> None:
        try:
            self._token.run_sync_soon(self.call_soon, callback, *args)
        except trio.RunFinishedError:
            pass  # with all that was in it

    def create_task(self, flow: Coroutine[Any, Any, T], /) -> AnyFuture[T]:
        if self._ending:
            flow.close()
            ended: Future[T] = Future(self)
            ended.cancel()
            return ended
        return Task(self, self._nursery, flow)

    async def connect(
        self,
        address: Address,
        factory: Callable[[], Endpoint | BufferedEndpoint],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> Transport:
        return await self._open(connecting.connect(self, address, factory, tls))

    async def listen(
        self,
        address: Address,
        factory: Callable[[], Endpoint | BufferedEndpoint],
        *,
        tls: ssl.SSLContext | None = None,
        handshake_timeout: float | None = None,
    ) -> SocketListener:
        return await self._open(connecting.listen(self, address, factory, tls, handshake_timeout))

    async def look_up(self, host: str) -> list[str]:
        return await self._open(connecting.look_up(self, host))

    async def open_datagram(
        self, address: Address, factory: Callable[[], DatagramEndpoint]
    ) -> DatagramTransport:
        return await self._open(connecting.open_datagram(self, address, factory))

    async def _open(self, opening: Coroutine[Any, Any, T]) -> T:
        """Run *opening* in a task, which ends with us, whoever waits for it."""
        try:
            return await self.create_task(opening)
        except Cancelled:
            raise _ended() from None

    def adopt(self, result: T, /) -> T:
        return result

    def call_in_worker(self, function: Callable[[], T], /, *, pool: concurrent.futures.Executor) -> Future[T]:
        return call_in_worker(self, function, pool)  # type: ignore[no-any-return]  # create_future made it

    def stop(self) -> AnyFuture[None]:
        """Close all that is open and cancel the tasks made by `create_task`; done when nothing is left.

        Connections get a second to send what they hold. The runtime can be used again.
        """
        if self._ending:
            stopped: Future[None] = Future(self)
            stopped.set_result(None)
            return stopped
        return self._keeper.stop()

    # -- for sockets and tasks --

    def resolve(self, look_up: Callable[[], T], /) -> AnyFuture[T]:
        return self.create_task(trio.to_thread.run_sync(look_up, abandon_on_cancel=True))

    def opened(self, thing: Closable, /) -> None:
        if self._ending:  # a task was about to open it
            raise _ended()
        self._keeper.opened(thing)

    def task_started(self, task: Task[Any], /) -> None:
        self._tasks[task] = None

    def task_ended(self, task: Task[Any], /) -> None:
        self._tasks.pop(task, None)
        self._keeper.look_whether_stopped()
        if self._ending:
            self._look_again()


def _ended() -> ConnectionFailed:
    return ConnectionFailed("the runtime has ended")
