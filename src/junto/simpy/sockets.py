"""TCP sockets whose operations are SimPy events.

This is the lowest level: bytes, as many as the system gives or takes at a time. `junto.simpy.packets` sends
whole byte strings over it, `junto.simpy.messages` requests and replies.

An operation returns its event at once; if it cannot be done, the event fails. The error of a pending
operation that nobody waits for any more, because its process was interrupted or a time-out came first, does
not end the run: the next operation on that socket fails as well.
"""

from __future__ import annotations

import errno
import socket
from typing import Self

from junto.runtimes.binding import tune
from junto.runtimes.polling import READ, WRITE
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.quiet_sockets import IN_PROGRESS
from junto.runtimes.simpy.schedule import Event
from junto.simpy.streams import StreamSocket, fail_pending, os_error

__all__ = ["SocketAddress", "TCPSocket"]

SocketAddress = tuple[str, int]


class TCPSocket(StreamSocket):
    """A socket of one environment, not connected yet.

    One read and one write may be pending together, and no second of either. `close` is allowed in every
    state. A socket that goes out of use is closed.
    """

    _accepting: Event | None
    _connecting: Event | None

    def __init__(self, env: SocketEnvironment) -> None:
        self.env = env
        self._take(env.sockets.stream())

    @classmethod
    def server(cls, env: SocketEnvironment, address: SocketAddress, backlog: int = 5) -> Self:
        """Make a socket that listens at *address*; port 0 stands for any that is free.

        Raises:
            OSError: See `bind`; nothing is left open.
        """
        sock = cls(env)
        try:
            sock.bind(address)
            sock.listen(backlog)
        except BaseException:
            sock.close()
            raise
        return sock

    @classmethod
    def connection(cls, env: SocketEnvironment, address: SocketAddress) -> Self:
        """Make a socket that is connected to *address*, or is about to be; see `connect`.

        Raises:
            OSError: See `connect`; nothing is left open.
        """
        sock = cls(env)
        try:
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock

    @property
    def address(self) -> SocketAddress:
        """The own address.

        Raises:
            OSError: ``EBADF`` after `close`.
        """
        return self._socket.getsockname()  # type: ignore[no-any-return]  # of this family, it is one

    @property
    def peer_address(self) -> SocketAddress:
        """The address of the other end.

        Raises:
            OSError: ``ENOTCONN`` if there is none, ``EBADF`` after `close`.
        """
        return self._socket.getpeername()  # type: ignore[no-any-return]  # of this family, it is one

    # -- listening --

    def bind(self, address: SocketAddress) -> None:
        """Take *address* for the own one.

        Raises:
            socket.gaierror: There is no host of that name.
            OSError: Somebody listens there, or the socket is connected or closed.
        """
        self._socket.bind(address)

    def listen(self, backlog: int = 5) -> None:
        """Let others connect; at most *backlog* of them wait to be accepted.

        Raises:
            OSError: The socket is connected or closed, or somebody else listens here.
        """
        self._socket.listen(backlog)

    def accept(self) -> Event:
        """Wait for a connection; the event's value is a socket of the same class.

        It fails with ``EINVAL`` if the socket does not listen, with ``EBADF`` if it is closed.

        Raises:
            RuntimeError: An accept is pending already.
        """
        if self._accepting is not None:
            raise RuntimeError("Already accepting")
        event = Event(self.env)
        if self._fd < 0:
            return event.fail(os_error(errno.EBADF))
        self._accepting = event
        try:
            self._accept_one(event)
        except OSError as error:
            self._accepting = None
            return event.fail(error.with_traceback(None))
        self._update_watch()
        return event

    # -- connecting --

    def connect(self, address: SocketAddress) -> Event:
        """Connect to *address*.

        What is on this machine is connected, or has refused, when the call returns. Else the event
        tells; reads and writes may be started before, and take effect then. A second connect is ignored.

        Returns:
            An event without a value. After it failed, reads and writes fail as if the socket had never
            been connected.

        Raises:
            socket.gaierror: There is no host of that name.
            ConnectionRefusedError: Nobody listens there, on this machine.
            OSError: It cannot be done; the socket listens, or is closed.
        """
        if self._fd < 0:
            raise os_error(errno.EBADF)
        if self._connecting is not None:
            return self._connecting
        event = Event(self.env)
        if self._is_connected:
            return event.succeed()
        code = self.env.sockets.connect(self._socket, address)
        if code in IN_PROGRESS:
            self._connecting = event
            self._update_watch()
            return event
        if code:
            raise os_error(code)
        self._establish()
        return event.succeed()

    def _finish_connecting(self, event: Event) -> None:
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not code:
            try:
                self._socket.getpeername()
            except OSError:
                return  # too early: the poller told of something else
        self._connecting = None
        if code:
            fail_pending(event, os_error(code))
        else:
            self._establish()
            event.succeed()

    def _establish(self) -> None:
        """Begin the life of a connection that this side opened."""
        self._is_connected = True
        tune(self._socket)

    def _read_now(self, n: int) -> bytes | None:
        if not self._is_connected:  # systems differ, above all after a connection was refused
            raise os_error(errno.ENOTCONN)
        return super()._read_now(n)

    def _write_now(self, data: bytes | bytearray | memoryview) -> int | None:
        if not self._is_connected:
            raise os_error(errno.EPIPE)
        return super()._write_now(data)

    # -- what is pending --

    def _take(self, sock: socket.socket) -> None:
        super()._take(sock)
        self._is_connected = False
        self._accepting = None
        self._connecting = None

    def _accept_one(self, event: Event) -> None:
        try:
            sock, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        accepted = self._adopt(sock)
        self._accepting = None
        event.succeed(accepted)

    def _adopt(self, sock: socket.socket) -> Self:
        """Make a socket of our class of one that was accepted."""
        accepted = type(self).__new__(type(self))
        accepted.env = self.env
        accepted._take(self.env.sockets.adopt(sock))
        accepted._is_connected = True
        tune(accepted._socket)
        return accepted

    def _pending(self) -> list[Event | None]:
        pending = [*super()._pending(), self._accepting, self._connecting]
        self._accepting = self._connecting = None
        return pending

    def _can_move(self) -> bool:
        return self._connecting is None

    def _on_ready(self, mask: int) -> None:
        if self._connecting is not None:
            self._finish_connecting(self._connecting)
        elif self._accepting is not None:
            try:
                self._accept_one(self._accepting)
            except OSError as error:
                fail_pending(self._accepting, error)
                self._accepting = None
        super()._on_ready(mask)

    def _wanted(self) -> int:
        if self._connecting is not None:
            return WRITE
        return super()._wanted() | (READ if self._accepting is not None else 0)
