"""grpclib in the simulated world: single calls and streams, without generated code."""

from __future__ import annotations

import asyncio
from typing import Any

from grpclib.client import Channel, StreamStreamMethod, UnaryUnaryMethod
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Server, Stream
from pairs import PAUSE, ROUNDS, talk


class Plain(CodecBase):
    """Carries bytes as they are."""

    __content_subtype__ = "plain"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return message

    def decode(self, data: bytes, message_type: Any) -> Any:
        return bytes(data)


class Turner:
    async def turn(self, stream: Stream[bytes, bytes]) -> None:
        message = await stream.recv_message()
        assert message is not None
        await stream.send_message(message[::-1])

    async def turn_each(self, stream: Stream[bytes, bytes]) -> None:
        async for message in stream:
            await stream.send_message(message[::-1])

    def __mapping__(self) -> dict[str, Handler]:
        return {
            "/Turner/Turn": Handler(self.turn, Cardinality.UNARY_UNARY, bytes, bytes),
            "/Turner/TurnEach": Handler(self.turn_each, Cardinality.STREAM_STREAM, bytes, bytes),
        }


def test_grpclib_answers_calls_and_streams() -> None:  # B1
    async def serve() -> None:
        server = Server([Turner()], codec=Plain())
        await server.start("0.0.0.0", 50051)
        await server.wait_closed()

    async def ask() -> Any:
        seen = []
        async with Channel("server", 50051, codec=Plain()) as channel:
            turn = UnaryUnaryMethod[bytes, bytes](channel, "/Turner/Turn", bytes, bytes)
            turn_each = StreamStreamMethod[bytes, bytes](channel, "/Turner/TurnEach", bytes, bytes)
            async with turn_each.open(timeout=30) as stream:
                for number in range(ROUNDS):
                    seen.append(await turn(b"ab%d" % number, timeout=30))
                    await stream.send_message(b"cd%d" % number)
                    seen.append(await stream.recv_message())
                    await asyncio.sleep(PAUSE)
                await stream.end()
        return seen

    expected = []
    for number in range(ROUNDS):
        expected += [(b"ab%d" % number)[::-1], (b"cd%d" % number)[::-1]]
    assert talk(serve, ask) == expected
