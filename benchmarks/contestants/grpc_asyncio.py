"""grpcio in asyncio."""

from __future__ import annotations

from typing import Any

import grpc.aio

from benchmarks.contestants import HOST, Announce, Client, Work
from benchmarks.contestants.grpc_method import METHOD, OPTIONS, make_handler


async def _echo(body: bytes, context: Any) -> bytes:
    return body


async def serve(announce: Announce) -> None:
    server = grpc.aio.server(handlers=[make_handler(_echo)], options=OPTIONS)
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    announce(port)
    await server.wait_for_termination()


async def connect(port: int, work: Work) -> Client:
    # Channels of one process share a connection unless they are told to have their own.
    options = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.aio.insecure_channel(f"{HOST}:{port}", options=options)
    call = channel.unary_unary(METHOD)
    body = work.body()
    return Client(body, lambda: call(body))
