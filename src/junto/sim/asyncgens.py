"""Asynchronous generators of hosts belong to the loops in which they are begun, as `asyncio.run` has it."""

from __future__ import annotations

import asyncio
import sys
from asyncio import events
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import Any

from junto.sim.here import here

__all__ = ["hand_over", "hooks_restored"]


def hand_over() -> None:
    """Let loops know of the generators that are begun in this thread from now on."""
    sys.set_asyncgen_hooks(_begins, _ends)


@contextmanager
def hooks_restored() -> Generator[None]:
    """Have the hooks of this thread after the block as they were before it."""
    hooks = sys.get_asyncgen_hooks()
    try:
        yield
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _begins(generator: AsyncGenerator[Any, Any]) -> None:
    asyncio.get_running_loop()._asyncgen_firstiter_hook(generator)  # type: ignore[attr-defined]


def _ends(generator: AsyncGenerator[Any, Any]) -> None:
    """Leave an abandoned generator to its loop, if it has one that still runs."""
    loop = events._get_running_loop()
    if loop is not None and here.host is not None:  # between turns the last loop still counts as running
        loop._asyncgen_finalizer_hook(generator)  # type: ignore[attr-defined]
