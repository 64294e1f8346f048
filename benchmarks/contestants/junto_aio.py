"""junto in an event loop."""

from __future__ import annotations

import asyncio
from typing import Unpack

from benchmarks.contestants import HOST, Announce, Client, Work
from benchmarks.contestants.junto_service import Service, make_client
from junto import ChannelOptions, aio


async def serve(announce: Announce, **options: Unpack[ChannelOptions]) -> None:
    async with aio.serve(Service(), f"tcp://{HOST}:0", **options) as server:
        announce(server.addresses[0].port)
        await asyncio.get_running_loop().create_future()


async def connect(port: int, work: Work, **options: Unpack[ChannelOptions]) -> Client:
    return make_client(await aio.connect(f"tcp://{HOST}:{port}", **options), work)
