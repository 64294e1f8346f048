"""VSOA in SimPy: what the flavour adds to the layer, which the conformance scenarios test."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest
import simpy as simpys_own
from simpy import Interrupt

from junto import expose
from junto.errors import ConnectionLost, RequestTimeout
from junto.vsoa import PasswordRefused, Position, Query, Response, StatusError, WorkQueue
from junto.vsoa import simpy as vsoa

from .conftest import Process

HERE = "vsoa://127.0.0.1:0"


class Math:
    def __init__(self, env: Any) -> None:
        self.env = env

    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    def slowly(self, a: int) -> Generator[Any, Any, int]:
        yield self.env.timeout(0.001)
        return a

    @expose
    def event(self, a: int) -> Any:
        return self.env.timeout(0.001, a)

    @expose
    def count(self, to: int) -> Generator[int, None, None]:
        yield from range(to)


def echo(request: vsoa.Request) -> Any:
    return request if request.data else request.param


def until(env: Any, is_so: Any) -> Process:
    while not is_so():
        yield env.timeout(0.001)


def test_a_client_asks_and_calls_what_a_server_offers(env: Any, run: Any) -> None:
    def process() -> Process:
        with (yield vsoa.serve(env, HERE, service=Math(env), info="car", password="x")) as server:
            server.command("/echo")(echo)
            with (yield vsoa.connect(env, server.addresses[0], password="x")) as client:
                assert client.info == "car"
                assert client.connected
                assert client.client_id == 0
                assert (yield client.fetch("/echo", 5, b"x")).data == b"x"
                assert (yield client.exchange("/nothing/there", b"", b"")).status == 3
                assert (yield client.remote.add(1, 2)) == 3
                assert (yield client.remote.slowly(3)) == 3
                assert (yield client.call("event", 4, returns=int)) == 4
                assert {each["path"] for each in (yield client.describe())} == {
                    "add",
                    "slowly",
                    "event",
                    "count",
                }
                assert (yield client.ping()) >= 0
                client.noop()
                client.request_apart("/echo")
                assert client.pending == client.late_replies == 0
                with pytest.raises(StatusError):
                    yield client.fetch("/nothing/there")
                with pytest.raises(StatusError, match="stream"):
                    yield client.remote.count(3)
                assert "Client of" in repr(client)
            with pytest.raises(PasswordRefused):
                yield vsoa.connect(env, server.addresses[0])
            server.password = ""
            assert server.password == ""
            yield client.wait_closed()
            assert client.is_closing()
            with pytest.raises(ConnectionLost):
                yield client.fetch("/echo")

    run(process())


def test_an_environment_of_simpy_itself_is_refused() -> None:
    for opening in (vsoa.connect, vsoa.serve):
        with pytest.raises(TypeError, match=r"junto\.simpy\.Environment"):
            opening(simpys_own.Environment(), HERE)  # type: ignore[operator]  # the mistake that is meant


def test_handlers_are_processes_flows_events_or_plain(env: Any, run: Any, caplog: Any) -> None:
    def process() -> Process:
        queue = WorkQueue()
        with (yield vsoa.serve(env, HERE)) as server:

            @server.command("/process")
            def slowly(request: vsoa.Request) -> Generator[Any, Any, Any]:
                if request.param is None:
                    return
                yield env.timeout(0.001)
                if request.param == "fail":
                    raise StatusError(200)
                if request.param == "stream":
                    yield 1
                return request.param

            @server.command("/apart", pool=queue)
            def apart(request: vsoa.Request) -> Generator[Any, Any, str]:
                name = threading.current_thread().name

                def on() -> Generator[Any, Any, str]:
                    yield env.timeout(0)
                    return name

                return on()

            server.command("/event")(lambda request: env.timeout(0.001, request.param))
            server.add_command("/self", lambda request: request.reply(7))
            with (yield vsoa.connect(env, server.addresses[0])) as client:
                assert (yield client.fetch("/process", 5)).param == 5
                assert (yield client.fetch("/process")).param is None
                assert (yield client.fetch("/apart")).param == "junto-work"
                assert (yield client.fetch("/event", 6)).param == 6
                assert (yield client.fetch("/self")).param == 7
                for what, status in (("fail", 200), ("stream", 4)):
                    with pytest.raises(StatusError) as caught:
                        yield client.fetch("/process", what)
                    assert caught.value.status == status
            assert server.remove_command("/self")
        queue.shutdown()

    run(process())


def test_an_event_that_nobody_waits_for_takes_no_message_away(env: Any, run: Any) -> None:
    def process() -> Process:
        server = yield vsoa.serve(env, HERE)
        client = yield vsoa.connect(env, server.addresses[0])
        seen: list[Any] = []
        yield client.subscribe("/b", callback=lambda message: seen.append(message.param))
        subscription = yield client.subscribe("/a/")
        assert subscription.urls == ("/a/",)
        late = subscription.get()
        result = yield late | env.timeout(0.002)
        assert late not in result
        waiting = env.process(interrupted(subscription))
        yield env.timeout(0.001)
        waiting.interrupt()
        yield waiting
        for number in range(3):
            assert server.publish("/a/b", number)
            server.publish("/b", number)
        got = []
        for _ in range(3):
            got.append((yield subscription.get()).param)
        yield from until(env, lambda: len(seen) == 3)
        assert got == seen == [0, 1, 2]
        assert subscription.dropped == 0
        yield subscription.close()
        assert not server.is_subscribed("/a/b")
        with pytest.raises(vsoa.EndOfStream):
            yield subscription.get()
        assert (yield subscription.get(None)) is None
        yield client.close() & server.close()

    def interrupted(subscription: Any) -> Process:
        try:
            yield subscription.get()
        except Interrupt:
            pass

    run(process())


def test_who_gives_up_leaves_no_trace(env: Any, run: Any) -> None:
    def process() -> Process:
        server = yield vsoa.serve(env, HERE)
        client = yield vsoa.connect(env, server.addresses[0])
        server.command("/echo")(echo)
        server.add_command("/never", lambda request: None)
        never = client.fetch("/never")
        result = yield never | env.timeout(0.002)
        assert never not in result
        never.cancel()
        with pytest.raises(RequestTimeout):
            yield client.fetch("/never", timeout=0.002)
        given_up = client.subscribe("/a")
        given_up.cancel()
        yield client.ping()
        yield client.ping()  # what was given up is taken back when its answer has come
        assert not server.is_subscribed("/a")
        with pytest.raises(ValueError):
            client.subscribe("a")
        assert (yield client.fetch("/echo", 2)).param == 2
        vsoa.connect(env, server.addresses[0]).cancel()
        yield client.close() & server.close()

    run(process())


def test_datagrams_go_both_ways_on_both_channels(env: Any, run: Any) -> None:
    def process() -> Process:
        back: list[bool] = []
        here: list[bool] = []

        def hear(session: vsoa.Session, message: Any) -> None:
            session.datagram("/back", quick=message.quick)
            session.priority = 3

        with (yield vsoa.serve(env, HERE)) as server:
            server.on_datagram = hear
            server.on_client = lambda session, is_here: here.append(is_here)
            assert server.on_datagram is hear
            assert server.on_client is not None
            with (
                yield vsoa.connect(
                    env, server.addresses[0], on_datagram=lambda message: back.append(message.quick)
                )
            ) as client:
                assert client.datagram("/a")
                assert client.datagram("/b", quick=True)
                yield from until(env, lambda: len(back) == 2)
                assert sorted(back) == [False, True]
                yield client.ping()
                assert client.priority == 3
                assert [session.id for session in server.clients] == [0]
            yield from until(env, lambda: here == [True, False])

    run(process())


def test_streams_carry_bytes(env: Any, run: Any) -> None:
    def send(offer: vsoa.StreamOffer) -> Process:
        stream = yield offer.accept()
        yield stream.send(bytes(1 << 20))
        yield stream.close()

    def process() -> Process:
        server = yield vsoa.serve(env, HERE)

        @server.command("/recording")
        def recording(request: vsoa.Request) -> Generator[Any, Any, Response]:
            offer = yield server.offer_stream(request.session)
            env.process(send(offer))
            return Response(tunnel=offer.port)

        client = yield vsoa.connect(env, server.addresses[0])
        reply = yield client.fetch("/recording")
        with (yield client.open_stream(reply.tunnel)) as stream:
            assert stream.connected
            stream.keepalive(5)
            size = 0
            while chunk := (yield stream.receive(100_000)):
                assert len(chunk) <= 100_000
                size += len(chunk)
            assert size == 1 << 20

        offer = yield server.offer_stream()
        other = client.open_stream(offer.port)
        stream = yield offer.accept()
        stream.send_nowait(b"x")
        other = yield other
        assert (yield other.receive() | env.timeout(5)).todict().popitem()[1] == b"x"
        waits = other.receive()
        yield waits | env.timeout(0.001)
        stream.send_nowait(b"y")
        assert (yield other.receive()) == b"y"
        stream.abort()
        with pytest.raises(ConnectionLost):
            yield other.receive()
            yield other.send(b"z")

        withdrawn = yield server.offer_stream()
        withdrawn.close()
        with pytest.raises(ConnectionLost):
            yield withdrawn.accept()
        yield server.offer_stream()  # which ends with its server
        yield client.close() & server.close()

    run(process())


def test_callbacks_may_be_processes_and_a_lost_client_comes_back(env: Any, run: Any) -> None:
    connected: list[Any] = []
    lost: list[Any] = []
    seen: list[Any] = []

    def on_connect(client: vsoa.Client) -> Process:
        yield client.subscribe("/a")
        connected.append(client.client_id)

    def on_message(message: Any) -> Process:
        yield env.timeout(0)
        seen.append(message.param)

    def process() -> Process:
        server = yield vsoa.serve(env, HERE)
        client = yield vsoa.connect(
            env,
            server.addresses[0],
            reconnect=True,
            on_connect=on_connect,
            on_disconnect=lambda client, error: lost.append(error),
            on_message=on_message,
        )
        yield from until(env, lambda: connected == [0])
        server.clients[0].abort()
        yield from until(env, lambda: connected == [0, 1])
        server.publish("/a", 5)
        yield from until(env, lambda: seen == [5])
        assert len(lost) == 1
        client.abort()
        client.abort()
        server.abort()
        yield server.close() & client.close()

    run(process())


def test_positions_are_told_looked_up_and_connected_to(env: Any, run: Any) -> None:
    def process() -> Process:
        server = yield vsoa.serve(env, HERE, info=1)

        def find(query: Query) -> Process:
            yield env.timeout(0)
            return Position("127.0.0.1", int(server.addresses[0].rpartition(":")[2]))

        with (yield vsoa.serve_positions(env, find, HERE)) as positions:
            servers = [("127.0.0.1", positions.port)]
            assert (yield vsoa.lookup(env, "car", servers=servers)) is not None
            client = yield vsoa.connect(env, "vsoa://car", positions=servers)
            assert client.info == 1
            positions.on_query = lambda query, answer: answer(None)
            assert positions.on_query is not None
            assert (yield vsoa.lookup(env, "car", servers=servers)) is None
        with (yield vsoa.serve_positions(env, {"car": Position("::1", 1)}, HERE)) as positions:
            found = yield vsoa.lookup(env, "car", servers=[("127.0.0.1", positions.port)])
            assert found == Position("::1", 1)
        yield client.close() & server.close()

    run(process())


def test_a_timer_fires_while_the_environment_runs(env: Any, run: Any) -> None:
    def process() -> Process:
        calls: list[int] = []
        timer = vsoa.Timer(env)
        timer.start(0.001, calls.append, 0.001, (1,))
        yield from until(env, lambda: len(calls) >= 3)
        timer.stop()

    run(process())


def test_every_callback_may_be_a_process(env: Any, run: Any) -> None:
    def process() -> Process:
        seen: list[Any] = []

        def published(message: Any) -> Process:
            yield env.timeout(0)
            seen.append(message.param)

        def came(session: Any, here: bool) -> Process:
            yield env.timeout(0)
            seen.append(here)

        def told(session: Any, message: Any) -> Process:
            yield env.timeout(0)
            seen.append(message.url)

        server = yield vsoa.serve(env, HERE)
        server.on_client, server.on_datagram = came, told
        client = yield vsoa.connect(env, server.addresses[0])
        yield client.subscribe("/a", callback=published)
        server.publish("/a", 1)
        client.datagram("/d")
        yield from until(env, lambda: len(seen) == 3)
        assert seen[0] is True
        assert set(seen[1:]) == {1, "/d"}
        server.on_client = None
        assert server.on_client is None
        yield client.close() & server.close()

    run(process())
