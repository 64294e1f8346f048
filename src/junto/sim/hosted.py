"""Whole programs in a thread of a host: scripts as they are, and functions that block."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures.thread as pools
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from junto.sim.errors import HostDied
from junto.sim.here import here
from junto.sim.interception.installing import replaces
from junto.sim.mains import Main, standing_in
from junto.sim.programs import Program
from junto.sim.threads.baton import HostThread, Waiter

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["HostedProgram"]

_AT_EXIT = "atexit"  # in what a process keeps in memory


class HostedProgram(Program):
    """A script or a blocking function in a thread of its own, and how it ended.

    Attributes:
        status: None while it runs, then as `subprocess` tells it: 0, what it gave to
            `sys.exit`, 1 after an error, or minus the number of the signal.
    """

    def __init__(
        self, host: Host, main: Callable[[], Any] | str | os.PathLike[str], argv: tuple[str, ...]
    ) -> None:
        function: Any = main if callable(main) else _no_function
        super().__init__(host, function, ())
        self.script = None if callable(main) else os.path.abspath(os.fspath(main))
        self.argv = argv
        self.name: str = self.script or str(getattr(main, "__qualname__", main))
        self.status: int | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._runs = False

    def start(self) -> None:
        """Begin it, for the first time or again."""
        self.status = self._result = self._error = None
        self._runs = True
        before = here.host, here.thread
        here.host, here.thread = self.host, None
        try:
            threading.Thread(target=self._live, name="MainThread", daemon=False).start()
        finally:
            here.host, here.thread = before

    def done(self) -> bool:
        """Tell whether it has ended, or its host was killed."""
        return not self._runs

    def result(self) -> Any:
        """Return what the function returned, or the script's global variables; or raise what it raised.

        Raises:
            HostDied: It was ended by a signal, or exited with another status than 0.
            asyncio.InvalidStateError: It runs.
        """
        if self._runs:
            raise asyncio.InvalidStateError(f"{self.name} runs")
        if self._error is not None and not isinstance(self._error, SystemExit | KeyboardInterrupt):
            raise self._error
        if self.status != 0:
            how = "was killed" if self.status is None or self.status < 0 else f"exited with {self.status}"
            raise HostDied(f"{self.name} on {self.host.name} {how}") from self._error
        return self._result

    def died(self) -> None:
        """Its host was killed: there is no result."""
        if self._runs:
            self._runs = False
            if self.status is None:
                self.status = -self.host.killed_by
        self._tell()

    # In its own thread

    def _live(self) -> None:
        strand = here.thread
        assert strand is not None
        module = None if self.script is None else _module(self.script)
        main = Main(strand, [self.name, *self.argv], module)
        strand.name = f"program {os.path.basename(self.name)}"
        with standing_in():
            try:
                if module is None:
                    self._result = self.main()
                else:
                    _execute(self.script or "", module)
                    self._result = vars(module)
                status = 0
            except SystemExit as exit:
                if self.host.world.baton.over:
                    raise
                status = _status(exit)
                self._error = exit
                if status:
                    self._record(exit)
            except KeyboardInterrupt as error:
                if type(error) is not KeyboardInterrupt:  # what the watchdog raises
                    raise
                self._error = error
                status = -signal.SIGINT
            except BaseException as error:
                self._error = error
                status = 1
                self._record(error)
            if self.script is not None:
                _wait_for_threads(self.host, strand)
                _call_at_exit(self.host)
            main.ended()
            self.status = status
            self._runs = False
            others = any(not program.done() for program in self.host.programs)
            if status == -signal.SIGINT or (self.script is not None and not others):
                self.host.exit()
            self._tell()

    def _record(self, error: BaseException) -> None:
        self.host.record_error(error, f"{os.path.basename(self.name)} failed", self)


def _no_function() -> None:
    """Stand where a script has no function."""


def _module(path: str) -> ModuleType:
    module = ModuleType("__main__")
    module.__file__ = path
    vars(module)["__builtins__"] = __builtins__
    return module


def _execute(path: str, module: ModuleType) -> None:
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    exec(code, vars(module))


def _status(exit: SystemExit) -> int:
    code = exit.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    sys.stderr.write(f"{code}\n")  # as the interpreter does
    return 1


def _wait_for_threads(host: Host, own: HostThread) -> None:
    """Wait for the threads of a process that are no daemons, as the interpreter does at the end."""
    baton = host.world.baton
    while True:
        owners = [
            strand.owner
            for strand, boot in baton.lives.items()
            if isinstance(strand, HostThread) and strand.host is host and boot == host.boot
            if strand is not own and strand.owner is not None and not strand.owner.daemon
            if strand.owner.name != "MainThread"
        ]
        if not owners:
            return
        for owner in owners:
            if getattr(owner, "_target", None) is vars(pools)["_worker"]:
                pool = vars(owner)["_args"][0]()
                if pool is not None:
                    pool.shutdown(wait=False)
        owners[0].join()


_register, _unregister = atexit.register, atexit.unregister


@replaces("atexit", "register")
def register(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Have a function called when the process ends: on a host, its script."""
    host = here.host
    library = str(getattr(func, "__module__", "")).partition(".")[0] in sys.stdlib_module_names
    if host is None or library:  # what the standard library registers is the real process's
        return _register(func, *args, **kwargs)
    host.process.setdefault(_AT_EXIT, []).append((func, args, kwargs))
    return func


@replaces("atexit", "unregister")
def unregister(func: Callable[..., Any], /) -> None:
    """Have a function called no more when the process ends."""
    host = here.host
    if host is not None:
        calls = host.process.get(_AT_EXIT, [])
        calls[:] = [call for call in calls if call[0] != func]
    _unregister(func)


def _call_at_exit(host: Host) -> None:
    calls = host.process.get(_AT_EXIT, [])
    while calls:
        function, args, kwargs = calls.pop()
        try:
            function(*args, **kwargs)
        except Exception as error:
            host.record_error(error, "a function registered by atexit failed")


_exit = os._exit


@replaces("os", "_exit")
def exit_at_once(status: int) -> None:
    """End the process at once: on a host, the host's."""
    host = here.host
    if host is None:
        _exit(status)
    else:
        for program in host.programs:
            if isinstance(program, HostedProgram) and not program.done():
                program.status = status
        host.exit()
        Waiter(host, "its end").wait()
