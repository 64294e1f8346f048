"""Counters of the process that programs see in names: each process of a host counts from the start.

A thread that Python did not start is a "Dummy" with a number of the same counter as other threads.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures.thread import ThreadPoolExecutor
from itertools import count
from typing import Any, cast

from junto.sim.here import here
from junto.sim.interception.installing import replace

__all__: list[str] = []


def _counter(name: str, real: Callable[[], Any], first: int) -> Callable[[], Any]:
    """Make a counter that counts for each process by itself."""

    def count_on() -> Any:
        host = here.host
        if host is None:
            return real()
        counter = host.process.get(name)
        if counter is None:
            counter = host.process[name] = count(first).__next__
        return counter()

    return count_on


def _replace_counter(module: str, path: str, real: Callable[[], Any], first: int) -> None:
    counter = _counter(f"{module}.{path}", real, first)
    replace(module, path, staticmethod(counter) if "." in path else counter)


_replace_counter("threading", "_counter", vars(threading)["_counter"], 1)
_replace_counter(
    "concurrent.futures.thread", "ThreadPoolExecutor._counter", vars(ThreadPoolExecutor)["_counter"], 0
)
# That of tasks written in Python; those in C are named by `NumberingLoop`.
_replace_counter("asyncio.tasks", "_task_name_counter", vars(asyncio.tasks)["_task_name_counter"], 1)

_candidate_names: Callable[[], Iterator[str]] = vars(tempfile)["_get_candidate_names"]


def _get_candidate_names() -> Iterator[str]:
    host = here.host
    if host is None:
        return _candidate_names()
    names = host.process.get("tempfile")
    if names is None:
        names = host.process["tempfile"] = vars(tempfile)["_RandomNameSequence"]()
    return cast(Iterator[str], names)


replace("tempfile", "_get_candidate_names", _get_candidate_names)
