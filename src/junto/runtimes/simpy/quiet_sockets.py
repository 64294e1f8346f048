"""The system's sockets, as SimPy's programs use them."""

from __future__ import annotations

import errno
import selectors
import socket
from typing import Any

from junto.runtimes.binding import SystemSockets

__all__ = ["IN_PROGRESS", "QuietSocket", "QuietSockets"]

IN_PROGRESS = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, errno.EALREADY})
"""What `QuietSockets.connect` gives when the answer of the other side is still to come."""
# A connection to this machine needs no network, so its end can be waited for.
_PATIENCE = 0.05  # seconds


class QuietSocket(socket.socket):
    """A socket that closes itself when it goes out of use.

    SimPy programs drop what they no longer need, and nobody should be warned of that.
    """

    def __del__(self) -> None:
        self.close()


class QuietSockets(SystemSockets):
    """Makes sockets that need not be closed."""

    def stream(self) -> Any:
        """Make a TCP socket."""
        return QuietSocket(socket.AF_INET, socket.SOCK_STREAM)

    def adopt(self, sock: Any) -> Any:
        """Make such a socket of a TCP *sock* that was accepted, which is empty then."""
        return QuietSocket(socket.AF_INET, socket.SOCK_STREAM, fileno=sock.detach())

    def connect(self, sock: Any, address: Any) -> int:
        """Connect *sock*; on this machine, to the end.

        Returns:
            The error's number, 0 for success, or one of `IN_PROGRESS`.

        Raises:
            socket.gaierror: There is no host of that name.
        """
        code: int = sock.connect_ex(address)
        if code == errno.ECONNABORTED:  # Linux's last word about an attempt that was refused before
            code = sock.connect_ex(address)
        if code in IN_PROGRESS and _is_near(sock, address):
            with selectors.DefaultSelector() as selector:
                selector.register(sock, selectors.EVENT_WRITE)
                if selector.select(_PATIENCE):
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return code


def _is_near(sock: Any, address: Any) -> bool:
    host: str = sock.getsockname()[0]
    # The system gives us the same address as the other side has, or the first one of this machine.
    return host.startswith("127.") or host == address[0]
