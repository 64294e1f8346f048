"""Where everything in a world stands: what each task and thread waits for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from junto.sim.loop import in_order_of_making

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.threads.baton import Baton

__all__ = ["of_coroutine", "of_task", "of_world"]

OURS = tuple(os.path.dirname(path) + os.sep for path in (asyncio.__file__, __file__))


def of_world(hosts: Iterable[Host], baton: Baton) -> list[str]:
    """Write a line for each task and thread of each living host: what it waits for."""
    hosts = list(hosts)
    lines = [
        f"{host.name}{'' if host.running else ' (paused)'}: {task.get_name()} {of_task(task)}"
        for host in hosts
        if host.alive
        for task in in_order_of_making(asyncio.all_tasks(host.loop))
    ]
    lines += [
        f"{host.name}{'' if host.running else ' (paused)'}: {line}"
        for host in hosts
        if host.alive
        for guest in host.loop.guests
        for line in guest.waiting()
    ]
    lines += [
        f"{strand.host.name}: {strand.name} waits for {strand.waiter.on}"
        for strand, boot in baton.lives.items()
        if strand.waiter is not None and strand.host.alive and strand.host.boot == boot
    ]
    return lines + [f"{host.name} is down" for host in hosts if not host.alive]


def of_task(task: asyncio.Task[Any]) -> str:
    """Say where a task stands: in whose code, and what that waits for."""
    return of_coroutine(task.get_coro())


def of_coroutine(coroutine: Any, libraries: tuple[str, ...] = ()) -> str:
    """Say where a coroutine stands: in whose code, and what that waits for.

    Args:
        coroutine: The coroutine.
        libraries: The folders of code that is not the program's, besides ours and asyncio's.
    """
    chain, last = _chain(coroutine)
    if not chain:
        return "is about to run"
    theirs = [
        index for index, place in enumerate(chain) if not place[0].co_filename.startswith(OURS + libraries)
    ]
    index = theirs[-1] if theirs else 0
    code, line = chain[index]
    place = f"{code.co_qualname}, {code.co_filename}:{line}"
    inner = chain[min(index + 1, len(chain) - 1) if libraries else -1][0]
    if inner is not code:
        return f"waits in {place}, for {inner.co_qualname}"
    return f"waits in {place}{_awaited(last)}"


def _chain(awaitable: Any) -> tuple[list[tuple[CodeType, int]], Any]:
    """Follow what waits for what, from a coroutine to what it waits for in the end."""
    chain: list[tuple[CodeType, int]] = []
    while awaitable is not None:
        for kind in ("cr", "gi", "ag"):
            frame: FrameType | None = getattr(awaitable, f"{kind}_frame", None)
            if frame is not None:
                chain.append((frame.f_code, frame.f_lineno))
                awaitable = getattr(awaitable, f"{kind}_{'yieldfrom' if kind == 'gi' else 'await'}")
                break
        else:
            break
    return chain, awaitable


def _awaited(last: Any) -> str:
    if isinstance(last, asyncio.Task):
        return f", for the task {last.get_name()}"
    return ""
