"""What no simulated program may do, for it would happen in reality: each is refused by its name, at the call.

Other loops than asyncio's own, and policies that would bring them, are not refused where asking for them is
but a wish: it is ignored, with a warning.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import queue
import warnings
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any, TypeVar

from junto.sim.errors import SimEscape
from junto.sim.here import here
from junto.sim.interception.installing import replace, when_imported

__all__ = ["refuse"]

T = TypeVar("T")

_PROCESSES = "there is one process on a host; give what the other one does to a host of its own"
_SIGNALS = "handle signals with signal.signal() or loop.add_signal_handler()"
_TIMERS = "wait with a timeout instead"
_PIPES = "take a pair of sockets, socket.socketpair()"
_SOCKETS = "take queue.Queue within a host, and sockets or asyncio's streams between hosts"
_THREADS = "take concurrent.futures.ThreadPoolExecutor"

_REFUSED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("asyncio", ("create_subprocess_exec", "create_subprocess_shell"), _PROCESSES),
    ("subprocess", ("Popen.__init__",), _PROCESSES),
    ("os", ("pipe", "pipe2", "mkfifo"), _PIPES),
    (
        "os",
        (
            *("fork", "forkpty", "system", "posix_spawn", "posix_spawnp"),
            *("execv", "execve", "spawnv", "spawnve"),
        ),
        _PROCESSES,
    ),
    (
        "signal",
        ("pause", "sigwait", "sigwaitinfo", "sigtimedwait", "pthread_kill", "pthread_sigmask"),
        _SIGNALS,
    ),
    ("signal", ("alarm", "setitimer"), _TIMERS),
)


_IN_C = "it talks to the network from C; take a library in Python, or a server that stands in"

_REFUSED_IF_IMPORTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("grpc", ("insecure_channel", "secure_channel", "server")),
    ("grpc.aio", ("insecure_channel", "secure_channel", "server")),
    ("psycopg.generators", ("connect",)),
    ("psycopg2", ("connect",)),
    ("pycurl", ("Curl",)),
    ("zmq", ("Context.socket",)),
)


def refuse(module: str, path: str, instead: str, title: str = "") -> None:
    """Have a function or method raise `SimEscape` in code of a host.

    Args:
        module: The module's full name, which is imported; a name that it does not have is left out.
        path: The name in it, or ``Class.method``.
        instead: What to do instead.
        title: What it is called; empty for its own name.
    """
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for class_name in classes:
        owner = getattr(owner, class_name)
    original: Any = vars(owner).get(name)
    if original is None:
        return
    title = title or f"{module}.{path.removesuffix('.__init__')}"

    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        if here.host is None:
            return original(*args, **options)
        raise SimEscape(title, instead)

    replace(module, path, call)


for _module, _paths, _instead in _REFUSED:
    for _path in _paths:
        refuse(_module, _path, _instead)


def _refuse_when_imported(name: str, paths: tuple[str, ...]) -> None:
    def prepare(_: ModuleType) -> None:
        for path in paths:
            refuse(name, path, _IN_C)

    when_imported(name, prepare)


for _module, _paths in _REFUSED_IF_IMPORTED:
    _refuse_when_imported(_module, _paths)


def _refuse_multiprocessing(module: str, path: str, title: str = "", instead: str = _PROCESSES) -> None:
    when_imported(module, lambda _: refuse(module, path, instead, title))


# Not where they meet the system: what they do before would be done, and another name be told.
_refuse_multiprocessing("multiprocessing.process", "BaseProcess.start", "multiprocessing.Process.start")
_refuse_multiprocessing("multiprocessing.resource_tracker", "ResourceTracker.ensure_running")
_refuse_multiprocessing("multiprocessing.shared_memory", "SharedMemory.__init__")
_refuse_multiprocessing("multiprocessing.managers", "BaseManager.start")
_refuse_multiprocessing("multiprocessing.pool", "Pool.__init__", "multiprocessing.Pool")
_refuse_multiprocessing("multiprocessing.pool", "ThreadPool.__init__", instead=_THREADS)
_refuse_multiprocessing(
    "concurrent.futures.process", "ProcessPoolExecutor.__init__", "concurrent.futures.ProcessPoolExecutor"
)
for _path in ("Pipe", "Listener.__init__", "Client"):
    _refuse_multiprocessing("multiprocessing.connection", _path, instead=_SOCKETS)


def _pools(module: ModuleType) -> None:
    """Refuse a pool that was made before the run: its threads would wait at a real queue."""
    real = queue.SimpleQueue
    original = module.ThreadPoolExecutor.submit

    @functools.wraps(original)
    def submit(self: Any, /, *args: Any, **options: Any) -> Any:
        if here.host is not None and type(self._work_queue) is real:
            raise SimEscape("a ThreadPoolExecutor that was made before the run", "make it in the program")
        return original(self, *args, **options)

    replace("concurrent.futures.thread", "ThreadPoolExecutor.submit", submit)


when_imported("concurrent.futures.thread", _pools)


def _substitute(module: str, path: str, original: Callable[..., Any], stock: Callable[..., Any]) -> None:
    """Have a function of the standard library called instead, with a warning."""

    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        if here.host is None:
            return original(*args, **options)
        warnings.warn(f"{module}.{path} is ignored in a simulated world", RuntimeWarning, stacklevel=2)
        return stock(*args, **options)

    replace(module, path, call)


def _run(main: Coroutine[Any, Any, T], *, debug: bool | None = None, **_: Any) -> T:
    with asyncio.Runner(debug=debug, loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(main)


def _uvloop(module: ModuleType) -> None:
    _substitute("uvloop", "install", module.install, lambda: None)
    _substitute("uvloop", "new_event_loop", module.new_event_loop, asyncio.SelectorEventLoop)
    _substitute("uvloop", "run", module.run, _run)

    def init(self: Any) -> None:
        if here.host is not None:
            raise SimEscape("uvloop.Loop", "it does its own I/O; take asyncio's own loop")
        original(self)

    original = module.Loop.__init__
    replace("uvloop", "Loop.__init__", init, inherited=True)


_substitute("asyncio.events", "set_event_loop_policy", vars(asyncio)["set_event_loop_policy"], lambda _: None)
when_imported("uvloop", _uvloop)
