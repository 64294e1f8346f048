"""How an agent's function is found, called, and waited for."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Executor
from typing import Any, Final

from junto.exposing import Exposed, resolve
from junto.runtime import Future, Runtime

__all__ = ["VALUES", "Invoker", "is_stream", "to_wait_for"]

VALUES: Final = frozenset({type(None), bool, int, float, str, bytes, list, dict, tuple})
"""Results of these classes need no look whether they must be waited for."""


def to_wait_for(runtime: Runtime, result: Any) -> Future[Any] | None:
    """Give the future of what a handler returned, and `Runtime.adopt` saw; ``None`` if it is a value."""
    # Of the class, since a proxy, which may be a result, has every attribute.
    kind = type(result)
    if hasattr(kind, "add_done_callback"):
        return (
            result
            if hasattr(kind, "__await__")
            else runtime.create_task(_await_from_elsewhere(runtime, result))
        )
    if isinstance(result, Coroutine):
        return runtime.create_task(result)
    if hasattr(kind, "__await__"):
        return runtime.create_task(_await(result))
    return None


def is_stream(result: Any) -> bool:
    """Tell whether a result is to be given item by item."""
    return isinstance(result, Generator | AsyncGenerator)


async def _await(awaitable: Any) -> Any:
    return await awaitable


async def _await_from_elsewhere(runtime: Runtime, future: Any) -> Any:
    """Await a future of `concurrent.futures`, whose callbacks come in any thread."""
    done: Future[None] = runtime.create_future()

    def settle() -> None:
        if not done.done():
            done.set_result(None)

    future.add_done_callback(lambda _future: runtime.call_soon_threadsafe(settle))
    await done
    return future.result()


class Invoker:
    """Calls functions of agents."""

    __slots__ = ("_known", "_pool", "_runtime")

    def __init__(self, runtime: Runtime, pool: Executor | None) -> None:
        """Call in *runtime*, or plain functions in the threads of *pool*."""
        self._runtime = runtime
        self._pool = pool
        # Methods that were called before, by class and name, and how: the classes of their arguments, or
        # `None` if it takes what comes. Looked at only if the class still has the same one.
        self._known: dict[tuple[type, str], tuple[Callable[..., Any], list[type] | None]] = {}

    def call(self, agent: Any, path: str, args: Any, kwargs: dict[str, Any]) -> Any:
        """Call the function at *path* of *agent*; gives what it returned, before any waiting.

        Raises:
            LookupError: There is none.
            TypeError: The arguments do not suit it.
            BaseException: What it raised.
        """
        kind = type(agent)
        known = self._known.get((kind, path))
        if known is not None:
            function, classes = known
            if (
                getattr(kind, path, None) is function
                and path not in getattr(agent, "__dict__", ())
                and (classes is None or (not kwargs and classes == [*map(type, args)]))
            ):
                return function(agent, *args, **kwargs) if kwargs else function(agent, *args)
        function, exposed = resolve(agent, path)
        if self._pool is not None:
            return self._call_with_pool(self._pool, function, exposed, args, kwargs)
        exposed.prepare(function)
        plain: Any = getattr(kind, path, None)
        is_usual = inspect.isfunction(plain) and getattr(function, "__func__", None) is plain
        if is_usual and (exposed.free or exposed.classes is not None):
            self._known[kind, path] = (plain, None if exposed.free else exposed.classes)
        return exposed.call(function, list(args), kwargs)

    def _call_with_pool(
        self,
        pool: Executor,
        function: Callable[..., Any],
        exposed: Exposed,
        args: Any,
        kwargs: dict[str, Any],
    ) -> Any:
        if inspect.iscoroutinefunction(function):
            return exposed.call(function, list(args), kwargs)

        def work() -> Any:
            try:
                return exposed.call(function, list(args), kwargs)
            except StopIteration as error:  # no future holds it; a flow would have become this too
                raise RuntimeError("the function raised StopIteration") from error

        return self._runtime.call_in_worker(work, pool=pool)
