"""Channels, peers and servers for scenarios, and a look at what a scenario leaves behind."""

from __future__ import annotations

import asyncio
import gc
import json
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from junto.address import Address
from junto.channel import Channel
from junto.codecs import JSON
from junto.options import Options
from junto.rpc import Peer
from junto.server import Server, open_channel, open_peer, serve_channels, serve_peers

from .endpoints import Recorder
from .worlds import Scenario, World, sleep

TCP = Address("tcp", "127.0.0.1")


@pytest.fixture
def scene(run: World) -> Callable[[Scenario], Any]:
    """Run a scenario of the layers, after which no task, connection or timer may be left."""

    def go(scenario: Scenario) -> Any:
        async def checked(rt: Any) -> Any:
            result = await scenario(rt)
            await nothing_left(rt)
            return result

        return run(checked)

    return go


async def nothing_left(rt: Any) -> None:
    left = left_behind(rt)
    for turn in range(400):
        if not left:
            return
        await sleep(rt, 0 if turn < 5 else 0.005)
        if turn == 10:
            gc.collect()
        left = left_behind(rt)
    raise AssertionError(f"the scenario left {left}")


def left_behind(rt: Any) -> list[Any]:
    if hasattr(rt, "_loop"):
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        timers = [timer for timer in getattr(rt._loop, "_scheduled", ()) if not timer.cancelled()]
        # One is the limit of the scenario itself.
        return [*tasks, *rt._transports, *rt._listeners, *(timers if len(timers) > 1 else ())]
    return [*rt._keeper.things, *rt._keeper._tasks(), *live_timers(rt)]


def live_timers(rt: Any) -> list[Any]:
    if hasattr(rt, "env"):  # one of them is the limit of the scenario itself
        agenda = rt.env._agenda if hasattr(rt.env, "_agenda") else rt.env._queue
        timers = [entry[3] for entry in agenda if entry[3].callbacks]
        return timers if len(timers) > 1 else []
    return [timer for timer in rt._timers._heap if not timer.cancelled]


async def until(rt: Any, is_so: Callable[[], object], seconds: float = 8.0) -> None:
    """Wait, with short pauses, until something is so."""
    end = rt.time() + seconds
    while not is_so():
        assert rt.time() < end, "it never came to be"
        await sleep(rt, 0.001)


@asynccontextmanager
async def serving(
    rt: Any, handler: Any, place: Any = None, *, connected: Any = None, patience: float = 1.0, **options: Any
) -> AsyncIterator[Server[Channel]]:
    address, tls = (TCP, None) if place is None else (place.address, place.server_tls)
    server = await serve_channels(rt, handler, [address], Options(**options), tls=tls, connected=connected)
    try:
        yield server
    finally:
        await server.close(patience)


@asynccontextmanager
async def channels(
    rt: Any,
    handler: Any,
    place: Any = None,
    *,
    client_handler: Any = None,
    server_options: dict[str, Any] | None = None,
    patience: float = 1.0,
    **options: Any,
) -> AsyncIterator[tuple[Channel, Channel]]:
    """Give both ends of a connection, the client's first; closing waits for handlers with *patience*."""
    ends = rt.create_future()
    async with serving(
        rt, handler, place, connected=ends.set_result, patience=patience, **(server_options or {})
    ) as server:
        tls = None if place is None else place.client_tls
        client = await open_channel(
            rt, server.addresses[0], Options(**options), handler=client_handler, tls=tls
        )
        try:
            yield client, await ends
        finally:
            await client.close(patience)


@asynccontextmanager
async def peers(
    rt: Any,
    service: Any,
    place: Any = None,
    *,
    client_service: Any = None,
    workers: int = 0,
    client_workers: int = 0,
    server_options: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[tuple[Peer[Any], Peer[Any]]]:
    """Give both ends of a connection, the client's first."""
    ends = rt.create_future()
    address, server_tls, client_tls = (
        (TCP, None, None) if place is None else (place.address, place.server_tls, place.client_tls)
    )
    server = await serve_peers(
        rt,
        service,
        [address],
        Options(**(server_options or {})),
        tls=server_tls,
        workers=workers,
        connected=lambda peer: None if ends.done() else ends.set_result(peer),
    )
    try:
        client = await open_peer(
            rt,
            server.addresses[0],
            Options(**options),
            service=client_service,
            workers=client_workers,
            tls=client_tls,
        )
        try:
            yield client, await ends
        finally:
            await client.close(1.0)
    finally:
        await server.close(1.0)


def frame(message: Any) -> bytes:
    payload = json.dumps(message).encode()
    return struct.pack(">I", len(payload)) + payload


class Raw(Recorder):
    """A peer that speaks JSON frames and knows nothing else."""

    keep_open = True

    def send(self, *messages: Any) -> None:
        self.transport.write(b"".join(map(frame, messages)))

    @property
    def messages(self) -> list[Any]:
        found = []
        at = 0
        while len(self.received) - at >= 4:
            (size,) = struct.unpack_from(">I", self.received, at)
            if len(self.received) - at < 4 + size:
                break
            message = json.loads(self.received[at + 4 : at + 4 + size])
            if isinstance(message, list) and message and isinstance(message[0], list):
                found += message  # a batch
            else:
                found.append(message)
            at += 4 + size
        return found

    async def until_messages(self, count: int) -> list[Any]:
        await self.until(lambda: len(self.messages) >= count)
        return self.messages


def marked(text: bytes) -> bytes:
    """Make a frame of *text* that says, as the first message of a junto peer does, that it is one."""
    payload = JSON().mark(text)
    return struct.pack(">I", len(payload)) + payload


@asynccontextmanager
async def raw_client(rt: Any, address: Address) -> AsyncIterator[Raw]:
    raw = Raw(rt)
    transport = await rt.connect(address, lambda: raw)
    await raw.until_called("made")
    try:
        yield raw
    finally:
        transport.abort()


@asynccontextmanager
async def raw_server(rt: Any, **options: Any) -> AsyncIterator[tuple[Channel, Raw]]:
    """Give a channel, and the raw peer that it is connected to."""
    handler = options.pop("handler", None)
    accepted: list[Raw] = []

    def accept() -> Raw:
        accepted.append(Raw(rt))
        return accepted[-1]

    listener = await rt.listen(TCP, accept)
    try:
        client = await open_channel(rt, listener.address, Options(**options), handler=handler)
        try:
            await until(rt, lambda: accepted and accepted[0].transport)
            yield client, accepted[0]
        finally:
            await client.close(0.2)
    finally:
        listener.close()
        for raw in accepted:
            raw.transport.abort()
