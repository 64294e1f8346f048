"""junto in trio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Unpack

import trio

import junto.trio
from benchmarks.contestants import HOST, Announce, Client, Work
from benchmarks.contestants.junto_service import Service, make_client
from junto import ChannelOptions


async def _serve(announce: Announce, **options: Unpack[ChannelOptions]) -> None:
    async with junto.trio.serve(Service(), f"tcp://{HOST}:0", **options) as server:
        announce(server.addresses[0].port)
        await trio.sleep_forever()


def serve(announce: Announce, **options: Unpack[ChannelOptions]) -> None:
    trio.run(partial(_serve, announce, **options))


@asynccontextmanager
async def connect(port: int, work: Work, **options: Unpack[ChannelOptions]) -> AsyncIterator[Client]:
    async with junto.trio.connect(f"tcp://{HOST}:{port}", **options) as peer:
        yield make_client(peer, work)
