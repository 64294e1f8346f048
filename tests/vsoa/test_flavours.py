"""The same in each flavour; what all of it does is in the conformance suite."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from junto import expose
from junto.errors import ConnectionFailed, ConnectionLost, LocalProtocolError, RequestTimeout
from junto.vsoa import PasswordRefused, Position, Response, StatusError, aio, sync

HERE = "vsoa://127.0.0.1:0"


class Math:
    @expose
    def add(self, a: int, b: int) -> int:
        return a + b


def test_aio_serves_and_connects() -> None:
    async def main() -> None:
        async with aio.serve(HERE, service=Math(), info="car", password="x") as server:

            @server.command("/echo")
            async def echo(request: aio.Request) -> Any:
                return request.param

            async with aio.connect(server.addresses[0], password="x") as client:
                assert client.info == "car"
                assert (await client.fetch("/echo", 5)).param == 5
                assert await client.remote.add(1, 2) == 3
                subscription = await client.subscribe("/a")
                server.publish("/a", 1)
                async for message in subscription:
                    assert message.param == 1
                    break
                await subscription.close()
            with pytest.raises(PasswordRefused):
                await aio.connect(server.addresses[0])
        async with aio.serve_positions({"car": Position("127.0.0.1", 1)}, HERE) as positions:
            servers = [("127.0.0.1", positions.port)]
            assert await aio.lookup("car", servers=servers) == Position("127.0.0.1", 1)
        fired = asyncio.Event()
        aio.Timer().start(0, fired.set)
        await asyncio.wait_for(fired.wait(), 10)

    asyncio.run(main())


def test_a_cancelled_request_leaves_the_client_as_it_was() -> None:
    async def main() -> None:
        async with aio.serve(HERE) as server:
            server.add_command("/never", lambda request: None)
            server.command("/echo")(lambda request: request.param)
            async with aio.connect(server.addresses[0]) as client:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await client.fetch("/never")
                assert (await client.fetch("/echo", 1)).param == 1

    asyncio.run(main())


@pytest.fixture
def served() -> Any:
    with sync.serve(HERE, service=Math(), info={"a": 1}) as server:

        @server.command("/echo")
        def echo(request: sync.Request) -> Any:
            server.publish("/echoed", request.param)
            return request.param if request.data == b"" else request

        server.start_thread()
        yield server


def test_sync_requests_and_calls(served: sync.Server) -> None:
    with sync.connect(served.addresses[0]) as client:
        assert client.info == {"a": 1}
        assert client.connected
        assert client.client_id == 0
        assert client.priority == 0
        assert client.fetch("/echo", 5).param == 5
        assert client.fetch("/echo", 5, b"x").data == b"x"
        assert client.remote.add(3, 4) == 7
        assert client.call("add", 3, 4, returns=int) == 7
        assert client.describe()[0]["path"] == "add"
        assert client.ping() >= 0
        client.noop()
        client.request_apart("/echo")
        assert client.datagram("/d", quick=True)
        with pytest.raises(StatusError):
            client.fetch("/nothing")
        assert "Client of" in repr(client)
        assert not client.is_closing()
    assert client.is_closing()
    with pytest.raises(ConnectionLost):
        client.fetch("/echo")


def test_sync_subscriptions_as_loops_and_callbacks(served: sync.Server) -> None:
    with sync.connect(served.addresses[0]) as client, client.subscribe("/echoed") as subscription:
        assert served.is_subscribed("/echoed")
        assert subscription.urls == ("/echoed",)
        for number in range(3):
            client.fetch("/echo", number)
        got = []
        for message in subscription:
            got.append(message.param)
            if len(got) == 3:
                break
        assert got == [0, 1, 2]
        assert subscription.dropped == 0
        seen: list[Any] = []
        all_seen = threading.Event()

        def take(message: Any) -> None:
            seen.append(message.param)
            all_seen.set()

        client.subscribe("/b", callback=take).wait_accepted()
        client.start_thread()
        assert served.publish("/b", 9)
        assert all_seen.wait(10)
        assert seen == [9]
        subscription.close()
        subscription.close()
        assert list(subscription) == []


def test_sync_streams(served: sync.Server) -> None:
    with sync.connect(served.addresses[0]) as client:
        client.ping()
        offer = served.offer_stream(served.clients[0])
        with client.open_stream(offer.port) as stream, offer.accept() as other:
            other.send(b"hello")
            assert stream.receive() == b"hello"
            assert stream.connected
            other.close()
            assert list(stream) == []
        offer = served.offer_stream()
        offer.close()
        with pytest.raises(ConnectionLost):
            offer.accept()


def test_sync_servers_tell_of_their_clients(served: sync.Server) -> None:
    seen: list[Any] = []
    heard = threading.Event()

    def hear(session: sync.Session, message: Any) -> None:
        seen.append((session.id, message.url))
        session.priority = 2
        session.datagram("/back")
        heard.set()

    served.on_client = lambda session, here: seen.append((session.id, here))
    served.on_datagram = hear
    assert served.on_datagram is hear
    back: list[Any] = []
    with sync.connect(served.addresses[0], on_datagram=back.append) as client:
        client.datagram("/x")
        assert heard.wait(10)
        client.ping()
        assert [message.url for message in back] == ["/back"]
        assert client.priority == 2
        (session,) = served.clients
        assert session == served.clients[0]
        assert hash(session) == hash(served.clients[0])
        assert session.address[0] == "127.0.0.1"
        assert session.authed
        session.authed = False
        assert not session.authed
        assert not session.is_subscribed("/a")
        with pytest.raises(ValueError):
            session.priority = 9
        session.keepalive(5)
        assert not session.is_closing()
        told: list[Any] = []
        session.on_subscribe = session.on_unsubscribe = lambda *args: told.append(args)
        with client.subscribe("/a", "/b/"):
            pass
        client.ping()
        assert told == [(session, "/a"), (session, "/b/")] * 2
        session.close()
    assert seen[:2] == [(0, True), (0, "/x")]
    served.on_client = None
    assert served.on_client is None
    served.on_datagram = None
    served.password = "new"
    assert served.password == "new"
    with pytest.raises(PasswordRefused):
        sync.connect(served.addresses[0])
    assert served.remove_command("/echo")


def test_sync_callbacks_cannot_wait_but_may_tell(served: sync.Server) -> None:
    seen: list[Any] = []

    def connected(client: sync.Client) -> None:
        client.datagram("/hello")
        seen.append(client.subscribe("/a"))
        try:
            client.ping()
        except LocalProtocolError as error:
            seen.append(error)

    lost: list[Any] = []
    with sync.connect(
        served.addresses[0], on_connect=connected, on_disconnect=lambda client, error: lost.append(error)
    ) as client:
        client.ping()
        assert isinstance(seen[1], LocalProtocolError)
        assert served.is_subscribed("/a")
    assert len(lost) == 1


def test_sync_positions() -> None:
    with sync.serve_positions({"car": Position("::1", 5)}, HERE) as positions:
        positions.start_thread()
        servers = [("127.0.0.1", positions.port)]
        assert sync.lookup("car", servers=servers) == Position("::1", 5)
        assert sync.lookup("bus", servers=servers) is None


def test_sync_fails_honestly() -> None:
    with sync.serve(HERE) as server:
        url = server.addresses[0]
        with pytest.raises(ConnectionFailed):  # nobody serves: nothing moves while nobody waits
            sync.connect(url, timeout=0.1)
        with pytest.raises(ValueError):
            sync.serve(HERE, policy="x")  # type: ignore[arg-type]  # the mistake that is meant
        server.start_thread()
        with sync.connect(url, request_timeout=0.1) as client:
            server.add_command("/x", lambda request: None)
            with pytest.raises(RequestTimeout):
                client.fetch("/x", timeout=0.0)
    server.wait_closed()


def test_many_threads_share_a_client(served: sync.Server) -> None:
    with sync.connect(served.addresses[0]) as client:
        wrong: list[Any] = []

        def work(base: int) -> None:
            for number in range(base, base + 100):
                if client.fetch("/echo", number).param != number:
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(base,)) for base in range(0, 4000, 1000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert wrong == []


def test_sync_what_belonged_to_a_closed_server_bears_to_be_used() -> None:
    late: list[Any] = []
    server = sync.serve(HERE)
    server.add_command("/never", late.append)
    server.start_thread()
    with sync.connect(server.addresses[0]) as client:
        client.request_apart("/never")
        client.ping()
        (session,) = server.clients
        offer = server.offer_stream()
        stream = client.open_stream(offer.port)
        server.close()
    (request,) = late
    assert session.is_closing()
    assert not session.reply(1, Response())
    assert not session.datagram("/a")
    assert not session.is_subscribed("/a")
    assert session.get_extra_info("peername") is None
    session.priority = 3
    session.authed = False
    session.keepalive(1.0)
    session.close()
    assert not request.reply(1)
    assert not server.publish("/a")
    assert not server.is_subscribed("/a")
    assert server.clients == []
    offer.close()
    stream.abort()
    stream.close()
    client.disconnect()
    assert client.get_extra_info("peername") is None
