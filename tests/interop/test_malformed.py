"""Malformed input to live servers: who sends it is cut off or answered, and all others are served."""

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
import trio
from raw import FATAL, WAIT, Raw, frame, named

import junto.trio
from junto import aio, expose, simpy, sync


class Service:
    @expose
    def echo(self, value: Any) -> Any:
        return value

    @expose
    def count(self) -> Iterator[int]:
        yield from range(3)


# --- a server ------------------------------------------------------------------------------------


class Serving:
    """A server in a thread of its own; *run* calls `started` and then waits until *stop* is called."""

    def __init__(self, run: Callable[[Serving], object]) -> None:
        self._run = run
        self._ready = threading.Event()
        self._failed: list[BaseException] = []
        self._port = 0
        self._stop: Callable[[], object] = lambda: None

    def started(self, port: int, stop: Callable[[], object]) -> None:
        self._port = port
        self._stop = stop
        self._ready.set()

    def _serve(self) -> None:
        try:
            self._run(self)
        except BaseException as error:
            self._failed.append(error)
        finally:
            self._ready.set()

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        thread = threading.Thread(target=self._serve)
        thread.start()
        assert self._ready.wait(WAIT)
        try:
            assert self._failed == []
            yield self._port
        finally:
            self._stop()
            thread.join(WAIT)
        assert self._failed == []


def serve_aio(**options: Any) -> contextlib.AbstractContextManager[int]:
    async def main(serving: Serving) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        faults: list[Any] = []
        loop.set_exception_handler(lambda _, context: faults.append(context))
        async with aio.serve(Service(), "tcp://127.0.0.1:0", **options) as server:
            serving.started(server.addresses[0].port, lambda: loop.call_soon_threadsafe(stopped.set))
            await stopped.wait()
        assert faults == []

    return Serving(lambda serving: asyncio.run(main(serving))).serving()


def serve_trio(**options: Any) -> contextlib.AbstractContextManager[int]:
    async def main(serving: Serving) -> None:
        token, stopped = trio.lowlevel.current_trio_token(), trio.Event()
        async with junto.trio.serve(Service(), "tcp://127.0.0.1:0", **options) as server:
            serving.started(server.addresses[0].port, lambda: token.run_sync_soon(stopped.set))
            await stopped.wait()

    return Serving(lambda serving: trio.run(main, serving)).serving()


@contextlib.contextmanager
def serve_sync(**options: Any) -> Iterator[int]:
    with sync.serve(Service(), "tcp://127.0.0.1:0", **options) as server:
        server.start_thread()
        yield server.addresses[0].port


@contextlib.contextmanager
def serve_simpy(**options: Any) -> Iterator[int]:
    env = simpy.Environment()
    stopped = env.event()
    server = env.run(until=simpy.serve(env, Service(), "tcp://127.0.0.1:0", **options))
    failed: list[BaseException] = []

    def run() -> None:
        try:
            env.run(until=stopped)
            env.run(until=server.close(1.0))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield server.addresses[0].port
    finally:
        env.call_soon_threadsafe(stopped.succeed)
        thread.join(WAIT)
        env.close()
    assert failed == []


SERVERS = {"aio": serve_aio, "sync": serve_sync, "simpy": serve_simpy, "trio": serve_trio}


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
