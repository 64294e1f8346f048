"""Stream connections as simpy.io's virtual network had them: frames of which each is acknowledged.

One frame of each direction is on its way at a time. It arrives after a latency, and when all of it found
room, its acknowledgement needs another one; then the next frame leaves. Connecting takes no time. All this
happens in the time of a SimPy environment, as exact as that is.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from errno import EAGAIN, ECONNREFUSED, EISCONN, EPIPE
from typing import TYPE_CHECKING, Any

from junto.sim.network.endpoints import os_error
from junto.sim.network.flows import Flow
from junto.sim.network.handshake import choose_source
from junto.sim.network.links import Link
from junto.sim.network.names import gai_error
from junto.sim.network.streams import State, StreamEnd

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["FramedEnd", "Framing"]


@dataclass
class Framing:
    """How frames travel.

    Attributes:
        later: Lets something happen after a delay, given before it, in the environment's time.
        latency: Gives the delay of a frame, and of its acknowledgement.
        old_timing: Whether who waits for a frame is told of it only when it is acknowledged.
        buffer_size: How many bytes an end keeps, for each direction.
        segment_size: The most bytes of a frame; None for as many as are kept.
    """

    later: Callable[..., object]
    latency: Callable[[], float]
    old_timing: bool = False
    buffer_size: int = 4096
    segment_size: int | None = None


class FramedEnd(StreamEnd):
    """One end of such a connection, or a listener.

    Attributes:
        framing: How its frames travel.
        segment_size: The most bytes of a frame from here.
        told: Whether who waits here may know of what has arrived.
    """

    __slots__ = ("framing", "segment_size", "told")

    outflow: FramedFlow | None
    inflow: FramedFlow | None

    def __init__(self, host: Host, framing: Framing, family: int = socket.AF_INET) -> None:
        super().__init__(host, family)
        self.framing = framing
        self.told = True
        self.set_sizes(framing.buffer_size, framing.segment_size)

    def set_sizes(self, buffer_size: int, segment_size: int | None) -> None:
        """Say how many bytes it keeps for each direction, and the most of a frame."""
        self.send_buffer = self.receive_buffer = buffer_size
        self.segment_size = buffer_size if segment_size is None else segment_size

    def connect(self, address: Any) -> bool:
        """Connect, here and now.

        Raises:
            OSError: EISCONN; ECONNREFUSED; gaierror, the address is none of this host's.
        """
        self.check_open()
        if self.state is not State.FRESH:
            raise os_error(EISCONN)
        stack = self.host.stack
        ip, port = stack.parse(self.family, address)
        if not stack.owns(ip):
            raise gai_error(socket.EAI_NONAME, "Name or service not known")
        listener = stack.find_listener(ip, port)
        if listener is None:
            raise os_error(ECONNREFUSED)
        assert isinstance(listener, FramedEnd)
        source = choose_source(self.host, ip)
        if self.bound is None:
            stack.bind_for(self, source)
        else:
            stack.make_specific(self, source)
        child = FramedEnd(self.host, self.framing, self.family)
        child.set_sizes(listener.send_buffer, listener.segment_size)
        child.options = dict(listener.options)
        stack.bind_for(child, ip)
        self.remote, child.remote = (ip, port), self.bound
        net = self.host.world.net
        self.connection = child.connection = net.number_connection()
        link = net.link(self.host, self.host)
        self.outflow = child.inflow = FramedFlow(self, child, link, link)
        self.inflow = child.outflow = FramedFlow(child, self, link, link)
        self.state = child.state = State.OPEN
        listener.accepted.append(child)
        listener.changed()
        return True

    def send(self, data: bytes) -> int:
        self.check_open()
        self.raise_error()
        flow = self.outflow
        if flow is None or flow.ended or flow.gone:
            raise os_error(EPIPE)
        if not data:
            return 0
        taken = flow.offer(data)
        if not taken:
            raise BlockingIOError(EAGAIN, "the send buffer is full")
        return taken

    def readable(self) -> bool:
        return super().readable() and (self.told or self.eof or not self.incoming)

    def closing(self) -> None:
        if self.state is State.LISTENING:
            for child in self.accepted:
                child.close()
            self.accepted.clear()
        elif self.outflow is not None and self.inflow is not None:
            self.deaf = True
            self.incoming.clear()
            self.inflow.refuse()
            if self.lingers_not():
                self.reset()
            else:
                self.outflow.finish()

    def reset(self) -> None:
        if self.outflow is not None:
            self.state = State.OVER
            self.deaf = True
            self.outflow.cease()
            framing = self.framing
            framing.later(framing.latency(), self.outflow.target.reset_arrived, self.outflow)


class FramedFlow(Flow):
    """One direction of such a connection.

    Attributes:
        gone: Whether the sender knows that nobody is there any more.
    """

    __slots__ = ("_arriving", "_delay", "_framing", "_is_busy", "_is_over", "_outgoing", "gone")

    source: FramedEnd
    target: FramedEnd

    def __init__(self, source: FramedEnd, target: FramedEnd, link: Link, back: Link) -> None:
        super().__init__(source, target, link, back)
        self.attentive = True  # what is read makes room for what has arrived
        self.gone = False
        self._framing = source.framing
        self._outgoing = bytearray()
        self._arriving = b""  # what has come of a frame, and found no room yet
        self._delay = 0.0  # of the frame under way
        self._is_busy = False
        self._is_over = False

    # The sender's side

    def offer(self, data: bytes) -> int:
        size = max(min(self.room(), len(data)), 0)
        self._outgoing += data[:size]
        self._send_next()
        return size

    def room(self) -> int:
        return self.source.send_buffer - len(self._outgoing)

    def writable(self) -> bool:
        return self.gone or self.room() > 0

    def unsent(self) -> int:
        return len(self._outgoing) + len(self._arriving)

    def finish(self) -> None:
        self.ended = True
        self._send_next()

    def _send_next(self) -> None:
        framing = self._framing
        if self._is_busy or self._is_over:
            return
        if self._outgoing:
            size = self.source.segment_size
            frame = bytes(self._outgoing[:size])
            del self._outgoing[:size]
            self._is_busy = True
            self._delay = framing.latency()
            framing.later(self._delay, self._frame_arrives, frame)
        elif self.ended:
            self._is_over = True
            framing.later(framing.latency(), self._end_arrives)

    def _acknowledged(self) -> None:
        self._is_busy = False
        self._send_next()
        if not self.target.told:
            self.target.told = True
            self.target.changed()
        self.source.changed()

    def _nobody_there(self) -> None:
        self.drop()
        self.source.changed()

    # The receiver's side

    def _frame_arrives(self, frame: bytes) -> None:
        if self.ceased:
            return
        self._arriving = frame
        if self.target.deaf:
            self.refuse()
        else:
            self.progress()

    def progress(self) -> None:
        """Take what there is room for of the frame that has arrived."""
        frame, target = self._arriving, self.target
        room = target.receive_buffer - target.unread()
        if not frame or room <= 0:
            return
        target.incoming.append(frame[:room])
        self._arriving = frame[room:]
        if not self._arriving:
            target.told = not self._framing.old_timing
            self._framing.later(self._delay, self._acknowledged)
        target.changed()

    def refuse(self) -> None:
        """Answer a frame for which nobody is there any more."""
        if self._arriving:
            self._arriving = b""
            self._framing.later(self._delay, self._nobody_there)

    def _end_arrives(self) -> None:
        if not self.target.deaf:
            self.target.end_arrived()

    # Endings

    def cease(self) -> None:
        self.ceased = self.ended = self.gone = True
        self._outgoing.clear()
        self._arriving = b""

    def drop(self) -> None:
        self.cease()
        self.link.flows.pop(self, None)
