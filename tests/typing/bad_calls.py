"""Calls that a type checker must refuse, each in the line that says so; never run.

A mark that is not needed is an error itself, for mypy by ``--strict`` and for pyright by the line below.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import socket

from simpy import Environment

import junto.trio
from junto import Options, aio, expose, protocols, simpy, sync
from junto.protocols import Connection, EventSteps, Steps, protocol
from junto.vsoa import aio as vsoa

# Not callable.
expose(3)  # type: ignore[type-var]


@expose
def add(a: int, b: int) -> int:
    return a + b


add("x", 2)  # type: ignore[arg-type]
wrong: str = add(1, 2)  # type: ignore[assignment]


async def in_aio() -> None:
    aio.connect()  # type: ignore[call-arg]
    aio.connect(5)  # type: ignore[arg-type]
    aio.connect("tcp://h:1", 3)  # type: ignore[call-arg]
    aio.connect("tcp://h:1", timeout="3")  # type: ignore[arg-type]
    aio.connect("tcp://h:1", codec="xml")  # type: ignore[arg-type]
    aio.connect("tcp://h:1", failures="loud")  # type: ignore[arg-type]
    aio.connect("tcp://h:1", max_pending="many")  # type: ignore[arg-type]
    aio.connect("tcp://h:1", no_such_option=1)  # type: ignore[call-arg]
    aio.serve(None, "tcp://h:1", connected=3)  # type: ignore[arg-type]
    aio.serve_channels(3, "tcp://h:1")  # type: ignore[arg-type]
    with aio.connect("tcp://h:1"):  # type: ignore[attr-defined]
        pass
    async with aio.connect("tcp://h:1") as peer:
        text: str = await peer.call("add", 3, 4, returns=int)  # type: ignore[arg-type]
        await peer.call(3)  # type: ignore[call-overload]
        await peer.call("add", timeout="3")  # type: ignore[call-overload]
        await peer.remote.add(3, timeout="3")  # type: ignore[arg-type]
        _ = peer.remote[3]  # type: ignore[index]
        peer.remote.add = 3  # type: ignore[attr-defined]
        _ = peer.nothing  # type: ignore[attr-defined]
        await peer.ping(1.0)  # type: ignore[call-arg]
        peer.notify()  # type: ignore[call-arg]
        await peer.channel.request()  # type: ignore[call-arg]
        await peer.channel.request("x", 3.0)  # type: ignore[call-arg]
        for _ in peer.remote.count(3):  # type: ignore[attr-defined]
            pass
        _ = text


async def in_trio() -> None:
    junto.trio.connect(5)  # type: ignore[arg-type]
    junto.trio.connect("tcp://h:1", codec="xml")  # type: ignore[arg-type]
    junto.trio.connect("tcp://h:1", no_such_option=1)  # type: ignore[call-arg]
    junto.trio.connect("tcp://h:1", nursery=3)  # type: ignore[arg-type]
    junto.trio.serve_channels(3, "tcp://h:1")  # type: ignore[arg-type]
    await junto.trio.connect("tcp://h:1")  # type: ignore[misc]
    with junto.trio.connect("tcp://h:1"):  # type: ignore[attr-defined]
        pass
    async with junto.trio.connect("tcp://h:1") as peer:
        text: str = await peer.call("add", 3, 4, returns=int)  # type: ignore[arg-type]
        await peer.remote.add(3, timeout="3")  # type: ignore[arg-type]
        await peer.ping(1.0)  # type: ignore[call-arg]
        _ = text


def in_sync() -> None:
    sync.connect(5)  # type: ignore[arg-type]
    sync.connect("tcp://h:1", codec="xml")  # type: ignore[arg-type]
    sync.connect("tcp://h:1", no_such_option=1)  # type: ignore[call-arg]
    sync.serve(None, "tcp://h:1", workers="many")  # type: ignore[arg-type]
    with sync.connect("tcp://h:1") as peer:
        text: str = peer.call("add", 3, 4, returns=int)  # type: ignore[assignment]
        peer.call(3)  # type: ignore[call-overload]
        peer.remote.add(3, timeout="3")  # type: ignore[arg-type]
        number: int = peer.futures.add(3)  # type: ignore[assignment]
        peer.ping("x")  # type: ignore[call-arg, arg-type]
        _ = peer.nothing  # type: ignore[attr-defined]
        peer.channel.request()  # type: ignore[call-arg]
        peer.channel.request("x", timeout="3")  # type: ignore[arg-type]
        peer.channel.recv().reply()  # type: ignore[call-arg]
        peer.channel.recv().fail("text")  # type: ignore[arg-type]
        peer.close(timeout="3")  # type: ignore[arg-type]
        _ = (text, number)


def in_simpy(env: simpy.WallClockEnvironment, own: Environment) -> None:
    simpy.connect("tcp://h:1")  # type: ignore[call-arg, arg-type]
    simpy.connect(own, "tcp://h:1")  # type: ignore[arg-type]
    simpy.connect(env, "tcp://h:1", codec="xml")  # type: ignore[arg-type]
    simpy.connect(env, "tcp://h:1", no_such_option=1)  # type: ignore[call-arg]
    simpy.serve(env, None, workers="many")  # type: ignore[arg-type]
    with simpy.connect(env, "tcp://h:1"):  # type: ignore[attr-defined]
        pass
    for peer in simpy.connect(env, "tcp://h:1"):  # type: ignore[attr-defined]
        _ = peer


def with_a_peer(peer: simpy.Peer, stream: simpy.Stream) -> None:
    text: str = peer.remote.add(3, 4)  # type: ignore[assignment]
    number: simpy.Future[str] = peer.call("add", returns=int)  # type: ignore[arg-type]
    peer.call(3)  # type: ignore[call-overload]
    peer.remote.add(3, timeout="3")  # type: ignore[arg-type]
    peer.channel.request()  # type: ignore[call-arg]
    peer.channel.recv().reply(1)  # type: ignore[attr-defined]
    stream.get(1, 2)  # type: ignore[call-overload]
    _ = (text, number)


Options(codec=3)  # type: ignore[arg-type]
Options(nothing=3)  # type: ignore[call-arg]


@protocol
def first(n: int) -> Steps[bytes]:
    return (yield from protocols.read(n))


@protocol
def numbers() -> EventSteps[int, None]:
    yield from protocols.emit(3)
    yield from protocols.emit("text")  # type: ignore[misc]


@protocol
def silent() -> Steps[None]:
    yield from protocols.emit(3)  # type: ignore[misc]
    yield 3  # type: ignore[misc]
    yield protocols.wait()  # type: ignore[misc]
    data: bytes = protocols.read(3)  # type: ignore[assignment]
    len(protocols.read(3))  # type: ignore[arg-type]
    protocols.read(3)[0]  # type: ignore[index]
    data = yield from protocols.wait()  # type: ignore[func-returns-value, assignment]
    yield from protocols.put("text")  # type: ignore[arg-type]
    _ = data


@protocol  # type: ignore[arg-type]
def plain() -> int:
    return 3


@protocol(max_input="many")  # type: ignore[call-overload, untyped-decorator]
def bounded() -> Steps[None]:
    yield from protocols.wait()


def in_protocols(sock: socket.socket) -> None:
    first()  # type: ignore[call-arg]
    first("x")  # type: ignore[arg-type]
    text: str = first(3).get_result()  # type: ignore[assignment]
    event: str = numbers().next_event()  # type: ignore[assignment]
    first(3).send("text")  # type: ignore[arg-type]
    first(3).has_result()  # type: ignore[operator]
    narrow: Connection[int, object] = first(3)  # type: ignore[assignment]
    protocols.run(first, sock)  # type: ignore[arg-type]
    protocols.run(first(3), sock, timeout="3")  # type: ignore[arg-type]
    _ = (text, event, narrow)


async def vsoa_in_aio() -> None:
    vsoa.connect(5)  # type: ignore[arg-type]
    vsoa.serve("vsoa://:5", policy="never")  # type: ignore[arg-type]
    client = await vsoa.connect("vsoa://h:5")
    client.fetch(5)  # type: ignore[arg-type]
    client.fetch("/a", method="PUT")  # type: ignore[arg-type]
    client.subscribe(5)  # type: ignore[arg-type]
    number: int = await client.fetch("/a")  # type: ignore[assignment]
    number.bit_length()
