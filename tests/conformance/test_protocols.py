"""Protocols without I/O on the transports of every runtime."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import pytest

from junto.errors import ConnectionLost, IncompleteRead
from junto.protocols import (
    Connection,
    EventSteps,
    ProtocolEndpoint,
    Steps,
    emit,
    protocol,
    put,
    read,
    readline,
    skip,
    write,
)

from .conftest import Place
from .endpoints import Recorder
from .worlds import World, within

SIZE = 8 << 20
CHUNK = 1 << 16


@protocol
def ask(question: bytes) -> Steps[bytes]:
    yield from put(question + b"\n")
    return (yield from readline(include=False))


@protocol(eof_ok=True)
def echo() -> EventSteps[bytes, None]:
    while True:
        line = yield from readline()
        yield from write(line)
        yield from emit(line)


@protocol
def refuse() -> Steps[NoReturn]:
    yield from read(1)
    yield from write(b"go away\n")
    raise PermissionError("nobody may")


@protocol
def pour() -> Steps[int]:
    yield from read(1)
    for _ in range(SIZE // CHUNK):
        yield from write(bytes(CHUNK))
    return SIZE


@protocol
def drink() -> Steps[int]:
    yield from put(b"x")
    yield from skip(SIZE)
    return SIZE


@contextlib.asynccontextmanager
async def served(
    rt: Any, place: Place, factory: Callable[[], Connection[Any, Any]]
) -> AsyncIterator[tuple[Any, list[ProtocolEndpoint[Any, Any]], list[object]]]:
    endpoints: list[ProtocolEndpoint[Any, Any]] = []
    events: list[object] = []

    def accept() -> ProtocolEndpoint[Any, Any]:
        endpoints.append(ProtocolEndpoint(rt, factory(), on_event=events.append))
        return endpoints[-1]

    listener = await rt.listen(place.address, accept, tls=place.server_tls)
    try:
        yield listener.address, endpoints, events
    finally:
        listener.close()


async def result(rt: Any, endpoint: ProtocolEndpoint[Any, Any]) -> Any:
    return await within(rt, rt.create_task(endpoint.wait()))


async def connect(
    rt: Any, place: Place, address: Any, connection: Connection[Any, Any]
) -> ProtocolEndpoint[Any, Any]:
    endpoint: ProtocolEndpoint[Any, Any] = ProtocolEndpoint(rt, connection)
    await rt.connect(address, lambda: endpoint, tls=place.client_tls)
    return endpoint


def test_so902_a_protocol_speaks_with_another(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        async with served(rt, place, echo) as (address, endpoints, events):
            client = await connect(rt, place, address, ask(b"hello"))
            assert await result(rt, client) == b"hello"
            assert await result(rt, client) == b"hello"
            # The client is at its end and has closed, which is the end of the server's input.
            assert await result(rt, endpoints[0]) is None
            assert events == [b"hello\n"]

    run(scenario)


def test_so902_much_output_goes_as_fast_as_it_is_taken(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        async with served(rt, place, pour) as (address, endpoints, _):
            client = await connect(rt, place, address, drink())
            assert await result(rt, client) == SIZE
            assert await result(rt, endpoints[0]) == SIZE

    run(scenario)


def test_so902_last_words_are_sent(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        async with served(rt, place, refuse) as (address, endpoints, _):
            client = await connect(rt, place, address, ask(b"please"))
            assert await result(rt, client) == b"go away"
            with pytest.raises(PermissionError):
                await result(rt, endpoints[0])

    run(scenario)


def test_so902_the_end_of_the_input_is_passed_on(run: World, place: Place) -> None:
    @protocol
    def half() -> Steps[None]:
        yield from readline()
        yield from put(b"half a li")

    async def scenario(rt: Any) -> None:
        async with served(rt, place, half) as (address, _, _):
            client = await connect(rt, place, address, ask(b"x"))
            with pytest.raises(IncompleteRead) as caught:
                await result(rt, client)
            assert caught.value.partial == b"half a li"

    run(scenario)


def test_so902_a_lost_connection_is_told_to_the_protocol(run: World, place: Place) -> None:
    ended = []

    @protocol
    def stay() -> Steps[None]:
        try:
            yield from read(1)
        finally:
            ended.append(1)

    async def scenario(rt: Any) -> None:
        async with served(rt, place, stay) as (address, _, _):
            client: ProtocolEndpoint[Any, Any] = ProtocolEndpoint(rt, stay())
            transport = await rt.connect(address, lambda: client, tls=place.client_tls)
            transport.abort()
            with pytest.raises(ConnectionLost):
                await result(rt, client)
            assert ended

    run(scenario)


def test_so902_a_peer_that_does_not_read_is_not_read_from(run: World, place: Place) -> None:
    async def scenario(rt: Any) -> None:
        async with served(rt, place, echo) as (address, endpoints, _):
            recorder = Recorder(rt)
            await rt.connect(address, lambda: recorder, tls=place.client_tls)
            recorder.transport.pause_reading()
            line = bytes(10_000) + b"\n"
            for _ in range(2_000):
                recorder.transport.write(line)
            await recorder.until_called("pause")
            recorder.transport.resume_reading()
            await recorder.until_received(2_000 * len(line))
            assert endpoints[0].connection.finished is False
            recorder.transport.close()
            await recorder.until_called("lost")
            assert await result(rt, endpoints[0]) is None

    run(scenario)
