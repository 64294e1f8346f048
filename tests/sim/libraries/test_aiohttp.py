"""aiohttp in the simulated world: client, server and websocket, plain and by TLS."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pairs import PAUSE, ROUNDS, client_context, server_context, talk


async def greet(request: web.Request) -> web.Response:
    return web.json_response({"hello": request.match_info["name"], "got": len(await request.read())})


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(heartbeat=5)
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data[::-1])
    return socket


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_aiohttp_answers_requests_and_speaks_by_websocket(scheme: str) -> None:  # B1
    server_tls, client_tls = server_context(), client_context()

    async def serve() -> None:
        app = web.Application()
        app.add_routes([web.post("/{name}", greet), web.get("/ws/", echo)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "0.0.0.0", 8080, ssl_context=server_tls if scheme == "https" else None)
        await site.start()

    async def ask() -> Any:
        seen: list[Any] = []
        connector = aiohttp.TCPConnector(ssl=client_tls)
        async with aiohttp.ClientSession(f"{scheme}://server:8080", connector=connector) as session:
            async with session.ws_connect("/ws/") as socket:
                for number in range(ROUNDS):
                    async with session.post(f"/{number}", data=b"x" * 10_000) as response:
                        seen.append(await response.json())
                    await socket.send_str(f"ab{number}")
                    seen.append((await socket.receive()).data)
                    await asyncio.sleep(PAUSE)
        return seen

    expected: list[Any] = []
    for number in range(ROUNDS):
        expected += [{"hello": str(number), "got": 10_000}, f"ab{number}"[::-1]]
    assert talk(serve, ask) == expected


def test_aiohttp_runs_an_application_by_its_own_runner() -> None:  # B1
    def serve() -> None:
        app = web.Application()
        app.add_routes([web.post("/{name}", greet)])
        web.run_app(app, host="0.0.0.0", port=8080, print=None)

    async def ask() -> Any:
        async with aiohttp.ClientSession("http://server:8080") as session:
            seen = []
            for number in range(ROUNDS):
                async with session.post(f"/{number}", data=b"x") as response:
                    seen.append(response.status)
                await asyncio.sleep(PAUSE)
            return seen

    assert talk(serve, ask) == [200] * ROUNDS
