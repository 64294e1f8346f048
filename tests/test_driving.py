"""Protocols over blocking sockets, and over asyncio's streams."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

from junto.errors import ConnectionLost, IncompleteRead, RequestTimeout
from junto.protocols import (
    EventSteps,
    Recorded,
    Steps,
    drive,
    emit,
    protocol,
    put,
    read,
    readline,
    run,
    skip,
    write,
)


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
    yield from put(b"go ")
    yield from write(b"away\n")
    raise PermissionError("nobody may")


@protocol
def give_and_take(size: int) -> Steps[int]:
    yield from put(bytes(size))
    yield from skip(size)
    return size


@protocol
def take_and_give(size: int) -> Steps[None]:
    yield from skip(size)
    yield from put(bytes(size))


@protocol
def survive() -> Steps[str]:
    try:
        yield from read(1)
    except ConnectionLost as error:
        return f"lost: {type(error.__cause__).__name__}"
    return "read"


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    with a, b:
        a.settimeout(10)
        b.settimeout(10)
        yield a, b


@contextmanager
def in_thread(function: object, *args: object) -> Iterator[None]:
    thread = threading.Thread(target=function, args=args)  # type: ignore[arg-type]
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        assert not thread.is_alive()


def test_so901_a_client_and_a_server_block_on_their_sockets() -> None:
    with pair() as (a, b):
        lines: list[bytes] = []
        with in_thread(lambda: run(echo(), b, on_event=lines.append)):
            for question in (b"one", b"two"):
                assert run(ask(question), a) == question
            a.shutdown(socket.SHUT_WR)
        assert lines == [b"one\n", b"two\n"]


def test_so901_partial_sends_are_completed() -> None:
    class Reluctant:
        def __init__(self, sock: socket.socket) -> None:
            self.sock = sock
            self.recv = sock.recv
            self.gettimeout = sock.gettimeout
            self.settimeout = sock.settimeout

        def send(self, data: bytes) -> int:
            return self.sock.send(data[:1000])

    with pair() as (a, b):
        with in_thread(run, take_and_give(100_000), b):
            assert run(give_and_take(100_000), Reluctant(a)) == 100_000


def test_so901_the_end_is_passed_on() -> None:
    with pair() as (a, b):
        b.sendall(b"half a li")
        b.shutdown(socket.SHUT_WR)
        with pytest.raises(IncompleteRead):
            run(ask(b"x"), a)


def test_so901_last_words_are_sent_before_an_error_is_raised() -> None:
    with pair() as (a, b):
        b.sendall(b"x")
        with pytest.raises(PermissionError):
            run(refuse(), a)
        assert b.recv(100) == b"go away\n"


def test_so901_a_timeout_is_for_all_of_it_and_leaves_the_protocol_where_it_was() -> None:
    with pair() as (a, b):
        connection = ask(b"x")
        b.sendall(b"half")
        with pytest.raises(RequestTimeout):
            run(connection, a, timeout=0.05)
        with pytest.raises(RequestTimeout):
            run(connection, a, timeout=0)
        assert a.gettimeout() == 10
        b.sendall(b" and half\n")
        assert run(connection, a, timeout=10) == b"half and half"


def test_so901_a_lost_connection_is_told_to_the_protocol() -> None:
    class Broken:
        def recv(self, size: int) -> bytes:
            raise ConnectionResetError("gone")

        def send(self, data: bytes) -> int:
            raise ConnectionResetError("gone")

        def gettimeout(self) -> None:
            return None

        def settimeout(self, value: float | None) -> None: ...

    assert run(survive(), Broken()) == "lost: ConnectionResetError"
    connection = ask(b"x")
    with pytest.raises(ConnectionLost, match="gone") as caught:
        run(connection, Broken())
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    assert connection.failed


def test_so901_what_comes_after_the_end_is_kept() -> None:
    with pair() as (a, b):
        b.sendall(b"yes\nand more")
        connection = ask(b"x")
        assert run(connection, a) == b"yes"
        assert connection.unused_data == b"and more"


def test_so902_streams_are_driven_by_await() -> None:
    async def scenario() -> list[bytes]:
        lines: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await drive(echo(), reader, writer, on_event=lines.append)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        recorded = Recorded(ask(b"one"))
        assert await drive(recorded, reader, writer) == b"one"
        assert recorded.transcript == [("out", b"one\n"), ("in", b"one\n")]
        assert await drive(ask(b"two"), reader, writer) == b"two"
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return lines

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) == [b"one\n", b"two\n"]


def test_so902_last_words_go_over_streams_too() -> None:
    async def scenario() -> None:
        errors = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await drive(refuse(), reader, writer)
            except PermissionError as error:
                errors.append(error)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x")
        assert await reader.read() == b"go away\n"
        assert len(errors) == 1
        with pytest.raises(IncompleteRead):
            await drive(ask(b"x"), reader, writer)
        writer.close()
        server.close()
        await server.wait_closed()

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_so902_a_lost_stream_is_told_to_the_protocol() -> None:
    class Broken:
        async def read(self, n: int = -1) -> bytes:
            raise ConnectionResetError("gone")

        def write(self, data: bytes) -> None: ...

        async def drain(self) -> None: ...

    assert asyncio.run(drive(survive(), Broken(), Broken())) == "lost: ConnectionResetError"
    with pytest.raises(ConnectionLost):
        asyncio.run(drive(ask(b"x"), Broken(), Broken()))
