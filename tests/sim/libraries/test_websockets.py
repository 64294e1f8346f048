"""websockets in the simulated world: asyncio on both sides, and threads on both sides."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import websockets.asyncio.client
import websockets.asyncio.server
import websockets.sync.client
import websockets.sync.server
from pairs import PAUSE, ROUNDS, client_context, server_context, talk

EXPECTED = [f"ab{number}"[::-1] for number in range(ROUNDS)]


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_websockets_echo_what_they_get(scheme: str) -> None:  # B1
    server_tls, client_tls = (server_context(), client_context()) if scheme == "wss" else (None, None)

    async def echo(connection: websockets.asyncio.server.ServerConnection) -> None:
        async for message in connection:
            await connection.send(message[::-1])

    async def serve() -> None:
        async with websockets.asyncio.server.serve(echo, "0.0.0.0", 8765, ssl=server_tls) as server:
            await server.serve_forever()

    async def ask() -> Any:
        seen = []
        async with websockets.asyncio.client.connect(f"{scheme}://server:8765", ssl=client_tls) as connection:
            for number in range(ROUNDS):
                await connection.send(f"ab{number}")
                seen.append(await connection.recv())
                await asyncio.sleep(PAUSE)
        return seen

    assert talk(serve, ask) == EXPECTED


def test_websockets_in_threads_echo_what_they_get() -> None:  # B1
    def echo(connection: websockets.sync.server.ServerConnection) -> None:
        for message in connection:
            connection.send(message[::-1])

    def serve() -> None:
        with websockets.sync.server.serve(echo, "0.0.0.0", 8765) as server:
            server.serve_forever()

    def ask() -> Any:
        seen = []
        with websockets.sync.client.connect("ws://server:8765") as connection:
            for number in range(ROUNDS):
                connection.send(f"ab{number}")
                seen.append(connection.recv(timeout=30))
                time.sleep(PAUSE)
        return seen

    assert talk(serve, ask) == EXPECTED
