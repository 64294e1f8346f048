"""A server that speaks the protocol of NATS, without persistence and without other servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["NatsServer"]

MAX_LINE = 4096
MAX_PAYLOAD = 1 << 20
MAX_UNREAD = 8 << 20
"""How many bytes may wait for a client that does not read, before it is disconnected."""

NO_RESPONDERS = b"NATS/1.0 503\r\n\r\n"


@dataclass(slots=True, eq=False)
class _Subscription:
    session: _Session
    sid: bytes
    pattern: list[bytes]
    queue: bytes | None
    delivered: int = 0
    most: int = 0
    """How many messages it takes in all; 0 for no limit."""

    def wants(self, subject: list[bytes]) -> bool:
        for number, token in enumerate(self.pattern):
            if token == b">":
                return number < len(subject)
            if number >= len(subject) or token not in {b"*", subject[number]}:
                return False
        return len(self.pattern) == len(subject)


class NatsServer:
    """Passes messages from publishers to subscribers: subjects with wildcards, queue groups, requests.

    The members of a queue group take turns.
    """

    def __init__(self) -> None:
        self._subscriptions: dict[_Subscription, None] = {}  # in their order
        self._turns: dict[bytes, int] = {}
        self._sessions = 0

    async def start(self, host: str | None = None, port: int = 4222) -> asyncio.Server:
        """Listen, and serve until the server that is returned is closed."""
        return await asyncio.get_running_loop().create_server(self._make_session, host, port)

    async def serve_forever(self, host: str | None = None, port: int = 4222) -> None:
        """Listen, and serve until cancelled."""
        async with await self.start(host, port) as server:
            await server.serve_forever()

    def _make_session(self) -> _Session:
        self._sessions += 1
        return _Session(self, self._sessions)

    def subscribe(self, subscription: _Subscription) -> None:
        self._subscriptions[subscription] = None

    def unsubscribe(self, subscription: _Subscription) -> None:
        self._subscriptions.pop(subscription, None)

    def publish(
        self, subject: bytes, reply: bytes, headers: bytes, payload: bytes, sender: _Session | None = None
    ) -> bool:
        """Deliver a message, to its sender only if that wants an echo; returns whether anybody gets it."""
        tokens = subject.split(b".")
        groups: dict[bytes, list[_Subscription]] = {}
        chosen: list[_Subscription] = []
        for subscription in self._subscriptions:
            session = subscription.session
            if not subscription.wants(tokens) or (session is sender and not session.echo):
                continue
            if subscription.queue is None:
                chosen.append(subscription)
            else:
                groups.setdefault(subscription.queue, []).append(subscription)
        for queue, members in groups.items():
            turn = self._turns[queue] = self._turns.get(queue, -1) + 1
            chosen.append(members[turn % len(members)])
        for subscription in chosen:
            subscription.session.deliver(subscription, subject, reply, headers, payload)
        return bool(chosen)


class _Session(asyncio.Protocol):
    """One client."""

    def __init__(self, server: NatsServer, number: int) -> None:
        self._server = server
        self._number = number
        self._buffer = bytearray()
        self._subscriptions: dict[bytes, _Subscription] = {}
        self._verbose = False
        self._no_responders = False
        self.echo = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        host, port = transport.get_extra_info("sockname")[:2]
        info = {
            "server_id": "STANDIN",
            "server_name": "standin",
            "version": "2.10.0",
            "proto": 1,
            "host": host,
            "port": port,
            "headers": True,
            "max_payload": MAX_PAYLOAD,
            "client_id": self._number,
        }
        transport.write(b"INFO %b\r\n" % json.dumps(info).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        for subscription in self._subscriptions.values():
            self._server.unsubscribe(subscription)
        self._subscriptions.clear()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            for words, body in self._commands():
                if self._transport.is_closing():
                    return
                self._do(words[0].upper(), words[1:], body)
        except (ValueError, IndexError):
            self._transport.write(b"-ERR 'Unknown Protocol Operation'\r\n")
            self._transport.close()

    def _commands(self) -> Iterator[tuple[list[bytes], bytes]]:
        """Cut what was received into commands: the words of a line, and the payload."""
        while (end := self._buffer.find(b"\r\n", 0, MAX_LINE)) >= 0:
            line = bytes(self._buffer[:end])
            words = line.split()
            verb = words[0].upper() if words else b""
            size = 0
            if verb in {b"PUB", b"HPUB"}:
                size = int(words[-1])
                if not 0 <= size <= MAX_PAYLOAD:
                    raise ValueError("payload too large")
                if len(self._buffer) < end + 2 + size + 2:
                    return
            elif verb == b"CONNECT":
                words = [verb, line[len(verb) :]]
            body = bytes(self._buffer[end + 2 : end + 2 + size])
            del self._buffer[: end + 2 + (size + 2 if verb in {b"PUB", b"HPUB"} else 0)]
            if words:
                yield words, body
        if len(self._buffer) >= MAX_LINE:
            raise ValueError("line too long")

    def _do(self, verb: bytes, words: list[bytes], body: bytes) -> None:
        match verb, words:
            case b"PING", []:
                self._transport.write(b"PONG\r\n")
                return
            case b"PONG", []:
                return
            case b"CONNECT", [text]:
                options = json.loads(text)
                self._verbose = bool(options.get("verbose"))
                self.echo = bool(options.get("echo", True))
                self._no_responders = bool(options.get("no_responders"))
            case b"SUB", [subject, *queue, sid] if len(queue) <= 1:
                made = _Subscription(self, sid, subject.split(b"."), queue[0] if queue else None)
                self._subscriptions[sid] = made
                self._server.subscribe(made)
            case b"UNSUB", [sid, *most]:
                self._unsubscribe(sid, int(most[0]) if most else 0)
            case b"PUB", [subject, *reply, _size] if len(reply) <= 1:
                self._publish(subject, reply, b"", body)
            case b"HPUB", [subject, *reply, head, _size] if len(reply) <= 1:
                self._publish(subject, reply, body[: int(head)], body[int(head) :])
            case _:
                raise ValueError("unknown")
        if self._verbose:
            self._transport.write(b"+OK\r\n")

    def _unsubscribe(self, sid: bytes, most: int) -> None:
        subscription = self._subscriptions.get(sid)
        if subscription is None:
            return
        if subscription.delivered < most:
            subscription.most = most
        else:
            del self._subscriptions[sid]
            self._server.unsubscribe(subscription)

    def _publish(self, subject: bytes, reply: list[bytes], headers: bytes, payload: bytes) -> None:
        back = reply[0] if reply else b""
        if self._server.publish(subject, back, headers, payload, self) or not (back and self._no_responders):
            return
        # The client itself waits for the reply, by whichever subscription fits.
        self._server.publish(back, b"", NO_RESPONDERS, b"")

    def deliver(
        self, to: _Subscription, subject: bytes, reply: bytes, headers: bytes, payload: bytes
    ) -> None:
        words = [subject, to.sid, *([reply] if reply else [])]
        if headers:
            words += [b"%d" % len(headers), b"%d" % (len(headers) + len(payload))]
        else:
            words.append(b"%d" % len(payload))
        head = (b"HMSG " if headers else b"MSG ") + b" ".join(words)
        self._transport.write(b"%b\r\n%b%b\r\n" % (head, headers, payload))
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self._transport.abort()
        to.delivered += 1
        if to.delivered == to.most:
            self._unsubscribe(to.sid, 0)
