"""Ctrl-C, for commands that block.

Python raises `KeyboardInterrupt` wherever the main thread happens to be: in a finalizer, which
swallows it, or just before a wait begins, which then is not ended. So the work is done in a
thread of its own, where nothing is raised, and the main thread waits for the end or for the signal.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable

from junto.cli.failures import INTERRUPTED
from junto.errors import JuntoError

__all__ = ["Interruption"]

_GRACE = 2.0
"""Seconds that the work has to end after its connection was closed: it may be stuck in writing its output."""

_DONE = b"\0"


class Interruption:
    """Does some work until it ends or Ctrl-C ends it."""

    def __init__(self) -> None:
        self._happened = threading.Event()
        self._close: Callable[[], object] | None = None

    def opened(self, close: Callable[[], object]) -> None:
        """Take note, in the work, of how to end what it waits for: *close* is called from another thread.

        Raises:
            KeyboardInterrupt: It is too late to begin.
        """
        self._close = close
        self.pause(0.0)

    def pause(self, seconds: float) -> None:
        """Sleep, in the work.

        Raises:
            KeyboardInterrupt: The work is to end.
        """
        if self._happened.wait(min(seconds, threading.TIMEOUT_MAX)):
            raise KeyboardInterrupt

    def run(self, work: Callable[[], None]) -> None:
        """Do *work*, and raise what it raises.

        A second Ctrl-C, and one before there is something to close, end the process at once.

        Raises:
            KeyboardInterrupt: Ctrl-C came, and the work has ended because of that.
        """
        usual = signal.default_int_handler
        if (
            threading.current_thread() is not threading.main_thread()
            or signal.getsignal(signal.SIGINT) is not usual
        ):
            work()  # Ctrl-C is not ours to handle: a job in the background ignores it
            return
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setblocking(False)
            errors: list[BaseException] = []
            thread = threading.Thread(target=_work, args=(work, errors, theirs), daemon=True)
            wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
            signal.signal(signal.SIGINT, lambda _number, _frame: None)
            try:
                thread.start()
                interrupted = _wait(ours)
            finally:
                signal.set_wakeup_fd(wakeup)
                signal.signal(signal.SIGINT, usual)
            if interrupted:
                self._end(thread)
            thread.join()
        if interrupted:
            raise KeyboardInterrupt
        if errors:
            raise errors[0]

    def _end(self, thread: threading.Thread) -> None:
        # A second Ctrl-C may come between the making of a flow and its first step.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited")
        try:
            self._happened.set()
            if self._close is not None:
                self._close()
                thread.join(_GRACE)
        except JuntoError:
            pass  # the connection was gone already
        except KeyboardInterrupt:
            os._exit(INTERRUPTED)
        if thread.is_alive():
            # Not by the interpreter's usual end, which would wait for the output.
            os._exit(INTERRUPTED)


def _work(work: Callable[[], None], errors: list[BaseException], done: socket.socket) -> None:
    try:
        work()
    except BaseException as error:
        errors.append(error)
    finally:
        done.send(_DONE)


def _wait(news: socket.socket) -> bool:
    """Wait for the end of the work or for Ctrl-C; tells whether it was Ctrl-C."""
    while (byte := news.recv(1)) != _DONE:
        if byte[0] == signal.SIGINT:
            return True
    return False
