"""Servers, clients and raw peers of VSOA for scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from junto.address import Address
from junto.sansio.vsoa.frames import REPLY, SERVINFO, Frame, FrameReader, encode
from junto.sansio.vsoa.payloads import encode_param
from junto.vsoa.client import Client
from junto.vsoa.opening import open_client
from junto.vsoa.server import Server
from junto.vsoa.settings import ServerSettings

from .endpoints import Recorder
from .layers import until

HERE = "vsoa://127.0.0.1:0"


@asynccontextmanager
async def serving(
    rt: Any, url: str = HERE, *, info: Any = "", password: str = "", tls: Any = None, **settings: Any
) -> AsyncIterator[Server]:
    server = Server(rt, info=info, password=password, settings=ServerSettings(**settings))
    await server.listen([url], tls)
    try:
        yield server
    finally:
        await server.close(1.0)


@asynccontextmanager
async def connected(rt: Any, server: Server | str, **options: Any) -> AsyncIterator[Client]:
    client = await open_client(rt, server if isinstance(server, str) else server.addresses[0], **options)
    try:
        yield client
    finally:
        await client.close(1.0)


@asynccontextmanager
async def both(
    rt: Any, *, server: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[Client, Server]]:
    """Give a client and the server that it is connected to."""
    async with serving(rt, **(server or {})) as one, connected(rt, one, **options) as client:
        yield client, one


class RawPeer(Recorder):
    """The other end of a connection, as frames, that does only what it is told."""

    keep_open = True

    def __init__(self, rt: Any) -> None:
        super().__init__(rt)
        self._reader = FrameReader(memoryview(bytearray(1 << 18)))
        self.frames: list[Frame] = []

    def take(self, data: bytes) -> None:
        self.frames += self._reader.receive_data(data)
        super().take(data)

    def send(self, kind: int, url: str = "", param: Any = None, data: bytes = b"", **header: int) -> None:
        self.transport.write(encode(kind, url, encode_param(param), data, **header))

    async def until_frames(self, count: int) -> list[Frame]:
        await self.until(lambda: len(self.frames) >= count)
        return self.frames

    async def until_end(self) -> None:
        await self.until(lambda: "eof" in self.calls or "lost" in self.calls)

    async def greet(self, **header: int) -> Frame:
        self.send(SERVINFO, **header)
        (frame,) = await self.until_frames(1)
        self.frames.clear()
        return frame

    def welcome(self, number: int = 0) -> None:
        """Answer a client's greeting, as a server does."""
        self.send(SERVINFO, data=number.to_bytes(4, "big"), flags=REPLY)


@asynccontextmanager
async def raw_client(rt: Any, server: Server, *, greet: bool = True) -> AsyncIterator[RawPeer]:
    peer = RawPeer(rt)
    port = int(server.addresses[0].rpartition(":")[2])
    await rt.connect(Address("tcp", "127.0.0.1", port), lambda: peer)
    await peer.until_called("made")
    try:
        if greet:
            await peer.greet()
        yield peer
    finally:
        peer.transport.abort()


@asynccontextmanager
async def raw_server(rt: Any) -> AsyncIterator[tuple[str, list[RawPeer]]]:
    """Give the URL of a server that does nothing, and the list of those who have connected."""
    peers: list[RawPeer] = []

    def accept() -> RawPeer:
        peers.append(RawPeer(rt))
        return peers[-1]

    listener = await rt.listen(Address("tcp", "127.0.0.1", 0), accept)
    try:
        yield f"vsoa://127.0.0.1:{listener.address.port}", peers
    finally:
        listener.close()
        for peer in peers:
            if peer.transport is not None:
                peer.transport.abort()


@asynccontextmanager
async def raw_pair(rt: Any, **options: Any) -> AsyncIterator[tuple[Client, RawPeer]]:
    """Give a client, and the raw server that has welcomed it."""
    async with raw_server(rt) as (url, peers):

        async def welcome() -> RawPeer:
            await until(rt, lambda: peers and peers[0].frames)
            peers[0].frames.clear()
            peers[0].welcome()
            return peers[0]

        welcoming = rt.create_task(welcome())
        async with connected(rt, url, **options) as client:
            yield client, await welcoming
