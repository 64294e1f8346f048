"""Whole byte strings and texts over sockets whose operations are SimPy events.

A packet is its length, 32 bits big-endian, and its bytes: see `junto.sansio.packets`.
"""

from __future__ import annotations

import collections
import errno
from collections.abc import Callable
from typing import Any, Protocol, Self

from junto.errors import PacketTooLarge, fresh
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.schedule import Event
from junto.sansio.packets import PacketReader, make_packet
from junto.simpy.streams import fail_pending, os_error

__all__ = ["OversizedPacket", "Packet", "PacketSocket", "PacketUTF8", "Socket"]

MAX_PACKET_SIZE = 16 * 1024
"""What peers of old accept, if they were not told otherwise."""
BLOCK_SIZE = 4096


class Socket(Protocol):
    """What packets need of a socket: `junto.simpy.sockets.TCPSocket` says what it means."""

    env: Any

    @property
    def address(self) -> Any: ...
    @property
    def peer_address(self) -> Any: ...
    def bind(self, address: Any, /) -> None: ...
    def listen(self, backlog: int = ..., /) -> None: ...
    def accept(self) -> Event: ...
    def connect(self, address: Any, /) -> Event: ...
    def read(self, n: int, /) -> Event: ...
    def write(self, data: bytes | bytearray | memoryview, /) -> Event: ...
    def read_in_background(self, whether: bool, /) -> None: ...
    def close(self) -> None: ...


class OversizedPacket(PacketTooLarge, ValueError):
    """The peer announced a packet above the limit; the connection is closed."""


class PacketSocket:
    """Sends and receives packets over a socket; what is in them is for subclasses to say.

    One read and one write may be pending together, and no second of either.

    Attributes:
        env: The socket's environment.
        socket: The socket. Reading it directly takes packets away, or parts of them.
        max_packet_size: The most bytes that a packet has, in either direction.
        blocksize: The most bytes that are read at a time.
    """

    def __init__(
        self, socket: Socket, max_packet_size: int = MAX_PACKET_SIZE, blocksize: int = BLOCK_SIZE
    ) -> None:
        self.env: SocketEnvironment = socket.env
        self.socket = socket
        self.max_packet_size = max_packet_size
        self.blocksize = blocksize
        self._reader = PacketReader(max_packet_size, memoryview(bytearray(blocksize)))
        self._packets: collections.deque[bytes] = collections.deque()
        self._error: OSError | None = None  # for all that comes after
        self._reading: Event | None = None
        self._convert: Callable[[bytes], Any] = bytes
        self._writing: Event | None = None
        self._unsent = memoryview(b"")

    @classmethod
    def over(cls, env: SocketEnvironment, socket: Socket, /, **options: Any) -> Self:
        """Make one for a `junto.simpy.protocol.Protocol`."""
        return cls(socket, **options)

    # -- packets --

    def read_bytes(self) -> Event:
        """Receive a packet as it is.

        The event fails as the socket's read does; packets that were complete before are received first. It
        fails with `OversizedPacket` if the peer announces one above the limit.

        Raises:
            RuntimeError: A read is pending already.
        """
        return self._read(bytes)

    def write_bytes(self, packet: bytes) -> Event:
        """Send a packet as it is.

        The event succeeds when the socket has taken all of it, and fails as the socket's write does.

        Raises:
            ValueError: The packet is larger than the limit; nothing was sent.
            RuntimeError: A write is pending already.
        """
        if self._writing is not None:
            raise RuntimeError("Already writing")
        if len(packet) > self.max_packet_size:
            raise ValueError(f"the packet has {len(packet)} bytes; the limit is {self.max_packet_size}")
        event = Event(self.env)
        if self._error is not None:
            return event.fail(fresh_os_error(self._error))
        self._writing = event
        self._unsent = memoryview(make_packet(packet))
        self._write_on()
        return event

    # -- what is the socket's --

    @property
    def address(self) -> Any:
        """The own address."""
        return self.socket.address

    @property
    def peer_address(self) -> Any:
        """The address of the other end."""
        return self.socket.peer_address

    def bind(self, address: Any) -> None:
        """Take *address* for the own one."""
        self.socket.bind(address)

    def listen(self, backlog: int = 5) -> None:
        """Let others connect."""
        self.socket.listen(backlog)

    def accept(self) -> Event:
        """Wait for a connection; the event's value is a packet object with the same limits."""
        accepted = Event(self.env)

        def pass_on(event: Event) -> None:
            outcome: Any = event.value
            if event.ok:
                accepted.succeed(type(self)(outcome, self.max_packet_size, self.blocksize))
            else:
                event.defused = True
                fail_pending(accepted, outcome)

        when_done(self.socket.accept(), pass_on)
        return accepted

    def connect(self, address: Any) -> Event:
        """Connect to *address*."""
        return self.socket.connect(address)

    def read_in_background(self, whether: bool, /) -> None:
        """Tell whether a pending read, from now on, does not keep the environment running by itself."""
        self.socket.read_in_background(whether)

    def close(self) -> None:
        """Close the socket; what is pending fails with ``EBADF``."""
        if self._error is None:
            self._error = os_error(errno.EBADF)
        self._packets.clear()
        pending, self._reading, self._writing = (self._reading, self._writing), None, None
        for event in pending:
            if event is not None:
                fail_pending(event, os_error(errno.EBADF))
        self.socket.close()

    # -- inside --

    def _read(self, convert: Callable[[bytes], Any]) -> Event:
        if self._reading is not None:
            raise RuntimeError("Already reading")
        event = Event(self.env)
        self._convert = convert
        if self._packets:
            self._deliver(event)
        elif self._error is not None:
            event.fail(fresh_os_error(self._error))
        else:
            self._reading = event
            self._read_on()
        return event

    def _read_on(self) -> None:
        while self._reading is not None:
            try:
                event = self.socket.read(self.blocksize)
            except RuntimeError:  # somebody reads the socket itself
                self._reading = None
                raise
            if not event.triggered:
                event.callbacks.append(self._received_more)
                return
            self._receive(event)

    def _received_more(self, event: Event) -> None:
        self._receive(event)
        self._read_on()

    def _receive(self, event: Event) -> None:
        reading = self._reading
        outcome: Any = event.value
        if not event.ok:
            event.defused = True
            self._reading = None
            if reading is not None:
                fail_pending(reading, outcome)
        if reading is None or not event.ok:  # closed, or lost
            return
        self._packets += self._reader.receive_data(outcome)
        too_large = self._reader.error
        if too_large is not None:
            self._error = OversizedPacket(too_large.size, too_large.max_size)
            self.socket.close()
        if self._packets:
            self._reading = None
            self._deliver(reading)
        elif self._error is not None:
            self._reading = None
            fail_pending(reading, self._error)

    def _deliver(self, event: Event) -> None:
        try:
            packet = self._convert(self._packets.popleft())
        except UnicodeDecodeError as error:
            fail_pending(event, error)
        else:
            event.succeed(packet)

    def _write_on(self) -> None:
        while self._writing is not None:
            try:
                event = self.socket.write(self._unsent)
            except RuntimeError:  # somebody writes to the socket itself
                self._writing = None
                raise
            if not event.triggered:
                event.callbacks.append(self._wrote_more)
                return
            self._wrote(event)

    def _wrote_more(self, event: Event) -> None:
        self._wrote(event)
        self._write_on()

    def _wrote(self, event: Event) -> None:
        writing = self._writing
        outcome: Any = event.value
        if not event.ok:
            event.defused = True
            self._writing = None
            if writing is not None:
                fail_pending(writing, outcome)
        if writing is None or not event.ok:
            return
        self._unsent = self._unsent[outcome:]
        if not self._unsent:
            self._writing = None
            writing.succeed()


class Packet(PacketSocket):
    """Sends and receives whole byte strings over a socket."""

    def read(self) -> Event:
        """Receive a byte string; see `read_bytes`."""
        return self.read_bytes()

    def write(self, packet: bytes) -> Event:
        """Send a byte string; see `write_bytes`."""
        return self.write_bytes(packet)


class PacketUTF8(PacketSocket):
    """Sends and receives whole texts over a socket, in UTF-8."""

    def read(self) -> Event:
        """Receive a text; see `read_bytes`.

        The event fails with `UnicodeDecodeError` for bytes that are none; the next text can be received.
        """
        return self._read(bytes.decode)

    def write(self, packet: str) -> Event:
        """Send a text; see `write_bytes`. Its bytes count, not its characters."""
        return self.write_bytes(packet.encode())


def when_done(event: Event, callback: Callable[[Event], object]) -> None:
    """Call *callback* when *event* is processed, or now if its outcome is known."""
    if event.triggered:
        callback(event)
    else:
        event.callbacks.append(callback)  # type: ignore[arg-type]  # what it returns is looked at by nobody


def fresh_os_error(error: OSError) -> OSError:
    """Make a new error that says what *error* says."""
    copy = fresh(error)
    assert isinstance(copy, OSError), "it has no arguments of its own"
    return copy
