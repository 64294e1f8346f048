"""What a hosted program takes for its process's own: main thread, ``sys.argv``, the module ``__main__``.

The real ones are one for the process. While hosted programs run, something stands in their place that asks
whose code it is that looks.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from junto.sim.here import here
from junto.sim.interception.installing import replaces

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.threads.baton import HostThread

__all__ = ["Main", "own_main", "standing_in"]

_MAINS = "mains"  # in what a process keeps in memory
_main_thread, _enumerate, _active_count = threading.main_thread, threading.enumerate, threading.active_count


class Main:
    """One hosted program of a process.

    Attributes:
        strand: The thread in which it runs.
        thread: What that is for `threading`.
        argv: Its arguments, its name first.
        module: Its module ``__main__``, if it is a script.
    """

    def __init__(self, strand: HostThread, argv: list[str], module: ModuleType | None) -> None:
        self.strand = strand
        self.thread = threading.current_thread()
        self.argv = argv
        self.module = module
        strand.host.process.setdefault(_MAINS, {})[strand] = self

    def ended(self) -> None:
        """Forget it, for its host may run others."""
        self.strand.host.process.get(_MAINS, {}).pop(self.strand, None)


def own_main(host: Host | None) -> Main | None:
    """Find the program to which the code at hand belongs: its thread's, or the first one of the process."""
    mains: dict[HostThread, Main] | None = None if host is None else host.process.get(_MAINS)
    if not mains:
        return None
    thread = here.thread
    if thread is not None and thread in mains:
        return mains[thread]
    return next(iter(mains.values()))


@replaces("threading", "main_thread")
def main_thread() -> threading.Thread:
    """Return the main thread: in a hosted program, its own."""
    main = own_main(here.host)
    return _main_thread() if main is None else main.thread


@replaces("threading", "enumerate")
def enumerate_threads() -> list[threading.Thread]:
    """List the living threads: on a host those of its process, from the main thread on."""
    host = here.host
    if host is None:
        return _enumerate()
    mains = host.process.get(_MAINS, {})
    found = [threading.main_thread()]
    for strand, boot in host.world.baton.lives.items():
        owner: threading.Thread | None = getattr(strand, "owner", None)
        if owner is not None and strand.host is host and boot == host.boot and strand not in mains:
            found.append(owner)
    return found


@replaces("threading", "active_count")
def active_count() -> int:
    """Count the living threads."""
    return _active_count() if here.host is None else len(enumerate_threads())


class _Arguments(list[str]):
    """What stands for ``sys.argv``."""

    def __init__(self, real: list[str]) -> None:
        super().__init__()
        self.real = real

    def own(self) -> list[str]:
        """Find the arguments of the code at hand."""
        main = own_main(here.host)
        return self.real if main is None else main.argv

    def __len__(self) -> int:
        return len(self.own())

    def __iter__(self) -> Iterator[str]:
        return iter(self.own())

    def __repr__(self) -> str:
        return repr(self.own())


def _asking(name: str) -> Any:
    def call(self: _Arguments, *args: Any) -> Any:
        return getattr(self.own(), name)(*args)

    return call


for _name in (
    *("__getitem__", "__setitem__", "__delitem__", "__contains__", "__reversed__", "__eq__", "__ne__"),
    *("__add__", "__mul__", "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove"),
    *("reverse", "sort"),
):
    setattr(_Arguments, _name, _asking(_name))


class _Modules(ModuleType):
    """What stands for ``sys.modules["__main__"]``."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__("__main__")
        ModuleType.__setattr__(self, "_real", real)

    def __getattribute__(self, name: str) -> Any:
        return getattr(_module(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_module(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_module(self), name)


def _module(modules: _Modules) -> Any:
    main = own_main(here.host)
    if main is not None and main.module is not None:
        return main.module
    return ModuleType.__getattribute__(modules, "_real")


_lock = threading.Lock()
_running = 0


@contextmanager
def standing_in() -> Generator[None]:
    """Let what stands for the process's own be there as long as any hosted program runs."""
    global _running
    with _lock:
        _running += 1
        if _running == 1:
            sys.argv = _Arguments(sys.argv)
            sys.modules["__main__"] = _Modules(sys.modules["__main__"])
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0:
                if isinstance(sys.argv, _Arguments):
                    sys.argv = sys.argv.real
                modules = sys.modules["__main__"]
                if type(modules) is _Modules:
                    sys.modules["__main__"] = ModuleType.__getattribute__(modules, "_real")
