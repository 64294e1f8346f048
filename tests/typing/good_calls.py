"""Calls that a type checker must accept, and the types that it must see; never run."""

from __future__ import annotations

import asyncio
import concurrent.futures
import socket
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Never, assert_type

import trio
from simpy import Event

import junto.trio
from junto import MOSAIK, Address, Options, ServiceDict, aio, expose, protocols, simpy, sync
from junto.codecs import JSON
from junto.protocols import Connection, EventSteps, Steps, protocol, readline
from junto.runtime import Future, Runtime
from junto.testing import Outcome, feed
from junto.vsoa import Message, Reply
from junto.vsoa import aio as vsoa_aio
from junto.vsoa import simpy as vsoa_simpy
from junto.vsoa import sync as vsoa_sync
from junto.vsoa import trio as vsoa_trio


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


async def in_trio() -> None:
    async with (
        trio.open_nursery() as nursery,
        junto.trio.serve(
            Service(),
            "tcp://127.0.0.1:0",
            Address("unix", path="s"),
            connected=greet,
            nursery=nursery,
            **MOSAIK,
        ) as server,
        junto.trio.connect("tcp://h:1", service=ServiceDict(), timeout=None, reconnect=True) as peer,
    ):
        assert_type(server, junto.trio.Server[junto.trio.Peer])
        assert_type(server.connections, list[junto.trio.Peer])
        await server.close(timeout=None)
        assert_type(peer, junto.trio.Peer)
        assert_type(peer.remote.add(3, 4, timeout=1.0), Future[Any])
        assert_type(await peer.remote.add(3, b=4), Any)
        assert_type(await peer.call("where", returns=Point, timeout=1.0), Point)
        assert_type(await peer.ping(), float)
        async for item in await peer.remote.count(10):
            assert_type(item, Any)
    async with junto.trio.open_channel("tls://h:1", handler=lambda content: content) as channel:
        assert_type(channel, junto.trio.Channel)
        assert_type(await channel.request("x", timeout=3.0), Any)
        async for request in channel:
            assert_type(request, junto.trio.Request)
    async with junto.trio.serve_channels(None, "tcp://127.0.0.1:0", max_handlers=3) as channels:
        assert_type(channels, junto.trio.Server[junto.trio.Channel])


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


async def instruments_in_trio() -> None:
    async with junto.trio.TCP("h", 1, timeout=1.0, retry=junto.trio.Retry(attempts=3)) as client:
        assert_type(client, junto.trio.TCP)
        assert_type(await client.query("x?"), str)
        async for message in client.stream(first_line):
            assert_type(message, Any)
    assert_type(junto.trio.socket_for_url("loop://"), junto.trio.TCP)


def instruments_in_simpy(env: simpy.WallClockEnvironment) -> Generator[Event, Any, None]:
    client = simpy.TCP(env, "h", 1, timeout=1.0, retry=simpy.Retry(attempts=3))
    assert_type(client.query("x?"), simpy.Future[str])
    assert_type(client.stream(first_line).get(), simpy.Future[Any])
    try:
        yield client.query("x?") | env.timeout(1.0)
    except simpy.ConnectionTimeoutError as error:
        assert_type(error.sent, bool)
    assert_type(simpy.socket_for_url(env, "loop://"), simpy.TCP)


@protocol
def first_line() -> Steps[bytes]:
    return (yield from readline())


def in_simpy(env: simpy.WallClockEnvironment) -> Generator[Event, Any, None]:
    assert_type(
        simpy.serve(env, Service(), "tcp://127.0.0.1:0", workers=4), simpy.Future[simpy.Server[simpy.Peer]]
    )
    assert_type(simpy.connect(env, "tcp://h:1", service=Service()), simpy.Future[simpy.Peer])
    assert_type(simpy.open_channel(env, "unix://s", reconnect=True), simpy.Future[simpy.Channel])
    assert_type(
        simpy.serve_channels(env, None, "tcp://h:1", max_handlers=3),
        simpy.Future[simpy.Server[simpy.Channel]],
    )
    with (yield simpy.serve(env, Service(), "tcp://127.0.0.1:0", connected=befriend)):
        pass
    server: simpy.Server[simpy.Peer] = yield simpy.serve(env, Service(), "tcp://127.0.0.1:0", **MOSAIK)
    with server:
        assert_type(server.addresses, list[Address])
        assert_type(server.connections, list[simpy.Peer])
    peer: simpy.Peer = yield simpy.connect(env, server.addresses[0], timeout=None, codec="msgpack")
    with peer as same:
        assert_type(same, simpy.Peer)
        assert_type(peer.remote.add(3, 4, timeout=1.0), simpy.Future[Any])
        yield peer.remote.add(3, b=4) | env.timeout(3)
        yield peer.remote.add(3, b=4) & env.timeout(3)
        peer.remote.add(1, 2).cancel()
        assert_type(peer.call("add", 3, 4, returns=int), simpy.Future[int])
        assert_type(peer.call("add", 3, 4), simpy.Future[Any])
        assert_type(peer.ping(timeout=1.0), simpy.Future[float])
        assert_type(peer.describe(), simpy.Future[list[dict[str, Any]]])
        assert_type(peer.is_closing(), bool)
        peer.notify("log", "line")
        yield peer.wait_closed()
        yield peer.close(timeout=None)
        peer.abort()
        stream: simpy.Stream = yield peer.remote.count(10)
        assert_type(stream.get(), simpy.Future[Any])
        yield stream.get(None)
        stream.close()
        channel = peer.channel
        assert_type(channel, simpy.Channel)
        assert_type(channel.request("x", timeout=1.0), simpy.Future[Any])
        assert_type(channel.recv(), simpy.Future[simpy.Request])
        channel.notify("x")
        channel.half_close()
        assert_type(channel.late_replies, int)
        assert_type(channel.get_extra_info("cipher"), Any)


def befriend(peer: simpy.Peer) -> Generator[Event, Any, None]:
    yield peer.remote.hello()


async def wait_in_simpy(env: simpy.WallClockEnvironment) -> None:
    assert_type(await simpy.wait(env.timeout(1)), Any)
    env = simpy.Environment(backend="poll")


def options() -> None:
    assert_type(Options(codec="msgpack", max_pending=3), Options)
    assert_type(Options(**MOSAIK), Options)


def read_number() -> Steps[int]:
    return int((yield from protocols.readline(include=False)))


@protocol
def sum_up(count: int, *, start: int = 0) -> Steps[float]:
    for _ in range(count):
        start += yield from read_number()
    yield from protocols.write(b"done")
    return start / 2


@protocol(max_input=None, eof_ok=True)
def points() -> EventSteps[Point, str]:
    while not (yield from protocols.at_eof()):
        x, y = yield from protocols.read_struct("ff")
        yield from protocols.emit(Point(x, y), after_flush=True)
        yield from protocols.put(b"thanks")
    return "end"


class Session:
    @protocol
    def talk(self, name: str) -> Steps[bytes]:
        assert_type((yield from read_number()), int)
        assert_type((yield from protocols.read_until_any((b"a", b"b"))), tuple[bytes, bytes])
        assert_type((yield from protocols.read_view(3)), memoryview)
        for step in protocols.read_chunks(3):
            assert_type((yield from step), bytes)
        io = yield from protocols.get_io()
        assert_type(io.try_read(3), bytes | None)
        inner = sum_up(3)
        assert_type((yield from protocols.subprotocol(inner)), float)
        return (yield from protocols.read())


def in_protocols(sock: socket.socket, runtime: Runtime) -> None:
    assert_type(sum_up(3), Connection[float, Never])
    assert_type(sum_up(count=3, start=1).get_result(), float)
    assert_type(Session().talk("x"), Connection[bytes, Never])
    with points() as connection:
        assert_type(connection, Connection[str, Point])
    assert_type(points().get_result(), str)
    assert_type(points().next_event(), Point)
    assert_type(list(points().events()), list[Point])
    assert_type(sum_up(1).exchange(bytearray(3)), bytes)
    assert_type(protocols.run(sum_up(1), sock, timeout=3.0), float)
    assert_type(protocols.run(points(), sock, on_event=lambda point: print(point.x)), str)
    assert_type(protocols.ProtocolEndpoint(runtime, sum_up(1)), protocols.ProtocolEndpoint[float, Never])
    assert_type(feed(points, b"data"), Outcome[str, Point])
    general: Connection[object, object] = sum_up(1)
    general.send(memoryview(b"x"))


async def in_streams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    assert_type(await protocols.drive(sum_up(1), reader, writer), float)
    assert_type(await protocols.drive(protocols.Recorded(points()), reader, writer), str)


async def vsoa_in_aio() -> None:
    async with vsoa_aio.serve("vsoa://:5", service=Service(), policy="latest", backlog=5) as server:

        @server.command("/a")
        async def handle(request: vsoa_aio.Request) -> int:
            return len(request.data)

        await handle(vsoa_aio.Request())
        assert_type(server.publish("/a", {"x": 1}, b"y", quick=True), bool)
        assert_type(server.clients, list[vsoa_aio.Session])
    async with vsoa_aio.connect("vsoa://h:5", password="x", reconnect=True) as client:
        assert_type(await client.fetch("/a", 5, timeout=1.0), Reply)
        assert_type(await client.call("add", 1, 2, returns=int), int)
        assert_type(await client.ping(), float)
        async for message in client.subscribe("/a/", policy="latest"):
            assert_type(message, Message)
        stream = await client.open_stream(5)
        assert_type(await stream.receive(), bytes)


def vsoa_in_sync() -> None:
    with vsoa_sync.connect("vsoa://h:5") as client:
        assert_type(client.fetch("/a"), Reply)
        assert_type(client.ping(timeout=1), float)
        assert_type(client.datagram("/a", quick=True), bool)
        for message in client.subscribe("/a"):
            assert_type(message, Message)
        with client.open_stream(5) as stream:
            assert_type(stream.receive(5), bytes)
    with vsoa_sync.serve("vsoa://:5") as server:
        assert_type(server.publish("/a"), bool)
        assert_type(server.offer_stream(), vsoa_sync.StreamOffer)


async def vsoa_in_trio() -> None:
    async with vsoa_trio.serve("vsoa://:5", policy="latest") as server:
        assert_type(await server.offer_stream(), vsoa_trio.StreamOffer)
    async with vsoa_trio.connect("vsoa://h:5") as client:
        assert_type(await client.fetch("/a"), Reply)
        assert_type(await client.subscribe("/a"), vsoa_trio.Subscription)
    async with vsoa_trio.open_timer() as timer:
        assert_type(timer, vsoa_trio.Timer)


def vsoa_in_simpy(env: simpy.WallClockEnvironment) -> None:
    assert_type(vsoa_simpy.connect(env, "vsoa://h:5"), simpy.Future[vsoa_simpy.Client])
    assert_type(vsoa_simpy.serve(env, "vsoa://:5"), simpy.Future[vsoa_simpy.Server])


def vsoa_client_in_simpy(
    client: vsoa_simpy.Client, subscription: vsoa_simpy.Subscription, stream: vsoa_simpy.TunnelStream
) -> None:
    assert_type(client.fetch("/a"), simpy.Future[Reply])
    assert_type(client.call("add", 1, 2, returns=int), simpy.Future[int])
    assert_type(client.ping(timeout=1), simpy.Future[float])
    assert_type(client.datagram("/a", quick=True), bool)
    assert_type(client.subscribe("/a"), simpy.Future[vsoa_simpy.Subscription])
    assert_type(subscription.get(), simpy.Future[Message])
    assert_type(subscription.get(None), simpy.Future[Message | None])
    assert_type(stream.receive(5), simpy.Future[bytes])
    assert_type(stream.send(b""), simpy.Future[None])
