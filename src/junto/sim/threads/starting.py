"""What `threading` is given in a world for making locks and threads.

Each function here stands in for one of the standard library's: in a world it does what the name says for the
host whose code calls it, elsewhere it calls the real one.
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from _thread import allocate_lock
from asyncio import events
from collections.abc import Callable, Mapping
from typing import Any

from junto.sim.here import here
from junto.sim.interception import replace
from junto.sim.threads.baton import HostThread, Waiter
from junto.sim.threads.locks import SimLock, SimRLock

__all__ = ["replacements"]

_real_rlock = threading.RLock
_real_excepthook = threading.excepthook
_real_simple_queue = queue.SimpleQueue
_py_simple_queue: Any = queue._PySimpleQueue  # type: ignore[attr-defined]  # the standard library's own, in Python


def lock() -> Any:
    """Make a lock."""
    return allocate_lock() if here.host is None else SimLock()


def rlock(*args: Any, **kwargs: Any) -> Any:
    """Make a lock that its owner may take again."""
    return _real_rlock(*args, **kwargs) if here.host is None else SimRLock()


def simple_queue() -> Any:
    """Make a queue; in a world the one that is written with locks."""
    return _real_simple_queue() if here.host is None else _py_simple_queue()


def excepthook(args: Any) -> None:
    """Take an error that ends a thread: in a world it is the host's."""
    if here.host is None:
        _real_excepthook(args)
    elif args.exc_type is not SystemExit and args.exc_value is not None:
        name = args.thread.name if args.thread else "a thread"
        here.host.record_error(args.exc_value, f"thread {name} failed")


class _Started(threading.Event):
    """The event by which a new thread tells that it has begun: there it stops, until its turn comes."""

    def set(self) -> None:
        super().set()
        thread = here.thread
        if thread is not None:
            thread.want_turn()
            thread.park()


def _begin(main: Callable[[], object], args: tuple[Any, ...], kwargs: Mapping[str, Any], ended: Any) -> int:
    """Start a thread on the host at hand; if it is one of `threading`'s, it has begun when this returns."""
    assert here.host is not None
    thread = HostThread(here.host, lambda: _main(main, args, kwargs, ended))
    owner = getattr(main, "__self__", None)
    if isinstance(owner, threading.Thread):
        thread.name = f"thread {owner.name}"
        thread.owner = owner
    thread.start()
    if isinstance(owner, threading.Thread):
        owner._started = _Started()  # type: ignore[attr-defined]
        thread.slice()
    else:
        thread.want_turn()
    return thread.ident


def _main(main: Callable[..., object], args: tuple[Any, ...], kwargs: Mapping[str, Any], ended: Any) -> None:
    try:
        main(*args, **kwargs)
    finally:
        # The real thread is there a little longer, and would keep its loop so long.
        events._set_running_loop(None)
        asyncio.set_event_loop(None)
        if ended is not None:
            ended()


replacements: list[tuple[str, str, object]] = [
    ("threading", "Lock", lock),
    ("threading", "_allocate_lock", lock),
    ("threading", "RLock", rlock),
    ("threading", "excepthook", excepthook),
    ("queue", "SimpleQueue", simple_queue),
]

if sys.version_info >= (3, 13):
    _real_start_joinable = threading._start_joinable_thread  # type: ignore[attr-defined]
    _real_handle = threading._ThreadHandle  # type: ignore[attr-defined]

    class SimHandle:
        """What a `threading.Thread` knows of the real thread: its number and whether it has ended."""

        def __init__(self) -> None:
            self.ident: int | None = None
            self._ended = False
            self._waiters: list[Waiter] = []

        def is_done(self) -> bool:
            return self._ended

        def join(self, timeout: float | None = None) -> None:
            host = here.host
            if self._ended or host is None:
                return
            end = None if timeout is None else host.monotonic_ns() + round(timeout * 1e9)
            waiter = Waiter(host, "the end of a thread")
            self._waiters.append(waiter)
            while not self._ended:
                if not waiter.wait_until(end):
                    return

        def _set_done(self) -> None:
            self._ended = True
            for waiter in self._waiters:
                waiter.wake()

    def thread_handle() -> Any:
        """Make what tells of a thread's end."""
        return _real_handle() if here.host is None else SimHandle()

    def start_joinable(function: Callable[[], object], handle: Any = None, daemon: bool = True) -> Any:
        """Start a thread."""
        if not isinstance(handle, SimHandle):
            return _real_start_joinable(function, handle=handle, daemon=daemon)
        handle.ident = _begin(function, (), {}, handle._set_done)
        return handle

    replacements += [
        ("threading", "_ThreadHandle", thread_handle),
        ("threading", "_start_joinable_thread", start_joinable),
    ]
else:
    _real_start = threading._start_new_thread  # type: ignore[attr-defined]
    _real_sentinel = threading._set_sentinel  # type: ignore[attr-defined]

    def set_sentinel() -> Any:
        """Make the lock that is released when the thread at hand ends."""
        if here.thread is None:
            return _real_sentinel()
        here.thread.sentinel = sentinel = SimLock()
        return sentinel

    def start_new_thread(function: Callable[..., object], args: tuple[Any, ...], kwargs: Any = None) -> int:
        """Start a thread."""
        if here.host is None:
            return int(_real_start(function, args, kwargs or {}))
        return _begin(function, args, kwargs or {}, _release_sentinel)

    def _release_sentinel() -> None:
        thread = here.thread
        if thread is not None and thread.sentinel is not None and thread.sentinel.locked():
            thread.sentinel.release()

    replacements += [
        ("threading", "_start_new_thread", start_new_thread),
        ("threading", "_set_sentinel", set_sentinel),
    ]

for _module, _name, _stand_in in replacements:
    replace(_module, _name, _stand_in)
