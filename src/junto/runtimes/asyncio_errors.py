"""Errors that are asyncio's as well, for those who catch these; made only when they are raised."""

from __future__ import annotations

import asyncio

from junto.instrument.errors import IncompleteReadError, LimitOverrunError

__all__ = ["AsyncioIncompleteReadError", "AsyncioLimitOverrunError"]


class AsyncioIncompleteReadError(IncompleteReadError, asyncio.IncompleteReadError):
    """An `IncompleteReadError` that is asyncio's, too."""


class AsyncioLimitOverrunError(LimitOverrunError, asyncio.LimitOverrunError):
    """A `LimitOverrunError` that is asyncio's, too."""
