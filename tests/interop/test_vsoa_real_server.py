"""Our clients, and a server of VSOA 1.0.4, which is a program."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from junto.errors import RequestTimeout
from junto.vsoa import PasswordRefused, Position, StatusError, aio, sync

FOLDER = Path(__file__).parent
WAIT = 10.0


def free_port() -> int:
    """Find a port that is free for TCP and UDP: that server cannot tell which one it got."""
    for _ in range(50):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("there is no free port")


@contextlib.contextmanager
def program(name: str, *arguments: str) -> Iterator[None]:
    """Run a program until we are done with it, and wait until it listens."""
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / name), *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "listening\n"
        yield
    finally:
        process.kill()
        process.wait(WAIT)
        process.stdout.close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    port = free_port()
    with program("vsoa_server.py", "127.0.0.1", str(port), "secret"):
        yield f"vsoa://127.0.0.1:{port}"


@pytest.fixture
def client(url: str) -> Iterator[sync.Client]:
    with sync.connect(url, password="secret", timeout=WAIT) as client:
        yield client


def until(is_so: Callable[[], Any], step: Callable[[], Any]) -> None:
    end = time.monotonic() + WAIT
    while not is_so():
        assert time.monotonic() < end, "it never came to be"
        step()
        time.sleep(0.005)


def test_it_tells_who_it_is_and_wants_a_password(url: str, client: sync.Client) -> None:
    assert client.info == {"name": "real"}
    assert client.client_id is not None
    with pytest.raises(PasswordRefused):
        sync.connect(url, password="wrong")
    with pytest.raises(PasswordRefused):
        sync.connect(url)


def test_it_answers_requests(client: sync.Client) -> None:
    reply = client.fetch("/echo", {"a": [1, "ü"]}, b"\0\1")
    assert (reply.param, reply.data, reply.status) == ({"a": [1, "ü"]}, b"\0\1", 0)
    assert client.fetch("/method").param["method"] == 0
    assert client.fetch("/method", method="SET").param["method"] == 1
    assert client.fetch("/echo", data=b"x" * 200_000).data == b"x" * 200_000
    assert client.fetch("/twice").param == [1]
    assert client.fetch("/slow").param == "slow"
    with pytest.raises(StatusError) as caught:
        client.fetch("/status", 130)
    assert (caught.value.status, caught.value.payload.param) == (130, {"why": "busy"})
    with pytest.raises(StatusError) as caught:
        client.fetch("/nothing")
    assert caught.value.status == 3
    with pytest.raises(RequestTimeout):
        client.fetch("/never", timeout=0.05)
    assert client.ping() >= 0
    client.noop()
    assert client.fetch("/echo", [5]).param == [5]


def test_it_publishes_to_us_on_both_channels(client: sync.Client) -> None:
    with client.subscribe("/a/", "/b") as subscription:
        messages = [
            {"url": "/a/x", "param": {"n": 1}},
            {"url": "/c", "param": {"n": 2}},
            {"url": "/b", "param": {"n": 3}},
            {"url": "/a", "param": {"n": 4}, "quick": True},
        ]
        client.fetch("/publish", messages)
        got = [next(subscription) for _ in range(3)]
        assert sorted((one.url, one.param["n"], one.data, one.quick) for one in got) == [
            ("/a", 4, b"x", True),
            ("/a/x", 1, b"x", False),
            ("/b", 3, b"x", False),
        ]
    client.fetch("/publish", messages)
    assert list(subscription) == []


def test_datagrams_go_both_ways_on_both_channels(url: str) -> None:
    back: list[Any] = []
    with sync.connect(url, password="secret", on_datagram=back.append) as client:
        assert client.datagram("/x", [1])
        assert client.datagram("/x", [2], quick=True)
        assert client.fetch("/datagram", {"quick": False}).param == {"sent": True}
        assert client.fetch("/datagram", {"quick": True}).param == {"sent": True}
        until(lambda: len(back) == 2, client.ping)
        assert sorted((one.url, one.param[0], one.data, one.quick) for one in back) == [
            ("/back", "back", b"y", False),
            ("/back", "back", b"y", True),
        ]
        log: list[Any] = []
        until(lambda: ["datagram", "/x", [2], True] in log, lambda: log.extend(client.fetch("/log").param))
        assert ["datagram", "/x", [1], False] in log


def test_it_sets_our_priority(client: sync.Client) -> None:
    client.fetch("/priority", 5)
    until(lambda: client.priority == 5, client.ping)
    client.fetch("/priority", 0)
    until(lambda: client.priority == 0, client.ping)


def test_it_offers_streams(client: sync.Client) -> None:
    reply = client.fetch("/stream", {"size": 3_000_000})
    assert reply.tunnel
    with client.open_stream(reply.tunnel) as stream:
        size = 0
        while size < 3_000_000:
            size += len(stream.receive())
        stream.send(b"y" * 100_000)
    log: list[Any] = []
    until(lambda: ["stream ended", 100_000] in log, lambda: log.extend(client.fetch("/log").param))


def test_we_come_back_with_our_subscriptions(url: str) -> None:
    seen: list[Any] = []
    ups: list[Any] = []
    with sync.connect(
        url, password="secret", reconnect=True, keepalive=0.2, on_connect=lambda client: ups.append(1)
    ) as client:
        client.subscribe("/r", callback=lambda message: seen.append(message.param))
        client.start_thread()
        client.request_apart("/disconnect")
        deadline = time.monotonic() + WAIT
        while len(ups) < 2 or not client.connected:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        until(lambda: seen, lambda: client.fetch("/publish", [{"url": "/r", "param": [1]}], timeout=WAIT))
        time.sleep(0.5)
        assert client.connected
        assert client.fetch("/echo", [1]).param == [1]


def test_threads_and_tasks_talk_to_it_together(url: str, client: sync.Client) -> None:
    wrong: list[Any] = []

    def work(base: int) -> None:
        for number in range(base, base + 50):
            if client.fetch("/echo", [number]).param != [number]:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(base,)) for base in (0, 1000)]
    for thread in threads:
        thread.start()

    async def main() -> None:
        async with aio.connect(url, password="secret") as one:
            replies = await asyncio.gather(*(one.fetch("/echo", [number]) for number in range(200)))
            assert [reply.param for reply in replies] == [[number] for number in range(200)]
            async with one.subscribe("/a") as subscription:
                await one.fetch("/publish", [{"url": "/a", "param": ["tasks"]}])
                assert (await anext(subscription)).param == ["tasks"]

    asyncio.run(main())
    for thread in threads:
        thread.join(WAIT)
    assert wrong == []


def test_it_speaks_tls_both_sides_with_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    names = [str(tmp_path / name) for name in ("cert.pem", "key.pem", "ca.pem")]
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(names[0])
    certificate.private_key_pem.write_to_path(names[1])
    authority.cert_pem.write_to_path(names[2])
    context = ssl.create_default_context(cafile=names[2])
    authority.issue_cert("client@example.org").configure_cert(context)
    port = free_port()
    with program("vsoa_server.py", "127.0.0.1", str(port), "", *names):
        with sync.connect(f"vsoa://127.0.0.1:{port}", tls=context) as client:
            assert client.fetch("/echo", [1]).param == [1]
            assert client.datagram("/x", quick=True) is False
            reply = client.fetch("/stream", {"size": 100_000})
            assert reply.tunnel
            with client.open_stream(reply.tunnel) as stream:
                size = 0
                while size < 100_000:
                    size += len(stream.receive())


def test_it_listens_at_ipv6() -> None:
    port = free_port()
    with program("vsoa_server.py", "::1", str(port), ""):
        with sync.connect(f"vsoa://[::1]:{port}", timeout=WAIT) as client:
            with client.subscribe("/a") as subscription:
                client.fetch("/publish", [{"url": "/a", "param": [1], "quick": True}])
                assert next(subscription).param == [1]
            assert client.datagram("/x", [6], quick=True)
            log: list[Any] = []
            until(
                lambda: ["datagram", "/x", [6], True] in log, lambda: log.extend(client.fetch("/log").param)
            )


def test_it_tells_positions() -> None:
    port = free_port()
    with program("vsoa_position.py", str(port)):
        servers = [("127.0.0.1", port)]
        assert sync.lookup("car", servers=servers) == Position("127.0.0.1", 3000, security=True)
        assert sync.lookup("bus", servers=servers) is None
