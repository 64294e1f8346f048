"""Streams: one request, many results, and a reader who sets the pace.

The producer may be `WINDOW` items ahead of the reader; the reader's *credit*, sent as it reads,
lets it go on. So neither side stores more, whichever is faster. A reader that wants no more
says so, and the producer's generator is closed.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any, Final

from junto.errors import ConnectionLost
from junto.runtime import Future, Runtime
from junto.sansio.kinds import CREDIT, ITEM, STOP
from junto.waiting import Inbox

__all__ = ["WINDOW", "Producer", "Stream", "StreamReader"]

WINDOW: Final = 32
"""How many items a producer may be ahead; part of the wire, both sides know it."""


class StreamReader:
    """The reading end's state, as the channel holds it."""

    __slots__ = ("_ended", "_ident", "_inbox", "_send", "_unread", "stopped")

    def __init__(self, runtime: Runtime, send: Callable[[int, int, Any], object], ident: int) -> None:
        self._send = send
        self._ident = ident
        self._inbox: Inbox[Any] = Inbox(runtime)
        self._unread = 0
        self._ended = False
        self.stopped = False

    @property
    def done(self) -> bool:
        """Whether the producer has ended, or was told to."""
        return self._ended or self.stopped

    def put(self, item: Any) -> bool:
        """Take an item; tells whether the producer had credit for it."""
        if len(self._inbox) >= WINDOW:
            return False
        if not self.stopped:
            self._inbox.put(item)
        return True

    def end(self, error: BaseException | None) -> None:
        """No more items come: because of *error*, or because that was all."""
        self._ended = True
        self._inbox.end(StopAsyncIteration() if error is None else error)

    async def get(self) -> Any:
        item = await self._inbox.get()
        self._give_credit()
        return item

    def arrival(self) -> Future[None]:
        """Give a future that is done when there is something to `take`; see `Inbox.arrival`."""
        return self._inbox.arrival()

    def take(self) -> Any:
        """Take the next item; raises `StopAsyncIteration` or the producer's error at the end."""
        item = self._inbox.take()
        self._give_credit()
        return item

    def _give_credit(self) -> None:
        self._unread += 1
        if self._unread >= WINDOW // 2 and not self._ended:
            self._send(CREDIT, self._ident, self._unread)
            self._unread = 0

    def stop(self) -> None:
        """Tell the producer to stop; what still comes is dropped."""
        if not self.stopped:
            self.stopped = True
            self._inbox.clear()
            self._inbox.end(StopAsyncIteration())
            if not self._ended:
                self._send(STOP, self._ident, None)


class Stream(AsyncIterator[Any]):
    """The items of a streamed result, in order: consume it with ``async for``.

    A loop that is left early stops the producer, at the latest when the stream is garbage
    collected; `aclose` does it at once. An error of the producer is raised where the next item
    would have been.
    """

    __slots__ = ("_reader", "_runtime")

    def __init__(self, reader: StreamReader, runtime: Runtime) -> None:
        self._reader = reader
        self._runtime = runtime

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Any:
        """Wait for the next item.

        Raises:
            StopAsyncIteration: That was all.
            RemoteError: The producer failed.
            ConnectionLost: The connection broke before the end.
        """
        return await self._reader.get()

    async def aclose(self) -> None:
        """Want no more; the producer is told. Closing twice is fine."""
        self._reader.stop()

    def __del__(self) -> None:
        if not self._reader.done:
            try:
                self._runtime.call_soon_threadsafe(self._reader.stop)
            except RuntimeError:
                pass  # the event loop is closed, and all that was in it


class Producer:
    """The producing end: takes items from a generator and sends them as credit allows."""

    __slots__ = (
        "_cancelled",
        "_credit",
        "_final",
        "_ident",
        "_runtime",
        "_send",
        "_waiter",
        "stopped",
        "task",
    )

    def __init__(self, runtime: Runtime, send: Callable[[int, Any, Any], bool], ident: Any) -> None:
        """Prepare to answer request *ident*.

        Args:
            runtime: The world to wait in.
            send: Sends an item, or tells by ``False`` that it must wait for `wake`.
            ident: The number of the request.
        """
        self._runtime = runtime
        self._send = send
        self._ident = ident
        self._credit = WINDOW
        self._final = False
        self._cancelled = False
        self._waiter: Future[None] | None = None
        self.stopped = False
        self.task: Future[None] | None = None

    def add_credit(self, items: Any) -> None:
        if type(items) is int and items > 0:
            self._credit += items
            self.wake()

    def no_more_credit(self) -> None:
        """Take note that the reader can ask for no more than it did."""
        self._final = True
        self.wake()

    def stop(self) -> None:
        """End without an error: the reader wants no more."""
        self.stopped = True
        self.cancel()

    def cancel(self) -> None:
        """Close the generator; doing so twice would disturb that."""
        if self.task is not None and not self._cancelled:
            self._cancelled = True
            self.task.cancel()

    def wake(self) -> None:
        """Look again whether the next item may be sent."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def run(self, source: Any, step: Callable[[Callable[[], Any]], Future[Any]] | None) -> None:
        """Send what *source* yields.

        Args:
            source: A generator or an asynchronous generator; closed at the end.
            step: Makes a step of a plain generator elsewhere, in a thread of a
                pool; ``None`` to make it here.
        """
        if isinstance(source, Generator):
            await self._run_plain(source, step)
            return
        try:
            async for item in source:
                await self._deliver(item)
        finally:
            await source.aclose()

    async def _run_plain(
        self, source: Generator[Any, None, Any], step: Callable[[Callable[[], Any]], Future[Any]] | None
    ) -> None:
        end = object()
        if step is None:
            try:
                for item in source:
                    await self._deliver(item)
            finally:
                source.close()
            return
        # Whoever stops us does not stop a worker: it may still be in the generator.
        lock = threading.Lock()

        def following() -> Any:
            with lock:
                return next(source, end)

        def close() -> None:
            with lock:
                source.close()

        try:
            while (item := await step(following)) is not end:
                await self._deliver(item)
        finally:
            await step(close)

    async def _deliver(self, item: Any) -> None:
        while self._credit == 0 or not self._send(ITEM, self._ident, item):
            if self._credit == 0 and self._final:
                raise ConnectionLost("the reader of the stream can ask for no more")
            self._waiter = self._runtime.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._credit -= 1
