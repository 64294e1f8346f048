"""What users write, for the type checkers: this file is read by them, and never run."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, assert_type

from junto import MOSAIK, SIMPYIO, Address, RemoteError, ServiceDict, aio, expose, sync
from junto.runtime import Reply


@dataclass
class Point:
    x: float
    y: float = 0.0


class Math:
    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def asyncio_calls() -> None:
    async with aio.serve(Math(), "tcp://127.0.0.1:0", "unix:///run/math.sock", workers=2) as server:
        assert_type(server.addresses, list[Address])
        async with aio.connect(server.addresses[0], codec="msgpack", timeout=None) as peer:
            assert_type(peer, aio.Peer)
            assert_type(peer.remote.math.add(3, 4, timeout=1.0), Reply[Any])
            results: list[Any] = [*await asyncio.gather(peer.remote.add(1, 2), peer.remote["_add"](1, 2))]
            assert_type(await peer.call("point", returns=Point), Point)
            assert_type(await peer.call("point", 1, kwargs={"timeout": 1.0}), Any)
            assert_type(await peer.ping(timeout=1.0), float)
            async for item in peer.remote.numbers(10):
                results.append(item)
        opened = await aio.connect("tcp://localhost:5555", service=ServiceDict(), reconnect=True, **SIMPYIO)
        await opened.close()
    async with aio.open_channel("tcp://localhost:5555", handler=len, **MOSAIK) as channel:
        assert_type(channel, aio.Channel)
        pending: Awaitable[Any] = channel.request([1, 2], timeout=2.0)
        await pending
        request = await channel.recv()
        request.fail(RemoteError("no"))


def blocking_calls() -> None:
    with sync.serve(Math(), "tcp://127.0.0.1:0", workers=4) as server:
        assert_type(server.addresses, list[Address])
        server.start_thread()
        with sync.connect(server.addresses[0], timeout=2.5, request_timeout=10.0) as peer:
            assert_type(peer.remote.math.add(3, 4, timeout=1.0), Any)
            assert_type(peer.futures.add(3, 4), concurrent.futures.Future[Any])
            assert_type(peer.call("point", returns=Point), Point)
            assert_type(peer.ping(), float)
            assert_type(peer.describe(timeout=1.0), list[dict[str, Any]])
            for item in peer.remote.numbers(10):
                print(item)
    with sync.open_channel("tcp://localhost:5555") as channel:
        assert_type(channel.request("hello", timeout=1.0), Any)
        assert_type(channel.recv(), sync.Request)


def exposed_functions_keep_their_types(math: Math) -> None:
    assert_type(math.add(3, 4), int)
