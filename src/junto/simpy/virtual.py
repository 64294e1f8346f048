"""simpy.io's virtual network: sockets in simulated time.

    env = simpy.Environment("virtual")
    server = virtual.TCPSocket.server(env, ("127.0.0.1", 0))

The environment is SimPy's own in all but that it has a network inside. `TCPSocket` here is what simpy.io's
virtual one was. Those of `junto.simpy.sockets` can be used as well, and behave as they do in real time.
"""

from __future__ import annotations

import collections
import errno
from typing import Any, Self

from junto.runtimes.simpy.schedule import Event
from junto.sim.network.frames import FramedEnd
from junto.sim.network.streams import State
from junto.sim.simpy_virtual import VirtualEnvironment
from junto.simpy import sockets
from junto.simpy.sockets import SocketAddress
from junto.simpy.streams import os_error

__all__ = ["TCPSocket", "VirtualEnvironment"]


class TCPSocket(sockets.TCPSocket):
    """A socket of a virtual environment, not connected yet.

    It differs from those in real time where simpy.io's did: several accepts may be pending, and a refused
    connection is told by reads and writes.
    """

    env: VirtualEnvironment

    def __init__(
        self,
        env: VirtualEnvironment,
        max_buffer_size: int | None = None,
        max_segment_size: int | None = None,
    ) -> None:
        """Make one.

        Args:
            env: The environment.
            max_buffer_size: How many bytes it keeps for each direction; None for what the environment says.
            max_segment_size: The most bytes of a frame; None for a whole buffer.
        """
        self._more: collections.deque[Event] = collections.deque()
        self._is_refused = False
        super().__init__(env)
        if max_buffer_size is not None or max_segment_size is not None:
            end = self._end
            end.set_sizes(end.send_buffer if max_buffer_size is None else max_buffer_size, max_segment_size)

    @classmethod
    def server(cls, env: Any, address: SocketAddress, backlog: int = 5, **sizes: int) -> Self:
        """Make a socket that listens at *address*; *sizes* are those of the class."""
        sock = cls(env, **sizes)
        sock.bind(address)
        sock.listen(backlog)
        return sock

    @classmethod
    def connection(cls, env: Any, address: SocketAddress, **sizes: int) -> Self:
        """Make a socket that is connected to *address*; *sizes* are those of the class."""
        sock = cls(env, **sizes)
        sock.connect(address)
        return sock

    def accept(self) -> Event:
        """Wait for a connection; the event's value is a socket of the same class.

        Several accepts may be pending, and are served in their order.

        Raises:
            OSError: ``EINVAL``, it does not listen.
        """
        if self._fd >= 0 and self._end.state is not State.LISTENING:
            raise os_error(errno.EINVAL)
        if self._accepting is None:
            return super().accept()
        event = Event(self.env)
        self._more.append(event)
        return event

    def connect(self, address: SocketAddress) -> Event:
        """Connect to *address*, which takes no time.

        If nobody listens there, the call returns nevertheless, and reads and writes fail with
        ``ECONNREFUSED``. A second connect is ignored.

        Raises:
            socket.gaierror: There is no such address.
            OSError: The socket listens, or is closed.
        """
        self._is_refused = False
        try:
            return super().connect(address)
        except ConnectionRefusedError:
            self._is_refused = True
            return Event(self.env).succeed()

    @property
    def _end(self) -> FramedEnd:
        end: FramedEnd = self._socket.endpoint  # type: ignore[attr-defined]  # it is one of a simulated host
        return end

    def _take(self, sock: Any) -> None:
        self._more = collections.deque()
        self._is_refused = False
        super()._take(sock)

    def _accept_one(self, event: Event) -> None:
        super()._accept_one(event)
        while self._accepting is None and self._more:
            self._accepting = event = self._more.popleft()
            super()._accept_one(event)

    def _pending(self) -> list[Event | None]:
        pending = [*super()._pending(), *self._more]
        self._more.clear()
        return pending

    def _read_now(self, n: int) -> bytes | None:
        if self._is_refused:
            raise os_error(errno.ECONNREFUSED)
        data = super()._read_now(n)
        # With the old timing, a read that is started later than the bytes came finds them, if it looks.
        self._is_drained = False
        return data

    def _write_now(self, data: bytes | bytearray | memoryview) -> int | None:
        if self._is_refused:
            raise os_error(errno.ECONNREFUSED)
        return super()._write_now(data)
