"""pyzmq in asyncio: DEALER and ROUTER."""

from __future__ import annotations

import zmq
import zmq.asyncio

from benchmarks.contestants import HOST, Announce, Client, Pipe, Work


async def serve(announce: Announce) -> None:
    router = zmq.asyncio.Context.instance().socket(zmq.ROUTER)
    announce(router.bind_to_random_port(f"tcp://{HOST}"))
    while True:
        await router.send_multipart(await router.recv_multipart())


async def connect(port: int, work: Work) -> Client:
    dealer = zmq.asyncio.Context.instance().socket(zmq.DEALER)
    dealer.connect(f"tcp://{HOST}:{port}")
    body = work.body()

    async def call() -> bytes:
        await dealer.send(body)
        return await dealer.recv()

    return Client(body, call, Pipe(lambda: dealer.send(body), dealer.recv))
