"""A client's requests at the server: what a handler gets, and how its result becomes the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from junto.errors import CodecError, LocalProtocolError
from junto.runtime import Future, Runtime
from junto.sansio.failures import describe_failure
from junto.sansio.vsoa.frames import SET, Frame
from junto.sansio.vsoa.payloads import Data, Payload, encode_data, encode_param
from junto.sansio.vsoa.statuses import NO_RESPONDING, SUCCESS
from junto.vsoa.messages import Response, StatusError

if TYPE_CHECKING:
    from junto.vsoa.client import Method
    from junto.vsoa.sessions import Session

__all__ = ["Command", "Handler", "Request", "answering"]

logger = logging.getLogger("junto")

Handler: TypeAlias = Callable[["Request"], Any]
"""Gets a request and returns the answer: a param, bytes as data, a `Response`, or a coroutine of that."""

Command: TypeAlias = Callable[["Request"], object]
"""Gets a request, and sees to its answer itself."""


# Most results; the question whether something is a coroutine takes longer than to look here.
_NO_COROUTINES = frozenset({dict, list, tuple, str, int, float, bool, bytes, type(None)})
_BYTES = (bytes, bytearray, memoryview)


class Request(Payload):
    """A request of a client.

    Attributes:
        url: What was asked for.
        method: ``"GET"`` or ``"SET"``.
        session: The client that asks.
        seqno: The number of the request.
        answered: Whether it has been answered.
    """

    __slots__ = ("answered", "method", "seqno", "session", "url")
    url: str
    method: Method
    session: Session
    seqno: int
    answered: bool

    @classmethod
    def of(cls, frame: Frame, session: Session) -> Request:
        request = _new_request(cls)
        _, flags, _, request.seqno, _, request.url, request.raw, request.data = frame
        request._decoded = False
        request.method = "SET" if flags & SET else "GET"
        request.session = session
        request.answered = False
        return request

    def reply(
        self, param: Any = None, data: Data | None = None, *, status: int = SUCCESS, tunnel: int = 0
    ) -> bool:
        """Answer; clients take the first answer and ignore more.

        Returns:
            Whether the client is still there.

        Raises:
            ValueError: *status* is not from 0 to 255.
            CodecError: *param* or *data* cannot be sent.
            LocalProtocolError: They are too large.
        """
        return self.respond(Response(param, data, status=status, tunnel=tunnel))

    def respond(self, response: Response) -> bool:
        """Answer with *response*; as `reply`."""
        sent = self.session.reply(self.seqno, response)
        self.answered = True
        return sent

    def fail(self, error: BaseException) -> None:
        """Answer with what *error* says: a `StatusError` itself, others as status 4 and a text."""
        if isinstance(error, StatusError):
            response = Response(error.payload.raw, error.payload.data, status=error.status)
        else:
            logger.error("the handler of %s failed", self.url, exc_info=error)
            response = Response(describe_failure(error, "brief"), status=NO_RESPONDING)
        try:
            self.respond(response)
        except (CodecError, LocalProtocolError):  # even that is too long
            self.respond(Response(status=response.status))

    def finish(self, result: Any) -> None:
        """Answer with what a handler returned; not if that is nothing, and it has answered itself."""
        if result is None and self.answered:
            return
        try:
            if isinstance(result, Payload):
                self.respond(result if isinstance(result, Response) else Response(result.param, result.data))
                return
            if isinstance(result, _BYTES):
                param, data = b"", encode_data(result)
            else:
                param, data = encode_param(result), b""
            self.session.answer(self.seqno, param, data)
            self.answered = True
        except (CodecError, LocalProtocolError) as error:
            self.fail(error)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url}: {self.param!r}, {self.data!r}>"


_new_request = Request.__new__


def answering(runtime: Runtime, handler: Handler, pool: Executor | None = None) -> Command:
    """Make of a handler a command that answers with its result.

    Args:
        runtime: The world in which an ``async def`` runs.
        handler: See `Handler`.
        pool: In whose thread it is called; ``None`` for the callback itself.
    """

    def handle(request: Request) -> None:
        try:
            result = handler(request)
        except Exception as error:
            request.fail(error)
            return
        if type(result) in _NO_COROUTINES or not isinstance(result, Coroutine):
            request.finish(result)
        else:
            wait(request, runtime.create_task(result))

    def handle_elsewhere(request: Request) -> None:
        wait(request, runtime.call_in_worker(partial(handler, request), pool=pool))

    def wait(request: Request, future: Future[Any]) -> None:
        request.session.began()
        future.add_done_callback(partial(handled, request))

    def handled(request: Request, future: Future[Any]) -> None:
        request.session.ended()
        if future.cancelled():
            if not request.answered:
                request.respond(Response(status=NO_RESPONDING))
            return
        error = future.exception()
        if error is not None:
            request.fail(error)
            return
        result = future.result()
        if isinstance(result, Coroutine):  # made in a worker
            wait(request, runtime.create_task(result))
        else:
            request.finish(result)

    return handle if pool is None else handle_elsewhere
