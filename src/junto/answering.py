"""The peer's requests: handed to a handler or to a receiver, and each answered exactly once.

Two of a channel's three valves are here. While the peer does not take what we send, its requests
wait in a queue; so do those above the limit of handlers in progress. When the queue is full, a
request is answered with a failure. Reading goes on in any case, because a reply that a running
handler waits for arrives on the same stream.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final

from junto.errors import CodecError, ConnectionLost, LocalProtocolError, Overloaded
from junto.options import Options
from junto.request import Request
from junto.runtime import Future, Runtime
from junto.sansio.kinds import CREDIT, NOTICE, RESULT, STOP, STREAM
from junto.sansio.messages import MessageProtocol
from junto.streaming import Producer
from junto.waiting import Inbox

__all__ = ["NO_REPLY", "Answering", "Handler"]

logger = logging.getLogger("junto")

Handler = Callable[[Any], Any]
"""Gets a request's content; returns the result, something to wait for, or a generator."""

NO_REPLY: Final = object()
"""Stands for the number of a notice, which is not answered."""

# Results of these classes need no look whether they must be waited for.
_VALUES: Final = frozenset({type(None), bool, int, float, str, bytes, list, dict, tuple})


class Answering:
    """Answers the peer's requests on one connection.

    Attributes:
        unanswered: How many requests were accepted and have no answer yet.
        inbox: The requests that wait for ``recv``.
        producers: The streams that we send, by the number of their request.
        paused: Whether the peer does not take what we send.
        refused: Whether the peer sent requests after it was too late.
    """

    __slots__ = (
        "_ended",
        "_ending",
        "_flush_soon",
        "_handler",
        "_holding",
        "_idle",
        "_max_handlers",
        "_options",
        "_pool",
        "_protocol",
        "_queue",
        "_runtime",
        "_send",
        "_tasks",
        "inbox",
        "paused",
        "producers",
        "refused",
        "unanswered",
    )

    def __init__(
        self,
        runtime: Runtime,
        protocol: MessageProtocol,
        options: Options,
        handler: Handler | None,
        pool: Executor | None,
        flush_soon: Callable[[], object],
        idle: Callable[[], object],
    ) -> None:
        """Answer through *protocol*.

        Args:
            runtime: The world to run handlers in.
            protocol: Where answers are queued.
            options: The limits.
            handler: Gets each request; ``None`` keeps them for a receiver.
            pool: Where plain generators make their steps.
            flush_soon: Called when answers were queued outside of a reading callback.
            idle: Called when the last request that was accepted is answered.
        """
        self._runtime = runtime
        self._protocol = protocol
        self._send = protocol.send
        self._options = options
        self._max_handlers = options.max_handlers
        self._handler = handler
        self._pool = pool
        self._flush_soon = flush_soon
        self._idle = idle
        self._queue: deque[tuple[Any, Any]] | None = None  # most connections never need one
        self._tasks: dict[int, Future[Any]] = {}
        self._ended = False
        self.unanswered = 0
        self.inbox: Inbox[Request] | None = Inbox(runtime) if handler is None else None
        self.producers: dict[Any, Producer] = {}
        self.paused = False
        self.refused = False
        self._ending: BaseException | None = None
        # Whether a new request must wait, or worse; one look instead of four for each request.
        self._holding = handler is None

    def _look(self) -> None:
        self._holding = self._handler is None or self.paused or self._ending is not None or bool(self._queue)

    def take(self, ident: Any, content: Any) -> bool:
        """Accept a request or refuse it; answer it now if its handler has the result.

        Returns:
            Whether there was room for it.
        """
        if self._holding or len(self._tasks) >= self._max_handlers:
            return self._keep(ident, content)
        try:
            result = self._handler(content)  # type: ignore[misc]  # without one, all are held
            if type(result) in _VALUES and ident is not NO_REPLY:
                self._send(RESULT, ident, result)
                return True
        except Exception as error:
            self._send_failure(ident, error)
            return True
        except BaseException as error:  # a cancellation that went astray, or a wish to end the program
            self._send_failure(ident, error)
            self._flush_soon()
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            return True
        self._answer_later(ident, result)
        return True

    def _keep(self, ident: Any, content: Any) -> bool:
        """Keep a request that is not handled now, or refuse it."""
        if self._ending is not None:
            self.refused = True
            self._send_failure(ident, self._ending)
            return True
        if self._queue is None:
            self._queue = deque()
        if len(self.inbox or self._queue) >= self._options.max_queued:
            self._send_failure(ident, Overloaded("too many requests of this connection wait for their turn"))
            return False
        self.unanswered += 1
        if self.inbox is not None:
            self.inbox.put(Request(self, ident, content))
        else:
            self._queue.append((ident, content))
            self._holding = True
        return True

    def _answer_later(self, ident: Any, result: Any) -> None:
        """Answer with what *result* will be, if it is to be waited for."""
        result = self._runtime.adopt(result)
        if isinstance(result, Generator | AsyncGenerator):
            self._produce(ident, result)
        # Of the class, since a proxy, which may be a result, has every attribute.
        elif hasattr(type(result), "add_done_callback"):
            self._wait_for(ident, result)
        elif isinstance(result, Coroutine):
            self._wait_for(ident, self._runtime.create_task(result))
        elif hasattr(type(result), "__await__"):
            self._wait_for(ident, self._runtime.create_task(_await(result)))
        else:
            self._send_result(ident, result)

    def _wait_for(self, ident: Any, future: Future[Any]) -> None:
        self.unanswered += 1
        self._tasks[id(future)] = future
        done: Callable[[Any], object] = partial(self._handled, ident)
        if not hasattr(future, "__await__"):  # of `concurrent.futures`, which calls from any thread
            done = partial(self._runtime.call_soon_threadsafe, partial(self._handled, ident))
        future.add_done_callback(done)

    def _handled(self, ident: Any, future: Future[Any]) -> None:
        del self._tasks[id(future)]
        if future.cancelled():
            self.fail(ident, ConnectionLost("the handler was cancelled"))
            return
        error = future.exception()
        if error is not None:
            self.fail(ident, error)
            return
        result = future.result()
        if isinstance(result, Generator | AsyncGenerator):  # of an `async def`, or made in a worker
            if self._pool is None:
                self._answer_later(ident, result)
            else:
                self._produce(ident, result)
        else:
            self._send_result(ident, result)
        self._answered()

    def _send_result(self, ident: Any, result: Any) -> None:
        if self._ended or ident is NO_REPLY:
            return
        try:
            self._protocol.send(RESULT, ident, result)
        except (CodecError, LocalProtocolError) as error:
            self._protocol.send_failure(ident, error)

    def _send_failure(self, ident: Any, error: BaseException) -> None:
        if ident is NO_REPLY:
            logger.error("a notice could not be handled", exc_info=error)
        elif not self._ended:
            self._protocol.send_failure(ident, error)

    def reply(self, ident: Any, result: Any) -> None:
        """Answer a request that was received; see `Request.reply`."""
        if not self._ended and ident is not NO_REPLY:
            self._protocol.send(RESULT, ident, result)
        self._answered()

    def fail(self, ident: Any, error: BaseException) -> None:
        """Answer a request with a failure; see `Request.fail`."""
        self._send_failure(ident, error)
        self._answered()

    def forget(self, ident: Any) -> None:
        """Answer for somebody who dropped a request, from whatever thread."""
        if ident is NO_REPLY:
            answer = self._answered
        else:
            answer = partial(self.fail, ident, LookupError("the request was dropped unanswered"))
        try:
            self._runtime.call_soon_threadsafe(answer)
        except RuntimeError:
            pass  # the event loop is closed, and all that was in it

    def _answered(self) -> None:
        self.unanswered -= 1
        self._flush_soon()
        if self._queue:
            self.serve_queue()
        if self.unanswered == 0:
            self._idle()

    def serve_queue(self) -> None:
        """Handle requests that waited, as far as the limits allow."""
        queue = self._queue
        while queue and not (self.paused or self._ended) and len(self._tasks) < self._max_handlers:
            ident, content = queue.popleft()
            self._holding = False  # its turn has come
            self.take(ident, content)
            self._look()
            self._answered_from_queue()

    def _answered_from_queue(self) -> None:
        # Not `_answered`: that would come back here, once for each that waits.
        self.unanswered -= 1
        self._flush_soon()
        if self.unanswered == 0:
            self._idle()

    def _produce(self, ident: Any, source: Any) -> None:
        if self._ended:
            return
        if ident is NO_REPLY or not self._protocol.extended:
            if getattr(source, "gi_frame", source) is None:  # ended already, without an item
                self._send_result(ident, None)  # with which each stream ends
                return
            self._send_failure(ident, LocalProtocolError("a streamed result needs a peer that is junto too"))
            return
        if len(self.producers) >= self._max_handlers:
            self._send_failure(ident, Overloaded("too many streams of this connection are open"))
            return
        if type(ident) is not int or ident in self.producers:
            self._send_failure(ident, LocalProtocolError("a streamed result needs a number of its own"))
            return
        self._protocol.send_extension(STREAM, ident, None)
        step = None if self._pool is None else partial(self._runtime.call_in_worker, pool=self._pool)
        producer = self.producers[ident] = Producer(self._runtime, self._send_item, ident)
        self.unanswered += 1
        # It does not count among the handlers: its reader may make calls before it reads on.
        task = producer.task = self._runtime.create_task(producer.run(source, step))
        task.add_done_callback(partial(self._produced, ident, producer))

    def _send_item(self, kind: int, ident: Any, item: Any) -> bool:
        """Send what a stream yields, unless the peer is slow."""
        if self._ended:
            raise ConnectionLost("the reader of the stream is gone")
        if self.paused:
            return False
        self._protocol.send_extension(kind, ident, item)
        self._flush_soon()
        return True

    def _produced(self, ident: Any, producer: Producer, task: Future[None]) -> None:
        del self.producers[ident]
        error: BaseException | None
        if task.cancelled():
            error = None if producer.stopped else ConnectionLost("the handler was cancelled")
        else:
            error = task.exception()
        if error is None:
            self._send_result(ident, None)
        else:
            self._send_failure(ident, error)
        self._answered()

    def receive(self, kind: int, ident: Any, content: Any) -> None:
        """Take what the peer sends besides requests: notices, and what its reading of streams needs."""
        if kind == NOTICE:
            self.take(NO_REPLY, content)
        elif kind == STOP:
            self.stop_producing(ident)
        elif kind == CREDIT and ident in self.producers:
            self.producers[ident].add_credit(content)

    def stop_producing(self, ident: Any) -> None:
        """Close the generator of a stream whose reader wants no more."""
        producer = self.producers.get(ident)
        if producer is not None:
            producer.stop()

    def pause(self) -> None:
        """Hand no request to a handler until `resume`: the peer does not take the answers."""
        self.paused = self._holding = True

    def resume(self) -> None:
        self.paused = False
        self._look()
        for producer in list(self.producers.values()):
            producer.wake()
        self.serve_queue()

    def refuse(self, error: BaseException) -> None:
        """Answer new requests with *error*."""
        self._ending = error
        self._look()

    def require_inbox(self) -> Inbox[Request]:
        """Give the requests that wait for a receiver; see `Channel.inbox`."""
        if self.inbox is None:
            raise RuntimeError("the requests of this channel go to its handler")
        return self.inbox

    def refuse_one(self, ident: Any, error: BaseException) -> None:
        """Answer a request that could not be read with *error*."""
        self._send_failure(ident, error)

    def end_of_requests(self, error: BaseException) -> None:
        """Take note that the peer sends no more.

        A receiver raises *error* when it has received what is there; nor will readers of streams
        ask for more than they have.
        """
        if self.inbox is not None:
            self.inbox.end(error)
        for producer in list(self.producers.values()):
            producer.no_more_credit()

    def hang_up(self, error: BaseException) -> None:
        """Answer no more: nothing can be sent. Handlers go on, streams are closed."""
        self._ended = True
        self.refuse(error)
        if self._queue is not None:
            self.unanswered -= len(self._queue)
            self._queue = None
        for ident in list(self.producers):
            self.stop_producing(ident)

    def connection_lost(self, error: BaseException) -> None:
        """Stop answering, and let a receiver raise *error* when it has received what is there."""
        self.hang_up(error)
        self.end_of_requests(error)

    def cancel_handlers(self) -> None:
        """Cancel what runs, and refuse what waits; the callers are told."""
        error = ConnectionLost("the handler was cancelled")
        while self._queue:
            self._send_failure(self._queue.popleft()[0], error)
            self._answered_from_queue()
        for task in list(self._tasks.values()):
            task.cancel()
        for producer in list(self.producers.values()):
            producer.cancel()


async def _await(awaitable: Any) -> Any:
    return await awaitable
