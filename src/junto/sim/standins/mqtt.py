"""A broker that speaks MQTT 3.1.1, with messages that are delivered at most or at least once."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterator

__all__ = ["MqttServer"]

MAX_SIZE = 1 << 20
MAX_UNREAD = 8 << 20
"""How many bytes may wait for a client that does not read, before it is disconnected."""


class Kind(enum.IntEnum):
    """What a packet is."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class MqttServer:
    """Passes messages from publishers to subscribers, retains the last one of a topic, and sends wills.

    What it delivers it delivers once, while the subscriber is connected: it keeps no sessions.

    Attributes:
        retained: The messages that new subscribers of a topic get, by topic.
    """

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.sessions: dict[str, _Session] = {}
        self._unnamed = 0

    async def start(self, host: str | None = None, port: int = 1883) -> asyncio.Server:
        """Listen, and serve until the server that is returned is closed."""
        return await asyncio.get_running_loop().create_server(lambda: _Session(self), host, port)

    async def serve_forever(self, host: str | None = None, port: int = 1883) -> None:
        """Listen, and serve until cancelled."""
        async with await self.start(host, port) as server:
            await server.serve_forever()

    def make_name(self) -> str:
        """Name a client that has no name of its own."""
        self._unnamed += 1
        return f"unnamed-{self._unnamed}"

    def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        """Deliver a message to all that want it."""
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)
        for session in list(self.sessions.values()):
            if any(_fits(pattern, topic) for pattern in session.patterns):
                session.deliver(topic, payload)


class _Session(asyncio.Protocol):
    """One client."""

    def __init__(self, server: MqttServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._name = ""
        self._will: tuple[str, bytes, bool] | None = None
        self.patterns: dict[str, None] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._server.sessions.get(self._name) is self:
            del self._server.sessions[self._name]
        if self._will is not None:
            self._server.publish(*self._will)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            for kind, flags, body in self._packets():
                if self._transport.is_closing():
                    return
                self._do(kind, flags, body)
        except (ValueError, IndexError):
            self._transport.abort()  # MQTT 3.1.1 has no packet to complain with

    def _packets(self) -> Iterator[tuple[int, int, bytes]]:
        while len(self._buffer) >= 2:
            size = used = 0
            while True:
                if 1 + used >= len(self._buffer):
                    return
                byte = self._buffer[1 + used]
                size |= (byte & 127) << (7 * used)
                used += 1
                if byte < 128:
                    break
                if used == 4:
                    raise ValueError("length too long")
            if size > MAX_SIZE:
                raise ValueError("packet too large")
            end = 1 + used + size
            if len(self._buffer) < end:
                return
            head, body = self._buffer[0], bytes(self._buffer[1 + used : end])
            del self._buffer[:end]
            yield head >> 4, head & 15, body

    def _do(self, kind: int, flags: int, body: bytes) -> None:
        if (kind == Kind.CONNECT) == bool(self._name):
            raise ValueError("exactly one CONNECT, and it comes first")
        match kind:
            case Kind.CONNECT:
                self._connect(body)
            case Kind.PUBLISH:
                topic, rest = _text(body)
                if flags & 6:
                    self._send(Kind.PUBACK, rest[:2])
                    rest = rest[2:]
                self._server.publish(topic, rest, bool(flags & 1))
            case Kind.SUBSCRIBE | Kind.UNSUBSCRIBE:
                self._subscribe(kind, body)
            case Kind.PINGREQ:
                self._send(Kind.PINGRESP)
            case Kind.DISCONNECT:
                self._will = None
                self._transport.close()
            case Kind.PUBACK:
                pass
            case _:
                raise ValueError("unknown packet")

    def _connect(self, body: bytes) -> None:
        protocol, rest = _text(body)
        level, flags, rest = rest[0], rest[1], rest[4:]
        if (protocol, level) != ("MQTT", 4):
            self._transport.write(bytes((Kind.CONNACK << 4, 2, 0, 1)))
            self._transport.close()
            return
        name, rest = _text(rest)
        if flags & 4:
            topic, rest = _text(rest)
            size = int.from_bytes(rest[:2], "big")
            self._will = topic, rest[2 : 2 + size], bool(flags & 32)
        self._name = name or self._server.make_name()
        if (other := self._server.sessions.pop(self._name, None)) is not None:
            other.abort()
        self._server.sessions[self._name] = self
        self._send(Kind.CONNACK, b"\0\0")

    def _subscribe(self, kind: int, body: bytes) -> None:
        number, rest = body[:2], body[2:]
        codes = bytearray()
        wanted: list[str] = []
        while rest:
            pattern, rest = _text(rest)
            if kind == Kind.UNSUBSCRIBE:
                self.patterns.pop(pattern, None)
            else:
                self.patterns[pattern] = None
                wanted.append(pattern)
                codes.append(0)
                rest = rest[1:]
        self._send(Kind.SUBACK if kind == Kind.SUBSCRIBE else Kind.UNSUBACK, number + bytes(codes))
        for topic, payload in self._server.retained.items():
            if any(_fits(pattern, topic) for pattern in wanted):
                self.deliver(topic, payload, retained=True)

    def abort(self) -> None:
        self._transport.abort()

    def deliver(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        name = topic.encode()
        self._send(Kind.PUBLISH, len(name).to_bytes(2, "big") + name + payload, int(retained))
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self._transport.abort()

    def _send(self, kind: int, body: bytes = b"", flags: int = 0) -> None:
        size = len(body)
        length = bytearray()
        while size > 127:
            length.append(size & 127 | 128)
            size >>= 7
        length.append(size)
        self._transport.write(bytes((kind << 4 | flags, *length)) + body)


def _text(data: bytes) -> tuple[str, bytes]:
    """Cut off a text with its length in front; raises `ValueError` if it is not all there."""
    end = 2 + int.from_bytes(data[:2], "big")
    if len(data) < end:
        raise ValueError("text too short")
    return data[2:end].decode(), data[end:]


def _fits(pattern: str, topic: str) -> bool:
    levels, names = pattern.split("/"), topic.split("/")
    for number, level in enumerate(levels):
        if level == "#":
            return True
        if number >= len(names) or level not in {"+", names[number]}:
            return False
    return len(levels) == len(names)
