"""Bare asyncio: length-framed bytes come back, without codec, dispatch or identifiers.

This is what the event loop itself costs, written as fast as we could: one buffer for all
connections, one write per received chunk, and requests of one turn of the loop in one write. A
frame that does not fit is read straight into a buffer of its own, which its connection keeps.

`asyncio.BufferedProtocol` was chosen because it was the faster: the README tells by how much.
"""

from __future__ import annotations

import asyncio
from collections import deque
from struct import Struct
from typing import Any

from benchmarks.contestants import HOST, Announce, Client, Work

HEADER = Struct(">I")
# Up to here, joining header and body costs less than a second write.
LARGE = 65_536

_shared = memoryview(bytearray(262_144))


class Frames(asyncio.BufferedProtocol):
    """Cuts what is received into frames and gives all of a chunk to `frames_received`."""

    def __init__(self) -> None:
        self.transport: Any = None
        self._rest = b""
        self._own = memoryview(b"")
        self._filled = 0
        self._wanted = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._wanted:
            return self._own[self._filled : self._wanted]
        kept = len(self._rest)
        _shared[:kept] = self._rest
        return _shared[kept:]

    def buffer_updated(self, nbytes: int) -> None:
        if self._wanted:
            self._filled += nbytes
            if self._filled == self._wanted:
                frame = bytes(self._own[: self._wanted])
                self._wanted = 0
                self.frames_received([frame])
            return
        data = bytes(_shared[: len(self._rest) + nbytes])
        size = len(data)
        unpack = HEADER.unpack_from
        frames = []
        start = 4
        while start <= size:
            end = start + unpack(data, start - 4)[0]
            if end > size:
                break
            frames.append(data[start:end])
            start = end + 4
        rest = data[start - 4 :]
        if len(rest) >= 4 and end - start + 4 > len(_shared):
            self._read_large(end - start, rest[4:])
            rest = b""
        self._rest = rest
        if frames:
            self.frames_received(frames)

    def _read_large(self, wanted: int, begin: bytes) -> None:
        if len(self._own) < wanted:
            self._own = memoryview(bytearray(wanted))
        self._own[: len(begin)] = begin
        self._filled = len(begin)
        self._wanted = wanted

    def frames_received(self, frames: list[bytes]) -> None:
        raise NotImplementedError

    def write_frames(self, frames: list[bytes]) -> None:
        if len(frames) == 1 and len(frames[0]) > LARGE:
            self.transport.write(HEADER.pack(len(frames[0])))
            self.transport.write(frames[0])
        else:
            pack = HEADER.pack
            self.transport.write(b"".join([pack(len(frame)) + frame for frame in frames]))


class Echo(Frames):
    def frames_received(self, frames: list[bytes]) -> None:
        self.write_frames(frames)


class Caller(Frames):
    """Gives a future for each call; replies come in the order of the requests."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[bytes]] = deque()
        self._out: list[bytes] = []

    def call(self, body: bytes) -> asyncio.Future[bytes]:
        future = self._loop.create_future()
        self._waiting.append(future)
        if len(self._waiting) == 1:
            self.write_frames([body])
        else:
            if not self._out:
                self._loop.call_soon(self._flush)
            self._out.append(body)
        return future

    def _flush(self) -> None:
        out, self._out = self._out, []
        self.write_frames(out)

    def frames_received(self, frames: list[bytes]) -> None:
        next_waiting = self._waiting.popleft
        for frame in frames:
            next_waiting().set_result(frame)


async def serve(announce: Announce) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, HOST, 0)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def connect(port: int, work: Work) -> Client:
    _, caller = await asyncio.get_running_loop().create_connection(Caller, HOST, port)
    body = work.body()
    return Client(body, lambda: caller.call(body))
