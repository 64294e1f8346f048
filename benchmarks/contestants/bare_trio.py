"""Bare trio: length-framed bytes come back over a stream of trio, without codec, dispatch or identifiers.

This is what trio itself costs, as its users write it: whoever wants a reply receives it in his own task, so
requests are answered in their order. With many in flight, replies that came together are received together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from struct import Struct

import trio

from benchmarks.contestants import HOST, Announce, Client, Pipe, Work

HEADER = Struct(">I")
CHUNK = 262_144


class Frames:
    """Frames over a stream."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._frames: deque[bytes] = deque()
        self._rest = b""

    async def send(self, frames: list[bytes]) -> None:
        pack = HEADER.pack
        await self._stream.send_all(b"".join([pack(len(frame)) + frame for frame in frames]))

    async def receive(self) -> bytes:
        if not self._frames:
            self._frames.extend(await self.receive_chunk())
        return self._frames.popleft()

    async def receive_chunk(self) -> list[bytes]:
        """Receive the frames that came together, at least one; none at the end."""
        unpack = HEADER.unpack_from
        frames: list[bytes] = []
        while not frames:
            received = await self._stream.receive_some(CHUNK)
            if not received:
                break
            data = self._rest + received if self._rest else received
            size = len(data)
            start = 4
            while start <= size:
                end = start + unpack(data, start - 4)[0]
                if end > size:
                    break
                frames.append(data[start:end])
                start = end + 4
            self._rest = data[start - 4 :]
        return frames


async def _echo(stream: trio.SocketStream) -> None:
    frames = Frames(stream)
    while received := await frames.receive_chunk():
        await frames.send(received)


async def _serve(announce: Announce) -> None:
    listeners = await trio.open_tcp_listeners(0, host=HOST)
    announce(listeners[0].socket.getsockname()[1])
    await trio.serve_listeners(_echo, listeners)


def serve(announce: Announce) -> None:
    trio.run(_serve, announce)


@asynccontextmanager
async def connect(port: int, work: Work) -> AsyncIterator[Client]:
    async with await trio.open_tcp_stream(HOST, port) as stream:
        frames = Frames(stream)
        body = work.body()
        send = partial(frames.send, [body])

        async def call() -> bytes:
            await send()
            return await frames.receive()

        yield Client(body, call, Pipe(send, frames.receive))
