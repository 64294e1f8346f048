"""Sockets in a simulated host's SimPy environments, and the runtime of the layers there.

Sockets, packets, messages, channels and RPC of `junto.simpy` are the same as in real time. What they get here
for the system's sockets are those of a simulated host, and for its poller what tells of their readiness.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from junto.runtimes.binding import AddressInfo, SystemSockets
from junto.runtimes.polling import READ, WRITE
from junto.runtimes.simpy.futures import Future
from junto.runtimes.simpy.runtime import SimpyRuntime
from junto.runtimes.tasks import settle, settle_with_error
from junto.sim.kernel import SECOND
from junto.sim.network.datagrams import DatagramEnd
from junto.sim.network.endpoints import Endpoint
from junto.sim.network.streams import StreamEnd
from junto.sim.sockets import SimSocket

if TYPE_CHECKING:
    from junto.runtimes.simpy.contract import Call
    from junto.sim.host import Host
    from junto.sim.simpy_bridge import HostEnvironment

__all__ = ["HostRuntime", "HostSocket", "HostSockets", "Watch"]

T = TypeVar("T")


class HostSocket(SimSocket):
    """A socket that never waits, and that closes itself when it goes out of use."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint=endpoint)
        self.setblocking(False)

    def __del__(self) -> None:
        self.endpoint.close()

    def accept(self) -> tuple[HostSocket, Any]:
        child = self.endpoint.accept()
        return HostSocket(child), child.peer

    def connect_ex(self, address: Any) -> int:
        try:
            self.connect(address)
        except socket.gaierror:
            raise
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def _look_up(self, address: Any) -> None:
        """Do not wait: whoever connects has looked up the name before."""

    def getsockname(self) -> Any:
        self.endpoint.check_open()
        return super().getsockname()

    def getpeername(self) -> Any:
        self.endpoint.check_open()
        return super().getpeername()


class HostSockets(SystemSockets):
    """Makes the sockets of one host, whoever's code runs."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def socket(self, family: int, kind: int, proto: int = 0) -> HostSocket:
        return HostSocket(self.endpoint(family, kind, proto))

    def endpoint(self, family: int, kind: int, proto: int) -> Endpoint:
        """Make what a socket is below."""
        return (DatagramEnd if kind == socket.SOCK_DGRAM else StreamEnd)(self._host, family, kind, proto)

    def getaddrinfo(self, host: Any, port: Any, **hints: int) -> Sequence[AddressInfo]:
        hints["kind"] = hints.pop("type", 0)
        return self._host.world.net.dns.resolve(self._host, host, port, **hints)

    def bind_unix(self, path: str) -> tuple[HostSocket, None]:
        names = self._host.stack.unix
        if names.exists(path):
            try:
                names.find(path, socket.SOCK_STREAM)
            except ConnectionRefusedError:  # nobody listens there any more
                names.unlink(path)
        sock = self.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(path)
        sock.listen(128)
        return sock, None

    def stream(self) -> HostSocket:
        """Make a TCP socket."""
        return self.socket(socket.AF_INET, socket.SOCK_STREAM)

    def adopt(self, sock: HostSocket) -> HostSocket:
        """Take a socket that was accepted."""
        return sock

    def connect(self, sock: HostSocket, address: Any) -> int:
        """Begin to connect; see `junto.runtimes.simpy.quiet_sockets.QuietSockets`."""
        return sock.connect_ex(address)


class Watch:
    """One endpoint, and who is to be told when it is ready."""

    def __init__(self, env: HostEnvironment, end: Endpoint) -> None:
        self._env = env
        self._end = end
        self._interest = 0
        self._handler: Callable[[int], object] | None = None
        self._is_looking = False
        end.on_change = self.look

    def change(self, interest: int, handler: Callable[[int], object]) -> None:
        """Tell *handler* from now on, of what *interest* says; 0 ends it."""
        self._interest = interest
        self._handler = handler if interest else None
        if interest:
            self.look()
        elif self._end.on_change == self.look:
            self._end.on_change = None

    def look(self) -> None:
        """Have the handler called among the events, if there is a reason."""
        if not self._is_looking and self._mask():
            self._is_looking = True
            self._env.call_soon(self._tell)

    def _mask(self) -> int:
        end, interest = self._end, self._interest
        if not interest or end.closed:
            return 0
        mask = 0
        if interest & READ and (end.readable() or end.hung_up()):
            mask = READ
        if interest & WRITE and (end.writable() or end.hung_up()):
            mask |= WRITE
        return mask

    def _tell(self) -> None:
        self._is_looking = False
        mask = self._mask()
        if mask and self._handler is not None:
            self._handler(mask)
            self.look()


class HostRuntime(SimpyRuntime):
    """The layers' runtime in an environment of a simulated host: its seconds are the host's."""

    env: HostEnvironment

    def __init__(self, env: HostEnvironment) -> None:
        super().__init__(env)
        self._host = env.host
        self.time = self._monotonic

    def _monotonic(self) -> float:
        return self._host.monotonic_ns() / SECOND

    def call_later(self, delay: float, callback: Callable[..., object], /, *args: Any) -> Call:
        return super().call_later(delay / (self._host.rate * self.env.unit), callback, *args)

    def resolve(self, look_up: Callable[[], T], /) -> Future[T]:
        """Look up a name in the world's time."""
        future: Future[T] = Future(self.env)

        def answer() -> None:
            try:
                found = look_up()
            except Exception as error:
                settle_with_error(future, error)
            else:
                settle(future, found)

        delay = self._host.world.net.dns.delay(self._host, "?") / SECOND
        self.env.call_later(delay / self.env.unit, answer)
        return future
