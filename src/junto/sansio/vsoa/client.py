"""What a client knows of its connection: whether it is welcome, as which number, and what comes unasked."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from junto.sansio.vsoa.frames import (
    DATAGRAM,
    PINGECHO,
    PUBLISH,
    QOSSETUP,
    REPLY,
    RPC,
    SERVINFO,
    SUBSCRIBE,
    TUNNEL,
    UNSUBSCRIBE,
    Frame,
    encode,
)
from junto.sansio.vsoa.payloads import Payload, encode_param
from junto.sansio.vsoa.statuses import PASSWORD

__all__ = ["ClientEvent", "ClientSession", "Numbers", "PriorityChanged", "Refused", "Welcomed"]

_ANSWERED = frozenset({RPC, SUBSCRIBE, UNSUBSCRIBE, PINGECHO, SERVINFO})


class Welcomed(NamedTuple):
    """The server has accepted us.

    Attributes:
        info: What it says of itself.
        client_id: Our number, from 0; ``None`` from a server that gives none.
        quick_port: The server's UDP port, if it is not that of its TCP listener.
    """

    info: Payload
    client_id: int | None
    quick_port: int | None


class Refused(NamedTuple):
    """The server has not accepted us; another attempt may follow on this connection.

    Attributes:
        status: Why: `PASSWORD`, or another status than 0.
    """

    status: int


class PriorityChanged(NamedTuple):
    """The server has set our priority.

    Attributes:
        priority: From 0, the least, to 7.
    """

    priority: int


ClientEvent: TypeAlias = Frame | Welcomed | Refused | PriorityChanged


class ClientSession:
    """The client's side of one connection.

    Attributes:
        established: Whether the server has accepted us.
        client_id: Our number there; 0 is one, ``None`` is none.
        out: Frames to be sent, which the caller takes out.
    """

    __slots__ = ("client_id", "established", "out")

    def __init__(self) -> None:
        self.established = False
        self.client_id: int | None = None
        self.out: list[bytes] = []

    def greet(self, password: str = "", quick_port: int | None = None) -> bytes:
        """Make the frame that must be the first.

        Args:
            password: Empty if the server needs none.
            quick_port: The UDP port where we are; ``None`` for no quick channel.

        Raises:
            LocalProtocolError: The password is too long.
        """
        param = encode_param({"passwd": password}) if password else b""
        if quick_port is None:
            return encode(SERVINFO, param=param)
        return encode(SERVINFO, param=param, flags=TUNNEL, tunid=quick_port)

    def receive(self, frame: Frame) -> ClientEvent | None:
        """Take a frame from the stream.

        Returns:
            What happened; the frame itself if it is a reply, a publication or a datagram; ``None`` for
            what means nothing.
        """
        if not self.established:
            return self._receive_greeting(frame)
        kind = frame.type
        if kind == PUBLISH and not frame.flags & REPLY:  # most of what comes
            return frame
        if kind == QOSSETUP:  # whatever its flags are
            return PriorityChanged(frame.status) if frame.status <= 7 else None
        if frame.flags & REPLY:
            return frame if kind in _ANSWERED else None
        if kind == DATAGRAM:
            return frame
        if kind == PINGECHO:
            self.out.append(encode(PINGECHO, flags=REPLY, seqno=frame.seqno))
        return None

    def _receive_greeting(self, frame: Frame) -> ClientEvent | None:
        if not frame.flags & REPLY:
            return None
        if frame.status == PASSWORD or (frame.type == SERVINFO and frame.status):
            return Refused(frame.status)
        if frame.type != SERVINFO:
            return None
        self.established = True
        data = frame.data
        if len(data) >= 4:
            self.client_id = int.from_bytes(data[:4], "big")
        quick_port = int.from_bytes(data[4:6], "big") if len(data) >= 6 else None
        return Welcomed(Payload.received(frame.param, b""), self.client_id, quick_port)

    def receive_quick(self, frame: Frame) -> Frame | None:
        """Take a frame from the quick channel; gives it back if it means something there."""
        if self.established and frame.type in (PUBLISH, DATAGRAM) and not frame.flags & REPLY:
            return frame
        return None


class Numbers:
    """The numbers of requests, which live as long as the client does.

    Those that are answered have 16 bits, and none is used again while its request is open; those that nobody
    waits for are multiples of 65,536.
    """

    __slots__ = ("_apart", "_next")

    def __init__(self) -> None:
        self._next = 0
        self._apart = 0

    def take(self, open_requests: dict[int, object]) -> int:
        """Give a number that is not among *open_requests*, of which there are fewer than 65,536."""
        number = self._next
        while number in open_requests:
            number = number + 1 & 0xFFFF
        self._next = number + 1 & 0xFFFF
        return number

    def take_apart(self) -> int:
        """Give a number for a request whose answer nobody waits for."""
        self._apart = self._apart % 0xFFFF + 1
        return self._apart << 16
