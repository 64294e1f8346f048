"""Clients of VSOA 1.0.4, each a program, and our server."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from junto import expose
from junto.vsoa import Position, Response, StatusError, sync

PROGRAM = Path(__file__).parent / "vsoa_client.py"
WAIT = 30.0


def run(url: str, task: str, password: str = "secret") -> Any:
    """Run the client's program with *task*; give what it tells."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), url, password, task],
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout.splitlines()[-1])


class Service:
    @expose
    def add(self, a: int, b: int) -> int:
        return a + b


@pytest.fixture
def server() -> Iterator[sync.Server]:
    with sync.serve(
        "vsoa://127.0.0.1:0", service=Service(), info={"name": "junto"}, password="secret"
    ) as server:
        server.start_thread()
        yield server


def test_it_connects_and_is_told_who_we_are(server: sync.Server) -> None:
    assert run(server.addresses[0], "connect") == [0, [[True, {"name": "junto"}]]]
    assert run(server.addresses[0], "connect", "wrong")[0] == 5


def test_its_requests_are_handled(server: sync.Server) -> None:
    server.command("/echo")(lambda request: request)
    server.command("/method")(lambda request: request.method)
    server.command("/tree/")(lambda request: request.url)
    server.command("/size")(lambda request: len(request.data))

    @server.command("/status")
    def status(request: sync.Request) -> Any:
        raise StatusError(130, request.param)

    assert run(server.addresses[0], "requests") == {
        "echo": [0, {"a": [1, "ü"]}, "0001", 0],
        "raw": 0,
        "set": [0, "SET", None, 0],
        "get": [0, "GET", None, 0],
        "prefix": [0, "/tree/a/b", None, 0],
        "unknown": [3, "no service is offered at 'unknown'", None, 0],
        "status": [130, {"why": 1}, None, 0],
        "typed": [0, 7, None, 0],
        "large": [0, 200_000, None, 0],
        "ping": True,
        "many": [[number] for number in range(50)],
    }


def test_it_gets_what_it_has_subscribed_to_on_both_channels(server: sync.Server) -> None:
    told: list[Any] = []

    def greet(session: sync.Session, here: bool) -> None:
        if here:
            session.on_subscribe = lambda session, urls: told.append(urls)

    @server.command("/publish")
    def publish(request: sync.Request) -> None:
        server.publish("/a/x", {"n": 1}, b"data")
        server.publish("/b", {"n": 2})
        server.publish("/nobody", {"n": 3})
        server.publish("/c", {"n": 4}, quick=True)
        server.publish("/a", {"n": 5}, quick=True)

    server.on_client = greet
    accepted, messages = run(server.addresses[0], "subscriptions")
    assert accepted == [True] * 3
    assert told == ["/a/", ["/b", "/c"]]
    assert messages == [
        ["/a", {"n": 5}, None, True],
        ["/a/x", {"n": 1}, "data", False],
        ["/b", {"n": 2}, None, False],
        ["/c", {"n": 4}, None, True],
    ]


def test_datagrams_go_both_ways_on_both_channels(server: sync.Server) -> None:
    seen: list[Any] = []

    def answer(session: sync.Session, message: Any) -> None:
        seen.append((message.url, message.param, message.quick))
        session.datagram("/y", message.param, b"w", quick=message.quick)

    server.on_datagram = answer
    sent, datagrams = run(server.addresses[0], "datagram")
    assert sent == [True, True]
    assert sorted(seen) == [("/x", [1], False), ("/x", [2], True)]
    assert datagrams == [["/y", [1], "w", False], ["/y", [2], "w", True]]


def test_it_loses_nothing_of_what_is_said_right_after_the_greeting(server: sync.Server) -> None:
    def greet(session: sync.Session, here: bool) -> None:
        if here:
            session.priority = 3
            session.datagram("/hello", ["at once"])

    server.on_client = greet
    for _ in range(3):
        assert run(server.addresses[0], "greeting") == [["/hello", ["at once"], None, False]]


def test_it_opens_a_stream_that_we_offer(server: sync.Server) -> None:
    received: list[bytes] = []
    done = threading.Event()

    def serve(offer: sync.StreamOffer) -> None:
        with offer.accept() as stream:
            stream.send(b"x" * 300_000)
            received.append(stream.receive())
        done.set()

    offers: list[sync.StreamOffer] = [server.offer_stream()]

    @server.command("/stream")
    def stream(request: sync.Request) -> Any:
        threading.Thread(target=serve, args=(offers[0],)).start()
        return Response(tunnel=offers[0].port)

    assert run(server.addresses[0], "stream") == [300_000, [True, False]]
    assert done.wait(WAIT)
    assert received == [b"hello"]


def test_its_robot_stays_connected_and_comes_back(server: sync.Server) -> None:
    server.command("/disconnect")(lambda request: request.session.close())
    server.command("/publish")(lambda request: server.publish("/a", [1]) and None)
    states, messages = run(server.addresses[0], "robot")
    assert states == [True, False, True]
    assert messages == [["/a", [1], None, False]]


def test_its_one_shot_fetch_is_answered(server: sync.Server) -> None:
    server.command("/echo")(lambda request: request.param)
    assert run(server.addresses[0], "one_shot") == [0, [5], 0]


def test_it_speaks_tls_with_us(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with sync.serve("vsoa://127.0.0.1:0", info="safe", tls=context) as server:
        server.start_thread()
        server.command("/echo")(lambda request: request.param)
        url = server.addresses[0]
        assert run(url, "secure", str(tmp_path / "ca.pem")) == [0, "safe", [0, [5], None, 0], False]


def test_it_finds_out_positions_from_us() -> None:
    with sync.serve_positions({"car": Position("127.0.0.1", 3000)}, "vsoa://127.0.0.1:0") as positions:
        positions.start_thread()
        found = run(f"vsoa://127.0.0.1:{positions.port}", "lookup")
        assert found == [["127.0.0.1", 3000], None]
