"""websockets with threads, without compression and without pings."""

from __future__ import annotations

from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_connection
from websockets.sync.server import serve as open_server

from benchmarks.contestants import HOST, Announce, Client, Work

OPTIONS: dict[str, Any] = {"compression": None, "ping_interval": None, "max_size": None}


def _echo(connection: Any) -> None:
    try:
        while True:
            connection.send(connection.recv())
    except ConnectionClosed:
        return


def serve(announce: Announce) -> None:
    with open_server(_echo, HOST, 0, **OPTIONS) as server:
        announce(server.socket.getsockname()[1])
        server.serve_forever()


def connect(port: int, work: Work) -> Client:
    connection = open_connection(f"ws://{HOST}:{port}", **OPTIONS)
    body = work.body()

    def call() -> Any:
        connection.send(body)
        return connection.recv()

    return Client(body, call)
