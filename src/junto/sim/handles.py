"""What a simulated loop runs: callbacks with their arguments and context, all of one class.

A loop that runs handles of two classes by turns takes three times as long to look at each of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

__all__ = ["Handle"]


class Handle(asyncio.Handle):
    """A handle that is made in less time: nobody asks for where it was made."""

    __slots__ = ()

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None = None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
