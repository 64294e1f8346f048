"""A key-value server that speaks RESP 2 and 3, for the clients of Redis."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

from junto.sim.standins.expiring import ExpiringValues
from junto.sim.standins.resp_wire import CommandReader, Push, Refusal, encode

__all__ = ["RespServer"]

MAX_UNREAD = 8 << 20
"""How many bytes may wait for a subscriber that does not read, before it is disconnected."""

OK = "OK"


class RespServer:
    """Keeps values, and passes messages between publishers and subscribers.

    Attributes:
        values: What is kept; a test may look at it and change it.
    """

    def __init__(self) -> None:
        self.values = ExpiringValues()
        # Dicts for their order, in which messages are delivered.
        self._channels: dict[bytes, dict[_Session, None]] = {}
        self._sessions = 0

    async def start(self, host: str | None = None, port: int = 6379) -> asyncio.Server:
        """Listen, and serve until the server that is returned is closed."""
        return await asyncio.get_running_loop().create_server(self._make_session, host, port)

    async def serve_forever(self, host: str | None = None, port: int = 6379) -> None:
        """Listen, and serve until cancelled."""
        async with await self.start(host, port) as server:
            await server.serve_forever()

    def _make_session(self) -> _Session:
        self._sessions += 1
        return _Session(self, self._sessions)

    def publish(self, channel: bytes, message: bytes) -> int:
        """Send a message to all subscribers of a channel; returns how many there are."""
        subscribers = list(self._channels.get(channel, ()))
        for session in subscribers:
            session.push([b"message", channel, message])
        return len(subscribers)

    def subscribe(self, channel: bytes, session: _Session) -> None:
        self._channels.setdefault(channel, {})[session] = None

    def unsubscribe(self, channel: bytes, session: _Session) -> None:
        sessions = self._channels.get(channel, {})
        sessions.pop(session, None)
        if not sessions:
            self._channels.pop(channel, None)


class _Session(asyncio.Protocol):
    """One client: answers its commands in their order."""

    def __init__(self, server: RespServer, number: int) -> None:
        self._server = server
        self._values = server.values
        self._number = number
        self._reader = CommandReader()
        self._version = 2
        self._name = b""
        self._subscribed: dict[bytes, None] = {}
        self._queued: list[list[bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        for channel in self._subscribed:
            self._server.unsubscribe(channel, self)

    # One that does not read its replies is not asked for more commands.
    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        replies = bytearray()
        try:
            for command in self._reader.receive_data(data):
                replies += self._answer(command)
                if command[0].upper() == b"QUIT":
                    self._transport.write(bytes(replies))
                    self._transport.close()
                    return
        except ValueError as error:
            self._transport.write(bytes(replies) + encode(Refusal(f"ERR Protocol error: {error}"), 2))
            self._transport.close()
            return
        if replies:
            self._transport.write(bytes(replies))

    def push(self, items: list[Any]) -> None:
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self._transport.abort()
        else:
            self._transport.write(encode(Push(items), self._version))

    def _answer(self, command: list[bytes]) -> bytes:
        name = command[0].upper()
        if self._queued is not None and name not in {b"EXEC", b"DISCARD"}:
            self._queued.append(command)
            return encode("QUEUED", self._version)
        if name in {b"SUBSCRIBE", b"UNSUBSCRIBE"}:
            return self._subscribe(name, command[1:])
        return encode(self._run(command), self._version)

    def _run(self, command: list[bytes]) -> object:
        name, arguments = command[0].decode("ascii", "replace").lower(), command[1:]
        method: Callable[..., object] | None = getattr(self, f"_do_{name}", None)
        if method is None:
            return Refusal(f"ERR unknown command '{name}'")
        fewest, most = _arguments(name)
        if not fewest <= len(arguments) <= most:
            return Refusal(f"ERR wrong number of arguments for '{name}' command")
        try:
            return method(*arguments)
        except Refusal as refusal:
            return refusal

    def _subscribe(self, name: bytes, channels: list[bytes]) -> bytes:
        reply = bytearray()
        leaving = name == b"UNSUBSCRIBE"
        for channel in channels or list(self._subscribed):
            if leaving:
                self._server.unsubscribe(channel, self)
                self._subscribed.pop(channel, None)
            else:
                self._server.subscribe(channel, self)
                self._subscribed[channel] = None
            reply += encode(Push([name.lower(), channel, len(self._subscribed)]), self._version)
        return bytes(reply) or encode(Push([name.lower(), None, 0]), self._version)

    # --- commands: each is called with its arguments ---

    def _do_ping(self, text: bytes | None = None) -> object:
        if self._subscribed and self._version == 2:
            return [b"pong", text or b""]
        return "PONG" if text is None else text

    def _do_echo(self, text: bytes) -> object:
        return text

    def _do_quit(self) -> object:
        return OK

    def _do_select(self, number: bytes) -> object:
        return OK if _integer(number) == 0 else Refusal("ERR DB index is out of range")

    def _do_hello(self, version: bytes = b"2", *options: bytes) -> object:
        if version not in {b"2", b"3"}:
            return Refusal("NOPROTO unsupported protocol version")
        self._version = int(version)
        return {
            b"server": b"redis",
            b"version": b"7.0.0",
            b"proto": self._version,
            b"id": self._number,
            b"mode": b"standalone",
            b"role": b"master",
            b"modules": [],
        }

    def _do_client(self, action: bytes, *options: bytes) -> object:
        match action.upper(), options:
            case b"SETNAME", [name]:
                self._name = name
                return OK
            case b"GETNAME", []:
                return self._name or None
            case b"ID", []:
                return self._number
            case b"SETINFO", [_, _]:
                return OK
            case _:
                return Refusal(f"ERR unknown subcommand '{action.decode('ascii', 'replace')}'")

    def _do_get(self, key: bytes) -> object:
        return self._values.find(key)

    def _do_set(self, key: bytes, value: bytes, *options: bytes) -> object:
        words = [word.upper() for word in options]
        old = self._values.find(key)
        seconds = None
        for unit, scale in ((b"EX", 1.0), (b"PX", 0.001)):
            if unit in words:
                at = words.index(unit)
                if at + 1 == len(words):
                    raise Refusal("ERR syntax error")
                seconds = _integer(words.pop(at + 1)) * scale
                words.remove(unit)
        if set(words) - {b"NX", b"XX", b"GET", b"KEEPTTL"}:
            raise Refusal("ERR syntax error")
        if (b"NX" in words and old is not None) or (b"XX" in words and old is None):
            return old if b"GET" in words else None
        self._values.by_key[key] = value
        if seconds is not None:
            self._values.expire(key, seconds)
        elif b"KEEPTTL" not in words:
            self._values.persist(key)
        return old if b"GET" in words else OK

    def _do_del(self, *keys: bytes) -> object:
        return sum(self._values.find(key) is not None and self._values.remove(key) for key in keys)

    def _do_exists(self, *keys: bytes) -> object:
        return sum(self._values.find(key) is not None for key in keys)

    def _do_incrby(self, key: bytes, amount: bytes) -> object:
        value = _integer(self._values.find(key) or b"0") + _integer(amount)
        self._values.by_key[key] = b"%d" % value
        return value

    def _do_incr(self, key: bytes) -> object:
        return self._do_incrby(key, b"1")

    def _do_decrby(self, key: bytes, amount: bytes) -> object:
        return self._do_incrby(key, b"%d" % -_integer(amount))

    def _do_decr(self, key: bytes) -> object:
        return self._do_incrby(key, b"-1")

    def _do_expire(self, key: bytes, seconds: bytes) -> object:
        return self._do_pexpire(key, b"%d" % (1000 * _integer(seconds)))

    def _do_pexpire(self, key: bytes, milliseconds: bytes) -> object:
        if self._values.find(key) is None:
            return 0
        self._values.expire(key, _integer(milliseconds) / 1000)
        return 1

    def _do_persist(self, key: bytes) -> object:
        return int(self._values.find(key) is not None and self._values.persist(key))

    def _do_ttl(self, key: bytes) -> object:
        left = self._do_pttl(key)
        assert isinstance(left, int)
        return left if left < 0 else (left + 500) // 1000

    def _do_pttl(self, key: bytes) -> object:
        if self._values.find(key) is None:
            return -2
        left = self._values.time_to_live(key)
        return -1 if left is None else round(1000 * left)

    def _do_flushall(self) -> object:
        self._values.clear()
        return OK

    def _do_publish(self, channel: bytes, message: bytes) -> object:
        return self._server.publish(channel, message)

    def _do_multi(self) -> object:
        self._queued = []
        return OK

    def _do_discard(self) -> object:
        if self._queued is None:
            raise Refusal("ERR DISCARD without MULTI")
        self._queued = None
        return OK

    def _do_exec(self) -> object:
        if self._queued is None:
            raise Refusal("ERR EXEC without MULTI")
        queued, self._queued = self._queued, None
        return [self._run(command) for command in queued]


@functools.cache
def _arguments(name: str) -> tuple[int, int]:
    """Tell how many arguments a command takes, at least and at most."""
    parameters = list(inspect.signature(getattr(_Session, f"_do_{name}")).parameters.values())[1:]
    many = [parameter for parameter in parameters if parameter.kind is parameter.VAR_POSITIONAL]
    needed = [parameter for parameter in parameters if parameter.default is parameter.empty]
    return len(needed) - len(many), sys.maxsize if many else len(parameters)


def _integer(text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refusal("ERR value is not an integer or out of range") from None
