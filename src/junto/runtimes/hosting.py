"""A running event loop of somebody else's, as the host of clients that block in other threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any

from junto.errors import ConnectionLost, LocalProtocolError
from junto.runtimes.asyncio import AsyncioRuntime

__all__ = ["HostedRuntime"]


class HostedRuntime(AsyncioRuntime):
    """The world of an event loop that runs in another thread; its owner starts and stops it."""

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call *function* in the loop, and wait for what it returns.

        Raises:
            LocalProtocolError: This is the loop's own thread.
            ConnectionLost: The loop does not run.
        """
        if asyncio._get_running_loop() is self._loop:
            raise LocalProtocolError("the thread of the event loop cannot block on a client that lives in it")
        if not self._loop.is_running():
            raise ConnectionLost("the event loop does not run")
        done = asyncio.run_coroutine_threadsafe(_carry(function, args, kwargs), self._loop)
        try:
            return done.result()
        except concurrent.futures.CancelledError:
            raise ConnectionLost("the event loop was stopped") from None
        except BaseException:
            done.cancel()
            raise

    def resolve(self, look_up: Callable[[], Any], /) -> asyncio.Future[Any]:
        """Call *look_up* in a thread of the loop's pool."""
        return self._loop.run_in_executor(None, look_up)

    def start_thread(self, name: str = "junto", /) -> threading.Thread:
        """Refuse to: the loop runs in its owner's thread."""
        raise LocalProtocolError("the event loop runs in its owner's thread")

    def close(self) -> None:
        """Do nothing: the loop is its owner's."""


async def _carry(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    outcome = function(*args, **kwargs)
    return await outcome if hasattr(outcome, "__await__") else outcome
