"""The quick channel: datagrams and publications by UDP, and who may use it."""

from __future__ import annotations

from typing import Any

import pytest

from junto.address import Address
from junto.errors import LocalProtocolError
from junto.sansio.vsoa.frames import DATAGRAM, PINGECHO, PUBLISH, REPLY, SERVINFO, TUNNEL, encode

from .layers import until
from .vsoa import both, connected, raw_client, raw_pair, raw_server, serving
from .worlds import in_real_time, sleep


class Datagrams:
    """A UDP port that writes down what it gets."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.received: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.received.append(data)

    def error_received(self, error: Exception) -> None:
        pass

    def connection_lost(self, error: Exception | None) -> None:
        pass


async def udp(rt: Any) -> Datagrams:
    port = Datagrams()
    await rt.open_datagram(Address("tcp", "127.0.0.1", 0), lambda: port)
    return port


def test_datagrams_go_both_ways_on_both_channels(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            at_server: list[Any] = []
            at_client: list[Any] = []
            server.on_datagram = lambda session, message: at_server.append((session.id, message))
            client.on_datagram = at_client.append
            for quick in (False, True):
                assert client.datagram("/a", {"x": 1}, b"y", quick=quick)
                await until(rt, lambda: len(at_server) == 1)
                number, message = at_server.pop()
                assert (number, message.url, message.param, message.data) == (
                    client.client_id,
                    "/a",
                    {"x": 1},
                    b"y",
                )
                assert message.quick is quick
                assert server.clients[0].datagram("/b", 2, quick=quick)
                await until(rt, lambda: len(at_client) == 1)
                message = at_client.pop()
                assert (message.url, message.param, message.quick) == ("/b", 2, quick)

    scene(scenario)


def test_what_is_published_quickly_reaches_subscribers(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            seen: list[Any] = []
            await client.subscribe("/a/", callback=seen.append)
            assert server.publish("/a/b", 1, quick=True)
            assert server.publish("/b", 2, quick=True)
            await until(rt, lambda: seen)
            assert [(one.url, one.param, one.quick) for one in seen] == [("/a/b", 1, True)]

    scene(scenario)


def test_a_datagram_without_a_url_has_none(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            seen: list[Any] = []
            server.on_datagram = lambda session, message: seen.append(message.url)
            peer.send(DATAGRAM)
            peer.send(DATAGRAM, "zz")
            await until(rt, lambda: len(seen) == 2)
            assert seen == [None, "zz"]

    scene(scenario)


def test_a_server_hears_a_client_only_from_the_place_it_named(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, password="x") as server:
            seen: list[Any] = []
            server.on_datagram = lambda session, message: seen.append(message.param)
            port = int(server.addresses[0].rpartition(":")[2])
            mine, foreign = await udp(rt), await udp(rt)
            async with raw_client(rt, server, greet=False) as peer:

                def say(udp: Datagrams, param: bytes, seqno: int, kind: int = DATAGRAM) -> None:
                    udp.transport.sendto(encode(kind, "/a", param, seqno=seqno), ("127.0.0.1", port))

                say(mine, b"1", 0)
                await sleep(rt, 0.01)  # which of two sockets is read first, nobody says
                peer.send(SERVINFO, flags=TUNNEL, tunid=mine.port, param={"passwd": "x"})
                await peer.until_frames(1)
                say(foreign, b"2", 0)
                say(mine, b"3", 77)
                say(mine, b"4", 0, PUBLISH)
                say(mine, b"5", 0, PINGECHO)
                mine.transport.sendto(encode(DATAGRAM, "/a", b"6", b"data")[:-2], ("127.0.0.1", port))
                mine.transport.sendto(b"x", ("127.0.0.1", port))
                say(mine, b"7", 0)
                await until(rt, lambda: seen)
                await sleep(rt, 0.01)
                assert seen == [7]
                server.clients[0].datagram("/b", quick=True)
                await until(rt, lambda: mine.received)
                assert mine.received == [encode(DATAGRAM, "/b")]
                assert foreign.received == []
            mine.transport.close()
            foreign.transport.close()

    scene(scenario)


def test_a_client_that_named_no_port_gets_nothing_quickly(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt) as server, raw_client(rt, server) as peer:
            peer.send(2, "/a")
            await peer.until_frames(1)
            assert server.publish("/a", quick=True) is True
            assert server.clients[0].datagram("/a", quick=True) is False

    scene(scenario)


@in_real_time
def test_a_client_sends_from_the_port_it_named_and_hears_its_server_alone(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_pair(rt) as (client, peer):
            seen: list[Any] = []
            client.on_datagram = client.on_message = lambda message: seen.append(message.param)
            name = peer.transport.get_extra_info("sockname")
            connection = client._connection
            assert connection is not None
            assert connection.quick is not None
            foreign, own = await udp(rt), Datagrams()
            await rt.open_datagram(Address("tcp", "127.0.0.1", name[1]), lambda: own)
            assert client.datagram("/a", 1, quick=True)
            await until(rt, lambda: own.received)
            assert own.received == [encode(DATAGRAM, "/a", b"1", seqno=0)]
            place = ("127.0.0.1", connection.quick.port)
            foreign.transport.sendto(encode(DATAGRAM, "/a", b"1"), place)
            own.transport.sendto(encode(PINGECHO), place)
            own.transport.sendto(encode(PUBLISH, "/a", b"2"), place)
            await until(rt, lambda: seen)
            assert seen == [2]
            foreign.transport.close()
            own.transport.close()

    scene(scenario)


def test_nobody_at_the_other_port_is_no_reason_to_end(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with raw_pair(rt) as (client, peer):
            for _ in range(5):
                client.datagram("/a", quick=True)
                await sleep(rt, 0.005)
            pinging = rt.create_task(client.ping())
            (frame,) = await peer.until_frames(1)
            peer.send(PINGECHO, flags=1, seqno=frame.seqno)
            assert await pinging >= 0

    scene(scenario)


def test_a_server_may_have_its_quick_channel_at_another_port(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        other = await udp(rt)
        async with raw_server(rt) as (url, peers):

            async def welcome() -> None:
                await until(rt, lambda: peers and peers[0].frames)
                number = bytes(4) + other.port.to_bytes(2, "big")
                peers[0].send(SERVINFO, data=number, flags=REPLY)

            welcoming = rt.create_task(welcome())
            async with connected(rt, url) as client:
                await welcoming
                assert client.client_id == 0
                assert client.datagram("/a", quick=True)
                await until(rt, lambda: other.received == [encode(DATAGRAM, "/a")])
        other.transport.close()

    scene(scenario)


def test_a_datagram_may_name_nothing(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        seen: list[Any] = []
        async with serving(rt) as server, raw_client(rt, server) as peer:
            server.on_datagram = lambda session, message: seen.append(message.url)
            peer.send(DATAGRAM, data=b"x")
            peer.send(DATAGRAM, "no slash", data=b"x")
            await until(rt, lambda: len(seen) == 2)
        async with raw_pair(rt, on_datagram=lambda message: seen.append(message.url)) as (_, peer):
            peer.send(DATAGRAM, data=b"x")
            await until(rt, lambda: len(seen) == 3)
        assert seen == [None, "no slash", None]

    scene(scenario)


def test_a_quick_datagram_has_a_largest_size(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            seen: list[int] = []
            server.on_datagram = lambda session, message: seen.append(len(message.data))
            with pytest.raises(LocalProtocolError):
                client.datagram("/a", data=b"x" * 65_483, quick=True)
            with pytest.raises(LocalProtocolError):
                server.publish("/a", data=b"x" * 65_483, quick=True)
            with pytest.raises(LocalProtocolError):
                server.clients[0].datagram("/a", data=b"x" * 65_483, quick=True)
            assert client.datagram("/a", data=b"x" * 65_482, quick=True)
            await until(rt, lambda: seen == [65_482])

    scene(scenario)
