"""Threads and the futures of executors whose hash is a number, as that of tasks is.

Pools keep their threads in sets, and who waits for several futures makes a set of them: in the order of
addresses, the same seed would not give the same run.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from itertools import count
from typing import Any

from junto.sim.here import here
from junto.sim.interception import replace

__all__ = ["number_of"]

_COUNTER = "hashes"  # in what a process keeps in memory
_NUMBER = "_junto_number"  # in the object: its hash must not change when the run is over


def number_of(self: Any) -> int:
    """Return what stands for an object's hash: on a host, which of its process's objects it is."""
    attributes: dict[str, Any] = self.__dict__
    number: int | None = attributes.get(_NUMBER)
    if number is None:
        host = here.host
        numbers = None if host is None else host.process.setdefault(_COUNTER, count(1))
        number = object.__hash__(self) if numbers is None else next(numbers)
        attributes[_NUMBER] = number
    return number


for _class in (threading.Thread, Future):
    replace(_class.__module__, f"{_class.__qualname__}.__hash__", number_of, everywhere=False, inherited=True)
