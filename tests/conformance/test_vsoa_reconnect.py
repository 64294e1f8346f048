"""Clients that live longer than their connections."""

from __future__ import annotations

from typing import Any

import pytest

from junto.errors import ConnectionFailed, ConnectionLost
from junto.sansio.vsoa.frames import PINGECHO, REPLY, encode
from junto.vsoa import PasswordRefused

from .layers import until
from .vsoa import connected, raw_server, serving
from .worlds import sleep


def test_a_client_connects_anew_and_gets_what_it_subscribed_to(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        seen: list[Any] = []
        states: list[Any] = []
        async with serving(rt) as server:
            server.command("/echo")(lambda request: request.param)
            async with connected(
                rt,
                server,
                reconnect=True,
                on_connect=lambda client: states.append("up"),
                on_disconnect=lambda client, error: states.append(type(error)),
            ) as client:
                subscription = await client.subscribe(
                    "/a", callback=lambda message: seen.append(message.param)
                )
                gone = await client.subscribe("/gone")
                await gone.close()
                asked = client.fetch("/nobody")
                server.clients[0].abort()
                with pytest.raises(Exception):  # noqa: B017  # it was refused, or the connection was faster
                    await asked
                await until(rt, lambda: not client.connected)
                waiting = client.fetch("/echo", 5)  # waits for the connection
                late = client.subscribe("/b")
                assert client.datagram("/x", quick=True) is False
                with pytest.raises(ConnectionLost):
                    client.datagram("/x")
                assert (await waiting).param == 5
                await late
                assert server.clients[0].subscriptions == ["/a", "/b"]
                server.publish("/a", 1)
                await until(rt, lambda: seen == [1])
                assert states == ["up", ConnectionLost, "up"] or states == [ConnectionLost, "up"]
                await subscription.close()

    scene(scenario)


def test_requests_that_were_given_up_while_there_was_no_connection_are_not_sent(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server:
            seen: list[Any] = []
            server.command("/a")(lambda request: seen.append(request.param))
            async with connected(rt, server, reconnect=True) as client:
                client.disconnect()
                await until(rt, lambda: not client.connected)
                given_up = client.fetch("/a", 1)
                given_up.cancel()
                await client.fetch("/a", 2)
                assert seen == [2]

    scene(scenario)


def test_closing_ends_the_attempts_to_connect(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server:
            async with connected(rt, server, reconnect=True) as client:
                waiting = None
                await server.close()
                await until(rt, lambda: not client.connected)
                waiting = client.fetch("/a")
                subscription = client.subscribe("/a")
                await sleep(rt, 0.1)
            with pytest.raises(ConnectionLost):
                await waiting
            with pytest.raises(ConnectionLost):
                await subscription
            assert client.is_closing()

    scene(scenario)


def test_attempts_that_fail_are_told_and_do_not_end(scene: Any, caplog: Any) -> None:
    async def scenario(rt: Any) -> None:
        told: list[Any] = []

        def tell(error: Exception) -> None:
            told.append(error)
            raise RuntimeError("a mistake")

        async with serving(rt, password="x") as server:
            async with connected(rt, server, password="x", reconnect=True, on_failure=tell) as client:
                server.password = "y"
                server.clients[0].abort()
                await until(rt, lambda: len(told) == 2)
                assert all(isinstance(error, PasswordRefused) for error in told)
                server.password = "x"
                assert await client.ping() >= 0

    scene(scenario)
    assert "a mistake" in caplog.text


def test_a_mute_server_is_noticed_in_the_time_that_keepalive_says(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_server(rt) as (url, peers):

            async def welcome() -> None:
                await until(rt, lambda: peers and peers[0].frames)
                peers[0].frames.clear()
                peers[0].welcome()

            welcoming = rt.create_task(welcome())
            async with connected(rt, url, keepalive=0.05) as client:
                await welcoming
                start = rt.time()
                await client.wait_closed()
                assert 0.19 < rt.time() - start < 2
                with pytest.raises(ConnectionLost, match="sign of life"):
                    client.fetch("/a")
                assert [frame.type for frame in peers[0].frames] == [PINGECHO] * 4

    scene(scenario)


def test_a_server_that_answers_pings_or_says_anything_lives(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, connected(rt, server, keepalive=0.05) as client:
            await sleep(rt, 0.3)  # a mute one is given up before that
            assert client.connected
        for wrong in (0, 0.01, -1):
            with pytest.raises(ValueError, match="keepalive"):
                async with connected(rt, "vsoa://127.0.0.1:1", keepalive=wrong):
                    pass

    scene(scenario)


def test_a_client_begins_each_connection_with_an_empty_mind(scene: Any) -> None:
    """Half a frame of the last connection must not be the beginning of the next."""

    async def scenario(rt: Any) -> None:
        async with raw_server(rt) as (url, peers):

            async def serve(number: int) -> None:
                await until(rt, lambda: len(peers) > number and peers[number].frames)
                peers[number].welcome(number)

            serving = rt.create_task(serve(0))
            async with connected(rt, url, reconnect=True) as client:
                await serving
                peers[0].transport.write(encode(PINGECHO, "/half")[:22])
                peers[0].transport.close()
                await serve(1)
                await until(rt, lambda: client.client_id == 1)
                pinging = rt.create_task(client.ping())
                await until(rt, lambda: len(peers[1].frames) == 2)
                peers[1].send(PINGECHO, flags=REPLY, seqno=peers[1].frames[1].seqno)
                assert await pinging >= 0

    scene(scenario)


def test_nobody_there_is_an_error_once_or_after_the_time_given(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server:
            url = server.addresses[0]
        for timeout in (0.0, 0.1):
            with pytest.raises(ConnectionFailed):
                async with connected(rt, url, timeout=timeout):
                    pass

    scene(scenario)
