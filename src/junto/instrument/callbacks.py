"""A user's callbacks: called, awaited or scheduled, and never in the way.

While ``on_connection_made`` runs, all other calls wait for it, but those that it makes itself must not.
They are known by a context variable that is set for just the steps of the callback, so that it works in
worlds where tasks have no context of their own; a task that the callback starts inherits it.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar
from typing import Any, Final

from junto.instrument.connection import Connection
from junto.instrument.lanes import Lanes
from junto.runtime import Runtime

__all__ = ["SCOPE", "Scope", "call_and_schedule", "initialise"]


class Scope:
    """The time in which a connection is initialised.

    Attributes:
        connection: What is initialised.
        lanes: Those of the callback's own calls.
    """

    __slots__ = ("connection", "lanes")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.lanes = Lanes()


SCOPE: Final[ContextVar[Scope | None]] = ContextVar("junto.instrument.scope", default=None)


class _InScope:
    """Awaits something, with the scope set in each of its steps."""

    __slots__ = ("_awaitable", "_scope")

    def __init__(self, scope: Scope, awaitable: Awaitable[Any]) -> None:
        self._scope = scope
        self._awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, Any]:
        return _in_scope(self._scope, _within(self._scope, self._awaitable.__await__))


def _in_scope(scope: Scope, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Make the steps of a callback, each with the scope set."""
    value: Any = None
    error: BaseException | None = None
    while True:
        token = SCOPE.set(scope)
        try:
            if error is not None:
                yielded = steps.throw(error)
            else:
                yielded = next(steps) if value is None else steps.send(value)
        except StopIteration as stop:
            return stop.value
        finally:
            SCOPE.reset(token)
        value = error = None
        try:
            value = yield yielded
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as given:
            error = given


def _within(scope: Scope, function: Callable[[], Any]) -> Any:
    token = SCOPE.set(scope)
    try:
        return function()
    finally:
        SCOPE.reset(token)


async def initialise(runtime: Runtime, scope: Scope, callback: Callable[[], Any]) -> None:
    """Call *callback*, and await what it returns, if that can be awaited, or is a process of its world."""
    outcome = _within(scope, callback)
    if isinstance(outcome, Generator):
        outcome = runtime.adopt(_in_scope(scope, outcome))
    if inspect.isawaitable(outcome):
        await _InScope(scope, outcome)


def call_and_schedule(
    runtime: Runtime, log: logging.Logger, what: str, callback: Callable[..., Any], *args: Any
) -> None:
    """Call *callback*; await what it returns in a task of its own. Errors are logged."""
    try:
        outcome = runtime.adopt(callback(*args))
        if inspect.isawaitable(outcome):
            runtime.create_task(_await_and_log(log, what, outcome))
    except Exception as error:
        log.error("%s failed", what, exc_info=error)


async def _await_and_log(log: logging.Logger, what: str, awaitable: Awaitable[Any]) -> None:
    try:
        await awaitable
    except Exception as error:
        log.error("%s failed", what, exc_info=error)
