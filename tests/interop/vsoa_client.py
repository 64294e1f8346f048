"""A client of VSOA 1.0.4, as a program: does what the line says, and tells in JSON what came of it."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import vsoa

URL, PASSWORD, TASK = sys.argv[1:4]
WAIT = 10.0
messages: list[Any] = []
datagrams: list[Any] = []


def until(is_so: Callable[[], Any]) -> None:
    end = time.monotonic() + WAIT
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"{messages} {datagrams}")
        time.sleep(0.002)


def note(seen: list[Any]) -> Callable[..., None]:
    return lambda client, url, payload, quick: seen.append(
        [url, payload.param, bytes(payload.data).decode() if payload.data else None, quick]
    )


def make() -> Any:
    client = vsoa.Client()
    client.onmessage = note(messages)
    client.ondata = note(datagrams)
    return client


def connected() -> Any:
    client = make()
    code = client.connect(URL, PASSWORD)
    if code:
        raise ConnectionError(code)
    threading.Thread(target=client.run, daemon=True).start()
    return client


def fetch(client: Any, url: str, payload: Any = None, **options: Any) -> Any:
    header, reply, code = client.fetch(url, payload=payload, timeout=WAIT, **options)
    if header is None:
        return [None, None, None, code]
    return [header.status, reply.param, bytes(reply.data).hex() if reply.data else None, code]


def wait_for(ask: Callable[..., Any], *args: Any) -> Any:
    answers: list[Any] = []
    ask(*args, callback=lambda client, success: answers.append(success))
    until(lambda: answers)
    return answers[0]


def connect() -> Any:
    info: list[Any] = []
    client = make()
    client.onconnect = lambda client, connected, told: info.append([connected, told])
    code = client.connect(URL, PASSWORD)
    return [code, info]


def secure() -> Any:
    """Speak TLS; instead of a password there is the name of the authority's file."""
    infos: list[Any] = []
    client = make()
    client.onconnect = lambda client, connected, info: infos.append(info)
    code = client.connect(URL, sslopt={"ca_cert": PASSWORD, "load_default_certs": False})
    threading.Thread(target=client.run, daemon=True).start()
    return [code, infos[0], fetch(client, "/echo", {"param": [5]}), client.datagram("/x", {}, True)]


def requests() -> Any:
    client = connected()
    return {
        "echo": fetch(client, "/echo", {"param": {"a": [1, "ü"]}, "data": b"\0\1"}),
        "raw": fetch(client, "/echo", {"param": b"\xff"[:1]})[0],
        "set": fetch(client, "/method", method="SET"),
        "get": fetch(client, "/method"),
        "prefix": fetch(client, "/tree/a/b"),
        "unknown": fetch(client, "/unknown/url"),
        "status": fetch(client, "/status", {"param": {"why": 1}}),
        "typed": fetch(client, "/add", {"param": [3, 4]}),
        "large": fetch(client, "/size", {"data": b"x" * 200_000}),
        "ping": wait_for(client.ping),
        "many": [fetch(client, "/echo", {"param": [number]})[1] for number in range(50)],
    }


def subscriptions() -> Any:
    client = connected()
    accepted = [wait_for(client.subscribe, "/a/"), wait_for(client.subscribe, ["/b", "/c"])]
    fetch(client, "/publish")
    until(lambda: len(messages) >= 4)
    accepted.append(wait_for(client.unsubscribe, "/a/"))
    return [accepted, sorted(messages, key=str)]


def datagram() -> Any:
    client = connected()
    sent = [client.datagram("/x", {"param": [1], "data": b"z"}), client.datagram("/x", {"param": [2]}, True)]
    until(lambda: len(datagrams) >= 2)
    return [sent, sorted(datagrams, key=str)]


def greeting() -> Any:
    """Hear what the server says right after it has accepted us."""
    connected()
    until(lambda: datagrams)
    return datagrams


def stream() -> Any:
    client = connected()
    header, _, _ = client.fetch("/stream", timeout=WAIT)
    received = bytearray()
    states: list[bool] = []

    def onlink(stream: Any, linked: bool) -> None:
        states.append(linked)
        if linked:
            stream.send(b"hello")

    client.create_stream(header.tunid, onlink, lambda stream, data: received.extend(data))
    until(lambda: states == [True, False])
    return [len(received), states]


def robot() -> Any:
    states: list[Any] = []
    client = make()

    def onconnect(client: Any, connected: bool, info: Any) -> None:
        states.append(connected)
        if connected:
            client.subscribe("/a")

    client.onconnect = onconnect
    client.robot(URL, PASSWORD, keepalive=0.2, reconn_delay=0.05)
    until(lambda: states == [True])
    time.sleep(1)
    assert states == [True], states
    client.call("/disconnect")
    until(lambda: states == [True, False, True])
    client.call("/publish")
    until(lambda: messages)
    client.close()
    return [states, messages[:1]]


def one_shot() -> Any:
    header, payload, code = vsoa.fetch(URL + "/echo", PASSWORD, payload={"param": [5]}, timeout=WAIT)
    return [header.status, payload.param, code]


def lookup() -> Any:
    host, port = URL.removeprefix("vsoa://").split(":")
    vsoa.pos(host, int(port))
    return [vsoa.lookup("car"), vsoa.lookup("bus")]


sys.stdout.write(json.dumps(globals()[TASK]()) + "\n")
sys.stdout.flush()
