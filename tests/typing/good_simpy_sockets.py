"""Uses of SimPy's sockets that a type checker must accept, and the types that it must see; never run."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from typing import Any, assert_type

from junto.codecs import JSON, MsgPack
from junto.simpy.environments import (
    AsyncioEnvironment,
    Environment,
    RealTimeEnvironment,
    WallClockEnvironment,
)
from junto.simpy.messages import Message, Request
from junto.simpy.packets import Packet, PacketUTF8
from junto.simpy.protocol import Protocol
from junto.simpy.sockets import TCPSocket
from junto.simpy.tls_sockets import TLSSocket

env = Environment()
assert_type(env, RealTimeEnvironment)
assert_type(Environment("select"), RealTimeEnvironment)
assert_type(Environment(backend="asyncio"), AsyncioEnvironment)
assert_type(env.now, float)
env.run()
env.run(until=env.now + 3)
env.run(until=env.timeout(1))

ADDRESS = ("127.0.0.1", 5555)


class OwnSocket(TLSSocket):
    client_context = ssl.create_default_context()


def process(env: WallClockEnvironment) -> Generator[Any, Any, str]:
    server = TCPSocket.server(env, ADDRESS, backlog=3)
    accepted: TCPSocket = yield server.accept()
    data: bytes = yield accepted.read(10)
    taken: int = yield accepted.write(memoryview(data))
    yield accepted.write(bytearray(data[taken:]))
    assert_type(TCPSocket.connection(env, ADDRESS), TCPSocket)
    secured = OwnSocket.connection(env, ADDRESS, server_hostname="example.org")
    assert_type(secured, OwnSocket)
    assert_type(secured.address, tuple[str, int])
    assert_type(secured.ssl_object, ssl.SSLObject | None)
    yield secured.connect(ADDRESS)
    for packet in (Packet(server), Packet(secured, 100, blocksize=10)):
        yield packet.write(b"data")
    text: str = yield PacketUTF8(accepted).read()
    message = Message(env, PacketUTF8(server), JSON(), message_limit=3)
    Message(env, Packet(server), codec=MsgPack())
    request: Request = yield message.recv()
    request.succeed({"any": ["thing"]}).fail(KeyError("x"))
    reply = yield message.send(text)
    yield message.send(reply) | env.timeout(3)
    message.close()
    return text


env.run(until=env.process(process(env)))

protocol = Protocol(env, Message, (PacketUTF8, {"max_packet_size": 100}), TCPSocket)
assert_type(protocol.connection(ADDRESS), Message)
assert_type(Protocol(env, (Packet, {}), OwnSocket)(), Packet)


async def drive() -> None:
    await Environment("asyncio").arun(until=3)
