"""Calls between agents of one container: without encoding and without a connection, but as if with both.

A call is handled in the next turn, never inside the caller's; what goes there and what comes back is
isolated; an error of the handler is a `RemoteError`; a caller who gives up leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from junto.agents.invoking import is_stream
from junto.agents.isolation import Isolation
from junto.agents.mailboxes import Handling
from junto.errors import ConnectionLost, RemoteError, RequestTimeout
from junto.runtime import Future, Runtime
from junto.sansio.failures import FailureForm, describe_failure

if TYPE_CHECKING:
    from junto.agents.agent import Agent

__all__ = ["Shortcut"]


class Shortcut:
    """The short way to the agents of one container."""

    __slots__ = (
        "_agents",
        "_create_future",
        "_failures",
        "_handling",
        "_isolation",
        "_runtime",
        "_stream",
        "_usual_time",
    )

    def __init__(
        self,
        runtime: Runtime,
        agents: dict[str, Agent[Any]],
        handling: Handling,
        isolation: Isolation,
        failures: FailureForm,
        usual_time: float | None,
        stream: Callable[[Any], Future[Any]],
    ) -> None:
        """Reach *agents*.

        Args:
            runtime: Where they live.
            agents: By their ids.
            handling: Of whom.
            isolation: For all that passes.
            failures: How errors are told.
            usual_time: Seconds for calls without a time-out of their own.
            stream: Makes of a generator what its reader gets.
        """
        self._runtime = runtime
        self._create_future = runtime.create_future
        self._agents = agents
        self._handling = handling
        self._isolation = isolation
        self._failures: FailureForm = failures
        self._usual_time = usual_time
        self._stream = stream

    def call(
        self, aid: str, path: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float | None
    ) -> Future[Any]:
        """Call a function of an agent; see `Channel.request`.

        Raises:
            CodecError: An argument has no form on the wire.
            ConnectionLost: The container is closed.
        """
        args, kwargs = self._isolate(args, kwargs)
        future = self._create_future()
        agent = self._agents.get(aid)
        answer = partial(self._answer, future)
        if agent is None:
            answer(None, LookupError(f"there is no agent {aid!r}"))
        else:
            self._handling.call(agent, path, args, kwargs, answer)
            if timeout is not None or self._usual_time is not None:
                self._give_time(future, timeout)
        return future

    def ask(
        self, aid: str, path: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float | None
    ) -> Future[Any]:
        """Do as `call`, through the mailbox of the agent."""
        args, kwargs = self._isolate(args, kwargs)
        future = self._create_future()
        agent = self._agents.get(aid)
        answer = partial(self._answer, future)
        if agent is None:
            answer(None, LookupError(f"there is no agent {aid!r}"))
        else:
            self._handling.tell(agent, path, args, kwargs, answer)
            if timeout is not None or self._usual_time is not None:
                self._give_time(future, timeout)
        return future

    def _isolate(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self._handling.closed:
            raise ConnectionLost("the container is closed")
        return self._isolation.args(args), self._isolation.kwargs(kwargs) if kwargs else kwargs

    def _give_time(self, future: Future[Any], timeout: float | None) -> None:
        if timeout is None:
            timeout = self._usual_time
        assert timeout is not None, "asked only where there is a limit"

        def expire() -> None:
            if not future.done():
                future.set_exception(RequestTimeout(f"no reply within {timeout:g} s"))

        timer = self._runtime.call_later(timeout, expire)
        future.add_done_callback(lambda _future: timer.cancel())

    def _answer(self, future: Future[Any], result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            if type(result) in self._isolation.free:
                future.set_result(result)
                return
            try:
                if is_stream(result):
                    self._pass_on(self._stream(result), future)
                else:
                    future.set_result(self._isolation.value(result))
                return
            except Exception as failure:
                error = failure
        if self._handling.closed:
            future.set_exception(ConnectionLost("the container was closed"))
        else:
            future.set_exception(RemoteError(describe_failure(error, self._failures)))

    def _pass_on(self, source: Future[Any], future: Future[Any]) -> None:
        def done(source: Future[Any]) -> None:
            if future.done():
                return
            if source.cancelled():
                future.cancel()
            elif (error := source.exception()) is not None:
                future.set_exception(error)
            else:
                future.set_result(source.result())

        source.add_done_callback(done)
