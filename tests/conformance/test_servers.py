"""Servers: several addresses, what they tell, and how they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from junto.address import Address
from junto.errors import ConnectionFailed, ConnectionLost
from junto.exposing import expose
from junto.options import Options
from junto.server import open_channel, open_peer, serve_channels, serve_peers

from .layers import TCP, nothing_left, serving, until


def echo(content: Any) -> Any:
    return content


def test_one_server_listens_at_several_addresses(scene: Any, contexts: Any, tmp_path: Path) -> None:
    async def scenario(rt: Any) -> None:
        urls = ["tcp://127.0.0.1:0", Address("unix", path=str(tmp_path / "s")), "tls://127.0.0.1:0"]
        server = await serve_channels(rt, echo, urls, Options(), tls=contexts.server)
        assert [address.scheme for address in server.addresses] == ["tcp", "unix", "tls"]
        assert all(address.port for address in server.addresses if address.scheme != "unix")
        assert "tcp://127.0.0.1:" in repr(server)
        clients = []
        for address in server.addresses:
            tls = contexts.client if address.scheme == "tls" else None
            client = await open_channel(rt, address, Options(), tls=tls)
            assert await client.request("x") == "x"
            clients.append(client)
        assert len(server.connections) == 3
        await server.close()
        for client in clients:
            await client.wait_closed()
        assert not (tmp_path / "s").exists()

    scene(scenario)


def test_a_server_that_cannot_use_one_address_uses_none(scene: Any, tmp_path: Path) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, echo) as other:
            taken = other.addresses[0]
            path = tmp_path / "s"
            with pytest.raises(ConnectionFailed):
                await serve_channels(rt, echo, [Address("unix", path=str(path)), taken], Options())
            assert not path.exists()
        await nothing_left(rt)

    scene(scenario)


def test_a_server_needs_an_address_and_a_context_for_tls(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        with pytest.raises(ValueError, match="address"):
            await serve_channels(rt, echo, [], Options())
        with pytest.raises(ValueError, match="tls"):
            await serve_channels(rt, echo, [TCP, "tls://127.0.0.1:0"], Options())
        await nothing_left(rt)

    scene(scenario)


def test_a_server_knows_its_connections_oldest_first(scene: Any) -> None:
    class Service:
        @expose
        def fine(self) -> str:
            return "fine"

    async def scenario(rt: Any) -> None:
        server = await serve_peers(rt, Service(), [TCP], Options())
        clients = []
        for count in range(1, 4):
            clients.append(await open_peer(rt, server.addresses[0], Options()))
            await until(rt, lambda count=count: len(server.connections) == count)
        names = [client.channel.get_extra_info("sockname") for client in clients]
        assert [peer.channel.peername for peer in server.connections] == names
        await clients[1].close()
        await until(rt, lambda: len(server.connections) == 2)
        assert [peer.channel.peername for peer in server.connections] == [names[0], names[2]]
        for client in (clients[0], clients[2]):
            await client.close()
        await server.close()
        await server.close()
        await server.wait_closed()

    scene(scenario)


def test_a_closed_server_accepts_nobody_and_its_port_is_free(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = await serve_channels(rt, echo, [TCP], Options())
        address = server.addresses[0]
        await server.close()
        with pytest.raises(ConnectionFailed):
            await open_channel(rt, address, Options())
        async with await serve_channels(rt, echo, [address], Options()) as again:
            client = await open_channel(rt, address, Options())
            assert await client.request("x") == "x"
            await client.close()
            assert again.addresses == [address]

    scene(scenario)


def test_a_hundred_connections_are_served_together(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with serving(rt, echo) as server:
            clients = [await open_channel(rt, server.addresses[0], Options()) for _ in range(100)]
            for _ in range(3):
                futures = [client.request(number) for number, client in enumerate(clients)]
                assert [await future for future in futures] == list(range(100))
            for client in clients:
                await client.close()

    scene(scenario)


def test_a_server_that_is_aborted_drops_its_connections_at_once(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = await serve_channels(rt, lambda _content: rt.create_future(), [TCP], Options())
        client = await open_channel(rt, server.addresses[0], Options())
        waiting = client.request("x")
        await until(rt, lambda: server.connections)
        server.abort()
        with pytest.raises(ConnectionLost):
            await waiting
        await server.wait_closed()
        await client.wait_closed()
        await until(rt, lambda: not server.connections)
        with pytest.raises(ConnectionFailed):
            await open_channel(rt, server.addresses[0], Options())
        server.abort()
        await server.close()

    scene(scenario)
