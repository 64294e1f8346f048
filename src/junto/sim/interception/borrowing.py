"""What a run borrows of the process, and gives back: the collector, the time zone, global state.

Code that bypasses the replacements, by a default argument for instance, finds the same state in each run, and
nothing of the run is left in it.
"""

from __future__ import annotations

import gc
import itertools
import logging
import os
import random
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from junto.sim.interception.installing import install
from junto.sim.interception.older_generators import find_older_generators

__all__ = ["borrowed", "leave", "take_in"]

BETWEEN_COLLECTIONS = 16  # runs
BETWEEN_WHOLE_ONES = 1_000_000  # events; a run counts as a thousand more

_generators: list[tuple[random.Random, tuple[Any, ...]]] = []  # each with the state in which a run finds it
_lock = threading.Lock()
_runs = 0
_begun = itertools.count()
_events = 0  # since all was collected
_borrowed = ExitStack()


@contextmanager
def borrowed(epoch: float = 1_800_000_000) -> Generator[None]:
    """Put in the replacements, and borrow for the time of a run what belongs to the process.

    The collector is off; it looks at what runs have left before every sixteenth one. Local time is UTC, as it
    must be for the same run on another machine. Of runs at the same time in several threads, the last one
    gives back.

    Args:
        epoch: When the run begins, in seconds since 1970, for log records that
            count their time from there.
    """
    global _runs
    if install() or not _generators:
        _generators[:] = [
            (generator, random.Random(name).getstate()) for name, generator in find_older_generators().items()
        ]
    with _lock:
        _runs += 1
        if _runs == 1:
            for borrow in (_collector, _seeded, _local_time, _dummy_threads):
                _borrowed.enter_context(borrow())
            _borrowed.enter_context(_log_time(epoch))
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            if _runs == 0:
                _borrowed.close()


def leave(events: int) -> None:
    """Leave to the collector what a run of so many events has made and let go of."""
    global _events
    _events += 1000 + events
    gc.collect(0)  # it was off: all that was made is young


def take_in() -> None:
    """Do for what was imported in the middle of a run what `borrowed` did for all that was there before."""
    if not install():
        return
    with _lock:
        known = {id(generator) for generator, _ in _generators}
        for name, generator in find_older_generators().items():
            if id(generator) not in known and _runs:
                begin = random.Random(name).getstate()
                _borrowed.callback(generator.setstate, generator.getstate())
                generator.setstate(begin)
                _generators.append((generator, begin))


@contextmanager
def _collector() -> Generator[None]:
    """Keep the collector from ending, in the middle of a run, what only weak references hold."""
    # A world is a circle, and whoever made it holds it when its run ends; so runs before leave theirs to us.
    # Of the last one that holds still, and then only looking at all objects of the process finds it.
    global _events
    if _events > BETWEEN_WHOLE_ONES:
        _events = 0
        gc.collect()
    elif next(_begun) % BETWEEN_COLLECTIONS == 0:
        gc.collect(1)
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def _seeded() -> Generator[None]:
    """Let each generator that modules keep begin as its name has it."""
    states = [(generator, generator.getstate()) for generator, _ in _generators]
    for generator, begin in _generators:
        generator.setstate(begin)
    try:
        yield
    finally:
        for generator, state in states:
            generator.setstate(state)


@contextmanager
def _local_time() -> Generator[None]:
    if not hasattr(time, "tzset") or (time.timezone == 0 and time.tzname == ("UTC", "UTC")):
        yield
        return
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


@contextmanager
def _log_time(epoch: float) -> Generator[None]:
    namespace = logging.__dict__
    before = namespace["_startTime"]
    # In nanoseconds from Python 3.13 on.
    namespace["_startTime"] = round(epoch * 1e9) if isinstance(before, int) else epoch
    try:
        yield
    finally:
        namespace["_startTime"] = before


@contextmanager
def _dummy_threads() -> Generator[None]:
    """Forget the threads that Python did not start and that asked who they are during the run."""
    active: dict[int, threading.Thread] = threading.__dict__["_active"]
    before = set(active)
    try:
        yield
    finally:
        for ident, thread in list(active.items()):
            if ident not in before and type(thread).__name__ == "_DummyThread":
                del active[ident]
