"""Sections 15 and 20 of the statements: URLs, serial lines and other ways to an instrument."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from junto import ConnectionFailed, aio, sync
from junto.instrument.retrying import Retry
from junto.instrument.urls import parse, register_scheme, socket_for_url

from .conftest import Run
from .peer import WHO
from .worlds import Adapter

KINDS = {
    "async": aio.TCP,
    "asyncio": aio.TCP,
    "sync": sync.TCP,
    "syncio": sync.TCP,
    "futures": sync.FuturesTCP,
}


@pytest.mark.parametrize("concurrency", KINDS)
def test_in_1501_ac_15_a_url_gives_a_closed_client(concurrency: str) -> None:
    client = socket_for_url("tcp://127.0.0.1:5025", concurrency=concurrency, timeout=3)
    assert isinstance(client, KINDS[concurrency])
    assert (client.host, client.port, client.timeout, client.connected()) == ("127.0.0.1", 5025, 3, False)
    with pytest.raises(ValueError):
        socket_for_url("udp://127.0.0.1:5025", concurrency=concurrency)


@pytest.mark.parametrize("concurrency", ["curio", "", None, []])
def test_in_1501_ac_15_an_unknown_concurrency_is_refused(concurrency: Any) -> None:
    with pytest.raises(ValueError, match="concurrency is one of"):
        socket_for_url("tcp://127.0.0.1:5025", concurrency=concurrency)


def test_in_1501_each_flavour_has_its_own() -> None:
    assert isinstance(aio.socket_for_url("tcp://h:1"), aio.TCP)
    assert isinstance(sync.socket_for_url("tcp://h:1"), sync.TCP)


@pytest.mark.worlds("asyncio", "blocking", "futures")
def test_in_1501_ac_15_such_a_client_opens_and_answers(run: Run) -> None:
    async def scenario(w: Any) -> None:
        peer = await w.peer()
        kind = "async" if not w.blocks else "futures" if w.futures else "sync"
        client = socket_for_url(f"tcp://127.0.0.1:{peer.port}?timeout=5", concurrency=kind)
        client = Adapter(client, w.futures) if w.blocks else client
        assert await client.write_readline(b"who?\n") == WHO
        await client.close()

    run(scenario)


@pytest.mark.parametrize(
    "url",
    [
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://:5025",
        "tcp://127.0.0.1:5025/path",
        "tcp://127.0.0.1:5025/",
        "tcp://::1:5025",
        "tcp://127.0.0.1:5025?color=red",
        "tcp://127.0.0.1:5025?timeout",
        "tcp://127.0.0.1:5025?timeout=soon",
        "tcp://127.0.0.1:5025?timeout=-1",
        "tcp://127.0.0.1:5025?no_delay=perhaps",
        "tcp://127.0.0.1:5025?baudrate=9600",
        "tcp:127.0.0.1:5025",
        "127.0.0.1:5025",
        "udp://127.0.0.1:5025",
        "hislip://127.0.0.1",
        "vxi11://127.0.0.1",
        "serial://",
        "serial:///dev/null?timeout=x",
        "serial:///dev/null?no_delay=1",
        "unix://",
        "loop://x",
        "exec:",
        "exec:'open quote",
        "rfc2217://127.0.0.1",
        "tls://127.0.0.1:5025",
        5025,
    ],
)
def test_in_1502_a_wrong_url_is_refused(url: Any) -> None:
    with pytest.raises(ValueError):
        socket_for_url(url)


def test_in_1502_brackets_and_capitals() -> None:
    client = socket_for_url("TCP://[::1]:5025")
    assert (client.host, client.port) == ("::1", 5025)


def test_in_1503_the_query_sets_options() -> None:
    client = socket_for_url(
        "tcp://h:5025?timeout=2.5&eol=crlf&no_delay=0&tos=0x08&connection_timeout=none&auto_reconnect=off"
        "&buffer_size=100&keep_alive=1"
    )
    assert (client.timeout, client.eol, client.no_delay, client.tos) == (2.5, b"\r\n", False, 8)
    assert (client.connection_timeout, client.auto_reconnect, client.buffer_size) == (None, False, 100)
    assert client.keep_alive is True
    for name, eol in (
        ("lf", b"\n"),
        ("cr", b"\r"),
        ("LFCR", b"\n\r"),
        ("nul", b"\0"),
        ("%03%0a", b"\x03\n"),
        (";", b";"),
    ):
        assert socket_for_url(f"tcp://h:1?eol={name}").eol == eol
    assert socket_for_url("tcp://h:1?timeout=2", timeout=3).timeout == 3


def test_in_1504_other_schemes_may_be_registered() -> None:
    from junto.instrument.connectors import loop_back

    register_scheme("mirror", lambda place, system: loop_back, {"size": int})
    place, options = parse("mirror://there?size=3&timeout=1")
    assert (place.rest, place.settings, options) == ("there", {"size": 3}, {"timeout": 1.0})
    assert not socket_for_url("mirror://there?size=3").connected()


@pytest.mark.parametrize("option", [{"no_delay": True}, {"tos": 0}, {"keep_alive": None}, {"tls": None}])
def test_in_2001_options_of_tcp_are_refused_elsewhere(option: dict[str, Any]) -> None:
    for concurrency in ("async", "sync", "futures"):
        with pytest.raises(ValueError, match="is for TCP"):
            socket_for_url("loop://", concurrency=concurrency, **option)


def made(w: Any, url: str, **options: Any) -> Any:
    """Make the client of a world for *url*; it is closed with the world."""
    kind = "async" if not w.blocks else "futures" if w.futures else "sync"
    client = socket_for_url(url, concurrency=kind, **options)
    client = Adapter(client, w.futures) if w.blocks else client
    w._clients.append(client)
    return client


@pytest.mark.worlds("asyncio", "uvloop", "blocking", "futures")
def test_in_1504_loop_gives_back_what_is_written(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client = made(w, "loop://")
        assert await client.query("hello") == "hello"
        data = bytes(range(256)) * 4000
        assert await client.write_readexactly(data, len(data)) == data
        await client.close()
        assert await client.write_readline(b"again\n") == b"again\n"
        assert (client.connection_counter, client.peername) == (2, None)

    run(scenario)


@pytest.mark.worlds("asyncio", "uvloop", "blocking", "futures")
def test_in_1504_exec_talks_to_a_child(run: Run) -> None:
    program = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"

    async def scenario(w: Any) -> None:
        client = made(w, f"exec:{sys.executable} -c '{program}'")
        assert await client.query("hello", timeout=10) == "HELLO"
        assert await client.query("world") == "WORLD"
        await client.close()
        gone = made(w, f"exec:{sys.executable} -c 'print(1)'")
        assert await gone.readline(timeout=10) == b"1\n"
        with pytest.raises(EOFError):
            await gone.readline()
        with pytest.raises(FileNotFoundError):
            await made(w, "exec:/no/such/program").open()

    run(scenario)


@pytest.mark.worlds("asyncio", "uvloop", "blocking")
def test_in_1504_unix_sockets(run: Run, tmp_path: Any) -> None:
    from junto.address import Address

    from .peer import Connection

    async def scenario(w: Any) -> None:
        peer = await w.peer()
        path = str(tmp_path / f"s{id(w)}")
        listen = w.rt.listen(Address("unix", path=path), lambda: Connection(peer))
        listener = w.rt.call(_same, listen) if w.blocks else await listen
        client = made(w, f"unix://{path}?timeout=5")
        assert await client.write_readline(b"who?\n") == WHO
        await client.close()
        if w.blocks:
            w.rt.call(listener.close)
        else:
            listener.close()

    run(scenario)


def _same(value: Any) -> Any:
    return value


@contextmanager
def pseudo_terminal(answer: Callable[[bytes], bytes]) -> Iterator[tuple[str, Callable[[], None]]]:
    """Give the path of a line at whose other end *answer* answers lines, and what unplugs it."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    tty.setraw(ours)
    path = os.ttyname(theirs)
    plugged = [True]

    def serve() -> None:
        rest = b""
        while True:
            try:
                data = os.read(ours, 1000)
            except OSError:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                os.write(ours, answer(line))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    def unplug() -> None:
        if plugged[0]:
            plugged[0] = False
            os.close(theirs)
            thread.join(5)
            os.close(ours)

    try:
        yield path, unplug
    finally:
        unplug()


@pytest.mark.worlds("asyncio", "uvloop", "blocking", "futures")
def test_in_1504_in_1904_in_2001_a_serial_line(run: Run) -> None:
    async def scenario(w: Any) -> None:
        with pseudo_terminal(lambda line: b"you said " + line + b"\n") as (path, _unplug):
            lost: list[Any] = []
            client = made(
                w,
                f"serial://{path}?baudrate=115200&bytesize=8&parity=N&stopbits=1&timeout=10",
                on_connection_lost=lost.append,
            )
            assert await client.query("hello") == "you said hello"
            with pytest.raises(TimeoutError):
                await client.readline(timeout=0.05)
            assert await client.query("again") == "you said again"
            assert client.connection_counter == 2
            line = client.transport.get_extra_info("serial")
            assert line.baudrate == 115200
            await client.close()
            assert lost == [None, None]

    run(scenario)


@pytest.mark.worlds("asyncio", "blocking")
def test_in_2002_a_line_that_is_unplugged_is_lost(run: Run) -> None:
    async def scenario(w: Any) -> None:
        client = made(w, "loop://")
        await client.close()
        from junto.runtimes.bridges import connect_line

        class Unplugged:
            def __init__(self) -> None:
                self.there = threading.Event()
                self.there.set()

            def readinto(self, buffer: Any, /, *, timeout: float | None = None) -> int:
                if not self.there.wait(timeout) or not self.there.is_set():
                    raise OSError(5, "unplugged")
                threading.Event().wait(0.005)
                return 0

            def write(self, data: Any, /, *, timeout: float | None = None) -> int:
                return len(data)

            def close(self) -> None: ...

        lines: list[Unplugged] = []

        def open_line() -> Any:
            lines.append(Unplugged())
            return lines[-1]

        kind = sync.TCP if w.blocks else aio.TCP
        lost: list[Any] = []
        raw: Any = kind.over(
            connect_line(open_line, "serial:///dev/x"),
            "serial:///dev/x",
            on_connection_lost=lost.append,
            retry=Retry(initial=0.001),
        )
        client = Adapter(raw, False) if w.blocks else raw
        w._clients.append(client)
        await client.open()
        lines[0].there.clear()
        lines[0].readinto = lambda *_a, **_k: (_ for _ in ()).throw(OSError(5, "unplugged"))  # type: ignore[method-assign]  # it is gone
        await w.until(lambda: not client.connected())
        assert isinstance(lost[0], OSError)
        assert lost[0].errno == 5
        assert not client.at_eof()
        await client.write(b"x")
        assert (client.connection_counter, len(lines)) == (2, 2)

    run(scenario)


def test_in_2003_rfc2217_is_a_serial_line_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []

    def refuse(url: str, **settings: Any) -> Any:
        opened.append((url, settings))
        raise OSError(111, "nobody there")

    monkeypatch.setattr("junto.runtimes.serial_lines.serialx.serial_for_url", refuse)
    client = sync.socket_for_url("rfc2217://127.0.0.1:4000?baudrate=9600")
    with pytest.raises(ConnectionRefusedError):
        client.open()
    assert opened == [("rfc2217://127.0.0.1:4000", {"baudrate": 9600})]


def test_without_the_extra_a_serial_line_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serialx", None)
    monkeypatch.delitem(sys.modules, "junto.runtimes.serial_lines", raising=False)
    client = sync.socket_for_url("serial:///dev/ttyS99")
    with pytest.raises(ConnectionFailed, match=r"pip install 'junto\[serial\]'"):
        client.open()


TELNET = re.compile(rb"\xff\xfa(.)(.)(.*?)\xff\xf0|\xff([\xfb\xfd])(.)|([^\xff]+)", re.DOTALL)
SET = {1: "baudrate", 2: "bytesize", 3: "parity", 4: "stopbits"}


def serve_rfc2217(listener: socket.socket, told: dict[str, int]) -> None:
    """Answer one connection: agree to all options, acknowledge settings, and give data back in capitals."""
    sock = listener.accept()[0]
    agreed: set[bytes] = set()
    received = b""
    while data := sock.recv(1000):
        received += data
        reply = b""
        while match := TELNET.match(received):
            received = received[match.end() :]
            option, number, value, verb, offered, text = match.groups()
            if text:
                reply += text.upper()
            elif verb and match[0] not in agreed:
                agreed.add(match[0])
                reply += b"\xff" + (b"\xfd" if verb == b"\xfb" else b"\xfb") + offered
            elif option == b"\x2c":
                told[SET.get(number[0], "")] = int.from_bytes(value, "big")
                reply += b"\xff\xfa\x2c" + bytes([number[0] + 100]) + value + b"\xff\xf0"
        sock.sendall(reply)
    sock.close()


def test_in_2003_rfc2217_sets_the_line_and_carries_data() -> None:
    told: dict[str, int] = {}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_rfc2217, args=(listener, told), daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        with sync.socket_for_url(f"rfc2217://127.0.0.1:{port}?baudrate=19200&parity=E&timeout=10") as client:
            assert client.query("hello") == "HELLO"
        thread.join(10)
    assert {name: told[name] for name in SET.values()} == {
        "baudrate": 19200,
        "bytesize": 8,
        "parity": 3,
        "stopbits": 1,
    }
