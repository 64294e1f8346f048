"""Streams beside a connection."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from junto.errors import ConnectionFailed, ConnectionLost, RequestTimeout
from junto.vsoa import Response
from junto.vsoa.requests import Request

from .layers import until
from .vsoa import both
from .worlds import sleep, within


async def pair(rt: Any, client: Any, server: Any) -> tuple[Any, Any]:
    """Open a stream; give the client's end and the server's."""
    offer = await server.offer_stream(server.clients[0])
    return await client.open_stream(offer.port), await offer.accept()


def test_a_reply_tells_the_port_of_a_stream(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):

            async def serve(offer: Any, data: bytes) -> None:
                async with await offer.accept() as stream:
                    await stream.send(data)

            @server.command("/file")
            async def file(request: Request) -> Response:
                offer = await server.offer_stream(request.session)
                rt.create_task(serve(offer, b"x" * 1_000_000))
                return Response({"size": 1_000_000}, tunnel=offer.port)

            reply = await client.fetch("/file")
            assert reply.tunnel
            stream = await client.open_stream(reply.tunnel)
            size = 0
            async for chunk in stream:
                size += len(chunk)
            assert size == reply.param["size"]
            assert await stream.receive() == b""
            await stream.close()

    scene(scenario)


def test_bytes_go_both_ways_and_a_slow_reader_holds_the_sender(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            ours, theirs = await pair(rt, client, server)
            await ours.send(b"hello")
            word = b""
            while len(word) < 5:
                word += await theirs.receive()
            assert word == b"hello"
            data = bytes(range(256)) * 4096 * 32  # more than the system takes
            sending = rt.create_task(theirs.send(data))
            await sleep(rt, 0.05)
            assert not sending.done()
            assert ours._size < 3_000_000
            got = bytearray()
            while len(got) < len(data):
                got += await ours.receive(100_000)
            assert got == data
            await within(rt, sending)
            assert ours.connected
            await ours.close()
            await ours.close()
            assert not ours.connected
            await theirs.wait_closed()
            assert await theirs.receive() == b""
            with pytest.raises(ConnectionLost):
                await theirs.send(b"x")
            with pytest.raises(ConnectionLost):
                await ours.send(b"x")

    scene(scenario)


def test_a_stream_outlives_its_connection(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            ours, theirs = await pair(rt, client, server)
            await client.close()
            await until(rt, lambda: not server.clients)
            await ours.send(b"x")
            assert await theirs.receive() == b"x"
            theirs.abort()
            await ours.wait_closed()
            with pytest.raises(ConnectionLost):
                await client.open_stream(5)

    scene(scenario)


def test_a_broken_stream_wakes_its_reader_and_its_sender(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            ours, theirs = await pair(rt, client, server)
            sending = rt.create_task(theirs.send(b"x" * 50_000_000))
            reading = rt.create_task(theirs.receive())
            await sleep(rt, 0.02)
            with pytest.raises(RuntimeError, match="another"):
                await theirs.receive()
            ours.abort()
            with pytest.raises(ConnectionLost):
                await within(rt, sending)
            try:
                assert await within(rt, reading) == b""
            except ConnectionLost:
                pass
            await theirs.wait_closed()

    scene(scenario)


def test_only_the_first_connection_becomes_the_stream(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            offer = await server.offer_stream()
            stream = await client.open_stream(offer.port)
            other = await offer.accept()
            with pytest.raises(ConnectionFailed):
                await client.open_stream(offer.port)
            await stream.close()
            await other.wait_closed()

    scene(scenario)


def test_a_stranger_does_not_get_the_stream(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            offer = await server.offer_stream(server.clients[0])
            offer._peer = "127.0.0.2"
            stream = await client.open_stream(offer.port)
            await stream.wait_closed()
            offer._peer = "127.0.0.1"
            stream = await client.open_stream(offer.port)
            other = await offer.accept()
            await stream.close()
            await other.wait_closed()

    scene(scenario)


def test_an_offer_that_nobody_takes_ends_in_time(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            offer = await server.offer_stream(timeout=0.02)
            with pytest.raises(RequestTimeout, match="nobody"):
                await offer.accept()
            with pytest.raises(ConnectionFailed):
                await client.open_stream(offer.port)
            offer = await server.offer_stream()
            offer.close()
            offer.close()
            with pytest.raises(ConnectionLost, match="withdrawn"):
                await offer.accept()
            for wrong in (0, 65536, "5"):
                with pytest.raises(ValueError, match="port"):
                    await client.open_stream(wrong)  # type: ignore[arg-type]  # the mistake that is meant

    scene(scenario)


@pytest.mark.parametrize("by", ["offer", "server"])
def test_a_client_that_nobody_accepted_is_cut_off_with_the_offer(scene: Any, by: str) -> None:
    async def scenario(rt: Any) -> None:
        async with both(rt) as (client, server):
            offer = await server.offer_stream()
            stream = await client.open_stream(offer.port)
            await until(rt, offer._stream.done)
            if by == "offer":
                offer.close()
            else:
                await server.close()
            with suppress(ConnectionLost):  # it may be told as an error, or as the end
                assert await within(rt, rt.create_task(stream.receive())) == b""
            await within(rt, rt.create_task(stream.wait_closed()))
            with pytest.raises(ConnectionLost):
                await offer.accept()

    scene(scenario)
