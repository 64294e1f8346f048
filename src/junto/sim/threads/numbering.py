"""Threads and their futures with a number for a hash, in a world.

The standard library keeps them in sets, walks these when it waits for several, and sorts futures by address
to lock them. Each process of a host counts its own.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from itertools import count
from typing import Any

from junto.sim.here import here
from junto.sim.interception import replace

__all__ = ["NUMBER"]

NUMBER = "_junto_number"


def _number(thing: Any, kind: str) -> None:
    """Give something its number, once and for all, if a host's code makes it."""
    host = here.host
    if host is not None:
        counter = host.process.get(kind)
        if counter is None:
            counter = host.process[kind] = count().__next__
        thing.__dict__[NUMBER] = counter()


def _hash(thing: Any) -> int:
    number: int | None = thing.__dict__.get(NUMBER)
    return object.__hash__(thing) if number is None else number


def _numbered(init: Callable[..., None], kind: str) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        _number(self, kind)
        init(self, *args, **kwargs)

    return __init__


_RealAcquireFutures: Any = vars(sys.modules["concurrent.futures._base"])["_AcquireFutures"]


class _AcquireFutures(_RealAcquireFutures):  # type: ignore[misc]  # the standard library's own
    """Locks futures in an order that is the same for all: that of their making."""

    def __init__(self, futures: Iterable[Future[Any]]) -> None:
        super().__init__(futures)
        if here.host is not None:
            self.futures = sorted(futures, key=hash)


for _owner, _path in ((threading.Thread, "threading.Thread"), (Future, "concurrent.futures._base.Future")):
    _module, _, _name = _path.rpartition(".")
    # What it inherits becomes its own, so that it can be replaced and put back.
    setattr(_owner, "__hash__", object.__hash__)  # noqa: B010
    replace(_module, f"{_name}.__hash__", _hash)
    replace(_module, f"{_name}.__init__", _numbered(vars(_owner)["__init__"], _path))
replace("concurrent.futures._base", "_AcquireFutures", _AcquireFutures)
