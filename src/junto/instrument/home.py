"""Where the client of a blocking program lives: its runtime, made when it is first used."""

from __future__ import annotations

import atexit
import contextvars
import functools
import inspect
import os
import sys
import weakref
from collections.abc import Callable
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from junto.connecting import sleep
from junto.errors import LocalProtocolError
from junto.instrument.client import TCP
from junto.instrument.connection import Connection
from junto.instrument.lanes import BOTH, Lanes
from junto.instrument.session import Session
from junto.instrument.settings import Timeout
from junto.instrument.wants import Want
from junto.runtime import Future, Runtime, Transport

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from junto.instrument.callfutures import CallFuture

__all__ = ["Home", "HostRuntime", "Kit", "Watcher"]

T = TypeVar("T")

Watcher = Callable[[Transport], Callable[[], bool] | None]
"""Makes of a transport what tells whether something has come that was not read, without waiting."""


class HostRuntime(Runtime, Protocol):
    """A runtime in which threads can wait; `junto.runtimes.threads` has one."""

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any: ...
    def resolve(self, look_up: Callable[[], Any], /) -> Future[Any]: ...
    def start_thread(self, name: str = ..., /) -> Thread: ...
    def close(self) -> None: ...


class Kit(NamedTuple):
    """What makes of the blocking facades those of one kind of threads.

    Attributes:
        client: The class of the client inside.
        make_runtime: Makes a runtime for one client alone.
        watcher: Looks at sockets.
    """

    client: type[TCP]
    make_runtime: Callable[[], HostRuntime]
    watcher: Watcher


class Home:
    """The runtime of one client.

    Attributes:
        session: The client's session; set by the client.
    """

    def __init__(
        self,
        kit: Kit,
        given: HostRuntime | None,
        *,
        with_thread: bool = False,
    ) -> None:
        """Prepare.

        Args:
            kit: Makes the runtime.
            given: A runtime that somebody else made, carries on and ends.
            with_thread: Whether a thread is to carry on the runtime of this client.
        """
        self.session: Session
        self._make = kit.make_runtime
        self._watcher = kit.watcher
        self._given = given
        self._runtime: HostRuntime | None = None
        self._with_thread = with_thread
        self._making = Lock()
        self._threaded = given is not None
        self._watched: object = None
        self._has_news: Callable[[], bool] | None = None
        self._pool: ThreadPoolExecutor | None = None
        _prepare_for_ends()
        _homes.add(self)

    def runtime(self) -> HostRuntime:
        """Give the runtime; make it if this is the first time."""
        runtime = self._runtime
        if runtime is None:
            with self._making:  # several threads may be the first
                runtime = self._runtime
                if runtime is None:
                    runtime = self._given or self._make()
                    if self._with_thread and self._given is None:
                        runtime.start_thread(f"junto {self.session.address}")
                        self._threaded = True
                    self.session.hands_over = not self._threaded
                    self._runtime = runtime
        return runtime

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call *function* in the runtime, and wait for what it returns.

        Raises:
            RuntimeError: This thread runs a callback of the runtime, which cannot wait for itself.
        """
        runtime = self._runtime or self.runtime()
        try:
            if not self._threaded and self.session.connection is not None:
                self._look(runtime)
            return runtime.call(function, *args, **kwargs)
        except LocalProtocolError as error:
            raise RuntimeError(str(error)) from error

    def ask(self, lanes: Lanes | None, data: bytes, want: Want[T], timeout: Timeout, operation: str) -> T:
        """Carry out a transaction; by fewer steps than `call`, if nothing stands in its way."""
        runtime = self._runtime or self.runtime()
        session = self.session
        kept: list[Future[Any]] = []
        try:
            if not self._threaded and session.connection is not None:
                self._look(runtime)
            reply: T = runtime.call(session.begin, data, want, timeout, lanes, kept)
            if reply is None:  # not begun, for something stands in its way
                reply = runtime.call(session.run, operation, BOTH, timeout, data, want, lanes=lanes)
        except LocalProtocolError as error:
            raise RuntimeError(str(error)) from error
        except BaseException as error:
            if not kept:
                raise
            raise runtime.call(session.give_up, kept[0], error, operation, timeout, kept=True)  # noqa: B904  # it has its cause
        return reply

    def look(self) -> None:
        """Take note of what has come since somebody waited the last time."""
        runtime = self._runtime
        if runtime is not None and not self._threaded and self.session.connection is not None:
            try:
                self._look(runtime)
            except LocalProtocolError:
                pass  # in a callback: then it was looked just now

    def _look(self, runtime: HostRuntime) -> None:
        # Nothing moves while nobody waits: that the peer has gone meanwhile must be seen before something
        # is sent to it.
        connection = self.session.connection
        if connection is not self._watched:
            transport = None if connection is None else connection.transport
            self._watched = connection
            self._has_news = None if transport is None else self._watcher(transport)
        if self._has_news is not None and self._has_news():
            runtime.call(sleep, runtime, 0)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> CallFuture[Any]:
        """Begin to call *function* in the runtime; cancelling the future that this returns cancels it."""
        from junto.instrument.callfutures import begin  # late: few want it, and it takes long to import

        return begin(self._runtime or self.runtime(), function, args, kwargs)

    def outside(self, callback: Callable[[], Any]) -> Callable[[], Any]:
        """Make of *callback*, which may block on this client, one that can be awaited in the runtime."""

        async def carry() -> Any:
            runtime = self.runtime()
            call: Callable[[], Any] = _in_context(callback)
            if self._threaded:
                if self._pool is None:
                    from concurrent.futures import ThreadPoolExecutor  # late: it takes long to import

                    self._pool = ThreadPoolExecutor(1, "junto callbacks")
                outcome = await runtime.call_in_worker(call, pool=self._pool)
            else:
                outcome = await runtime.resolve(call)
            if inspect.isawaitable(outcome):
                await outcome

        return carry

    def end(self, connection: Connection | None) -> None:
        """Let go of all, from any thread: *connection*, and the runtime if it is ours."""
        if sys.is_finalizing():
            return  # threads do not run any more, and cannot be waited for; the system closes the rest
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            if self._given is None:
                runtime.close()
            elif connection is not None:
                runtime.call_soon_threadsafe(connection.abort)
        if self._pool is not None:
            self._pool.shutdown(wait=False)

    def forget(self) -> None:
        """Begin anew, in a process that was forked: what was there belongs to the other one."""
        _left_behind.append((self._runtime, self.session.connection, self._pool))
        self._runtime = self._pool = None
        self._making = Lock()
        self._threaded = self._given is not None
        self._watched = self._has_news = None
        self.session.forget()


def _in_context(callback: Callable[[], Any]) -> Callable[[], Any]:
    # The scope that tells that a call is the callback's own is in the context of who asks, not of who calls.
    context = contextvars.copy_context()
    return lambda: context.run(callback)


_homes: weakref.WeakSet[Home] = weakref.WeakSet()
_left_behind: list[Any] = []


@functools.cache
def _prepare_for_ends() -> None:
    """Have homes end with the process, while threads still run, and begin anew in one that was forked."""
    atexit.register(_end_all)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_all)


def _forget_all() -> None:
    for home in list(_homes):
        home.forget()


def _end_all() -> None:
    for home in list(_homes):
        home.end(None)
