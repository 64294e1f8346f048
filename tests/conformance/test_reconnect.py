"""Channels and peers that connect again."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from junto.address import Address
from junto.errors import ConnectionLost, Overloaded, RequestTimeout
from junto.exposing import expose
from junto.options import Options
from junto.server import Server, open_channel, open_peer, serve_channels, serve_peers

from .layers import TCP, Raw, nothing_left, until
from .test_requests import Held
from .worlds import sleep


def echo(content: Any) -> Any:
    return content


async def serve(rt: Any, handler: Any, address: Address = TCP, **options: Any) -> Server[Any]:
    return await serve_channels(rt, handler, [address], Options(**options))


async def reconnecting(rt: Any, address: Address, **options: Any) -> Any:
    return await open_channel(rt, address, Options(**options), reconnect=True)


def test_a_server_that_restarts_is_found_again(scene: Any, tmp_path: Any) -> None:
    async def scenario(rt: Any) -> None:
        for place in (TCP, Address("unix", path=str(tmp_path / "socket"))):
            server = await serve(rt, echo, place)
            address = server.addresses[0]
            client = await reconnecting(rt, address)
            for number in range(3):
                assert await client.request(number, timeout=5.0) == number
                await server.close()
                await until(rt, lambda client=client: client._transport is None)
                server = await serve(rt, echo, address)
            assert await client.request("fine", timeout=5.0) == "fine"
            await client.close()
            await server.close()

    scene(scenario)


def test_requests_in_flight_fail_and_later_ones_wait(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        held = Held(rt)
        server = await serve(rt, held)
        address = server.addresses[0]
        client = await reconnecting(rt, address)
        futures = [client.request(number) for number in range(3)]
        await held.until(0, 1, 2)
        server.connections[0].abort()
        for future in futures:
            with pytest.raises(ConnectionLost):
                await future
        await until(rt, lambda: client._transport is None)
        await server.close(0.01)
        later = [client.request(number) for number in (10, 11)]
        await sleep(rt, 0.01)
        assert not any(future.done() for future in later)
        server = await serve(rt, echo, address)
        assert [await future for future in later] == [10, 11]
        await client.close()
        await server.close()

    scene(scenario)


def test_a_loop_that_tries_again_at_once_does_not_starve_the_others(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = await serve(rt, None)
        address = server.addresses[0]
        client = await reconnecting(rt, address)
        failures = 0

        async def insist() -> Any:
            nonlocal failures
            while True:
                try:
                    return await client.request("x")
                except ConnectionError:
                    failures += 1
                    assert failures < 100

        for end in ("close", "abort", "garbage"):
            failures = 0
            insisting = rt.create_task(insist())
            await until(rt, lambda: server.connections)
            channel = server.connections[0]
            request = await channel.recv()
            if end == "garbage":
                channel._transport.write(b"\0\0\0\3[1]")  # no triple
            else:
                await channel.close() if end == "close" else channel.abort()
            del request
            await until(rt, lambda old=channel: server.connections and server.connections[0] is not old)
            (await server.connections[0].recv()).reply(end)
            assert await insisting == end
            assert failures < 10
        await client.close()
        await server.close()

    scene(scenario)


def test_a_request_that_was_given_up_without_a_connection_is_never_sent(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        seen: list[Any] = []
        server = await serve(rt, echo)
        address = server.addresses[0]
        client = await reconnecting(rt, address)
        await server.close()
        await until(rt, lambda: client._transport is None)
        with pytest.raises(RequestTimeout):
            await client.request("timed out", timeout=0.005)
        client.request("cancelled").cancel()
        waiting = client.request("waiting")
        server = await serve(rt, lambda content: seen.append(content) or content, address)
        assert await waiting == "waiting"
        assert await client.request("then") == "then"
        assert seen == ["waiting", "then"]
        await client.close()
        await server.close()

    scene(scenario)


def test_requests_without_a_connection_are_limited(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = await serve(rt, echo)
        client = await reconnecting(rt, server.addresses[0], max_pending=50)
        await server.close()
        await until(rt, lambda: client._transport is None)
        for _ in range(20):
            futures = [client.request("x", timeout=60.0) for _ in range(50)]
            with pytest.raises(Overloaded):
                client.request("one more")
            for future in futures:
                future.cancel()
        assert len(client._asking.timers) <= 100
        future = client.request("x")
        await client.close()
        with pytest.raises(ConnectionLost):
            await future

    scene(scenario)


@pytest.mark.parametrize("how", ["close", "abort"])
def test_closing_during_reconnection_ends_it(scene: Any, how: str) -> None:
    async def scenario(rt: Any) -> None:
        server = await serve(rt, echo)
        client = await reconnecting(rt, server.addresses[0])
        await server.close()
        await until(rt, lambda: client._transport is None)
        await sleep(rt, 0.1)  # it tries, and fails
        future = client.request("x")
        if how == "close":
            await client.close()
        else:
            client.abort()
        with pytest.raises(ConnectionLost):
            await future
        await client.wait_closed()
        with pytest.raises(ConnectionLost):
            client.request("after")
        await nothing_left(rt)

    scene(scenario)


def test_attempts_are_made_with_growing_pauses(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        times: list[float] = []
        server = await serve(rt, echo)
        client = await reconnecting(rt, server.addresses[0])
        await server.close()
        connect = rt.connect

        def noted(*args: Any, **kwargs: Any) -> Any:
            times.append(rt.time())
            return connect(*args, **kwargs)

        rt.connect = noted
        await until(rt, lambda: len(times) == 4)
        rt.connect = connect
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert gaps[0] >= 0.05
        assert gaps[1] > gaps[0] * 0.9
        assert gaps[2] >= 0.11
        await client.close()

    scene(scenario)


def test_connected_is_called_each_time_and_may_wait(scene: Any) -> None:
    class Service:
        @expose
        def name(self) -> str:
            return "it"

    async def scenario(rt: Any) -> None:
        plain: list[Any] = []
        waited: list[Any] = []

        async def ask(peer: Any) -> None:
            waited.append(await peer.remote.name())

        for seen, connected in ((plain, plain.append), (waited, ask)):
            server = await serve_peers(rt, Service(), [TCP], Options())
            address = server.addresses[0]
            client = await open_peer(rt, address, Options(), reconnect=True, connected=connected)
            await until(rt, lambda seen=seen: len(seen) == 1)
            await server.close()
            await until(rt, lambda client=client: client.channel._transport is None)
            server = await serve_peers(rt, Service(), [address], Options())
            assert await client.remote.name(timeout=5.0) == "it"
            await until(rt, lambda seen=seen: len(seen) == 2)
            await client.close()
            await server.close()
        assert waited == ["it", "it"]

    scene(scenario)


def test_our_own_service_and_its_workers_outlive_a_connection(scene: Any) -> None:
    class Mine:
        @expose
        def ask(self, number: int) -> int:
            return number + 1

    async def scenario(rt: Any) -> None:
        server = await serve_peers(rt, {}, [TCP], Options())
        client = await open_peer(
            rt, server.addresses[0], Options(), service=Mine(), workers=1, reconnect=True
        )
        for number in range(3):
            await until(rt, lambda: len(server.connections) == 1)
            peer = server.connections[0]
            assert await peer.remote.ask(number, timeout=5.0) == number + 1
            peer.channel.abort()
            await until(rt, lambda peer=peer: peer not in server.connections)
        await client.close()
        await server.close()

    scene(scenario)


def test_a_stream_ends_with_its_connection_and_the_next_one_works(scene: Any) -> None:
    def numbers(content: Any) -> Any:
        yield from range(content)

    async def scenario(rt: Any) -> None:
        server = await serve(rt, numbers)
        client = await reconnecting(rt, server.addresses[0])
        stream = await client.request(1000)
        assert await anext(stream) == 0
        server.connections[0].abort()
        with pytest.raises(ConnectionLost):
            async for _ in stream:
                pass
        assert [item async for item in await client.request(100)] == list(range(100))
        await client.close()
        await server.close()

    scene(scenario)


def test_a_server_that_drops_every_connection_is_not_hammered(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        count = 0

        class Drop(Raw):
            def connection_made(self, transport: Any) -> None:
                nonlocal count
                count += 1
                transport.abort()

        listener = await rt.listen(TCP, lambda: Drop(rt))
        client = await reconnecting(rt, listener.address)
        await sleep(rt, 0.3)
        assert count <= 8
        await client.close()
        listener.close()

    scene(scenario)
