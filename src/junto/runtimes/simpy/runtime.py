"""The SimPy runtime: layers among the events of an environment in real time."""

from __future__ import annotations

import concurrent.futures
import functools
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from simpy.events import Event

from junto.runtimes import connecting
from junto.runtimes.keeping import Keeper
from junto.runtimes.listening import SocketListener
from junto.runtimes.simpy.contract import Call, SocketEnvironment
from junto.runtimes.simpy.futures import Future, LayerTask, as_future
from junto.runtimes.simpy.handling import Handling
from junto.runtimes.sockets import Closable
from junto.runtimes.tasks import settle, settle_with_error
from junto.runtimes.workers import call_in_worker, follow

if TYPE_CHECKING:
    import ssl

    from junto import runtime
    from junto.address import Address
    from junto.runtime import BufferedEndpoint, DatagramEndpoint, DatagramTransport, Endpoint, Transport

__all__ = ["SimpyRuntime", "simpy_runtime"]

T = TypeVar("T")
_log = logging.getLogger("junto")

READ_BUFFER_SIZE = 256 * 1024


class SimpyRuntime:
    """The world of one environment. Get it by `simpy_runtime`, so that one environment has one.

    Everything moves while the environment runs, and nothing else. A callback that fails is logged; only the
    errors of processes and of events leave ``run()``, as SimPy's users know it.
    """

    def __init__(self, env: SocketEnvironment) -> None:
        self.env = env
        self.time = time.monotonic
        self.create_future: Callable[[], Future[Any]] = functools.partial(Future, env)
        self.watch = env.watch
        self.sockets = env.sockets
        self._tasks: dict[LayerTask[Any], None] = {}
        self._keeper = Keeper(self, lambda: self._tasks)
        self._buffer = memoryview(bytearray(READ_BUFFER_SIZE))

    @property
    def read_buffer(self) -> memoryview:
        return self._buffer

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> Call:
        return self.env.call_soon(_guarded, callback, args)

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> None:
        self.env.call_soon_threadsafe(_guarded, callback, args)

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Call:
        return self.env.call_later(delay, _guarded, callback, args)

    def create_task(self, flow: Coroutine[Any, Any, T], /) -> LayerTask[T]:
        task = LayerTask(self.env, flow)
        if not task.done():
            self._tasks[task] = None
            task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: LayerTask[Any]) -> None:
        self._tasks.pop(task, None)
        self._keeper.look_whether_stopped()

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

    def call_in_worker(self, function: Callable[[], T], /, *, pool: concurrent.futures.Executor) -> Future[T]:
        future: Future[T] = call_in_worker(self, function, pool)
        self._hold_until(future)
        return future

    def adopt(self, result: Any, /) -> Any:
        if isinstance(result, Generator):
            task = self.create_task(Handling(self.env, result).outcome())
            return task.result() if task.done() and task.ok else task  # most streams begin at once
        if isinstance(result, Event):
            return as_future(self.env, result)
        if isinstance(result, concurrent.futures.Future):
            future: Future[Any] = follow(self, result)
            self._hold_until(future)
            return future
        return result

    def stop(self) -> runtime.Future[None]:
        """Close all that is open and cancel the tasks; see `junto.runtime.Runtime.stop`."""
        return self._keeper.stop()

    # -- for sockets --

    def opened(self, thing: Closable, /) -> None:
        self.env.opened(thing)
        self._keeper.opened(thing)

    def closed(self, thing: Closable, /) -> None:
        self.env.closed(thing)
        self._keeper.closed(thing)

    def resolve(self, look_up: Callable[[], T], /) -> Future[T]:
        """Have *look_up* called by a thread of its own."""
        future: Future[T] = Future(self.env)

        def work() -> None:
            try:
                found = look_up()
            except Exception as error:
                self.call_soon_threadsafe(settle_with_error, future, error)
            else:
                self.call_soon_threadsafe(settle, future, found)

        self._hold_until(future)
        threading.Thread(target=work, name="junto-resolver", daemon=True).start()
        return future

    def _hold_until(self, future: Future[Any]) -> None:
        # Nothing is watched meanwhile that would keep the environment from ending.
        self.env.hold()
        future.add_done_callback(lambda _future: self.env.release())


def _guarded(callback: Callable[..., object], args: tuple[Any, ...]) -> None:
    try:
        callback(*args)
    except Exception as error:
        _log.error("a callback failed", exc_info=error)


def simpy_runtime(env: Any) -> SimpyRuntime:
    """Give the runtime of *env*, always the same one.

    Raises:
        TypeError: *env* is an environment of SimPy's own, which knows no sockets.
    """
    if not isinstance(env, SocketEnvironment):
        raise TypeError(
            f"this needs an environment that watches sockets: junto.simpy.Environment(), not {env!r}"
        )
    if env.runtime is None:
        make = type(env).runtime_class or SimpyRuntime
        env.runtime = make(env)
    runtime: SimpyRuntime = env.runtime
    return runtime
