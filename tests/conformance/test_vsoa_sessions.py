"""How sessions begin and end: greetings, passwords, limits, addresses, priorities."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from junto.errors import ConnectionFailed, ConnectionLost, LocalProtocolError
from junto.sansio.vsoa.frames import (
    DATAGRAM,
    NOOP,
    PINGECHO,
    PUBLISH,
    QOSSETUP,
    REPLY,
    RPC,
    SERVINFO,
    SUBSCRIBE,
    TUNNEL,
    encode,
)
from junto.vsoa import PasswordRefused
from junto.vsoa.server import Server
from junto.vsoa.settings import ServerSettings

from .layers import until
from .vsoa import HERE, both, connected, raw_client, raw_server, serving
from .worlds import sleep


def test_a_client_learns_who_the_server_is_and_its_own_number(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, info={"name": "car"}, password="secret") as server:
            async with connected(rt, server, password="secret") as first:
                async with connected(rt, server, password="secret") as second:
                    assert first.info == second.info == {"name": "car"}
                    assert (first.client_id, second.client_id) == (0, 1)
                    assert first.connected
                    assert [client.id for client in server.clients] == [0, 1]
                    assert server.clients[0].address == first.get_extra_info("sockname")[:2]
                    assert "Client of" in repr(first)
                    assert "Session 0" in repr(server.clients[0])
            await until(rt, lambda: not server.clients)

    scene(scenario)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_is_an_error_that_says_so(scene: Any, password: str) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, password="secret") as server:
            with pytest.raises(PasswordRefused, match="not authenticated"):
                async with connected(rt, server, password=password, timeout=5.0):
                    pass
            server.password = password
            async with connected(rt, server, password=password):
                pass

    scene(scenario)


def test_who_may_not_get_in_may_try_again_a_few_times(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, password="secret") as server:
            seen: list[Any] = []
            server.on_client = lambda session, connected: seen.append(connected)
            async with raw_client(rt, server, greet=False) as peer:
                peer.send(RPC, "/a", {"passwd": "secret"}, seqno=3)
                peer.send(NOOP)
                peer.send(SERVINFO, param={"passwd": "wrong"}, seqno=4)
                frames = await peer.until_frames(2)
                assert [(frame.type, frame.seqno, frame.status) for frame in frames] == [
                    (RPC, 3, 1),
                    (SERVINFO, 4, 1),
                ]
                assert server.clients == []
                peer.send(SERVINFO, param={"passwd": "secret"}, seqno=5)
                await peer.until_frames(3)
                assert len(server.clients) == 1
            await until(rt, lambda: seen == [True, False])
            async with raw_client(rt, server, greet=False) as peer:
                for _ in range(5):
                    peer.send(SERVINFO)
                await peer.until_end()
                assert len(peer.frames) == 5
            assert seen == [True, False]

    scene(scenario)


def test_who_says_nothing_is_sent_away(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, greeting_timeout=0.05, password="x") as server:
            async with raw_client(rt, server, greet=False) as silent:
                silent.send(RPC, "/a")
                await silent.until_end()
        async with serving(rt, greeting_timeout=0.05) as server:
            async with raw_client(rt, server) as peer:
                await sleep(rt, 0.08)
                peer.send(PINGECHO)
                await peer.until_frames(1)

    scene(scenario)


def test_nothing_is_right_behind_the_answer_to_a_greeting(scene: Any) -> None:
    """Clients of VSOA 1.0.4 read it with one call, and lose what is behind it."""

    async def scenario(rt: Any) -> None:
        async with serving(rt, hold_back=30.0) as server:

            def say(session: Any, connected: bool) -> None:
                if connected:
                    session.datagram("/hello")
                    session.priority = 3
                    server.publish("/a")

            server.on_client = say
            async with raw_client(rt, server) as peer:
                await sleep(rt, 0.03)
                assert peer.frames == []
                peer.send(SUBSCRIBE, "/a")
                frames = await peer.until_frames(3)
                assert [frame.type for frame in frames] == [DATAGRAM, QOSSETUP, SUBSCRIBE]

    scene(scenario)


def test_what_was_held_back_comes_after_a_while_anyway(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, hold_back=0.02) as server:
            server.on_client = lambda session, connected: (
                connected and session.datagram("/hello", quick=False)
            )
            async with raw_client(rt, server) as peer:
                frames = await peer.until_frames(1)
                assert frames[0].url == "/hello"
        async with serving(rt, hold_back=0.0) as server:
            server.on_client = lambda session, connected: connected and session.datagram("/hello")
            async with raw_client(rt, server, greet=False) as peer:
                peer.send(SERVINFO)
                assert (await peer.until_frames(2))[1].url == "/hello"

    scene(scenario)


def test_a_greeting_may_be_repeated_and_is_no_new_client(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, password="x") as server:
            seen: list[Any] = []
            server.on_client = lambda session, connected: seen.append(connected)
            async with raw_client(rt, server, greet=False) as peer:
                peer.send(SERVINFO, param={"passwd": "x"})
                peer.send(SERVINFO, seqno=9, flags=TUNNEL, tunid=5)
                first, second = await peer.until_frames(2)
                assert (second.seqno, second.status, second.data) == (9, 0, first.data)
                assert seen == [True]

    scene(scenario)


def test_what_breaks_the_rules_ends_that_connection_alone(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            broken = [
                bytes([0x28]) + bytes(19),
                encode(RPC)[:12] + b"\xff" * 8,
                encode(RPC, "/ab")[:20].ljust(24, b"\xff"),
            ]
            for data in broken:
                async with raw_client(rt, server) as peer:
                    peer.send(PINGECHO, seqno=1)
                    peer.transport.write(data)
                    await peer.until_end()
                    assert [frame.type for frame in peer.frames] == [PINGECHO]
            assert await client.ping() >= 0

    scene(scenario)


def test_half_a_frame_and_an_end_are_the_end(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server:
            async with raw_client(rt, server) as peer:
                peer.transport.write(encode(PUBLISH, "/a", data=b"x" * 100)[:50])
                peer.transport.write_eof()
                await peer.until_end()
            await until(rt, lambda: not server.clients)

    scene(scenario)


def test_a_server_that_ends_before_the_greeting_is_none(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_server(rt) as (url, peers):

            async def hang_up() -> None:
                await until(rt, lambda: peers and peers[0].frames)
                peers[0].transport.abort()

            task = rt.create_task(hang_up())
            with pytest.raises(ConnectionFailed, match="greeting"):
                async with connected(rt, url):
                    pass
            await task

    scene(scenario)


def test_a_mute_server_is_given_up_in_time(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_server(rt) as (url, _peers):
            with pytest.raises(ConnectionFailed):
                async with connected(rt, url, timeout=0.1):
                    pass

    scene(scenario)


def test_there_may_be_only_so_many_clients(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, max_clients=1) as server, connected(rt, server) as client:
            with pytest.raises(ConnectionFailed):
                async with connected(rt, server):
                    pass
            assert await client.ping() >= 0

    scene(scenario)


def test_a_priority_marks_the_traffic_of_both_sides(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            (session,) = server.clients
            for wrong in (-1, 8, "5"):
                with pytest.raises(ValueError, match="0 to 7"):
                    session.priority = wrong  # type: ignore[assignment]  # the mistake that is meant
            session.priority = 5
            await until(rt, lambda: client.priority == 5)
            assert session.priority == 5
            for end in (client, session):
                own = end.get_extra_info("socket")
                assert own.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 168
            session.priority = 0
            await until(rt, lambda: client.priority == 0)
            assert session.get_extra_info("socket").getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0
            session.keepalive(30)
            assert session.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30

    scene(scenario)


def test_the_system_looks_after_a_silent_client(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (_, server):
            session = server.clients[0]
            session.keepalive(7)
            sock = session.get_extra_info("socket")
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [7, 7, 3]
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

    scene(scenario)


def test_clients_are_listed_by_priority_and_then_by_age(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server:
            async with connected(rt, server), connected(rt, server), connected(rt, server):
                first, second, third = server.clients
                third.priority = 7
                assert server.clients == [third, first, second]

    scene(scenario)


def test_a_client_that_is_gone_can_be_asked_but_not_told(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server:
            gone: list[Any] = []
            server.on_client = lambda session, connected: (
                None if connected else gone.append(session.is_closing())
            )
            async with connected(rt, server) as client:
                (session,) = server.clients
                address = client.get_extra_info("sockname")[:2]
            await session.wait_closed()
            assert gone == [True]
            assert (session.id, session.address) == (0, address)
            assert not session.datagram("/a")
            assert not session.send_quick(b"")
            session.priority = 3
            session.keepalive(5)
            session.close()
            session.abort()

    scene(scenario)


def test_a_session_can_be_closed_by_the_server(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            (session,) = server.clients
            session.datagram("/last")
            seen: list[Any] = []
            client.on_datagram = seen.append
            session.close()
            assert not session.datagram("/too late")
            await client.wait_closed()
            assert [message.url for message in seen] == ["/last"]
            with pytest.raises(ConnectionLost, match="the server closed"):
                client.fetch("/a")

    scene(scenario)


def test_closing_is_prompt_and_may_be_done_twice(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            server.add_command("/never", lambda request: None)
            asked = client.fetch("/never")
            await client.close()
            await client.close()
            with pytest.raises(ConnectionLost, match="was closed"):
                await asked
            with pytest.raises(ConnectionLost):
                client.datagram("/a")
            url = server.addresses[0]
            await server.close()
            await server.close()
            await server.wait_closed()
            with pytest.raises(ConnectionFailed):
                async with connected(rt, url):
                    pass

    scene(scenario)


def test_callbacks_that_fail_disturb_nobody(scene: Any, caplog: Any) -> None:
    async def scenario(rt: Any) -> None:
        def fail(*args: Any) -> Any:
            raise RuntimeError("a mistake")

        async def fail_later(*args: Any) -> Any:
            raise RuntimeError("a mistake")

        async with serving(rt) as server:
            server.on_client = server.on_datagram = fail
            async with connected(
                rt, server, on_connect=fail_later, on_message=fail, on_datagram=fail
            ) as client:
                server.clients[0].on_subscribe = server.clients[0].on_unsubscribe = fail
                client.datagram("/a")
                subscription = await client.subscribe("/a", callback=fail)
                server.publish("/a")
                server.clients[0].datagram("/a")
                await client.ping()
                await subscription.close()
                client.on_disconnect = fail
                assert await client.ping() >= 0
        async with both(rt, on_connect=fail) as (client, _):
            assert await client.ping() >= 0

    scene(scenario)
    assert caplog.text.count("a mistake") >= 8


def test_a_server_listens_at_several_addresses_or_at_none(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = Server(rt)
        with pytest.raises(LocalProtocolError):
            await server.offer_stream()
        assert server.publish("/a") is False
        with pytest.raises(ValueError, match="address"):
            await server.listen([])
        with pytest.raises(ValueError, match="IP address"):
            await server.listen(["vsoa://myserver:5"])
        async with serving(rt) as other:
            with pytest.raises(ConnectionFailed):
                await server.listen([HERE, other.addresses[0]])
        assert server.addresses == []
        await server.close()
        server = Server(rt)
        await server.listen([HERE, "vsoa://localhost:0"])
        for url in server.addresses:
            async with connected(rt, url) as client:
                assert client.datagram("/a", quick=True)
        assert "Server at vsoa://127.0.0.1" in repr(server)
        await server.close()

    scene(scenario)


def test_sessions_work_over_ipv6(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, "vsoa://[::1]:0") as server, connected(rt, server) as client:
            seen: list[Any] = []
            client.on_message = seen.append
            await client.subscribe("/a")
            server.clients[0].priority = 1
            assert server.publish("/a", quick=True)
            await until(rt, lambda: seen and client.priority == 1)
            assert server.addresses[0].startswith("vsoa://[::1]:")
            offer = await server.offer_stream(server.clients[0])
            stream = await client.open_stream(offer.port)
            other = await offer.accept()
            await other.send(b"x")
            assert await stream.receive() == b"x"
            await stream.close()
            await other.close()

    scene(scenario)


def test_a_server_for_every_interface_has_a_quick_channel_for_both_families(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, "vsoa://:0") as server:
            port = server.addresses[0].rpartition(":")[2]
            for host in ("127.0.0.1", "[::1]"):
                async with connected(rt, f"vsoa://{host}:{port}") as client:
                    seen: list[Any] = []
                    client.on_message = seen.append
                    server.on_datagram = lambda session, message: seen.append(message)  # noqa: B023
                    await client.subscribe("/a")
                    assert server.publish("/a", quick=True)
                    await until(rt, lambda: len(seen) == 1)  # noqa: B023
                    assert client.datagram("/b", quick=True)
                    await until(rt, lambda: len(seen) == 2)  # noqa: B023

    scene(scenario)


def test_tls_has_no_quick_channel(scene: Any, contexts: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, password="x", tls=contexts.server) as server:
            async with connected(rt, server, password="x", tls=contexts.client) as client:
                server.command("/a")(lambda request: request.param)
                assert (await client.fetch("/a", 5)).param == 5
                assert client.datagram("/a", quick=True) is False
                assert server.publish("/a", quick=True) is False
                assert server.clients[0].datagram("/a", quick=True) is False
                assert client.get_extra_info("peercert")
                offer = await server.offer_stream(server.clients[0])
                stream = await client.open_stream(offer.port)
                other = await offer.accept()
                await stream.send(b"x" * 100_000)
                got = b""
                while len(got) < 100_000:
                    got += await other.receive()
                await stream.close()
                await other.close()

    scene(scenario)


def test_who_does_not_shake_hands_is_sent_away(scene: Any, contexts: Any) -> None:
    async def scenario(rt: Any) -> None:
        assert ServerSettings().handshake_timeout == 1.0
        async with serving(rt, tls=contexts.server, handshake_timeout=0.05) as server:
            async with raw_client(rt, server, greet=False) as silent:
                await silent.until_end()
            assert server.clients == []

    scene(scenario)


def test_settings_are_looked_at(run: Any) -> None:
    for wrong in (
        {"policy": "x"},
        {"backlog": 0},
        {"greeting_timeout": 0},
        {"hold_back": -1},
        {"max_handlers": 0},
        {"handshake_timeout": 0},
        {"send_timeout": 0},
    ):
        with pytest.raises(ValueError):
            ServerSettings(**wrong)  # type: ignore[arg-type]  # the mistakes that are meant


def test_requests_over_the_quick_channel_are_nobodys(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            seen: list[Any] = []
            server.command("/a")(seen.append)
            server.on_datagram = lambda session, message: seen.append(message)
            connection = client._connection
            assert connection is not None
            connection.send_quick(encode(RPC, "/a", seqno=0))
            connection.send_quick(encode(SERVINFO, flags=REPLY))
            assert client.datagram("/b", quick=True)
            await until(rt, lambda: seen)
            assert [message.url for message in seen] == ["/b"]

    scene(scenario)
