"""Generators of handlers: processes whose return value is the result, or streams of what they yield.

In SimPy a generator that yields events is a process; to layers a generator is a stream of items. Both are
true here. Each event that the generator yields is waited for, by a process, so that whatever SimPy offers to
processes works in it. The first value that is no event makes it a stream. From then on it runs
only as far as the reader of the stream wants.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any

from simpy.events import Event

from junto.runtimes.simpy.futures import Future
from junto.runtimes.simpy.processes import Process, happened
from junto.runtimes.tasks import Cancelled, settle, settle_with_error

if TYPE_CHECKING:
    from junto.runtimes.simpy.contract import SocketEnvironment

__all__ = ["Handling"]


class Handling:
    """One generator at work."""

    def __init__(self, env: SocketEnvironment, generator: Generator[Any, Any, Any]) -> None:
        self._env = env
        self._generator = generator
        self._outcome: Future[Any] = Future(env)
        self._items: deque[Any] = deque()
        self._more: Future[None] | None = None
        self._error: BaseException | None = None
        # Where the process waits with an item until the next one is wanted.
        self._gate = happened(env)
        carried: Any = self._carry()
        carried.__name__ = getattr(generator, "__name__", "handler")
        self._process = Process.begun(env, carried)

    async def outcome(self) -> Any:
        """Wait for the result of a process, or for the generator of a stream's items.

        A process that is not wanted any more is interrupted.
        """
        try:
            return await self._outcome
        except Cancelled:
            if self._process.is_alive:
                self._process.interrupt("the handler was cancelled")
            raise

    def _carry(self) -> Generator[Event, Any, None]:
        """Be the process: hand events to SimPy, and items to the stream."""
        generator = self._generator
        silent = True
        try:
            value = next(generator)
            silent = False
            while True:
                event = value if isinstance(value, Event) else self._offer(value)
                try:
                    answer = yield event
                except GeneratorExit:  # nobody wants the rest
                    generator.close()
                    return
                except BaseException as error:  # of the event, or an interrupt
                    value = generator.throw(error)
                else:
                    value = generator.send(answer)
        except StopIteration as stop:
            # One that ends at once, and says nothing by that, is elsewhere a stream of no items.
            self._end(generator if silent and stop.value is None else stop.value)
        except BaseException as error:  # what is to end the program does so where the outcome is awaited
            self._fail(error)

    def _offer(self, item: Any) -> Event:
        self._items.append(item)
        if not self._outcome.done():
            self._outcome.set_result(self._stream())
        elif self._outcome.cancelled():
            self._env.call_soon(self._close)
        self._wake()
        return self._gate

    def _end(self, result: Any) -> None:
        settle(self._outcome, result)
        self._wake()

    def _fail(self, error: BaseException) -> None:
        self._error = error
        if isinstance(error, Cancelled):
            self._outcome.cancel()
        else:
            settle_with_error(self._outcome, error)
        self._wake()

    def _wake(self) -> None:
        if self._more is not None:
            settle(self._more)

    # -- for the reader of the stream --

    async def _stream(self) -> AsyncGenerator[Any, None]:
        try:
            while await self._has_more():
                yield self._items.popleft()
        finally:
            self._close()

    async def _has_more(self) -> bool:
        if not self._items and self._gate.callbacks:
            self._gate.callbacks.clear()
            self._process.step(self._gate)
        while not self._items and self._process.is_alive:
            self._more = Future(self._env)
            await self._more
        if self._items:
            return True
        if self._error is not None:
            raise self._error
        return False

    def _close(self) -> None:
        process = self._process
        if process.is_alive:
            process.leave(GeneratorExit())
            if self._error is not None:
                raise self._error
