"""Loops that hosted programs have made, and what becomes of those that are left at the end of a run.

They are stock loops over simulated sockets. Whatever is left in them is closed while nothing can happen any
more, so that no finalizer does it in the middle of the next run.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, NoReturn

from junto.sim.here import here
from junto.sim.interception import replace
from junto.sim.loop import HostLoop, close_task, in_order_of_making

__all__ = ["abandon"]

_init: Any = asyncio.BaseEventLoop.__init__


def _begin(self: asyncio.BaseEventLoop, *args: Any, **options: Any) -> None:
    _init(self, *args, **options)
    host = here.host
    if host is not None and not isinstance(self, HostLoop):
        host.world.hosted_loops.append(self)


replace("asyncio.base_events", "BaseEventLoop.__init__", _begin)


def abandon(loops: Iterable[asyncio.AbstractEventLoop]) -> None:
    """Close loops that will run no more, and the coroutines in them; before their threads are ended."""
    for loop in loops:
        if loop.is_closed():
            continue
        attributes = vars(loop)
        attributes["run_until_complete"] = attributes["run_forever"] = _end
        for task in in_order_of_making(asyncio.all_tasks(loop)):
            close_task(task)
        attributes["close"] = _nothing
        attributes["_closed"] = True


def _end(awaitable: Any = None) -> NoReturn:
    """Stand where a program would let its loop run once more, while its thread is ended."""
    if asyncio.iscoroutine(awaitable):
        with contextlib.suppress(BaseException):
            awaitable.close()
    raise SystemExit


def _nothing() -> None:
    """Do nothing: it is closed."""
