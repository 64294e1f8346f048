"""What trio has for the whole process, walks in the order of addresses, or asks of a socket's exact class.

This is for whoever runs trio on a host: a trio host, or a hosted program that calls `trio.run` itself. trio
is not imported here, but found when a program has done so.
"""

from __future__ import annotations

import queue
import socket
from collections.abc import Awaitable, Callable
from heapq import heappush
from itertools import count
from types import ModuleType
from typing import Any

from junto.sim.here import here
from junto.sim.interception.installing import replace, when_imported

__all__ = ["prepare"]

_OURS = 1 << 48  # what is taken from the numbers of tasks that were made on a host


def _next(kind: str) -> int:
    """Draw the next number of a kind of things of the process at hand."""
    host = here.host
    assert host is not None
    counter = host.process.get(kind)
    if counter is None:
        counter = host.process[kind] = count().__next__
    return int(counter())


def prepare(trio: ModuleType) -> None:
    """Register what is replaced in trio; called when a program has imported it."""
    core: Any = vars(trio)["_core"]
    _number_tasks(core._run)
    _number_deadlines(core._run)
    _order_batches(core._run)
    _divide_threads(core._thread_cache)
    _exchange_queues(vars(trio)["_threads"])
    _take_sockets(vars(trio)["_socket"])


def _number_tasks(run: Any) -> None:
    """Let sets of tasks, and of what cancels them, be walked in the order of their making."""

    def task_hash(self: Any) -> int:
        number: int = self._counter
        if number < 0:
            return number + _OURS
        if here.host is None:
            return object.__hash__(self)
        number = _next("trio.Task")
        self._counter = number - _OURS  # trio itself only compares it with those of others
        return number

    real: Any = run.CancelStatus

    class NumberedStatus(real):  # type: ignore[misc]  # trio's
        __slots__ = ("number",)

        def __hash__(self) -> int:
            try:
                return self.number
            except AttributeError:  # its making puts it into a set
                self.number: int = _next("trio.CancelStatus")
                return self.number

    def cancel_status(*args: Any, **options: Any) -> Any:
        return (real if here.host is None else NumberedStatus)(*args, **options)

    replace("trio._core._run", "Task.__hash__", task_hash, inherited=True)
    replace("trio._core._run", "CancelStatus", cancel_status)


def _number_deadlines(run: Any) -> None:
    """Let what is due at the same time be done in the order in which it was begun."""
    add: Callable[..., None] = run.Deadlines.add
    wait: Callable[..., Awaitable[None]] = run.Runner.wait_all_tasks_blocked

    def add_deadline(self: Any, deadline: float, cancel_scope: Any) -> None:
        if here.host is None:
            add(self, deadline, cancel_scope)
        else:
            heappush(self._heap, (deadline, _next("trio.Deadlines"), cancel_scope))
            self._active += 1

    async def wait_all_tasks_blocked(self: Any, cushion: float = 0.0) -> None:
        if here.host is None:
            await wait(self, cushion)
            return
        task = run.current_task()
        key = (cushion, hash(task))
        self.waiting_for_idle[key] = task

        def abort(_: object) -> Any:
            del self.waiting_for_idle[key]
            return run.Abort.SUCCEEDED

        await run.wait_task_rescheduled(abort)

    replace("trio._core._run", "Deadlines.add", add_deadline)
    replace("trio._core._run", "Runner.wait_all_tasks_blocked", wait_all_tasks_blocked)


class _Order:
    """What stands for the generator that decides in which order a batch of tasks is run."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def random(self) -> float:
        host = here.host
        return float(self._real.random() if host is None else host.choices("trio").random())

    def shuffle(self, batch: list[Any]) -> None:  # asked for by pytest's plugin for trio
        host = here.host
        if host is None:
            self._real.shuffle(batch)
            return
        below = host.choices("trio").below
        for last in range(len(batch) - 1, 0, -1):
            other = last - below(last + 1)
            batch[last], batch[other] = batch[other], batch[last]


def _order_batches(run: Any) -> None:
    replace("trio._core._run", "_r", _Order(run._r))


class _Names:
    """What stands for the counter of worker threads."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __next__(self) -> int:
        return int(next(self._real)) if here.host is None else _next("trio.threads")


def _divide_threads(cache: Any) -> None:
    """Let each process have worker threads of its own."""
    start: Callable[..., None] = cache.start_thread_soon

    def start_thread_soon(fn: Any, deliver: Any, name: str | None = None) -> None:
        host = here.host
        if host is None:
            start(fn, deliver, name)
            return
        own = host.process.get("trio.cache")
        if own is None:
            own = host.process["trio.cache"] = cache.ThreadCache()
        own.start_thread_soon(fn, deliver, name)

    replace("trio._core._thread_cache", "start_thread_soon", start_thread_soon)
    replace("trio._core._thread_cache", "name_counter", _Names(cache.name_counter))


def _exchange_queues(threads: Any) -> None:
    """Let threads wait for trio's answer in a queue of the world: trio has kept the class of real ones."""
    send: Callable[..., Any] = threads._send_message_to_trio

    def send_message_to_trio(trio_token: Any, message_to_trio: Any) -> Any:
        if here.host is not None:
            object.__setattr__(message_to_trio, "queue", queue.SimpleQueue())
        return send(trio_token, message_to_trio)

    replace("trio._threads", "_send_message_to_trio", send_message_to_trio)


def _take_sockets(module: Any) -> None:
    """Let trio take simulated sockets, of a subclass that it would refuse, and call their methods."""
    cls = module._SocketType
    init, helper = cls.__init__, cls._nonblocking_helper

    def is_simulated(sock: object) -> bool:
        return here.host is not None and isinstance(sock, socket.socket) and hasattr(sock, "endpoint")

    def take(self: Any, sock: Any) -> None:
        if not is_simulated(sock):
            init(self, sock)
            return
        self._sock = sock
        sock.setblocking(False)
        self._did_shutdown_SHUT_WR = False

    async def nonblocking_helper(self: Any, wait_fn: Any, fn: Any, *args: Any, **kwargs: Any) -> Any:
        # It has kept the methods of real sockets that are written in C.
        if is_simulated(self._sock):
            fn = getattr(type(self._sock), fn.__name__)
        return await helper(self, wait_fn, fn, *args, **kwargs)

    def socket_hash(self: Any) -> int:
        return int(self._sock.endpoint.number if is_simulated(self._sock) else object.__hash__(self))

    replace("trio._socket", "_SocketType.__init__", take)
    replace("trio._socket", "_SocketType._nonblocking_helper", nonblocking_helper)
    replace("trio._socket", "_SocketType.__hash__", socket_hash, inherited=True)


when_imported("trio", prepare)
