"""The reference peer: an instrument with a few simple requests, on any runtime."""

from __future__ import annotations

import socket
import struct
from collections import deque
from typing import Any

from junto.address import Address
from junto.connecting import sleep

DELAY = 0.002
GAP = 0.02  # between items that it sends by itself
WHO = b"ACME,TestBox,0042,1.0\n"
ERROR = b"ERR -113 undefined header\n"
BLOCK = b"0123456789ab"


class ReferencePeer:
    """Listens, answers, and writes down what it was asked.

    Attributes:
        requests: What came, in order, without terminators.
        connections: How many connections were accepted.
        received: All bytes that came, by connection.
        replies: Replies to further requests: bytes, or a list of pieces and of pauses between them.
    """

    def __init__(self, rt: Any) -> None:
        self.rt = rt
        self.port = 0
        self.requests: list[bytes] = []
        self.connections = 0
        self.received: list[bytearray] = []
        self.replies: dict[bytes, Any] = {}
        self.open: list[Connection] = []
        self.deaf = False  # new connections are not read
        self._listener: Any = None

    async def start(self) -> None:
        self._listener = await self.rt.listen(
            Address("tcp", "127.0.0.1", self.port), lambda: Connection(self)
        )
        self.port = self._listener.address.port

    async def stop(self, *, reset: bool = False) -> None:
        """Close the listener and all connections."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self.hang_up(reset=reset)

    async def hang_up(self, *, reset: bool = False) -> None:
        for connection in list(self.open):
            if reset:
                connection.reset()
            elif connection.transport is not None:
                connection.transport.close()

    async def restart(self, *, reset: bool = False) -> None:
        await self.stop(reset=reset)
        await self.start()

    async def send(self, *pieces: Any) -> None:
        """Send bytes to the last connection, with pauses where a number stands between them."""
        for piece in pieces:
            if isinstance(piece, bytes):
                self.open[-1].transport.write(piece)
            else:
                await sleep(self.rt, piece)

    async def end(self) -> None:
        """End our side of the last connection."""
        self.open[-1].transport.write_eof()

    async def listen_again(self) -> None:
        """Read what the last connection has sent."""
        self.open[-1].transport.resume_reading()


class Connection:
    def __init__(self, peer: ReferencePeer) -> None:
        self.peer = peer
        self.transport: Any = None
        self.buffer = bytearray()
        self.requests: deque[bytes] = deque()
        self.busy = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.peer.connections += 1
        self.peer.open.append(self)
        self.received = bytearray()
        self.peer.received.append(self.received)
        if self.peer.deaf:
            self.peer.rt.call_soon(transport.pause_reading)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.buffer += data
        if b"\n" not in data:
            return
        *lines, rest = self.buffer.split(b"\n")
        self.buffer = rest
        for line in lines:
            self.peer.requests.append(bytes(line))
            self.requests.append(bytes(line))
        if not self.busy and self.requests:
            self.busy = True
            self.peer.rt.create_task(self.answer())

    async def answer(self) -> None:
        while self.requests and self.transport is not None:
            request = self.requests.popleft()
            await sleep(self.peer.rt, DELAY)
            if self.transport is not None:
                await self.reply(request)
        self.busy = False

    async def reply(self, request: bytes) -> None:
        verb, _, argument = request.partition(b" ")
        if request in self.peer.replies:
            reply = self.peer.replies[request]
            for piece in reply if isinstance(reply, list) else [reply]:
                if not isinstance(piece, bytes):
                    await sleep(self.peer.rt, piece)
                elif self.transport is not None:
                    self.transport.write(piece)
            return
        match verb:
            case b"who?":
                self.transport.write(WHO)
            case b"echo":
                self.transport.write(argument + b"\n")
            case b"pause":
                await sleep(self.peer.rt, float(argument))
                if self.transport is not None:
                    self.transport.write(b"OK\n")
            case b"lines":
                for number in range(int(argument)):
                    if number:
                        await sleep(self.peer.rt, GAP)
                    self.transport.write(b"line %d\n" % number)
                self.transport.close()
            case b"blocks":
                for number in range(int(argument)):
                    if number:
                        await sleep(self.peer.rt, GAP)
                    self.transport.write(BLOCK)
                self.transport.close()
            case b"burst":
                self.transport.write(b"".join(b"line %d\n" % n for n in range(int(argument))))
                self.transport.close()
            case b"tail":
                self.transport.write(b"abc")
                self.transport.close()
            case b"bye":
                self.transport.close()
            case b"reset":
                self.reset()
            case b"mute":
                pass
            case _:
                self.transport.write(ERROR)

    def reset(self) -> None:
        if self.transport is None:
            return
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self in self.peer.open:
            self.peer.open.remove(self)

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...
