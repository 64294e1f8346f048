"""Reading and writing a non-blocking socket by SimPy events: what sockets of every kind share."""

from __future__ import annotations

import errno
import os
import socket

from junto.runtimes.polling import READ, WRITE
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.schedule import Event

__all__ = ["IN_BACKGROUND", "StreamSocket", "fail_pending", "os_error"]

IN_BACKGROUND = 1 << 16
"""Beside `READ` and `WRITE` in what is wanted: this wait does not keep the environment running."""


class StreamSocket:
    """A socket of one environment, with at most one read and one write pending.

    How one gets a connected one is for subclasses to say; so is what the bytes pass on their way.
    """

    env: SocketEnvironment
    _fd: int
    _watched: int
    _reading: Event | None
    _writing: Event | None

    # -- reading and writing --

    def read(self, n: int) -> Event:
        """Read some bytes: at least one, at most *n*; none if *n* is 0.

        The event fails with ``ECONNRESET`` when the peer has closed and all it sent was read, with
        ``ENOTCONN`` if the socket is not connected, with ``EBADF`` if it is closed.

        Raises:
            RuntimeError: A read is pending already.
            ValueError: *n* is negative.
        """
        if self._reading is not None:
            raise RuntimeError("Already reading")
        if n < 0:
            raise ValueError(f"{n} bytes cannot be read")
        event = Event(self.env)
        if self._fd < 0:
            return event.fail(os_error(errno.EBADF))
        if not n:
            return event.succeed(b"")
        self._reading = event
        self._read_size = n
        # What came with the last read was all there was: ask the poller, not the socket.
        if not self._is_drained and self._can_move():
            try:
                data = self._read_now(n)
            except OSError as error:
                self._reading = None
                return event.fail(error.with_traceback(None))
            if data is not None:
                self._reading = None
                return event.succeed(data)
        self._update_watch()
        return event

    def write(self, data: bytes | bytearray | memoryview) -> Event:
        """Write some bytes of *data*, from its beginning; the event's value is how many were taken.

        The rest must be written again. The event fails with a `ConnectionError` after the peer has closed, if
        not at the first time, with ``EPIPE`` if the socket is not connected, with ``EBADF`` if it is closed.

        Raises:
            RuntimeError: A write is pending already.
        """
        if self._writing is not None:
            raise RuntimeError("Already writing")
        event = Event(self.env)
        if self._fd < 0:
            return event.fail(os_error(errno.EBADF))
        if self._can_move():
            try:
                size = self._write_now(data)
            except OSError as error:
                return event.fail(error.with_traceback(None))
            if size is not None:
                return event.succeed(size)
        self._writing = event
        self._data = bytes(data)
        self._update_watch()
        return event

    def _read_now(self, n: int) -> bytes | None:
        """Read what is there, and at most *n* bytes; `None` if that is nothing."""
        try:
            data = self._socket.recv(n)
        except (BlockingIOError, InterruptedError):
            self._is_drained = True
            return None
        if not data:
            self._is_drained = False  # the next one is told at once
            raise os_error(errno.ECONNRESET)
        self._is_drained = len(data) < n
        return data

    def _write_now(self, data: bytes | bytearray | memoryview) -> int | None:
        """Write what fits; tells how many bytes that was, `None` if nothing."""
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return None

    # -- closing --

    def read_in_background(self, whether: bool, /) -> None:
        """Tell whether a pending read, from now on, does not keep the environment running by itself."""
        self._reads_in_background = whether
        if self._fd >= 0:
            self._update_watch()

    def close(self) -> None:
        """Close the socket; what is pending fails with ``EBADF``, what was written is sent.

        Closing twice is fine.
        """
        if self._fd < 0:
            return
        if self._watched:
            self.env.watch(self._fd, 0, self._on_ready)
            self._watched = 0
        self._fd = -1
        self._let_go()
        self.env.closed(self)
        for event in self._pending():
            if event is not None:
                fail_pending(event, os_error(errno.EBADF))

    def abort(self) -> None:
        """Close the socket, as its environment is closed."""
        self.close()

    def _let_go(self) -> None:
        self._socket.close()

    # -- what is pending --

    def _take(self, sock: socket.socket) -> None:
        """Make *sock* ours, with nothing pending."""
        self._socket = sock
        self._fd = sock.fileno()
        self._watched = 0
        self._is_reviewing = False
        self._is_drained = False
        self._reads_in_background = False
        self._reading = None
        self._read_size = 0
        self._writing = None
        self._data = b""
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.env.opened(self)

    def _pending(self) -> list[Event | None]:
        """Give up what is pending."""
        pending = [self._reading, self._writing]
        self._reading = self._writing = None
        return pending

    def _can_move(self) -> bool:
        """Tell whether reads and writes can be tried now."""
        return True

    def _on_ready(self, mask: int) -> None:
        if self._can_move():
            self._progress(mask)
        self._update_watch()

    def _progress(self, mask: int) -> None:
        """Do what is pending, as far as it can be done now."""
        if mask != WRITE:  # besides, a mask may tell of a hang-up or an error
            self._go_on_reading()
        if mask != READ:
            self._go_on_writing()

    def _go_on_reading(self) -> None:
        event = self._reading
        if event is None:
            return
        try:
            data = self._read_now(self._read_size)
        except OSError as error:
            self._reading = None
            fail_pending(event, error)
        else:
            if data is not None:
                self._reading = None
                event.succeed(data)

    def _go_on_writing(self) -> None:
        event = self._writing
        if event is None:
            return
        try:
            size = self._write_now(self._data)
        except OSError as error:
            self._writing = None
            fail_pending(event, error)
        else:
            if size is not None:
                self._writing = None
                self._data = b""
                event.succeed(size)

    def _wanted(self) -> int:
        """Tell what we must be told of: a sum of `READ` and `WRITE`, and perhaps `IN_BACKGROUND`."""
        wanted = 0
        if self._reading is not None:
            wanted = READ | IN_BACKGROUND if self._reads_in_background else READ
        if self._writing is not None:
            wanted = wanted & READ | WRITE
        return wanted

    def _update_watch(self) -> None:
        wanted = self._wanted()
        if wanted & ~self._watched & (READ | WRITE):
            self._watch(wanted)
        elif wanted != self._watched and not self._is_reviewing:
            # Most of the time the same is wanted again before anybody looks.
            self._is_reviewing = True
            self.env.before_waiting(self._review)

    def _review(self) -> None:
        self._is_reviewing = False
        wanted = self._wanted()
        if wanted != self._watched and self._fd >= 0:
            self._watch(wanted)

    def _watch(self, wanted: int) -> None:
        changed = wanted ^ self._watched
        self._watched = wanted
        in_background = bool(wanted & IN_BACKGROUND)
        if changed != IN_BACKGROUND:
            self.env.watch(self._fd, wanted & (READ | WRITE), self._on_ready)
        if in_background or changed & IN_BACKGROUND:
            self.env.set_background(self._fd, in_background)


def os_error(code: int) -> OSError:
    """Make the error that the system has for *code*, of its own class."""
    return OSError(code, os.strerror(code))


def fail_pending(event: Event, error: Exception) -> None:
    """Fail an *event* that was handed out; if nobody waits for it now, that ends nothing."""
    # Without the steps to here, which would hold the event, and by that the error itself.
    event.fail(error.with_traceback(None))
    if not event.callbacks:
        event.defused = True
