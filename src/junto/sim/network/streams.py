"""The ends of stream connections, as a host's kernel keeps them: listening, connecting, open, over."""

from __future__ import annotations

import socket
import struct
from errno import EAGAIN, EALREADY, ECONNREFUSED, ECONNRESET, EINVAL, EISCONN, ENOTCONN, EPIPE
from typing import TYPE_CHECKING, Any

from junto.sim.kernel import SECOND
from junto.sim.network.endpoints import os_error
from junto.sim.network.flows import Flow
from junto.sim.network.handshake import Handshake, choose_source
from junto.sim.network.stream_data import State, StreamData

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["State", "StreamEnd"]

LINGER = (socket.SOL_SOCKET, socket.SO_LINGER)
HANDSHAKE = 63 * SECOND  # how long a host repeats its answer to who wants to connect


class StreamEnd(StreamData):
    """One end of a stream connection, or a listener, or what will be one of these.

    Attributes:
        accepted: The connections to be accepted, oldest first.
        backlog: How many of them there may be.
        embryos: How many are in the middle of their handshake.
        listener: Where this one is to be accepted, until it is.
        handshake: The making of its connection, while it is made.
    """

    __slots__ = ("accepted", "backlog", "embryos", "handshake", "listener")

    def __init__(
        self, host: Host, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, proto: int = 0
    ) -> None:
        super().__init__(host, family, kind, proto)
        self.accepted: list[StreamEnd] = []
        self.backlog = 0
        self.embryos = 0
        self.listener: StreamEnd | None = None
        self.handshake: Handshake | None = None

    def readable(self) -> bool:
        return bool(self.accepted) if self.state is State.LISTENING else super().readable()

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
        child = self.accepted.pop(0)
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
        self.host.world.notes.attempted(self.host, self.remote)
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
        if listener.closed or listener.state is not State.LISTENING:
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

    # Endings

    def shutdown(self, how: int) -> None:
        """End one direction or both: SHUT_RD, SHUT_WR or SHUT_RDWR.

        Raises:
            OSError: ENOTCONN.
        """
        self.check_open()
        if self.state is State.LISTENING and how != socket.SHUT_WR:
            self.state = State.FRESH  # who waits for connections there is told so
            self._refuse_all()
            self.changed()
            return
        if self.state is not State.OPEN or self.outflow is None:
            raise os_error(ENOTCONN)
        if how in (socket.SHUT_RD, socket.SHUT_RDWR):
            self.read_shut = True
        if how in (socket.SHUT_WR, socket.SHUT_RDWR):
            self.outflow.finish()
        self.changed()

    def closing(self) -> None:
        if self.state is State.LISTENING:
            self._refuse_all()
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
                self.inflow.progress()  # who waits for room here is to learn that nobody reads any more

    def _refuse_all(self) -> None:
        for child in self.accepted:
            child.listener = None
            child.abandon()
        self.accepted.clear()

    def abandon(self) -> None:
        """Close a connection that nobody has accepted: with a reset."""
        self.incoming.clear()
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
        if flow.link.blocked:  # it is lost; what comes later is answered by another one
            flow.drop()
        else:
            flow.kernel.at(max(now + flow.link.latency(), flow.last), flow.target.reset_arrived, flow)
        inflow.progress()

    def reset_arrived(self, flow: Flow) -> None:
        """The peer has broken the connection."""
        flow.drop()
        if flow.link.blocked:
            if self.outflow is not None:
                self.outflow.progress()
            return
        self.record(flow.source, "recv", self.host.kernel.now)
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

    def is_broken(self) -> bool:
        """Tell whether the connection is over on this side without an orderly end."""
        return self.state is State.OVER

    def refuse(self, piece: bytes) -> None:
        """Something has come for a connection that is over here."""
        assert self.inflow is not None
        self.record(self.inflow.source, "drop", self.host.kernel.now, piece)
        if self.host.powered:
            self.reset()

    def end_arrived(self) -> None:
        """The peer's end of stream has come."""
        assert self.inflow is not None
        self.record(self.inflow.source, "recv", self.host.kernel.now)
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
            self._be_forgotten()

    def _be_forgotten(self) -> None:
        """Make room at the listener if nobody was told of this connection, nor will be."""
        listener = self.listener
        if listener is not None and self not in listener.accepted:
            listener.embryos -= 1
            self.listener = None
            self.close()

    def vanish(self) -> None:
        self.closed = self.deaf = True
        self.on_change = None
        self.incoming.clear()
        if self.handshake is not None:
            self.handshake.give_up()
        if self.outflow is not None and self.inflow is not None:
            self.outflow.drop()
            self.inflow.attentive = True
            self.inflow.progress()
            other = self.outflow.target
            if other.listener is not None:  # it repeats its answer to us for a time
                kernel = self.host.kernel
                kernel.at(kernel.now + HANDSHAKE, other._be_forgotten)
