"""The ends of stream connections, as a host's kernel keeps them: listening, connecting, open, over."""

from __future__ import annotations

import socket
import struct
from collections import deque
from enum import Enum, auto
from errno import EAGAIN, EALREADY, ECONNREFUSED, ECONNRESET, EINVAL, EISCONN, ENOTCONN, EPIPE
from itertools import islice
from typing import TYPE_CHECKING, Any

from junto.sim.network.endpoints import Endpoint, os_error
from junto.sim.network.flows import Flow
from junto.sim.network.handshake import Handshake, choose_source

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["State", "StreamEnd"]

LINGER = (socket.SOL_SOCKET, socket.SO_LINGER)


class State(Enum):
    """Where a stream's end is in its life."""

    FRESH = auto()
    LISTENING = auto()
    CONNECTING = auto()
    OPEN = auto()
    OVER = auto()


class StreamEnd(Endpoint):
    """One end of a stream connection, or a listener, or what will be one of these.

    Attributes:
        state: Where it is in its life.
        incoming: What has arrived and was not read, in pieces.
        eof: Whether the peer's end of stream has arrived.
        deaf: Whether it takes nothing any more: what arrives is answered by a reset.
        read_shut: Whether its owner will read no more.
        outflow: The way to the peer, once there is one.
        inflow: The way from the peer.
        connection: The number of its connection in the world; 0 for none yet.
        encrypted: Whether TLS is spoken on it.
        send_buffer: How many bytes it takes that the peer's kernel has not yet.
        receive_buffer: How many bytes it keeps that were not read.
        accepted: The connections to be accepted, oldest first.
    """

    __slots__ = (
        "accepted",
        "backlog",
        "connection",
        "deaf",
        "embryos",
        "encrypted",
        "eof",
        "handshake",
        "incoming",
        "inflow",
        "listener",
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
        self.accepted: deque[StreamEnd] = deque()
        self.backlog = 0
        self.embryos = 0
        self.listener: StreamEnd | None = None
        self.handshake: Handshake | None = None

    # Making connections

    def listen(self, backlog: int = 128) -> None:
        """Wait for connections, with room for some that are not accepted yet; it is bound if it was not.

        Raises:
            OSError: EINVAL, it is or was connected; EADDRINUSE, another one listens there.
        """
        self.check_open()
        if self.state not in (State.FRESH, State.LISTENING):
            raise os_error(EINVAL)
        if self.bound is None:
            if self.family == socket.AF_UNIX:
                raise os_error(EINVAL)
            self.bind(("", 0))
        self.host.stack.check_listener(self)
        self.state = State.LISTENING
        self.backlog = max(backlog, 0)

    def accept(self) -> StreamEnd:
        """Take the oldest connection that has come in.

        Raises:
            BlockingIOError: There is none yet.
            OSError: EINVAL, it does not listen.
        """
        self.check_open()
        if self.state is not State.LISTENING:
            raise os_error(EINVAL)
        if not self.accepted:
            raise BlockingIOError(EAGAIN, "no connection to accept yet")
        child = self.accepted.popleft()
        child.listener = None
        return child

    def connect(self, address: Any) -> bool:
        """Begin to connect: that it becomes writable tells the end, and `error` whether it failed.

        Args:
            address: As for a socket of its family; a name is resolved at once.

        Returns:
            Whether it is connected already, as a unix socket is.

        Raises:
            OSError: EALREADY, EISCONN, or there is no way to such an address.
        """
        self.check_open()
        if self.state is State.CONNECTING:
            raise os_error(EALREADY)
        if self.state is State.OPEN:
            raise os_error(EISCONN)
        if self.state is State.LISTENING:
            raise os_error(EINVAL)
        stack = self.host.stack
        self.connection = 0
        self.eof = self.deaf = False
        if self.family == socket.AF_UNIX:
            listener = stack.unix.find(address, self.type)
            assert isinstance(listener, StreamEnd)
            if listener.state is not State.LISTENING:
                raise os_error(ECONNREFUSED)
            if len(listener.accepted) > listener.backlog:
                raise BlockingIOError(EAGAIN, "the backlog is full")
            self.remote = listener.bound
            child = self.make_child(listener)
            self.join(child)
            child.enter()
            return True
        self.remote = stack.parse(self.family, address)
        if self.bound is None:
            stack.bind_for(self, choose_source(self.host, self.remote[0]))
        else:
            stack.make_specific(self, choose_source(self.host, self.remote[0]))
        self.state = State.CONNECTING
        self.handshake = Handshake(self, self.remote)
        self.handshake.start()
        return False

    def make_child(self, listener: StreamEnd) -> StreamEnd:
        """Make the end of a connection from here that a listener will accept."""
        child = StreamEnd(listener.host, listener.family, listener.type, listener.proto)
        child.send_buffer, child.receive_buffer = listener.send_buffer, listener.receive_buffer
        child.options = dict(listener.options)
        child.listener = listener
        child.bound, child.remote = self.remote, self.bound
        listener.embryos += 1
        return child

    def join(self, other: StreamEnd) -> None:
        """Make this and another one the two ends of a connection, open from now on."""
        net = self.host.world.net
        there, back = net.route(self, other), net.route(other, self)
        self.outflow = other.inflow = Flow(self, other, there, back)
        self.inflow = other.outflow = Flow(other, self, back, there)
        if not self.connection:
            self.connection = net.number_connection()
        other.connection = self.connection
        for end in (self, other):
            end.state = State.OPEN
            assert end.outflow is not None
            end.outflow.open()

    def greeted(self) -> None:
        """The handshake has reached the accepting end: it can be accepted."""
        if self.listener is not None:
            self.enter()

    def enter(self) -> None:
        """Queue at the listener for being accepted."""
        listener = self.listener
        assert listener is not None
        listener.embryos -= 1
        if listener.closed:
            self.abandon()
            return
        assert self.inflow is not None
        self.record(self.inflow.source, "accept", self.host.kernel.now)
        listener.accepted.append(self)
        listener.changed()

    def refused(self, code: int) -> None:
        """The connection could not be made."""
        self.state = State.FRESH
        self.handshake = None
        self.error = code
        self.changed()

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
        """Tell how many bytes have arrived and were not read."""
        return sum([len(piece) for piece in self.incoming])

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

    # Endings

    def shutdown(self, how: int) -> None:
        """End one direction or both: SHUT_RD, SHUT_WR or SHUT_RDWR.

        Raises:
            OSError: ENOTCONN.
        """
        self.check_open()
        if self.state is not State.OPEN or self.outflow is None:
            raise os_error(ENOTCONN)
        if how in (socket.SHUT_RD, socket.SHUT_RDWR):
            self.read_shut = True
        if how in (socket.SHUT_WR, socket.SHUT_RDWR):
            self.outflow.finish()
        self.changed()

    def closing(self) -> None:
        if self.state is State.LISTENING:
            for child in self.accepted:
                child.listener = None
                child.abandon()
            self.accepted.clear()
        elif self.state is State.CONNECTING:
            assert self.handshake is not None
            self.handshake.give_up()
        elif self.state is State.OPEN:
            assert self.outflow is not None
            assert self.inflow is not None
            self.deaf = self.inflow.attentive = True
            if self.incoming or self.lingers_not():
                self.incoming.clear()
                self.reset()
            else:
                self.outflow.finish()

    def abandon(self) -> None:
        """Close a connection that nobody has accepted: with a reset."""
        self.reset()
        self.close()

    def lingers_not(self) -> bool:
        """Tell whether closing it is to break the connection, as SO_LINGER with no time asks for."""
        value = self.options.get(LINGER)
        return isinstance(value, bytes) and len(value) >= 8 and struct.unpack("ii", value[:8]) == (1, 0)

    def reset(self) -> None:
        """Break the connection: the peer gets a reset, behind what is under way to it."""
        flow, inflow = self.outflow, self.inflow
        if flow is None or inflow is None:
            return
        self.state = State.OVER
        self.deaf = inflow.attentive = True
        flow.cease()
        now = self.host.now()
        self.record(flow.target, "reset", now)
        if not flow.link.blocked:  # else it is lost, and what comes later is answered again
            flow.kernel.at(max(now + flow.link.latency(), flow.last), flow.target.reset_arrived, flow)

    def reset_arrived(self, flow: Flow) -> None:
        """The peer has broken the connection."""
        if not flow.link.blocked:
            flow.drop()
            if self.state is State.OPEN:
                self.fail(EPIPE if self.eof else ECONNRESET)

    def broken(self) -> bool:
        """Something on the way has broken the connection: let this end have a reset.

        Returns:
            Whether it was open.
        """
        if self.state is not State.OPEN:
            return False
        assert self.outflow is not None
        self.record(self.outflow.target, "reset", self.host.kernel.now)
        self.fail(ECONNRESET)
        return True

    def refuse(self, piece: bytes) -> None:
        """Something has come for a connection that is over here."""
        assert self.inflow is not None
        self.record(self.inflow.source, "drop", self.host.kernel.now, piece)
        if self.host.powered:
            self.reset()

    def end_arrived(self) -> None:
        """The peer's end of stream has come."""
        self.eof = True
        self.changed()

    def fail(self, code: int) -> None:
        """Let the connection be over on this side, with an error to be raised once."""
        self.state = State.OVER
        self.deaf = True
        if self.outflow is not None and self.inflow is not None:
            self.outflow.drop()
            self.inflow.attentive = True
        if not self.closed:
            self.error = code
            self.changed()

    def vanish(self) -> None:
        self.closed = self.deaf = True
        self.on_change = None
        self.incoming.clear()
        if self.handshake is not None:
            self.handshake.give_up()
        if self.outflow is not None and self.inflow is not None:
            self.outflow.drop()
            self.inflow.attentive = True

    # Readiness

    def connected(self) -> bool:
        return self.state is State.OPEN

    def readable(self) -> bool:
        if self.state is State.LISTENING:
            return bool(self.accepted)
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
        """Tell whether this is part of a TLS connection; its first record tells."""
        if not self.encrypted and piece[:2] in (b"\x16\x03", b"\x17\x03"):
            self.encrypted = True
            if self.outflow is not None:
                self.outflow.target.encrypted = True
        return self.encrypted

    def record(self, other: StreamEnd, kind: str, when: int, piece: bytes | None = None) -> None:
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
