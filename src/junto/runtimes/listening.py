"""A listener over non-blocking sockets."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable

from junto.address import Address
from junto.runtime import TimerHandle
from junto.runtimes.binding import BACKLOG, SocketFile
from junto.runtimes.polling import READ
from junto.runtimes.sockets import SocketHost

__all__ = ["SocketListener"]

_log = logging.getLogger("junto")
_SHORTAGE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE = 1.0  # seconds without accepting when the system is short of something


class SocketListener:
    """Accepts connections at one address, which may need several sockets."""

    def __init__(
        self,
        host: SocketHost,
        sockets: list[socket.socket],
        address: Address,
        accepted: Callable[[socket.socket], None],
        file: SocketFile | None,
    ) -> None:
        self._host = host
        self._sockets = sockets
        self._address = address
        self._accepted = accepted
        self._file = file
        self._pause: TimerHandle | None = None
        host.opened(self)
        self._watch()

    @property
    def address(self) -> Address:
        return self._address

    def close(self) -> None:
        """Stop accepting; doing so twice is fine."""
        sockets, self._sockets = self._sockets, []
        if not sockets:
            return
        if self._pause is not None:
            self._pause.cancel()
        if self._file is not None:
            self._file.remove()
        for sock in sockets:
            self._host.watch(sock.fileno(), 0, _ignore)
            sock.close()
        self._host.closed(self)

    def abort(self) -> None:
        self.close()

    def _watch(self) -> None:
        self._pause = None
        for sock in self._sockets:

            def on_ready(_mask: int, sock: socket.socket = sock) -> None:
                self._accept(sock)

            self._host.watch(sock.fileno(), READ, on_ready)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(BACKLOG):
            if not self._sockets:
                return  # closed by what it accepted
            try:
                sock, _peer = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                continue  # that one gave up in the meantime
            except OSError as error:
                if error.errno not in _SHORTAGE:
                    raise
                _log.error("cannot accept connections; trying again in %.0f s", _PAUSE, exc_info=error)
                for each in self._sockets:
                    self._host.watch(each.fileno(), 0, _ignore)
                self._pause = self._host.call_later(_PAUSE, self._watch)
                return
            sock.setblocking(False)
            try:
                self._accepted(sock)
            except Exception as error:
                sock.close()
                _log.error("a connection could not be served", exc_info=error)


def _ignore(_mask: int) -> None:
    """Stand in for a handler where watching ends."""
