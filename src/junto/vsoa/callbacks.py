"""Callbacks of users: what they raise disturbs nothing, and one that is ``async def`` is run."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from junto.runtime import Runtime

__all__ = ["follow", "log_failure", "tell"]

logger = logging.getLogger("junto")


def tell(runtime: Runtime, whose: str, callback: Callable[..., Any] | None, *args: Any) -> None:
    """Call *callback*, if there is one; what it raises is logged.

    If it is ``async def``, it runs in a task of its own, and nothing waits for it.

    Args:
        runtime: The world in which it runs.
        whose: Who has the callback, for the log.
        callback: What a user has set.
        *args: What it gets.
    """
    if callback is None:
        return
    try:
        result = callback(*args)
    except Exception as error:
        log_failure(whose, error)
    else:
        follow(runtime, whose, result)


def follow(runtime: Runtime, whose: str, result: Any) -> None:
    """Run what a callback returned, if that is a coroutine; as `tell`."""
    if inspect.iscoroutine(result):
        runtime.create_task(_guard(whose, result))


async def _guard(whose: str, flow: Coroutine[Any, Any, object]) -> None:
    try:
        await flow
    except Exception as error:
        log_failure(whose, error)


def log_failure(whose: str, error: Exception) -> None:
    """Log what a callback raised."""
    logger.error("a callback of %s failed, which ends nothing else", whose, exc_info=error)
