"""What one end of a stream connection keeps: what has arrived, the ways to and from its peer, its state."""

from __future__ import annotations

import socket
from collections import deque
from enum import Enum, auto
from errno import EAGAIN, ENOTCONN, EPIPE
from itertools import islice
from typing import TYPE_CHECKING, Any

from junto.sim.network.endpoints import Endpoint, os_error

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.network.flows import Flow

__all__ = ["State", "StreamData"]


class State(Enum):
    """Where a stream's end is in its life."""

    FRESH = auto()
    LISTENING = auto()
    CONNECTING = auto()
    OPEN = auto()
    OVER = auto()


class StreamData(Endpoint):
    """What one end of a stream connection keeps, sends and hands out.

    Attributes:
        state: Where it is in its life.
        incoming: What has arrived and was not read, in pieces.
        eof: Whether the peer's end of stream has arrived.
        deaf: Whether it takes nothing any more: what arrives is answered by a reset.
        read_shut: Whether its owner will read no more.
        outflow: The way to the peer, once there is one.
        inflow: The way from the peer.
        connection: The number of its connection in the world; 0 for none yet.
        encrypted: Whether TLS or SSH is spoken on it.
        send_buffer: How many bytes it takes that the peer's kernel has not yet.
        receive_buffer: How many bytes it keeps that were not read.
    """

    __slots__ = (
        "connection",
        "deaf",
        "encrypted",
        "eof",
        "incoming",
        "inflow",
        "outflow",
        "read_shut",
        "receive_buffer",
        "send_buffer",
        "state",
    )

    def __init__(
        self,
        host: Host,
        family: int = socket.AF_INET,
        kind: int = socket.SOCK_STREAM,
        proto: int = 0,
    ) -> None:
        super().__init__(host, family, kind, proto)
        net = host.world.net
        self.state = State.FRESH
        self.incoming: deque[bytes] = deque()
        self.eof = self.deaf = self.read_shut = self.encrypted = False
        self.outflow: Flow | None = None
        self.inflow: Flow | None = None
        self.connection = 0
        self.send_buffer: int = net.send_buffer
        self.receive_buffer: int = net.receive_buffer

    # Sending and receiving

    def send(self, data: bytes) -> int:
        """Take bytes to be sent, as many as there is room for.

        Returns:
            How many were taken.

        Raises:
            BlockingIOError: There is no room.
            OSError: The pending error; EPIPE after the connection's end; ENOTCONN before.
        """
        flow = self.outflow
        if flow is not None:
            size = len(data)
            link = flow.link
            if flow.credit >= size and link.plain:
                flow.credit -= size
                flow.sent += size
                host = self.host
                kernel = flow.kernel
                now = host.clock
                if now < kernel.now:
                    now = kernel.now
                when = now + link.low + int(link.span * link.draw())  # type: ignore[operator]  # plain: it has a span
                if when < flow.last:
                    when = flow.last
                flow.last = when
                flow.queue.append(data)
                kernel.at(when, flow.arrive, flow.epoch)
                log = flow.log
                if log is not None:
                    peer = flow.target.host.name
                    if self.is_encrypted(data):
                        self.record(flow.target, "send", now, data)
                    else:
                        log((now, host.name, "send", self.connection, peer, size, data[:64], None))
                return size
        return self._send_slowly(data)

    def _send_slowly(self, data: bytes) -> int:
        self.check_open()
        self.raise_error()
        flow = self.outflow
        if flow is None or self.state is not State.OPEN:
            raise os_error(EPIPE if self.state is State.OVER else ENOTCONN)
        if flow.ended:
            raise os_error(EPIPE)
        if not data:
            return 0
        taken = flow.offer(data)
        if not taken:
            raise BlockingIOError(EAGAIN, "the send buffer is full")
        return taken

    def recv(self, size: int) -> bytes:
        """Take what has arrived, up to some bytes; nothing at the end of the stream.

        Raises:
            BlockingIOError: Nothing has arrived yet.
            OSError: The pending error; ENOTCONN.
        """
        incoming = self.incoming
        if not incoming:
            return self._nothing()
        if len(incoming) == 1 and len(incoming[0]) <= size:
            data = incoming.popleft()
            if type(data) is not bytes:
                data = bytes(data)
        else:
            data = self._take(size)
        flow = self.inflow
        if flow is not None and flow.attentive:
            flow.progress()
        return data

    def peek(self, size: int) -> bytes:
        """See what `recv` would take, and leave it there.

        Raises:
            BlockingIOError: Nothing has arrived yet.
            OSError: The pending error; ENOTCONN.
        """
        if not self.incoming:
            return self._nothing()
        return b"".join(self.incoming)[:size]

    def unread(self) -> int:
        """Tell how many bytes have arrived and are to be read."""
        return 0 if self.deaf else sum([len(piece) for piece in self.incoming])

    def _nothing(self) -> bytes:
        self.check_open()
        if self.eof:  # a reset behind the peer's end is only for who writes
            return b""
        self.raise_error()
        if self.read_shut or self.state is State.OVER:
            return b""
        if self.state is not State.OPEN:
            raise os_error(ENOTCONN)
        raise BlockingIOError(EAGAIN, "nothing to read yet")

    def _take(self, size: int) -> bytes:
        incoming = self.incoming
        pieces: list[Any] = []
        while incoming and size:
            piece = incoming[0]
            if len(piece) > size:
                rest = memoryview(piece)  # not a copy of the rest for each small read
                pieces.append(rest[:size])
                incoming[0] = rest[size:]  # type: ignore[assignment]  # only its length and bytes are asked for
                break
            pieces.append(incoming.popleft())
            size -= len(piece)
        return b"".join(pieces)

    # Readiness

    def connected(self) -> bool:
        return self.state is State.OPEN

    def readable(self) -> bool:
        return bool(
            self.incoming
            or self.eof
            or self.error
            or self.read_shut
            or self.state is State.OVER
            or self.closed
        )

    def writable(self) -> bool:
        if self.error or self.closed or self.state is State.OVER:
            return True
        if self.state is not State.OPEN or self.outflow is None:
            return False
        return self.outflow.ended or self.outflow.writable()

    def hung_up(self) -> bool:
        if self.state is State.OPEN:
            return self.eof and self.outflow is not None and self.outflow.ended
        return self.state in (State.OVER, State.FRESH)

    # What the trace knows

    def is_encrypted(self, piece: bytes) -> bool:
        """Tell whether this is part of a connection by TLS or SSH; how it begins tells."""
        if not self.encrypted and (piece[:2] in (b"\x16\x03", b"\x17\x03") or piece[:4] == b"SSH-"):
            self.encrypted = True
            if self.outflow is not None:
                self.outflow.target.encrypted = True
        return self.encrypted

    def record(self, other: StreamData, kind: str, when: int, piece: bytes | None = None) -> None:
        """Add an event of this connection to the trace, if there is one."""
        world = self.host.world
        if world.trace is None:
            return
        length = excerpt = None
        if piece is not None:
            length = len(piece)
            if self.is_encrypted(piece):
                length = -(-length // 64) * 64
            else:
                excerpt = bytes(islice(piece, 64)) if not isinstance(piece, bytes) else piece[:64]
        world.trace.events.append(
            (when, self.host.name, kind, self.connection, other.host.name, length, excerpt, None)
        )
