"""Subscribers that do not read: they delay nobody, and get what the server's policy leaves them."""

from __future__ import annotations

from typing import Any

import pytest

from junto.errors import ConnectionLost, Overloaded
from junto.sansio.vsoa.frames import DATAGRAM, PINGECHO, RPC, SUBSCRIBE

from .layers import until
from .vsoa import RawPeer, connected, raw_client, raw_pair, serving
from .worlds import in_real_time, sleep

DATA = b"x" * 20_000
BACKLOG = 200_000


async def stall(rt: Any, peer: RawPeer, server: Any) -> Any:
    """Let a subscriber read no more, and publish until nothing of it leaves any more."""
    peer.send(SUBSCRIBE, "/")
    await peer.until_frames(1)
    peer.frames.clear()
    peer.transport.pause_reading()
    (session,) = [one for one in server.clients if one.is_subscribed("/")]
    number = 0
    while not session.outbox._paused:
        server.publish("/n", number, DATA)
        number += 1
        await sleep(rt, 0.0002)  # in which it arrives, on a network that takes time
        assert number < 5000
    return session, number


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest", "latest"])
def test_a_subscriber_that_does_not_read_misses_something_and_delays_nobody(scene: Any, policy: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, policy=policy, backlog=BACKLOG) as server, raw_client(rt, server) as peer:
            session, number = await stall(rt, peer, server)
            async with connected(rt, server) as client:
                seen: list[Any] = []
                await client.subscribe("/", callback=lambda message: seen.append(message.param))
                last = number + 50
                for one in range(number, last):
                    server.publish("/n", one, DATA)
                    if one % 10 == 0:
                        await client.ping()
                await client.ping()
                assert seen == list(range(number, last))
            assert session.outbox.dropped > 30
            peer.transport.resume_reading()
            await peer.until(lambda: peer.frames and peer.frames[-1].param in (b"%d" % (last - 1), b"end"))
            got = [int(frame.param) for frame in peer.frames]
            assert got[: number - 1] == list(range(number - 1))
            waited = got[number - 1 :] if policy != "latest" else got[-1:]
            assert waited[-1] == last - 1 if policy != "drop-newest" else True
            assert got == sorted(got)
            assert len(got) + session.outbox.dropped == last
            server.publish("/n", 1_000_000)
            await peer.until(lambda: peer.frames[-1].param == b"1000000")

    if policy == "drop-newest":
        # The newest are what is missed, so there is nothing by which to know the end.
        scene(newest_dropped)
    else:
        scene(scenario)


async def newest_dropped(rt: Any) -> None:
    async with serving(rt, policy="drop-newest", backlog=BACKLOG) as server, raw_client(rt, server) as peer:
        session, number = await stall(rt, peer, server)
        for one in range(number, number + 50):
            server.publish("/n", one, DATA)
        await sleep(rt, 0)
        assert session.outbox.dropped > 30
        kept = number + 50 - session.outbox.dropped
        peer.transport.resume_reading()
        await peer.until(lambda: len(peer.frames) == kept)
        assert [int(frame.param) for frame in peer.frames] == list(range(kept))


def test_a_subscriber_that_does_not_read_may_be_sent_away(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with (
            serving(rt, policy="disconnect", backlog=BACKLOG) as server,
            raw_client(rt, server) as peer,
        ):
            session, number = await stall(rt, peer, server)
            for one in range(number, number + 20):
                server.publish("/n", one, DATA)
            await session.wait_closed()
            assert server.clients == []

    scene(scenario)


@in_real_time
def test_who_does_not_read_answers_is_not_read(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            handled: list[int] = []
            server.command("/big")(lambda request: handled.append(1) or DATA)
            peer.transport.pause_reading()
            (session,) = server.clients
            asked = 0
            while not session.outbox._paused:
                peer.send(RPC, "/big", seqno=asked)
                asked += 1
                await sleep(rt, 0)
                assert asked < 5000
            await sleep(rt, 0.02)
            before = len(handled)
            for _ in range(20):
                peer.send(RPC, "/big", seqno=asked)
                asked += 1
            await sleep(rt, 0.02)
            assert len(handled) == before
            peer.transport.resume_reading()
            frames = await peer.until_frames(asked)
            assert [frame.seqno for frame in frames] == list(range(asked))

    scene(scenario)


@in_real_time
def test_datagrams_and_answers_are_not_dropped_for_a_slow_client(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, backlog=BACKLOG) as server, raw_client(rt, server) as peer:
            session, number = await stall(rt, peer, server)
            for one in range(50):
                assert session.datagram("/d", one, DATA)
            server.publish("/n", number, DATA)
            await sleep(rt, 0)
            peer.transport.resume_reading()
            await peer.until(lambda: peer.frames and peer.frames[-1].param == b"%d" % number)
            assert [int(frame.param) for frame in peer.frames if frame.url == "/d"] == list(range(50))

    scene(scenario)


def test_a_client_that_takes_no_answers_for_too_long_is_sent_away(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            session, _ = await stall(rt, peer, server)
            data = b"x" * 250_000
            for _ in range(100):
                session.datagram("/d", None, data)
                await sleep(rt, 0)
            await until(rt, session.is_closing)
            await session.wait_closed()

    scene(scenario)


def test_a_client_that_takes_nothing_for_so_long_is_sent_away(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, send_timeout=0.05) as server, raw_client(rt, server) as peer:
            session, _ = await stall(rt, peer, server)
            await until(rt, session.is_closing)
            async with connected(rt, server) as client:
                assert await client.ping() >= 0

    scene(scenario)


def test_a_server_that_takes_nothing_for_so_long_is_given_up(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_pair(rt, keepalive=None) as (client, peer):
            peer.transport.pause_reading()
            client.send_timeout = 0.05
            asked = [client.fetch("/a", data=DATA * 10) for _ in range(60)]
            await client.wait_closed()
            for one in asked:
                with pytest.raises(ConnectionLost, match="took nothing"):
                    await one

    scene(scenario)


def test_a_client_that_is_sent_away_has_only_so_long_to_read_the_rest(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            session, _ = await stall(rt, peer, server)
            start = rt.time()
            session.close(0.05)
            await session.wait_closed()
            assert rt.time() - start < 3

    scene(scenario)


def test_a_server_closes_in_time_whatever_its_clients_do(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            await stall(rt, peer, server)
            start = rt.time()
            await server.close(0.1)
            assert rt.time() - start < 5

    scene(scenario)


def test_a_server_that_asks_for_signs_of_life_and_reads_none_is_not_kept_them(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        seen: list[Any] = []
        async with raw_pair(rt, keepalive=None, on_datagram=seen.append) as (client, peer):
            peer.send(PINGECHO, seqno=7)
            (echo,) = await peer.until_frames(1)
            assert (echo.type, echo.seqno) == (PINGECHO, 7)
            peer.transport.pause_reading()
            with pytest.raises(Overloaded):
                for _ in range(1000):
                    client.request_apart("/a", None, b"x" * 250_000)
                    await sleep(rt, 0)
            waiting = client._connection._outgoing._size
            for _ in range(1000):
                peer.send(PINGECHO)
            peer.send(DATAGRAM, "/last")
            await until(rt, lambda: seen)
            await sleep(rt, 0)
            assert client._connection._outgoing._size <= waiting
            client.abort()

    scene(scenario)
