"""Counters of the process that programs see in names: each process of a host counts from the start.

A thread that Python did not start would be a "Dummy" with a number of the same counter as other threads. The
threads that run the loops of hosts are such threads, and each is its process's main thread to the programs.
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
from junto.sim.interception.installing import replace, replaces

__all__ = ["replace_counter"]


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


def replace_counter(module: str, path: str, real: Callable[[], Any], first: int) -> None:
    """Have a counter of the process replaced by one of each process of a host.

    Args:
        module: The module's full name.
        path: The counter's name there, or ``Class.name``.
        real: The counter: draws the next number.
        first: What it starts from.
    """
    counter = _counter(f"{module}.{path}", real, first)
    replace(module, path, staticmethod(counter) if "." in path else counter)


replace_counter("threading", "_counter", vars(threading)["_counter"], 1)
replace_counter(
    "concurrent.futures.thread", "ThreadPoolExecutor._counter", vars(ThreadPoolExecutor)["_counter"], 0
)
# That of tasks written in Python; those in C are named by `NumberingLoop`.
replace_counter("asyncio.tasks", "_task_name_counter", vars(asyncio.tasks)["_task_name_counter"], 1)

_current_thread = threading.current_thread


@replaces("threading", "current_thread")
def current_thread() -> threading.Thread:
    """Return the thread that this is; for code of a host's loop, the main thread."""
    if here.host is not None and here.thread is None:
        return threading.main_thread()
    return _current_thread()


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
