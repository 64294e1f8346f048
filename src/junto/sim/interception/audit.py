"""Finding what the replacements do not reach: code of a host that calls a real clock, socket or thread.

A name that was bound where the walk over all modules does not look, such as a default argument or a class
attribute, still leads to the original. Here each call is looked at, by `sys.monitoring` from Python 3.12 on
and by a profile function before, and each event of `sys.addaudithook` that means that something real is done.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import sysconfig
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import BuiltinMethodType, CodeType, FrameType, FunctionType
from typing import Any

from junto.sim.here import here
from junto.sim.interception.installing import originals

__all__ = ["Finding", "watch"]

_SIM = str(Path(__file__).parent.parent) + os.sep
_STDLIB = sysconfig.get_path("stdlib") + os.sep
_PACKAGES = (sysconfig.get_path("purelib") + os.sep, sysconfig.get_path("platlib") + os.sep)

# Watched besides all that is replaced: what is beneath it, and what no simulated program should call.
_BENEATH = {
    "_random": ("Random",),
    "_socket": ("getaddrinfo", "gethostbyaddr", "gethostbyname", "gethostname", "getnameinfo", "socketpair"),
    "_thread": ("start_joinable_thread", "start_new_thread"),
    "_uuid": ("generate_time_safe",),
    "resource": ("getrusage",),
    "select": ("epoll", "kqueue", "poll", "select"),
    "signal": ("alarm", "pause", "setitimer", "sigtimedwait", "sigwait"),
}

# These ask the system only if they are given nothing, which `logging` never does with its own `localtime`.
_WITHOUT_ARGUMENT = frozenset(
    {"_random.Random", "time.asctime", "time.ctime", "time.gmtime", "time.localtime", "time.strftime"}
)

_EVENTS = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
        "subprocess.Popen",
    }
)
_FAMILIES = ("ctypes.", "socket.", "_thread.start_")


@dataclass(frozen=True)
class Finding:
    """A place where a program of a host did something real.

    Attributes:
        name: What was called, or the event of the audit hook.
        file: Where it was called.
        line: The line there.
        function: The function there.
        caller: The innermost place outside of the standard library, as
            "file:line in function": the same place, if that is not in it.
        host: The host whose code it was, the first time.
    """

    name: str
    file: str
    line: int
    function: str
    caller: str
    host: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line} in {self.function}"
        through = "" if self.caller == place else f", called by {self.caller}"
        return f"{self.host}: {self.name} at {place}{through}"


class _Watch:
    """What one audit looks for, and what it has found."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._places: set[tuple[str, CodeType, int]] = set()
        self._kept: list[object] = []  # an id may not become that of something else
        self.by_id: dict[int, str] = {}
        self.by_code: dict[CodeType, str] = {}
        self.methods: dict[str, tuple[type, str]] = {}
        for name, original in originals():
            self._add(name, original)
        for module, names in _BENEATH.items():
            try:
                namespace = vars(importlib.import_module(module))
            except ImportError:  # not on this system
                continue
            for name in names:
                if name in namespace:
                    self._add(f"{module}.{name}", namespace[name])

    def _add(self, name: str, original: Any) -> None:
        if isinstance(original, (staticmethod, classmethod)):
            original = original.__func__
        self._kept.append(original)
        self.by_id.setdefault(id(original), name)
        if isinstance(original, FunctionType):
            self.by_code[original.__code__] = name
        elif hasattr(original, "__objclass__"):  # a method of a class in C, bound anew each time
            self.methods[original.__name__] = (original.__objclass__, name)

    def name_of(self, function: Any) -> str | None:
        """Name what is called, if it is watched."""
        name = self.by_id.get(id(function))
        if name is None:
            kind = type(function)
            if kind is BuiltinMethodType:
                owner, name = self.methods.get(function.__name__, (None, ""))
                bound = function.__self__
                if owner is None or not (isinstance(bound, type) and issubclass(bound, owner)):
                    return None
            elif kind is functools.partial:
                return self.name_of(function.func)
        return name

    def telling_names(self) -> set[str]:
        """List the names under which a clock may be found where another object has a method."""
        last = (name.rpartition(".")[2] for name in self.by_id.values())
        own = (getattr(original, "__name__", "") for original in self._kept)
        return {*last, *own, "clock", "now", "sleep", "timer"}

    def found(self, name: str, frame: FrameType | None) -> None:
        """Keep what code of a host does in a frame."""
        host = here.host
        if host is None or frame is None:
            return
        code, line = frame.f_code, frame.f_lineno
        if code.co_filename.startswith((_SIM, "<frozen importlib")) or (name, code, line) in self._places:
            return
        self._places.add((name, code, line))
        caller: FrameType | None = frame
        while caller is not None and _in_stdlib(caller.f_code.co_filename):
            caller = caller.f_back
        self.findings.append(
            Finding(name, code.co_filename, line, code.co_qualname, _place(caller or frame), host.name)
        )


def _in_stdlib(file: str) -> bool:
    return file.startswith("<frozen ") or (file.startswith(_STDLIB) and not file.startswith(_PACKAGES))


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


_frame = vars(sys)["_getframe"]
_watch: _Watch | None = None
_hooked = False


@contextmanager
def watch() -> Generator[list[Finding]]:
    """Find calls by which programs of hosts bypass the simulation; the replacements are installed.

    Each place is told of once for each thing that it calls. Calls that C code makes itself are not seen.

    Yields:
        What has been found so far, in its order.

    Raises:
        RuntimeError: An audit is going on already.
    """
    global _watch, _hooked
    if _watch is not None:
        raise RuntimeError("an audit is going on already")
    watching = _watch = _Watch()
    if not _hooked:  # for ever: there is no way to remove it
        sys.addaudithook(_on_event)
        _hooked = True
    try:
        with _every_call(watching):
            yield watching.findings
    finally:
        _watch = None


def _on_event(event: str, args: tuple[Any, ...]) -> None:
    watching = _watch
    if watching is None or here.host is None:
        return
    if event == "open":
        _, mode, flags = args
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if mode is None else set("wax+") & set(mode)
        if not writes:
            return
        event = "open for writing"
    elif not (event in _EVENTS or event.startswith(_FAMILIES)):
        return
    watching.found(event, _frame(1))


if sys.version_info >= (3, 12):

    @contextmanager
    def _every_call(watching: _Watch) -> Generator[None]:
        """Look at each call in all threads."""
        monitoring = sys.monitoring
        tool = next(number for number in (3, 4, 5, 2) if monitoring.get_tool(number) is None)
        disable, missing = monitoring.DISABLE, monitoring.MISSING
        name_of = watching.name_of
        telling = watching.telling_names()

        def called(code: CodeType, offset: int, function: Any, first: Any) -> Any:
            if code.co_filename.startswith(_SIM):
                return disable
            name = name_of(function)
            if name is not None:
                if name not in _WITHOUT_ARGUMENT or first is missing:
                    watching.found(name, _frame(1))
                return None
            # What is called by its own name will be no clock the next time, so this place is left alone from
            # now on: that makes the audit fast. What is called by another name may be anything.
            own_name = getattr(function, "__name__", None)
            if own_name in telling:
                return None
            if own_name in code.co_names or own_name in code.co_freevars or own_name in code.co_varnames:
                return disable
            return None

        monitoring.use_tool_id(tool, "junto.sim")
        try:
            monitoring.register_callback(tool, monitoring.events.CALL, called)
            monitoring.set_events(tool, monitoring.events.CALL)
            monitoring.restart_events()  # for what an audit before has left alone
            yield
        finally:
            monitoring.set_events(tool, 0)
            monitoring.register_callback(tool, monitoring.events.CALL, None)
            monitoring.free_tool_id(tool)

else:

    @contextmanager
    def _every_call(watching: _Watch) -> Generator[None]:
        """Look at each call in this thread and in those that are started from now on."""
        by_code, name_of = watching.by_code, watching.name_of
        telling = watching.telling_names()  # a name is asked for in less time than a code object

        def called(frame: FrameType, event: str, argument: Any) -> None:
            if event == "c_call":
                if argument.__name__ in telling:
                    name = name_of(argument)
                    if name is not None and name not in _WITHOUT_ARGUMENT:  # what they are given is not told
                        watching.found(name, frame)
            elif event == "call" and frame.f_code.co_name in telling and frame.f_code in by_code:
                watching.found(by_code[frame.f_code], frame.f_back)

        before = sys.getprofile()
        before_in_threads = threading.getprofile()
        sys.setprofile(called)
        threading.setprofile(called)
        try:
            yield
        finally:
            sys.setprofile(before)
            threading.setprofile(before_in_threads)
