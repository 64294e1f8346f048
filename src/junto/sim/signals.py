"""Signals of simulated processes: who handles them, and what they do where nobody does.

What a handler does, it does in a turn of the host's loop. Without one, SIGINT ends the process as
`asyncio.run` does: the programs are cancelled, and when they have ended, so are all other tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVarTuple, Unpack

from junto.sim.here import here
from junto.sim.interception import replaces
from junto.sim.mains import Main, own_main
from junto.sim.network.streams import StreamEnd
from junto.sim.threads.baton import Waiter

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["SignalHandling", "Signals"]

Ts = TypeVarTuple("Ts")

IGNORED = {
    number
    for name in ("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGPIPE")
    if (number := getattr(signal, name, None)) is not None
}
"""What does nothing to a process without a handler; Python itself ignores SIGPIPE."""

_signal, _getsignal, _raise_signal = signal.signal, signal.getsignal, signal.raise_signal
_set_wakeup_fd = signal.set_wakeup_fd
_kill = os.kill


class Signals:
    """What one process does with signals.

    Attributes:
        wakeup: The socket to which the numbers of signals are written, or -1.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._handlers: dict[int, Any] = {}
        self._leaving: asyncio.Task[None] | None = None
        self.wakeup = -1

    def handler(self, number: int) -> Any:
        """Return the handler of a signal, as `signal.getsignal` does."""
        found = self._action(number)
        return None if isinstance(found, asyncio.Handle) else found

    def _action(self, number: int) -> Any:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        return self._handlers.get(number, usual)

    def handle(self, number: int, handler: Any) -> Any:
        """Set the handler of a signal: a function, a handle to run, or SIG_DFL or SIG_IGN.

        Returns:
            The one before.

        Raises:
            OSError: The signal cannot be handled.
            ValueError: There is no such signal.
        """
        if number in (signal.SIGKILL, signal.SIGSTOP):
            raise OSError(22, "Invalid argument")
        if number not in signal.valid_signals():
            raise ValueError("signal number out of range")
        before = self.handler(number)
        self._handlers[number] = handler
        return before

    def deliver(self, number: int) -> None:
        """Do what the signal does to the process."""
        host = self._host
        handler = self._action(number)
        if number == signal.SIGSTOP:
            host.pause()
        elif number == signal.SIGCONT:
            host.resume()
        main = own_main(host)
        if number == signal.SIGKILL:
            host.kill(number)
        elif main is not None and callable(handler) and not isinstance(handler, asyncio.Handle):
            self._interrupt(main, number, handler)
        elif isinstance(handler, asyncio.Handle):
            host.wake(handler)
        elif handler is signal.default_int_handler:
            self.leave()
        elif callable(handler):
            host.wake(asyncio.Handle(self._handle, (handler, number), host.loop, None))
        elif handler == signal.SIG_DFL and number not in IGNORED | {signal.SIGSTOP}:
            host.kill(number)

    def _handle(self, handler: Callable[[int, None], object], number: int) -> None:
        try:
            handler(number, None)
        except KeyboardInterrupt:  # it ends the process as one that nobody has raised
            self.leave()

    def _interrupt(self, main: Main, number: int, handler: Callable[[int, None], object]) -> None:
        """Have the main thread of a hosted program handle a signal, as soon as it waits."""
        if self.wakeup >= 0:
            end = self._host.world.net.endpoint(self.wakeup)
            if isinstance(end, StreamEnd):
                with contextlib.suppress(OSError):  # full: then it is awake
                    end.send(bytes([number]))
        if here.thread is main.strand:
            handler(number, None)
        else:
            main.strand.interrupt(lambda: handler(number, None))

    def leave(self) -> None:
        """End the process in order; a second time, at once."""
        if self._leaving is None:
            self._leaving = self._host.loop.create_task(self._leave())
        else:
            self._host.kill()

    async def _leave(self) -> None:
        host = self._host
        mains = [program.task for program in host.programs if program.task and not program.task.done()]
        for task in mains:
            task.cancel()
        if mains:
            await asyncio.wait(mains)
        others = [task for task in asyncio.all_tasks(host.loop) if task is not self._leaving]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await host.loop.shutdown_asyncgens()
        host.exit()


class SignalHandling:
    """What a host's loop knows of signals."""

    host: Host

    def add_signal_handler(self, sig: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        """Call a function when the host gets a signal.

        Raises:
            RuntimeError: The signal cannot be caught.
            TypeError: The function is a coroutine function.
            ValueError: There is no such signal.
        """
        if asyncio.iscoroutine(callback) or inspect.iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        handle = asyncio.Handle(callback, args, self, None)  # type: ignore[arg-type]  # a loop, with the rest of it
        try:
            self.host.signals.handle(sig, handle)
        except OSError:
            raise RuntimeError(f"sig {sig} cannot be caught") from None

    def remove_signal_handler(self, sig: int) -> bool:
        """Handle a signal no more; return whether it was."""
        signals = self.host.signals
        if signals.handler(sig) is not None:
            return False
        signals.handle(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        return True


@replaces("signal", "signal")
def signal_signal(signalnum: int, handler: Any) -> Any:
    """Set a handler; on a host, for its process."""
    host = here.host
    if host is None:
        return _signal(signalnum, handler)
    _require_main_thread(host, "signal only works in main thread of the main interpreter")
    if not callable(handler) and handler not in (signal.SIG_DFL, signal.SIG_IGN):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    return host.signals.handle(signalnum, handler)


@replaces("signal", "getsignal")
def signal_getsignal(signalnum: int) -> Any:
    """Tell a handler; on a host, that of its process."""
    return _getsignal(signalnum) if here.host is None else here.host.signals.handler(signalnum)


@replaces("signal", "raise_signal")
def signal_raise_signal(signalnum: int) -> None:
    """Send a signal to this process; on a host, to its own."""
    if here.host is None:
        _raise_signal(signalnum)
    else:
        _send(here.host, signalnum)


@replaces("signal", "set_wakeup_fd")
def signal_set_wakeup_fd(fd: int, **options: bool) -> int:
    """Have signals written to a socket; they wake a host's own loop by themselves."""
    host = here.host
    if host is None:
        return _set_wakeup_fd(fd, **options)
    _require_main_thread(host, "set_wakeup_fd only works in main thread of the main interpreter")
    before, host.signals.wakeup = host.signals.wakeup, fd
    return before


def _require_main_thread(host: Host, text: str) -> None:
    main = own_main(host)
    if here.thread is not None and (main is None or here.thread is not main.strand):
        raise ValueError(text)


if hasattr(signal, "siginterrupt"):
    _siginterrupt = signal.siginterrupt

    @replaces("signal", "siginterrupt")
    def signal_siginterrupt(signalnum: int, flag: bool, /) -> None:
        """Say whether a signal breaks off calls of the system; on a host none does."""
        if here.host is None:
            _siginterrupt(signalnum, flag)


@replaces("os", "kill")
def os_kill(pid: int, sig: int) -> None:
    """Send a signal to a process; on a host there is no other than its own."""
    host = here.host
    if host is None:
        _kill(pid, sig)
    elif pid != host.pid:
        raise ProcessLookupError(3, "No such process")
    elif sig:
        _send(host, sig)


def _send(host: Host, number: int) -> None:
    """Send a signal to the process at hand; if it ends that, a thread goes no further."""
    host.stop(number)
    if here.thread is not None and not host.alive:
        Waiter(host, "the end of its process").wait()
