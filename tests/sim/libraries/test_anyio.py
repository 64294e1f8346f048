"""anyio in the simulated world: TCP, TLS, UDP and worker threads."""

from __future__ import annotations

import time
from typing import Any

import anyio
import anyio.to_thread
from anyio.streams.tls import TLSListener
from pairs import PAUSE, ROUNDS, client_context, server_context, talk

EXPECTED = [b"AB%d" % number for number in range(ROUNDS)]


def shout(data: bytes) -> bytes:
    time.sleep(0.01)
    return data.upper()


async def answer(stream: anyio.abc.ByteStream) -> None:
    async with stream:
        async for data in stream:
            await stream.send(await anyio.to_thread.run_sync(shout, data))


async def receive(stream: anyio.abc.ByteStream, length: int) -> bytes:
    data = b""
    while len(data) < length:
        data += await stream.receive()
    return data


def test_anyio_talks_by_tcp_and_works_in_threads() -> None:  # B1
    async def serve() -> None:
        await (await anyio.create_tcp_listener(local_host="0.0.0.0", local_port=7000)).serve(answer)

    async def ask() -> Any:
        seen = []
        async with await anyio.connect_tcp("server", 7000) as stream:
            for number in range(ROUNDS):
                with anyio.fail_after(30):
                    sent = b"ab%d" % number
                    await stream.send(sent)
                    seen.append(await receive(stream, len(sent)))
                await anyio.sleep(PAUSE)
        return seen

    assert talk(serve, ask) == EXPECTED


def test_anyio_runs_its_own_loop_and_talks_by_tls() -> None:  # B1
    server_tls, client_tls = server_context(), client_context()

    def serve() -> None:
        async def main() -> None:
            listener = await anyio.create_tcp_listener(local_host="0.0.0.0", local_port=7000)
            await TLSListener(listener, server_tls).serve(answer)

        anyio.run(main)

    def ask() -> Any:
        async def main() -> Any:
            seen = []
            async with await anyio.connect_tcp(
                "server", 7000, ssl_context=client_tls, tls_hostname="server"
            ) as stream:
                for number in range(ROUNDS):
                    sent = b"ab%d" % number
                    await stream.send(sent)
                    seen.append(await receive(stream, len(sent)))
                    await anyio.sleep(PAUSE)
            return seen

        return anyio.run(main)

    assert talk(serve, ask) == EXPECTED


def test_anyio_sends_datagrams_again_until_they_are_answered() -> None:  # B1
    async def serve() -> None:
        async with await anyio.create_udp_socket(local_host="0.0.0.0", local_port=7000) as socket:
            async for data, (host, port) in socket:
                await socket.sendto(data.upper(), host, port)

    async def ask() -> Any:
        seen = []
        async with await anyio.create_connected_udp_socket("server", 7000) as socket:
            for number in range(ROUNDS):
                sent = b"ab%d" % number
                while True:
                    await socket.send(sent)
                    with anyio.move_on_after(0.2):
                        while (got := await socket.receive()) != sent.upper():
                            pass
                        break
                seen.append(got)
                await anyio.sleep(PAUSE)
        return seen

    assert talk(serve, ask) == EXPECTED
