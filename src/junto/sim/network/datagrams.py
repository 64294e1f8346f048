"""Datagrams: each by itself, whole or not at all, in no order that is promised."""

from __future__ import annotations

import socket
from errno import EAGAIN, ECONNREFUSED, EDESTADDRREQ, EINVAL, EMSGSIZE, ENOTCONN, EPIPE
from typing import TYPE_CHECKING, Any

from junto.sim.network.addresses import Wire, shown
from junto.sim.network.endpoints import Endpoint, os_error
from junto.sim.network.handshake import choose_source

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.network.links import Link

__all__ = ["DatagramEnd"]

MAX_DATAGRAM = 65507
OVERHEAD = 256  # what a datagram takes of the receive queue besides its bytes


class DatagramEnd(Endpoint):
    """A socket for datagrams.

    Attributes:
        incoming: What has arrived and was not read: each with its source's address as this socket shows it.
        receive_buffer: How many bytes it keeps that were not read; what comes on top is lost.
        encrypted: Whether its bytes are not decided by the seed, as QUIC's and DTLS's.
    """

    __slots__ = ("_other", "_queued", "_read_shut", "_write_shut", "encrypted", "incoming", "receive_buffer")

    def __init__(
        self, host: Host, family: int = socket.AF_INET, kind: int = socket.SOCK_DGRAM, proto: int = 0
    ) -> None:
        super().__init__(host, family, kind, proto)
        self.incoming: list[tuple[bytes, Any]] = []
        self.receive_buffer = 212_992
        self.encrypted = False
        self._queued = 0
        self._other: DatagramEnd | None = None  # the other one of a pair
        self._read_shut = self._write_shut = False

    def connect(self, address: Any) -> bool:
        """Talk to one address only, by `send`, and hear only it; None as host ends it.

        Returns:
            True: nothing has to be waited for.
        """
        self.check_open()
        if self.family == socket.AF_UNIX:
            self.remote = self.host.stack.unix.find(address, self.type).bound
            return True
        self.remote = remote = self.host.stack.parse(self.family, address)
        source = choose_source(self.host, remote[0])
        if self.bound is None:
            self.host.stack.bind_for(self, source)
        else:
            self.host.stack.make_specific(self, source)
        return True

    def disconnect(self) -> None:
        """Talk to any address again, as `connect` with AF_UNSPEC does."""
        self.remote = None

    def pair_with(self, other: DatagramEnd) -> None:
        """Make this and another one a pair that talks to itself only."""
        self._other, other._other = other, self

    def send(self, data: bytes) -> int:
        """Send a datagram to the address it is connected to.

        Returns:
            Its size.

        Raises:
            OSError: ENOTCONN, EDESTADDRREQ, EMSGSIZE, or the pending error.
        """
        self.check_open()
        if self._other is None and self.remote is None:
            raise os_error(ENOTCONN if self.family == socket.AF_UNIX else EDESTADDRREQ)
        return self._send(data, self.remote)

    def sendto(self, data: bytes, address: Any) -> int:
        """Send a datagram to an address; a name is resolved at once.

        Returns:
            Its size.

        Raises:
            OSError: EMSGSIZE, the pending error, or there is no way to such an address.
        """
        self.check_open()
        if self.family == socket.AF_UNIX:
            return self._send(data, address)
        return self._send(data, self.host.stack.parse(self.family, address))

    def _send(self, data: bytes, remote: Any) -> int:
        self.raise_error()
        if self._write_shut:
            raise os_error(EPIPE)
        if self.family == socket.AF_UNIX:
            return self._send_unix(data, remote)
        if len(data) > MAX_DATAGRAM:
            raise os_error(EMSGSIZE)
        host = self.host
        stack = host.stack
        ip, port = remote
        if port == 0:
            raise os_error(EINVAL)
        if self.bound is None:
            stack.bind(self, ("", 0))
        assert isinstance(self.bound, tuple)
        own, own_port = self.bound
        source: Wire = (choose_source(host, ip) if own in ("0.0.0.0", "::") else own, own_port)
        net = host.world.net
        target = net.find(host, ip)
        now = host.now()
        self._record("dgram", now, target.name if target is not None else f"{ip}:{port}", data)
        if target is None:
            return len(data)
        there, back = net.links(host, target, ip)
        left = there.leave(now, -(-len(data) // 64) * 64 if self.encrypted else len(data))
        if there.blocked or there.lost():
            self._record("drop", now, target.name, data, "blocked" if there.blocked else "lost")
            return len(data)
        copies = 2 if there.duplicated() else 1
        for copy in range(copies):
            if copy:
                self._record("dup", now, target.name, data)
            when = left + there.latency() + there.detour()
            host.kernel.at(when, self._arrive, data, source, target, (ip, port), there, back)
        return len(data)

    def _arrive(self, data: bytes, source: Wire, target: Host, to: Wire, there: Link, back: Link) -> None:
        """It has come to the host it was sent to."""
        now = self.host.kernel.now
        if there.blocked or not target.powered:
            self._record("drop", now, target.name, data, "blocked")
            return
        receiver = target.stack.find_datagram(to, source)
        if receiver is None:
            if self.remote == to and not self.closed and not back.blocked:
                self.host.kernel.at(now + back.latency(), self._unreachable, to, back)
            self._record("drop", now, target.name, data, "nobody listens")
            return
        target.world.net.coincidence.arrived(target)
        receiver.take(data, shown(receiver.family, *source), self)

    def _unreachable(self, to: Wire, back: Link) -> None:
        if not self.closed and self.remote == to and not back.blocked:
            self.error = ECONNREFUSED
            self._record("refuse", self.host.kernel.now, "", b"")
            self.changed()

    def _send_unix(self, data: bytes, address: Any) -> int:
        receiver = self._other
        if receiver is None:
            found = self.host.stack.unix.find(address, self.type)
            assert isinstance(found, DatagramEnd)
            receiver = found
        if receiver.closed:
            raise os_error(ECONNREFUSED)
        if len(data) > receiver.receive_buffer:
            raise os_error(EMSGSIZE)
        if receiver._queued + len(data) > receiver.receive_buffer:  # a unix datagram is never lost
            raise BlockingIOError(EAGAIN, "the receiver's queue is full")
        net = self.host.world.net
        link = net.unix_link(self.host)
        receiver._queued += len(data) + OVERHEAD
        self.host.kernel.at(self.host.now() + link.low, receiver._take_unix, data, self.bound)
        return len(data)

    def _take_unix(self, data: bytes, source: Any) -> None:
        if not self.closed:
            self.incoming.append((data, source))
            self.changed()

    def take(self, data: bytes, source: Any, sender: DatagramEnd) -> None:
        """Keep a datagram that has come, if there is room."""
        now = self.host.kernel.now
        if self._queued + len(data) + OVERHEAD > self.receive_buffer or self._read_shut:
            self._record("drop", now, sender.host.name, data, "the queue is full")
            return
        self.encrypted = self.encrypted or sender.encrypted
        self._record("recv", now, sender.host.name, data)
        self._queued += len(data) + OVERHEAD
        self.incoming.append((data, source))
        self.changed()

    def recvfrom(self, size: int) -> tuple[bytes, Any]:
        """Take the oldest datagram, cut to some bytes, and its source's address.

        Raises:
            BlockingIOError: There is none.
            OSError: The pending error, such as ECONNREFUSED after a datagram that nobody wanted.
        """
        self.check_open()
        self.raise_error()
        if not self.incoming:
            if self._read_shut:
                return b"", None
            raise BlockingIOError(EAGAIN, "no datagram has come yet")
        data, source = self.incoming.pop(0)
        self._queued -= len(data) + OVERHEAD
        return data[:size], source

    def peek(self, size: int) -> tuple[bytes, Any]:
        """See what `recvfrom` would return, and leave it there.

        Raises:
            BlockingIOError: There is none.
            OSError: The pending error.
        """
        self.check_open()
        self.raise_error()
        if not self.incoming:
            raise BlockingIOError(EAGAIN, "no datagram has come yet")
        data, source = self.incoming[0]
        return data[:size], source

    def shutdown(self, how: int) -> None:
        """End one direction or both on this side.

        Raises:
            OSError: ENOTCONN.
        """
        self.check_open()
        if not self.connected():
            raise os_error(ENOTCONN)
        self._read_shut = self._read_shut or how in (socket.SHUT_RD, socket.SHUT_RDWR)
        self._write_shut = self._write_shut or how in (socket.SHUT_WR, socket.SHUT_RDWR)
        self.changed()

    def closing(self) -> None:
        self.incoming.clear()
        if self._other is not None:
            self._other.changed()

    def vanish(self) -> None:
        self.closed = True
        self.on_change = None

    def connected(self) -> bool:
        return self.remote is not None or self._other is not None

    def readable(self) -> bool:
        return bool(self.incoming or self.error or self._read_shut)

    def writable(self) -> bool:
        other = self._other
        return other is None or other.closed or other._queued < other.receive_buffer

    def hung_up(self) -> bool:
        return self._read_shut and self._write_shut

    def _record(self, kind: str, when: int, peer: str, data: bytes, detail: str | None = None) -> None:
        if not self.encrypted and (
            data[:2] == b"\x16\xfe" or (data[:1] >= b"\xc0" and data[1:5] == b"\0\0\0\1")
        ):  # DTLS, or QUIC, version 1
            self.encrypted = True
        world = self.host.world
        if world.trace is not None:
            length, excerpt = len(data), data[:64]
            if self.encrypted:
                length, excerpt = -(-length // 64) * 64, None  # type: ignore[assignment]
            world.trace.events.append(
                (when, self.host.name, kind, self.number, peer, length, excerpt, detail)
            )
