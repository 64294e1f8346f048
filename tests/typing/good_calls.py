"""Calls that a type checker must accept, and the types that it must see; never run."""

from __future__ import annotations

import concurrent.futures
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, assert_type

from junto import MOSAIK, Address, Options, ServiceDict, aio, expose, sync
from junto.codecs import JSON
from junto.runtime import Future


@dataclass
class Point:
    x: float
    y: float


class Service:
    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    async def later(self, text: str) -> str:
        return text

    @expose
    def count(self, to: int) -> Iterator[int]:
        yield from range(to)

    @expose
    async def count_slowly(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @expose
    @staticmethod
    def static(number: int) -> int:
        return number


# What is exposed keeps its type.
assert_type(Service().add(1, 2), int)
assert_type(Service.static(1), int)


async def greet(peer: aio.Peer) -> None:
    assert_type(await peer.remote.hello(), Any)


async def in_aio() -> None:
    async with aio.serve(
        Service(), "tcp://127.0.0.1:0", Address("unix", path="s"), connected=greet, workers=2
    ) as server:
        assert_type(server, aio.Server[aio.Peer])
        assert_type(server.addresses, list[Address])
        assert_type(server.connections, list[aio.Peer])
    server = await aio.serve({"f": expose(lambda: 1)}, "tcp://127.0.0.1:0", **MOSAIK)
    await server.close()
    await server.close(timeout=None)
    async with aio.connect(
        "tcp://h:1", service=ServiceDict(), timeout=None, reconnect=True, codec=JSON(), request_timeout=1.0
    ) as peer:
        assert_type(peer, aio.Peer)
        assert_type(peer.remote.add(3, 4, timeout=1.0), Future[Any])
        assert_type(await peer.remote.add(3, b=4), Any)
        assert_type(await peer.remote["funcs"]["_mul"](1), Any)
        assert_type(await peer.call("add", 3, 4, returns=int), int)
        assert_type(await peer.call("where", returns=Point, timeout=1.0), Point)
        assert_type(await peer.call("where", returns=list[Point]), list[Point])
        assert_type(await peer.call("add", kwargs={"a": 1, "b": 2}), Any)
        assert_type(await peer.ping(), float)
        assert_type(await peer.describe(), list[dict[str, Any]])
        peer.notify("log", "line", level=3)
        async for item in await peer.remote.count(10):
            assert_type(item, Any)
        assert_type(await peer.channel.request([1, 2], timeout=3.0), Any)
    peer = await aio.connect("tcp://h:1")
    await peer.close()
    async with aio.open_channel("tls://h:1", handler=lambda content: content) as channel:
        assert_type(channel, aio.Channel)
        assert_type(channel.request("x"), Future[Any])
        assert_type(await channel.recv(), aio.Request)
        async for request in channel:
            assert_type(request, aio.Request)
            request.reply(request.content)
            request.fail(ValueError())
        channel.notify("x")
        channel.half_close()
        assert_type(channel.late_replies, int)
        assert_type(channel.extended, bool)
    async with aio.serve_channels(None, "tcp://127.0.0.1:0", max_handlers=3) as channels:
        assert_type(channels, aio.Server[aio.Channel])


async def number() -> int:
    return 3


def in_sync() -> None:
    assert_type(aio.run(number()), int)
    with sync.serve(Service(), "tcp://127.0.0.1:0", workers=4) as server:
        assert_type(server, sync.Server)
        assert_type(server.addresses, list[Address])
        server.start_thread().join()
        server.serve_forever()
    with sync.connect("tcp://h:1", service=Service(), timeout=3.0, failures="brief") as peer:
        assert_type(peer, sync.Peer)
        assert_type(peer.remote.add(3, 4, timeout=1.0), Any)
        assert_type(peer.futures.add(3, 4), concurrent.futures.Future[Any])
        assert_type(peer.call("add", 3, 4, returns=int), int)
        assert_type(peer.call("add", 3, 4), Any)
        assert_type(peer.ping(timeout=1.0), float)
        assert_type(peer.describe(), list[dict[str, Any]])
        assert_type(peer.is_closing(), bool)
        peer.notify("log", "line")
        peer.wait_closed()
        peer.close(timeout=None)
        assert_type(peer.channel, sync.Channel)
    with sync.open_channel("unix://s", handler=lambda content: content, extensions=False) as channel:
        assert_type(channel, sync.Channel)
        assert_type(channel.request("x", timeout=1.0), Any)
        assert_type(channel.submit("x"), concurrent.futures.Future[Any])
        assert_type(channel.recv(), sync.Request)
        for request in channel:
            assert_type(request, sync.Request)
            request.reply(1)
        channel.notify("x")
        channel.half_close()
    with sync.serve_channels(lambda content: content, "tcp://127.0.0.1:0") as channels:
        assert_type(channels, sync.Server)


async def instruments_in_asyncio() -> None:
    client = aio.TCP("h", 1, eol=(b"\r\n", b"\n"), timeout=1.0, retry=aio.Retry(attempts=3))
    assert_type(await client.write_readline(b"x\n", timeout=None), bytes)
    assert_type(await client.readlines(2), list[bytes])
    assert_type(await client.query("x?", resend=1), str)
    assert_type(await client.query_ascii("x?", int), list[Any])
    assert_type(await client.read_block(skip=3, terminator="none"), bytes)
    assert_type(client.connected(), bool)
    async with client, client.transaction() as t:
        assert_type(await t.query("x?"), str)
    await client.close()


def instruments_in_sync() -> None:
    client = sync.TCP("h", 1, keep_alive={"idle": 5})
    assert_type(client.write_readline(b"x\n", b"\r", timeout=2), bytes)
    assert_type(client.query("x?"), str)
    assert_type(client.readexactly(5, on_timeout="keep"), bytes)
    with client, client.transaction() as t:
        assert_type(t.read_block(), bytes)
    futures = sync.FuturesTCP("h", 1)
    assert_type(futures.query("x?").result(), str)
    assert_type(futures.close().result(), None)


def options() -> None:
    assert_type(Options(codec="msgpack", max_pending=3), Options)
    assert_type(Options(**MOSAIK), Options)
