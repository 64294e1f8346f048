"""websockets in asyncio, without compression and without pings."""

from __future__ import annotations

import asyncio
from typing import Any

from websockets.asyncio.client import connect as open_connection
from websockets.asyncio.server import serve as open_server
from websockets.exceptions import ConnectionClosed

from benchmarks.contestants import HOST, Announce, Client, Pipe, Work

OPTIONS: dict[str, Any] = {"compression": None, "ping_interval": None, "max_size": None}


async def _echo(connection: Any) -> None:
    try:
        while True:
            await connection.send(await connection.recv())
    except ConnectionClosed:
        return


async def serve(announce: Announce) -> None:
    async with open_server(_echo, HOST, 0, **OPTIONS) as server:
        announce(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().create_future()


async def connect(port: int, work: Work) -> Client:
    connection = await open_connection(f"ws://{HOST}:{port}", **OPTIONS)
    body = work.body()

    async def call() -> Any:
        await connection.send(body)
        return await connection.recv()

    return Client(body, call, Pipe(lambda: connection.send(body), connection.recv))
