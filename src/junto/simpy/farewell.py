"""How a TLS connection ends: with the last bytes, and without losing them.

A socket that is closed while something unread is in it, were it only a session ticket, makes the system throw
away what the peer has not read yet. So it is read, and forgotten, until the peer closes, too.
"""

from __future__ import annotations

import socket

from junto.runtimes.polling import READ, WRITE
from junto.runtimes.simpy.contract import SocketEnvironment

__all__ = ["Farewell"]

_LINGER = 1.0  # seconds that the peer has to close, after we did
_READ_SIZE = 64 * 1024


class Farewell:
    """A socket whose user is done with it."""

    def __init__(self, env: SocketEnvironment, sock: socket.socket, unsent: bytes) -> None:
        self._env = env
        self._socket = sock
        self._fd = sock.fileno()
        self._unsent = unsent
        self._watched = 0
        self._is_shut = False
        env.opened(self)
        self._timer = env.call_later(_LINGER, self.abort)
        self._on_ready(READ | WRITE)

    def close(self) -> None:
        """Do as `abort`."""
        self.abort()

    def abort(self) -> None:
        """Wait no longer."""
        if self._fd < 0:
            return
        self._timer.cancel()
        if self._watched:
            self._env.watch(self._fd, 0, self._on_ready)
        self._fd = -1
        self._socket.close()
        self._env.closed(self)

    def _on_ready(self, _mask: int) -> None:
        try:
            at_end = self._exchange()
        except OSError:  # the peer is gone, and with it whoever could miss something
            at_end = True
        if at_end:
            self.abort()
            return
        wanted = READ | WRITE if self._unsent else READ
        if wanted != self._watched:
            self._watched = wanted
            self._env.watch(self._fd, wanted, self._on_ready)

    def _exchange(self) -> bool:
        """Send what is left, and forget what comes; tells whether the peer has closed."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except (BlockingIOError, InterruptedError):
            pass
        else:
            if not self._is_shut:
                self._is_shut = True
                self._socket.shutdown(socket.SHUT_WR)
        try:
            return not self._socket.recv(_READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return False
