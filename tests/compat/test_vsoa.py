"""Programs written for the package ``vsoa``, with only the import line changed."""

from __future__ import annotations

import contextlib
import errno
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

from junto.compat import vsoa
from junto.compat.vsoa.codes import code_of
from junto.errors import ConnectionFailed
from junto.vsoa import sync
from junto.vsoa.outbox import Outbox

WAIT = 10.0
INTEROP = Path(__file__).parent.parent / "interop"


def until(is_so: Callable[[], Any]) -> None:
    end = time.monotonic() + WAIT
    while not is_so():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.002)


def start(server: vsoa.Server, *args: Any) -> str:
    """Run a server in a thread, which ends with the program, as it would have; give its URL."""

    def run() -> None:
        try:
            server.run(*(args or ("127.0.0.1", 0)))
        except ConnectionError:
            pass  # closed by the test

    threading.Thread(target=run, daemon=True).start()
    until(lambda: server._server is not None and server._server.addresses)
    host, port = server.address()
    return f"vsoa://{host}:{port}"


def run(client: vsoa.Client) -> None:
    """Run it in a thread; if it were closed before that has begun, it would complain there."""
    threading.Thread(target=client.run, daemon=True).start()
    until(lambda: client._running)


@pytest.fixture
def server() -> Iterator[vsoa.Server]:
    server = vsoa.Server("VSOA python server")

    @server.command("/echo")
    def echo(cli: Any, request: Any, payload: Any) -> None:
        cli.reply(request.seqno, payload)

    @server.command("/status")
    def status(cli: Any, request: Any, payload: Any) -> None:
        cli.reply(request.seqno, {"param": {"url": request.url, "method": request.method}}, 130)

    server.command("/never")(lambda cli, request, payload: None)
    server.command("/leave")(lambda cli, request, payload: cli.close())
    yield server
    if server._server is not None:
        server._server.close()


@pytest.fixture
def client(server: vsoa.Server) -> Iterator[vsoa.Client]:
    client = vsoa.Client()
    assert client.connect(start(server)) == vsoa.Client.CONNECT_OK
    run(client)
    yield client
    client.close()


def test_requests_are_answered(client: vsoa.Client) -> None:
    header, payload, code = client.fetch("/echo", payload={"param": {"a": 3}, "data": b"x"})
    assert header is not None
    assert payload is not None
    assert (dict(payload), code) == ({"param": {"a": 3}, "data": b"x"}, 0)
    assert dict(header) == {"type": 1, "flags": 1, "status": 0, "seqno": 0, "tunid": 0}
    assert header["status"] == 0
    header, payload, code = client.fetch("/status", method="set")
    assert header is not None
    assert payload is not None
    assert (header.status, payload.param, payload.data, code) == (
        130,
        {"url": "/status", "method": 1},
        None,
        0,
    )
    header, _, code = client.fetch("/nothing")
    assert header is not None
    assert (header.status, code) == (3, 0)
    assert client.fetch("/never", timeout=0.02) == (None, None, 4)
    assert client.pendings == 0 or client.pendings == 1


def test_requests_with_callbacks(client: vsoa.Client) -> None:
    got: list[Any] = []
    assert client.call("/echo", payload=vsoa.Payload({"a": 1}), callback=lambda *args: got.append(args))
    until(lambda: got)
    assert got[0][0] is client
    assert got[0][1].status == 0
    assert dict(got[0][2]) == {"param": {"a": 1}, "data": None}
    assert client.call("/never", callback=lambda *args: got.append(args), timeout=0.02)
    until(lambda: len(got) == 2)
    assert got[1][1:] == (None, None)
    assert client.call("/echo")
    assert client.ping(lambda cli, success: got.append(success), 10)
    until(lambda: len(got) == 3)
    assert got[2] is True
    assert client.ping()


def test_a_callback_cannot_fetch_but_may_call(client: vsoa.Client) -> None:
    seen: list[Any] = []

    def answered(cli: Any, header: Any, payload: Any) -> None:
        try:
            cli.fetch("/echo")
        except RuntimeError as error:
            seen.append(error)
        cli.call("/echo", callback=lambda *args: seen.append(args))

    client.call("/echo", callback=answered)
    until(lambda: len(seen) == 2)
    assert isinstance(seen[0], RuntimeError)


def test_arguments_are_looked_at(client: vsoa.Client) -> None:
    for wrong in (None, 5, ""):
        with pytest.raises(TypeError):
            client.fetch(wrong)  # type: ignore[arg-type]  # the mistake that is meant
    with pytest.raises(ValueError, match="slash"):
        client.call("echo")
    with pytest.raises(TypeError):
        client.call("/echo", payload={"param": {"a": object()}})
    with pytest.raises(ValueError):
        client.call("/echo", payload={"data": b"x" * 262_124})
    with pytest.raises(ValueError):
        client.fetch("/echo", payload={"data": b"x" * 262_124})
    with pytest.raises(TypeError):
        client.subscribe(5)  # type: ignore[arg-type]  # the mistake that is meant
    with pytest.raises(ValueError):
        client.create_stream(0, None)
    with pytest.raises(Exception, match="runs already"):
        client.robot("vsoa://127.0.0.1:1")
    for keepalive, timeout in ((0.01, 1.0), (1.0, 0.01)):
        with pytest.raises(ValueError):
            vsoa.Client().robot("vsoa://127.0.0.1:1", keepalive=keepalive, conn_timeout=timeout)
    with pytest.raises(ValueError):
        client.robot_ping_turbo(5)
    assert client.robot_ping_turbo(50) is False
    assert client.linger(1)
    assert client.getpeercert() is None
    client.sendtimeout(1)


def test_publishing_and_subscribing(server: vsoa.Server, client: vsoa.Client) -> None:
    messages: list[Any] = []
    told: list[Any] = []
    client.onmessage = lambda client, url, payload, quick: messages.append((url, dict(payload), quick))
    (remote,) = server.clients()
    remote.onsubscribe = lambda cli, urls: told.append(urls)
    remote.onunsubscribe = lambda cli, urls: told.append(urls)
    done: list[bool] = []
    assert client.subscribe("/a/", lambda cli, success: done.append(success))
    assert client.subscribe(["/b", "/c"], lambda cli, success: done.append(success))
    until(lambda: done == [True, True])
    assert server.is_subscribed("/a/b")
    assert remote.is_subscribed("/c")
    assert server.publish("/a/b", {"param": {"hello": "hello"}, "data": bytes([1, 2, 3])})
    until(lambda: messages)
    assert server.publish("/b", vsoa.Payload({"hello": "hello"}), quick=True)
    until(lambda: len(messages) == 2)
    assert messages == [
        ("/a/b", {"param": {"hello": "hello"}, "data": b"\1\2\3"}, False),
        ("/b", {"param": {"hello": "hello"}, "data": None}, True),
    ]
    assert client.unsubscribe("/a/", lambda cli, success: done.append(success))
    until(lambda: len(done) == 3)
    assert told == ["/a/", ["/b", "/c"], "/a/"]
    with pytest.raises(Exception):  # noqa: B017  # as it was
        server.publish("a")
    remote.authed = False
    assert not server.is_subscribed("/b")


def test_datagrams_and_clients(server: vsoa.Server, client: vsoa.Client) -> None:
    at_server: list[Any] = []
    at_client: list[Any] = []
    server.ondata = lambda cli, url, payload, quick: at_server.append((cli.id, url, payload.param, quick))
    client.ondata = lambda client, url, payload, quick: at_client.append((url, payload.data, quick))
    assert client.datagram("/a", {"param": [1]})
    assert client.datagram("/a", {"param": [2]}, True)
    until(lambda: len(at_server) == 2)
    assert sorted(at_server) == [(0, "/a", [1], False), (0, "/a", [2], True)]
    (remote,) = server.clients()
    assert remote is server.clients()[0]
    assert remote.datagram("/custom/data", vsoa.Payload(data=bytes([1, 2])))
    assert remote.datagram("/custom/data", vsoa.Payload(data=bytes([3])), True)
    until(lambda: len(at_client) == 2)
    assert remote.address()[0] == "127.0.0.1"
    remote.priority = 4
    assert remote.priority == 4
    remote.keepalive(10)
    remote.sendtimeout(1)
    server.sendtimeout(1)
    assert remote.getpeercert() is None
    with pytest.raises(ValueError):
        remote.reply(1, status=256)
    assert not remote.is_closed()
    remote.close()
    until(lambda: not client.connected)
    assert remote.is_closed()
    assert remote.reply(1) is False
    assert client.fetch("/echo") == (None, None, 1)
    assert client.call("/echo") is False
    assert client.datagram("/a") is False
    assert client.subscribe("/a") is False
    assert client.ping() is False
    with pytest.raises(Exception, match="not connected"):
        client.create_stream(5, None)


def test_codes_tell_what_went_wrong(server: vsoa.Server) -> None:
    url = start(server)
    server.passwd("secret")
    client = vsoa.Client()
    assert client.connect(url, "wrong") == vsoa.Client.INVALID_PASSWD
    for bad in ("nonsense", "vsoa://127.0.0.1", "http://127.0.0.1:5"):
        assert client.connect(bad) == vsoa.Client.SERVER_NOT_FOUND
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url_of_mute = f"vsoa://127.0.0.1:{mute.getsockname()[1]}"
        assert client.connect(url_of_mute, timeout=0.1) == vsoa.Client.SERVER_NO_RESPONDING
    assert client.connect(url_of_mute) == vsoa.Client.CONNECT_ERROR
    assert client.connect(url, "secret") == vsoa.Client.CONNECT_OK
    server.passwd(None)
    client.close()
    client.close()
    assert client.connect(url) == vsoa.Client.CONNECT_ERROR
    for use in (client.run, lambda: client.robot(url)):
        with pytest.raises(Exception, match="closed"):
            use()


def test_a_robot_connects_and_comes_back(server: vsoa.Server) -> None:
    states: list[Any] = []
    client = vsoa.Client()
    client.onconnect = lambda client, connected, info: states.append((connected, info))
    client.robot(start(server), keepalive=0.1, reconn_delay=0.02)
    until(lambda: states)
    header, _, _ = client.fetch("/echo", payload={"param": {"a": 3}})
    assert header is not None
    client.call("/leave")
    until(lambda: len(states) == 3)
    assert [connected for connected, _ in states] == [True, False, True]
    assert states[0][1] == "VSOA python server"
    until(lambda: client.connected)
    client.close()
    until(lambda: client._robot is not None and not client._robot.is_alive())
    assert states[-1][0] is False


def test_a_robot_tells_why_it_does_not_get_in(server: vsoa.Server) -> None:
    server.passwd("secret")
    failures: list[Any] = []
    client = vsoa.Client()
    client.onfailure = lambda client, code: failures.append((client, code))
    client.robot(start(server), "wrong", reconn_delay=0.01)
    until(lambda: len(failures) > 1)
    client.close()
    assert failures[0] == (client, vsoa.Client.INVALID_PASSWD)


def test_a_network_that_is_not_there_has_a_code_of_its_own() -> None:
    error = ConnectionFailed("nowhere")
    error.__cause__ = OSError(errno.ENETUNREACH, "nowhere")
    assert code_of(error) == vsoa.Client.CONNECT_UNREACHABLE


def test_what_waits_is_told_when_the_connection_is_lost(
    server: vsoa.Server, client: vsoa.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    server.command("/answerless")(lambda cli, request, payload: None)
    assert client.call("/answerless", callback=lambda *args: told.append(args[1:]))
    client.fetch("/status")
    monkeypatch.setattr(Outbox, "add", lambda outbox, frame: None)  # so that nothing is answered
    assert client.ping(lambda cli, success: told.append(success))
    assert client.subscribe("/a", lambda cli, success: told.append(success))
    assert client.pendings == 3
    client.disconnect()
    until(lambda: len(told) == 3)
    assert told == [(None, None), False, False]


def test_numbers_go_on_after_a_reconnection(server: vsoa.Server) -> None:
    numbers: list[int] = []

    @server.command("/number")
    def number(cli: Any, request: Any, payload: Any) -> None:
        numbers.append(request.seqno)
        cli.reply(request.seqno)

    client = vsoa.Client()
    url = start(server)
    for _ in range(2):
        assert client.connect(url) == 0
        run(client)
        assert client.call("/number")
        assert client.fetch("/number")[2] == 0
        assert client.subscribe("/a")
        assert client.fetch("/number")[2] == 0
        client.disconnect()
        until(lambda: not (client.connected or client._running))
    client.close()
    assert numbers == [1 << 16, 0, 1, 3 << 16, 2, 3]


def test_a_robot_in_a_hurry_gives_signs_of_life_while_it_waits(server: vsoa.Server) -> None:
    answered: list[Any] = []
    client = vsoa.Client()
    assert client.robot_ping_turbo(25) is False
    client.robot(start(server), keepalive=60)
    until(lambda: client.connected)
    assert client.robot_ping_turbo(25, 2)
    sent: list[int] = []
    inner = client._client
    assert inner is not None
    inner.noop = lambda: sent.append(1)  # type: ignore[method-assign]  # to be counted
    client.call("/never", callback=lambda *args: answered.append(args), timeout=0.15)
    until(lambda: answered)
    assert len(sent) == 2
    assert client.robot_ping_turbo(0)
    client.close()


def test_who_takes_nothing_is_left_after_the_send_timeout(server: vsoa.Server) -> None:
    came: list[Any] = []
    server.onclient = lambda cli, connected: came.append((cli, connected))
    client = vsoa.Client()
    client.sendtimeout(5)
    server.sendtimeout(0.05)
    assert client.connect(start(server)) == 0
    client.sendtimeout(5)
    server.sendtimeout(0.05)
    assert client.subscribe("/a")
    client.ping(lambda *args: None)
    until(lambda: server.is_subscribed("/a"))  # from now on the client's thread reads nothing
    while len(came) < 2:
        server.publish("/a", {"data": bytes(100_000)})
    assert came[1] == (came[0][0], False)
    client.close()


def test_streams(server: vsoa.Server, client: vsoa.Client) -> None:
    at_server: list[Any] = []
    received = bytearray()
    sent: list[int] = []

    @server.command("/get_data")
    def get_data(cli: Any, request: Any, payload: Any) -> None:
        def onlink(stream: Any, conn: bool) -> None:
            at_server.append(conn)
            if conn:
                sent.append(stream.send(b"x" * 1_000_000))

        stream = server.create_stream(onlink, lambda stream, data: received.extend(data))
        cli.reply(request.seqno, tunid=stream.tunid)

    header, _, _ = client.fetch("/get_data")
    assert header is not None
    assert header.tunid > 0
    at_client: list[Any] = []
    data = bytearray()
    stream = client.create_stream(
        header.tunid, lambda stream, conn: at_client.append(conn), lambda s, d: data.extend(d)
    )
    until(lambda: len(data) == 1_000_000)
    assert stream.connected
    assert stream.send(b"hello") == 5
    stream.keepalive(5)
    stream.sendtimeout(5)
    until(lambda: received == b"hello")
    stream.close()
    stream.close()
    until(lambda: at_client == [True, False] and at_server == [True, False])
    assert sent == [1_000_000]
    with pytest.raises(Exception, match="closed"):
        stream.send(b"x")


def test_a_stream_without_its_peer_takes_no_send_timeout(server: vsoa.Server, client: vsoa.Client) -> None:
    stream = server.create_stream(lambda stream, here: None)
    with pytest.raises(Exception, match="not connected"):
        stream.sendtimeout(1)
    stream.close()


def test_streams_that_nobody_wants_end_once(server: vsoa.Server, client: vsoa.Client) -> None:
    states: list[Any] = []
    stream = server.create_stream(lambda stream, conn: states.append(conn), timeout=0.05)
    until(lambda: states == [False])
    ended: list[Any] = []
    client.create_stream(stream.tunid, lambda stream, conn: ended.append(conn))
    until(lambda: ended == [False])
    stream = server.create_stream(lambda stream, conn: states.append(conn))
    with pytest.raises(Exception, match="not connected"):
        stream.send(b"x")
    stream.close()
    until(lambda: states == [False, False])
    time.sleep(0.02)
    assert states == [False, False]


def test_work_queues_take_the_documented_arguments(server: vsoa.Server, client: vsoa.Client) -> None:
    queue = vsoa.WorkQueue()
    counts: list[int] = []
    queue.add(counts.append, args=(1))
    queue.add(counts.append, args=(2,))
    until(lambda: counts == [1, 2])
    threads: list[str] = []

    @server.command("/slow", queue)
    def slow(cli: Any, request: Any, payload: Any) -> None:
        threads.append(threading.current_thread().name)
        cli.reply(request.seqno, {"param": "slow"})

    _, payload, _ = client.fetch("/slow")
    assert payload is not None
    assert payload.param == "slow"
    assert threads == ["junto-work"]
    queue.shutdown()


def test_a_handler_that_fails_in_a_work_queue_is_answered_for(
    server: vsoa.Server, client: vsoa.Client, caplog: Any
) -> None:
    queue = vsoa.WorkQueue()
    held = threading.Event()
    queue.add(held.wait)

    @server.command("/fails", queue)
    def fails(cli: Any, request: Any, payload: Any) -> None:
        raise RuntimeError("a mistake")

    answered: list[Any] = []
    client.call("/fails", callback=lambda cli, header, payload: answered.append(header.status))
    until(lambda: queue.is_queued(fails))
    held.set()
    until(lambda: answered)
    assert answered == [4]
    until(lambda: "a mistake" in caplog.text)
    queue.shutdown()


def test_a_handler_that_fails_ends_nothing(server: vsoa.Server, client: vsoa.Client, caplog: Any) -> None:
    @server.command("/fail")
    def fail(cli: Any, request: Any, payload: Any) -> None:
        raise ValueError("a mistake")

    header, _, _ = client.fetch("/fail")
    assert header is not None
    assert header.status == 4
    assert client.fetch("/echo")[2] == 0
    assert "a mistake" in caplog.text


def test_tls_with_certificates_of_both_sides(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name, identity in (("server", "car.example"), ("client", "driver@example.org")):
        certificate = authority.issue_cert(identity)
        certificate.cert_chain_pems[0].write_to_path(str(tmp_path / f"{name}.pem"))
        certificate.private_key_pem.write_to_path(str(tmp_path / f"{name}.key"))
    ca = str(tmp_path / "ca.pem")

    def options(name: str, **more: Any) -> dict[str, Any]:
        own = {"cert": str(tmp_path / f"{name}.pem"), "key": str(tmp_path / f"{name}.key")}
        return {**own, "ca_cert": ca, "load_default_certs": False, **more}

    server = vsoa.Server()
    peers: list[Any] = []

    @server.command("/who")
    def who(cli: Any, request: Any, payload: Any) -> None:
        peers.append(cli.getpeercert())
        cli.reply(request.seqno, {"param": [cli.getpeercert(True) is not None]})

    sni: list[Any] = []
    url = start(
        server,
        "127.0.0.1",
        0,
        options(
            "server", verify_mode=ssl.CERT_REQUIRED, sni_callback=lambda sock, name, context: sni.append(name)
        ),
    )
    client = vsoa.Client()
    assert client.connect(url, sslopt=options("client")) == vsoa.Client.SSL_HS_FAILED
    assert client.connect(url, sslopt=options("client", hostname="car.example")) == vsoa.Client.CONNECT_OK
    _, payload, _ = client.fetch("/who")
    assert payload is not None
    assert payload.param == [True]
    assert "driver@example.org" in str(peers[0])
    assert "car.example" in str(client.getpeercert())
    assert sni == [None, "car.example"]  # an IP address is no name
    assert client.datagram("/a", quick=True) is False
    client.close()
    trusting = {"verify_mode": ssl.CERT_NONE, "load_default_certs": False}
    header, _, code = vsoa.fetch(f"{url}/who", sslopt=options("client", **trusting))
    assert header is not None
    assert code == 0
    assert server._server is not None
    server._server.close()


def test_the_address_has_two_names(server: vsoa.Server) -> None:
    def run() -> None:
        with contextlib.suppress(ConnectionError):
            server.run(addr="127.0.0.1", port=0)

    threading.Thread(target=run, daemon=True).start()
    until(lambda: server._server is not None and server._server.addresses)
    assert server.address()[0] == "127.0.0.1"


def test_raw_payloads_are_not_read() -> None:
    server = vsoa.Server(passwd="x", raw=True)
    server.command("/echo")(
        lambda cli, request, payload: cli.reply(request.seqno, vsoa.Payload(payload.param))
    )
    client = vsoa.Client(raw=True)
    assert client.connect(start(server), "x") == 0
    _, payload, _ = client.fetch("/echo", payload={"param": {"b": 2}})
    assert payload is not None
    assert payload.param == b'{"b":2}'
    client.close()
    assert server._server is not None
    server._server.close()


def test_one_request_needs_no_client(server: vsoa.Server) -> None:
    url = start(server)
    header, payload, code = vsoa.fetch(url + "/echo", payload={"param": {"a": 3}})
    assert header is not None
    assert payload is not None
    assert (header.status, payload.param, code) == (0, {"a": 3}, 0)
    header, _, _ = vsoa.fetch(url + "/echo?a=1#b", payload={"param": {"a": 4}})
    assert header is not None
    assert header.status == 0
    header, _, _ = vsoa.fetch(url + "//echo")
    assert header is not None
    assert header.status == 3
    assert vsoa.fetch("vsoa://127.0.0.1")[2] == vsoa.Client.SERVER_NOT_FOUND


def test_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    from junto.compat.vsoa import positions

    late: list[Any] = []

    def onquery(search: dict[str, Any], reply: Any) -> None:
        if search["name"] == "myserver":
            threading.Timer(
                0.01, reply, ({"addr": "127.0.0.1", "port": 3005, "domain": socket.AF_INET},)
            ).start()
        elif search["name"] == "wrong":
            reply({"addr": "nowhere"})
        else:
            late.append(search)
            reply(None)

    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = vsoa.Position(onquery)
    threading.Thread(target=server.run, args=("127.0.0.1", port), daemon=True).start()
    monkeypatch.setattr(positions, "_chosen", [])
    assert positions.chosen() is None
    vsoa.pos("127.0.0.1", port)
    # A question that comes before the server is never answered: ask with less patience first.
    until(lambda: sync.lookup("myserver", servers=[("127.0.0.1", port)], wait=0.1))
    assert vsoa.lookup("myserver") == ("127.0.0.1", 3005)
    assert vsoa.lookup("unknown") == (None, None)
    assert late[0]["name"] == "unknown"
    for wrong in ((None, 5), ("localhost", 5), ("127.0.0.1", 0)):
        with pytest.raises(ValueError):
            vsoa.pos(*wrong)  # type: ignore[arg-type]  # the mistakes that are meant
    with pytest.raises(TypeError):
        vsoa.lookup("")


def test_timers() -> None:
    calls: list[Any] = []
    timer, other = vsoa.Timer(), vsoa.Timer()
    timer.start(0.01, lambda a, b, c: calls.append((a, b, c)), args=(1, 2, 3))
    other.start(0, lambda: 1 / 0)
    assert timer.is_started()
    until(lambda: calls == [(1, 2, 3)])
    assert not timer.is_started()
    timer.start(0.005, calls.append, 0.005, ("again",))
    until(lambda: len(calls) > 3)
    assert timer.is_started()
    timer.stop()
    timer.stop()
    count = len(calls)
    time.sleep(0.03)
    assert len(calls) <= count + 1
    with pytest.raises(ValueError):
        timer.start(-1, print)
    with pytest.raises(TypeError):
        timer.start(1, None)  # type: ignore[arg-type]  # the mistake that is meant


def test_event_emitters_know_the_old_spelling() -> None:
    class MyClass(vsoa.EventEmitter):
        def __init__(self) -> None:
            super().__init__()
            self.got: list[Any] = []
            self.on("test", self.on_test)

        def on_test(self, a: int, b: int) -> None:
            self.got.append((a, b))

    emitter = MyClass()
    emitter.add_listerner("other", emitter.got.append)
    assert emitter.emit("test", args=(1, 2))
    assert emitter.emit("other", "x")
    assert emitter.got == [(1, 2), "x"]


def test_names_are_all_there() -> None:
    assert (vsoa.METHOD_GET, vsoa.METHOD_SET, vsoa.CLIENT_DEF_TIMEOUT) == (0, 1, 60.0)
    assert vsoa.parser.VSOA_STATUS_NO_MEMORY == 6
    assert vsoa.parser.VSOA_MAX_QDATA_LENGTH == 65_487
    assert vsoa.Server.Client
    assert vsoa.Client.Stream
    vsoa.resource_recycle()
    with pytest.raises(Exception, match="does not run"):
        vsoa.Server().address()
    with pytest.raises(Exception, match="does not run"):
        vsoa.Server().create_stream(None)
    assert vsoa.Server().publish("/a") is False
    with pytest.raises(ValueError):
        vsoa.Server().command("a")


@pytest.mark.parametrize("ours", ["server", "client"])
def test_the_programs_of_the_interoperability_tests_run_with_the_import_changed(
    ours: str, tmp_path: Path
) -> None:
    """One side is the program as it is, with the real package; the other has only its import changed."""
    for name in ("server", "client"):
        text = (INTEROP / f"vsoa_{name}.py").read_text(encoding="utf-8")
        if name == ours:
            text = text.replace("import vsoa\n", "from junto.compat import vsoa\n")
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "server.py"), "127.0.0.1", str(port), "secret"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "listening\n"
        for task, told in (("connect", '[0, [[true, {"name": "real"}]]]'), ("one_shot", "[0, [5], 0]")):
            done = subprocess.run(
                [sys.executable, str(tmp_path / "client.py"), f"vsoa://127.0.0.1:{port}", "secret", task],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert done.stdout == f"{told}\n", done.stderr
    finally:
        process.kill()
        process.wait(WAIT)
        process.stdout.close()
