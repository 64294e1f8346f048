"""Malformed input against live servers and clients: nobody else suffers, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from junto import aio, expose, sync
from junto.errors import ConnectionLost, LocalProtocolError, RemoteError, RemoteProtocolError

WAIT = 10.0


class Service:
    @expose
    def echo(self, value: Any) -> Any:
        return value

    @expose
    def count(self) -> Iterator[int]:
        yield from range(3)


def frame(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


class Raw:
    """The other end of a connection, as bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.settimeout(WAIT)
        self.file = connection.makefile("rb")
        self.batch: list[Any] = []

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def read_payload(self) -> bytes:
        (size,) = struct.unpack(">I", self.file.read(4))
        return self.file.read(size)

    def read(self) -> Any:
        """Give the next message, which may be one of a batch."""
        if not self.batch:
            message = json.loads(self.read_payload())
            self.batch = message if isinstance(message[0], list) else [message]
        return self.batch.pop(0)

    def wait_end(self) -> None:
        """Wait until the other side closes, whatever it has sent before."""
        with contextlib.suppress(ConnectionResetError):
            while self.file.read(65536):
                pass

    def close(self) -> None:
        self.file.close()
        self.connection.close()


# --- a server ------------------------------------------------------------------------------------


@contextlib.contextmanager
def serve_aio(**options: Any) -> Iterator[int]:
    ready: list[int] = []
    started = threading.Event()
    stop: Callable[[], object] = lambda: None  # noqa: E731  # until the loop has its own

    async def main() -> None:
        nonlocal stop
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        faults: list[Any] = []
        loop.set_exception_handler(lambda _, context: faults.append(context))
        stop = lambda: loop.call_soon_threadsafe(stopped.set)  # noqa: E731
        async with aio.serve(Service(), "tcp://127.0.0.1:0", **options) as server:
            ready.append(server.addresses[0].port)
            started.set()
            await stopped.wait()
        assert faults == []

    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failed.append(error)
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(WAIT)
    try:
        yield ready[0]
    finally:
        stop()
        thread.join(WAIT)
    assert failed == []


@contextlib.contextmanager
def serve_sync(**options: Any) -> Iterator[int]:
    with sync.serve(Service(), "tcp://127.0.0.1:0", **options) as server:
        server.start_thread()
        yield server.addresses[0].port


SERVERS = {"aio": serve_aio, "sync": serve_sync}


class Live:
    """A server, a client of it that was there before, and one that misbehaves."""

    def __init__(self, port: int, codec: Any) -> None:
        self.port = port
        self.codec = codec
        self.good = sync.connect(f"tcp://127.0.0.1:{port}", codec=codec)
        assert self.good.remote.echo("before", timeout=WAIT) == "before"
        self.bad = Raw(socket.create_connection(("127.0.0.1", port)))

    def check(self) -> None:
        """Look that the server goes on for its old client and for a new one."""
        assert self.good.remote.echo("after", timeout=WAIT) == "after"
        with sync.connect(f"tcp://127.0.0.1:{self.port}", codec=self.codec) as peer:
            assert peer.remote.echo("new", timeout=WAIT) == "new"

    def close(self) -> None:
        self.bad.close()
        self.good.close()


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> Any:
    return SERVERS[request.param]


@contextlib.contextmanager
def live(kind: Any, codec: str = "json", **options: Any) -> Iterator[Live]:
    with kind(codec=codec, **options) as port, contextlib.closing(Live(port, codec)) as live:
        yield live
        live.check()


FATAL = {
    "empty": b"",
    "no json": b"hello",
    "no utf-8": b'[0, 0, "\xff"]',
    "a byte order mark": b"\xef\xbb\xbf[0, 0, 0]",
    "two": b"[0, 0]",
    "four": b"[0, 0, 0, 0]",
    "a number": b"42",
    "an object of three": b'{"a": 0, "b": 0, "c": 0}',
    "a string of three": b'"000"',
    "type 7": b'[7, 0, "x"]',
    "type as text": b'["0", 0, "x"]',
    "type as float": b'[0.0, 0, "x"]',
    "type as boolean": b'[false, 0, "x"]',
    "a batch": b"[[0, 0, 0]]",
    "too deep": b"[" * 100_000,
    "a long number": b"[0, 0, " + b"1" * 5000 + b"]",
}


def named(cases: dict[str, Any]) -> list[Any]:
    return [pytest.param(case, id=name) for name, case in cases.items()]


# CH-9, CH-10
@pytest.mark.parametrize("payload", named(FATAL))
def test_a_client_that_sends_no_message_is_cut_off_and_no_other(kind: Any, payload: bytes) -> None:
    with live(kind) as server:
        server.bad.send(frame(b'[0, 0, ["echo", [1], {}]]'))
        assert server.bad.read()[:2] == [1, 0]
        server.bad.send(frame(payload))
        server.bad.wait_end()


@pytest.mark.parametrize(
    "hexed", ["", "c1", "9200c0", "9400c0c0c0", "00", "93c2c0c0", "93a130c0c0", "9307c0c0"]
)
def test_the_same_in_msgpack(kind: Any, hexed: str) -> None:
    with live(kind, codec="msgpack") as server:
        server.bad.send(frame(bytes.fromhex(hexed)))
        server.bad.wait_end()


# CH-1
def test_a_client_that_announces_too_much_is_cut_off_on_the_header(kind: Any) -> None:
    with live(kind, receive_limit=20_000) as server:
        server.bad.send(struct.pack(">I", 20_001))
        server.bad.wait_end()


# CH-17
def test_a_client_that_compresses_too_much_is_cut_off(kind: Any) -> None:
    with live(kind, codec="msgpack+blosc", receive_limit=20_000) as server:
        server.bad.send(frame(struct.pack("<BBBBIII", 2, 1, 0x11, 8, 1 << 30, 8, 116) + b"x" * 100))
        server.bad.wait_end()


@pytest.mark.parametrize("data", [b"\0", b"\0\0\0\x05", b"\0\0\0\x05[0, "])
def test_a_client_that_ends_inside_a_frame_is_let_go(kind: Any, data: bytes) -> None:
    with live(kind) as server:
        server.bad.send(data)
        server.bad.connection.shutdown(socket.SHUT_WR)
        server.bad.wait_end()


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_message_in_crumbs_is_a_message(kind: Any, size: int) -> None:
    data = frame(b'[0, 5, ["echo", ["x"], {}]]')
    with live(kind) as server:
        server.bad.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            server.bad.send(data[start : start + size])
        assert server.bad.read() == [1, 5, "x"]


# CH-5
@pytest.mark.parametrize(
    "ident",
    [
        '"x"',
        "null",
        "1.5",
        "-7",
        "true",
        "123456789012345678901234567890",
        "[1, [2]]",
        '{"__type__": [0, 1]}',
    ],
)
@pytest.mark.parametrize("path", ["echo", "nothing", "count"])
@pytest.mark.parametrize("tail", ["", "\t \t"], ids=["old", "junto"])
def test_odd_ids_are_echoed(kind: Any, ident: str, path: str, tail: str) -> None:
    args = '["x"]' if path == "echo" else "[]"
    with live(kind) as server:
        server.bad.send(frame(f'[0, {ident}, ["{path}", {args}, {{}}]]{tail}'.encode()))
        assert server.bad.read()[1] == json.loads(ident)


def test_requests_with_one_number_are_each_answered(kind: Any) -> None:
    with live(kind) as server:
        for value in ("a", "b"):
            server.bad.send(frame(b'[0, 0, ["echo", ["%b"], {}]]' % value.encode()))
        assert [server.bad.read(), server.bad.read()] == [[1, 0, "a"], [1, 0, "b"]]


def test_streams_with_one_number_are_each_answered(kind: Any) -> None:
    with live(kind) as server:
        server.bad.send(frame(b'[0, 0, ["count", [], {}]]\t \t') + frame(b'[0, 0, ["count", [], {}]]'))
        kinds: list[int] = []
        while kinds.count(1) + kinds.count(2) < 2:
            kinds.append(server.bad.read()[0])
        server.bad.send(frame(b'[0, 1, ["echo", ["x"], {}]]'))
        assert server.bad.read() == [1, 1, "x"]


# CH-12, CH-22
@pytest.mark.parametrize(
    "content",
    [
        '"x"',
        "[]",
        '["echo"]',
        '["echo", [1], {}, 4]',
        "[5, [1], {}]",
        '["echo", {"value": 1}, {}]',
        '["echo", [1], []]',
        '["echo", "x", {}]',
        '["echo", [], {}]',
        '["nothing", [], {}]',
        '["", [], {}]',
        '["__class__", [], {}]',
        '["echo/x", [1], {}]',
        '["echo", [{"__type__": [9, 1]}], {}]',
        '["echo", [{"__type__": 9}], {}]',
        '["echo", [{"__type__": [1]}], {}]',
        '["\\ud800", [], {}]',
    ],
)
def test_a_request_that_suits_nobody_is_answered_with_a_failure(kind: Any, content: str) -> None:
    with live(kind) as server:
        server.bad.send(frame(b"[0, 3, %b]" % content.encode()) + frame(b'[0, 4, ["echo", [1], {}]]'))
        failure, result = server.bad.read(), server.bad.read()
        assert failure[:2] == [2, 3]
        assert isinstance(failure[2], str)
        assert result == [1, 4, 1]


# CH-11
@pytest.mark.parametrize(
    "reply", [b"[1, 0, 0]", b'[2, 99, "x"]', b"[1, null, 0]", b"[1, [[]], 0]", b"[2, {}, null]"]
)
def test_replies_to_nothing_are_dropped(kind: Any, reply: bytes) -> None:
    with live(kind) as server:
        server.bad.send(frame(reply) * 3 + frame(b'[0, 4, ["echo", [1], {}]]'))
        assert server.bad.read() == [1, 4, 1]


EXTENSIONS = {
    "a stream with an array as number": b"[4, [], null]",
    "an item of nothing": b"[5, {}, 1]",
    "credit for nothing": b"[6, [1], 1]",
    "credit that is none": b'[6, 0, "x"]',
    "a stop of nothing": b"[7, {}, null]",
    "attachments without a place": b"[8, [5], [0, 0, null]]",
    "a batch with a fault": b'[[0, 7, ["echo", [1], {}]], [0, 8]]',
}


@pytest.mark.parametrize("payload", named(EXTENSIONS))
def test_a_junto_peer_that_misuses_the_extensions_is_cut_off(kind: Any, payload: bytes) -> None:
    with live(kind) as server:
        server.bad.send(frame(b'[0, 0, ["echo", [1], {}]]\t \t') + frame(payload))
        server.bad.wait_end()


# --- a client ------------------------------------------------------------------------------------


@contextlib.contextmanager
def raw_server(answer: Callable[[Raw], object]) -> Iterator[str]:
    """Accept one connection, and do *answer* with it."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            connection, _ = listener.accept()
            with contextlib.closing(Raw(connection)) as raw:
                answer(raw)
        except BaseException as error:
            failed.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WAIT)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            thread.join(WAIT)
    assert failed == []


def ask_aio(url: str, count: int, **options: Any) -> tuple[list[Any], Any]:
    """Make *count* requests at once; returns what came of each, and of one more afterwards."""

    async def main() -> tuple[list[Any], Any]:
        async with asyncio.timeout(WAIT), aio.open_channel(url, **options) as channel:
            replies = [channel.request(number) for number in range(count)]
            results = await asyncio.gather(*replies, return_exceptions=True)
            (after,) = await asyncio.gather(later(channel), return_exceptions=True)
            return results, after

    async def later(channel: aio.Channel) -> Any:
        return await channel.request("after", timeout=WAIT)

    return asyncio.run(main())


def ask_sync(url: str, count: int, **options: Any) -> tuple[list[Any], Any]:
    with sync.open_channel(url, **options) as channel:
        channel.start_thread()
        futures = [channel.submit(number) for number in range(count)]
        results = [future.exception(WAIT) or future.result(WAIT) for future in futures]
        try:
            return results, channel.request("after", timeout=WAIT)
        except Exception as error:
            return results, error


@pytest.fixture(params=[ask_aio, ask_sync])
def ask(request: pytest.FixtureRequest) -> Any:
    return request.param


def read_requests(raw: Raw, count: int) -> None:
    for _ in range(count):
        raw.read_payload()


# CH-9, CH-10
@pytest.mark.parametrize("payload", named(FATAL))
def test_all_who_wait_for_a_server_that_sends_no_message_get_the_same_error(ask: Any, payload: bytes) -> None:
    def answer(raw: Raw) -> None:
        read_requests(raw, 3)
        raw.send(frame(b'[1, 1, "good"]') + frame(payload))
        raw.wait_end()

    with raw_server(answer) as url:
        (first, second, third), after = ask(url, 3)
    assert second == "good"
    for error in (first, third, after):
        assert type(error) is RemoteProtocolError
        assert isinstance(error, ConnectionError)
        assert error.__cause__ is not None
    assert first is not third


# CH-1
def test_a_server_that_announces_too_much_is_left(ask: Any) -> None:
    def answer(raw: Raw) -> None:
        read_requests(raw, 2)
        raw.send(b"\xff\xff\xff\xff")
        raw.wait_end()

    with raw_server(answer) as url:
        results, after = ask(url, 2)
    assert all(isinstance(error, RemoteProtocolError) for error in (*results, after))


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\x05", b"\0\0\0\x05[1, "])
def test_an_end_inside_a_frame_is_the_end_of_the_connection(ask: Any, data: bytes) -> None:
    def answer(raw: Raw) -> None:
        read_requests(raw, 2)
        raw.send(data)

    with raw_server(answer) as url:
        results, after = ask(url, 2)
    assert all(isinstance(error, ConnectionLost) for error in (*results, after))


# CH-11, CH-12, CH-7
def test_a_server_may_answer_what_was_never_asked_and_fail_in_any_shape(ask: Any) -> None:
    def answer(raw: Raw) -> None:
        read_requests(raw, 4)
        for reply in (b"[1, 99, 0]", b"[1, 0.0, 0]", b"[1, false, 0]", b"[2, [], 0]", b'[1, "0", 0]'):
            raw.send(frame(reply))
        raw.send(frame(b'[1, 0, {"__type__": [9, 1]}]') + frame(b"[2, 1, null]") + frame(b'[2, 2, ["x"]]'))
        raw.send(frame(b'[1, 3, "three"]') + frame(b'[1, 3, "again"]'))
        raw.read_payload()
        raw.send(frame(b'[1, 4, "four"]'))
        raw.wait_end()

    with raw_server(answer) as url:
        (spoilt, null, one, three), after = ask(url, 4)
    assert isinstance(spoilt, ValueError)
    assert isinstance(null, RemoteError)
    assert isinstance(one, RemoteError)
    assert (three, after) == ("three", "four")


# CH-2
@pytest.mark.parametrize("flavour", ["aio", "sync"])
def test_what_is_too_long_is_refused_at_the_call_and_the_connection_lives(flavour: str) -> None:
    def answer(raw: Raw) -> None:
        ident = json.loads(raw.read_payload())[1]
        raw.send(frame(b'[1, %d, "ok"]' % ident))
        raw.wait_end()

    with raw_server(answer) as url:
        if flavour == "sync":
            with sync.open_channel(url, send_limit=100) as channel:
                with pytest.raises(LocalProtocolError, match="limit"):
                    channel.request("x" * 100)
                assert channel.request("short", timeout=WAIT) == "ok"
        else:

            async def main() -> None:
                async with aio.open_channel(url, send_limit=100) as channel:
                    with pytest.raises(LocalProtocolError, match="limit"):
                        channel.request("x" * 100)
                    assert await channel.request("short", timeout=WAIT) == "ok"

            asyncio.run(main())
