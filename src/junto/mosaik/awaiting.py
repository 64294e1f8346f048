"""A simulator with methods that are ``async def`` takes part in a simulation, on asyncio."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any

from junto import aio
from junto.address import Address
from junto.errors import ConnectionFailed, ConnectionLost
from junto.exposing import expose
from junto.mosaik.offering import offer
from junto.mosaik.requests import AsyncMosaik
from junto.mosaik.simulators import AsyncSimulator
from junto.options import MOSAIK

__all__ = ["run"]


async def run(
    simulator: AsyncSimulator,
    url: str | Address,
    listen: bool,
    timeout: float,
    listening: Callable[[Address], object] | None,
) -> None:
    """Take part in one simulation; see `junto.mosaik.run`."""
    part = _Part(simulator)
    if not listen:
        async with aio.connect(url, service=part.service, connected=part.connected, **MOSAIK):
            await part.play()
        return
    async with aio.serve(part.service, url, connected=part.connected, **MOSAIK) as server:
        if listening is not None:
            listening(server.addresses[0])
        try:
            async with asyncio.timeout(timeout):
                await part.is_connected.wait()
        except TimeoutError:
            message = f"mosaik did not connect to {server.addresses[0]} within {timeout:g} s"
            raise ConnectionFailed(message) from None
        await part.play()


class _Part:
    """A simulator's part in one simulation."""

    def __init__(self, simulator: AsyncSimulator) -> None:
        self._simulator = simulator
        self._peer: aio.Peer | None = None
        self.is_connected = asyncio.Event()
        self._stopped = False
        self._ended = asyncio.Event()  # mosaik wants or knows no more of this simulator
        self.service = offer(simulator, guard=_guard)
        self.service["stop"] = self._stop

    def connected(self, peer: aio.Peer) -> None:
        if self._peer is not None:
            peer.channel.abort()
            return
        self._peer = peer
        self._simulator.mosaik = AsyncMosaik(peer.call)
        self.is_connected.set()

    async def play(self) -> None:
        """Wait for the end, and clean up."""
        peer = self._peer
        assert peer is not None, "played only when connected"
        closed = asyncio.create_task(peer.wait_closed())
        closed.add_done_callback(lambda _: self._ended.set())
        try:
            await self._ended.wait()
        finally:
            try:
                await _value_of(self._simulator.finalize())
            finally:
                peer.channel.abort()
                await closed
        if not self._stopped:
            raise ConnectionLost("mosaik closed the connection before it said stop")

    @expose
    async def _stop(self) -> None:
        self._stopped = True
        self._ended.set()
        await asyncio.Event().wait()  # no answer: the connection is closed, and this cancelled


def _guard(method: Callable[..., Any], then: Callable[[Any], Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return then(await _value_of(method(*args, **kwargs)))

    return call


async def _value_of(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
