"""Subscriptions of a client: a callback, or an iterator with a bounded queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Sequence
from typing import Any, Final, Protocol

from junto.errors import ConnectionLost, JuntoError, Overloaded, fresh
from junto.runtime import Future, Runtime
from junto.vsoa.backlog import Backlog, Policy
from junto.vsoa.callbacks import follow, log_failure
from junto.vsoa.messages import Message
from junto.waiting import Shared, within

__all__ = ["MessageCallback", "Subscription"]

_OURS: Final = "a subscription"

MessageCallback = Callable[[Message], Any]
"""Gets each message, in the order in which they came; what it raises is logged.

It may be ``async def``; then no message waits until the one before was seen to, and their order is lost
where the world has none for its tasks, as trio. Iterate over the subscription to keep it.
"""


class _Client(Protocol):
    def unsubscribe(self, subscription: Subscription, timeout: float | None = None) -> list[Future[Any]]: ...


class Subscription(AsyncIterator[Message]):
    """What a client has subscribed to: iterate over the messages with ``async for``.

    Await it to know that the server has accepted it; what was published before that is not seen. It outlives
    the connection if the client reconnects.

    Attributes:
        urls: What was subscribed to.
        callback: Gets the messages; with one there is nothing to iterate over.
    """

    def __init__(
        self,
        runtime: Runtime,
        client: _Client,
        urls: Sequence[str],
        callback: MessageCallback | None,
        policy: Policy,
        limit: int,
    ) -> None:
        self._runtime = runtime
        self._client = client
        self.urls = tuple(urls)
        self.callback = callback
        self._backlog: Backlog[Message] = Backlog(policy, limit)
        self._policy = policy
        self._waiter: Future[None] | None = None
        self._end: BaseException | None = None
        self._accepted: Shared[None] = Shared(runtime)

    @property
    def dropped(self) -> int:
        """How many messages were dropped, since nobody took them in time."""
        return self._backlog.dropped

    # -- what the client calls --

    def put(self, message: Message) -> None:
        """Take a message, or leave it, as the policy says."""
        if self.callback is not None:
            try:
                result = self.callback(message)
            except Exception as error:
                log_failure(_OURS, error)
            else:
                if result is not None:
                    follow(self._runtime, _OURS, result)
            return
        if self._end is not None:
            return
        if not self._backlog.put(message.url, message):
            self.finish(Overloaded(f"more than {len(self._backlog):,} messages wait, and nobody takes them"))
            self._client.unsubscribe(self)
            return
        self._wake()

    def accepted(self) -> None:
        self._accepted.set_result(None)

    def finish(self, error: BaseException) -> None:
        """Give no more than what waits already, and then *error*."""
        if self._end is None:
            self._end = error
            if not self._accepted.done():
                self._accepted.set_exception(
                    ConnectionLost("the subscription was closed")
                    if isinstance(error, StopAsyncIteration)
                    else error
                )
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # -- what users call --

    def __await__(self) -> Generator[Any, None, Subscription]:
        return self.wait_accepted().__await__()

    async def wait_accepted(self) -> Subscription:
        """Wait until the server has accepted the subscription.

        Raises:
            StatusError: It has not.
            ConnectionLost: The client was closed, or lost its connection for good.
        """
        await self._accepted.wait()
        return self

    def __aiter__(self) -> Subscription:
        return self

    def arrival(self) -> Future[None]:
        """Give a future that is done when there is something to `take`; who waits no more cancels it.

        Raises:
            RuntimeError: It has a callback, or somebody else waits here.
        """
        if self.callback is not None:
            raise RuntimeError("the messages of this subscription go to its callback")
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("another receiver waits here already")
        self._waiter = self._runtime.create_future()
        if len(self._backlog) or self._end is not None:
            self._waiter.set_result(None)
        return self._waiter

    def take(self) -> Message:
        """Take the next message, or raise what stands behind the last one; see `__anext__`."""
        if len(self._backlog):
            return self._backlog.pop()
        if self._end is not None:
            raise fresh(self._end)
        raise RuntimeError("another receiver was faster")

    async def __anext__(self) -> Message:
        """Wait for the next message.

        Raises:
            StopAsyncIteration: The subscription, or the client, was closed.
            ConnectionLost: The connection is lost, and the client does not reconnect.
            StatusError: The server did not accept the subscription.
            Overloaded: By the policy ``disconnect``, this was the end.
            RuntimeError: It has a callback, or somebody else waits here.
        """
        while not len(self._backlog):
            await self.arrival()
            if self._end is not None:
                break
        return self.take()

    async def receive(self, timeout: float | None = None) -> Message:
        """Wait for the next message, for *timeout* seconds; raises as `__anext__`, and `RequestTimeout`."""
        return await within(self._runtime, timeout, self.__anext__(), "waiting for a message")

    async def close(self, timeout: float | None = 5.0) -> None:
        """Unsubscribe; what waits is forgotten. Closing twice is fine."""
        if self._end is None or len(self._backlog):
            self._backlog.clear()
            self.finish(StopAsyncIteration())
        for answer in self._client.unsubscribe(self, timeout):
            try:
                await answer
            except (JuntoError, TimeoutError):
                pass  # then it is gone too

    aclose = close

    async def __aenter__(self) -> Subscription:
        return await self.wait_accepted()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Subscription to {', '.join(self.urls)}>"
