"""Where a container is reached: its listeners, and the connections that came through them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from junto.address import Address
from junto.agents import local
from junto.agents.addresses import Place, is_everywhere
from junto.agents.peers import AgentPeer
from junto.server import Server

if TYPE_CHECKING:
    from junto.agents.home import Home
    from junto.agents.settings import Settings
    from junto.channel import Channel

__all__ = ["Doors"]


class Doors:
    """The listeners of one container.

    Attributes:
        places: Where others reach it, in the order in which they were asked for.
    """

    def __init__(self, container: Home) -> None:
        self._container = container
        self._server: Server[AgentPeer] = Server(
            container.runtime, lambda server: self._make(server, container.settings.heartbeat)
        )
        self._queues: list[local.LocalListener] = []
        self.places: list[Place] = []

    async def open(self, urls: Sequence[str | Address | Place], settings: Settings) -> None:
        """Listen at each of *urls*.

        Raises:
            ConnectionFailed: One of them cannot be used; none is then.
            ValueError: One of them is no address.
        """
        places = [Place.parse(url) for url in urls]
        try:
            for place in places:
                if place.scheme == "local":
                    self._queues.append(
                        local.listen(
                            self._container.runtime, place.host, lambda: self._make(self._server, None)
                        )
                    )
            addresses = [place.address for place in places if place.scheme != "local"]
            if addresses:
                await self._server.listen(addresses, settings.server_tls)
        except BaseException:
            self._stop_queues()
            raise
        found = iter(self._server.addresses)
        for place in places:
            self.places.append(place if place.scheme == "local" else Place.parse(next(found)))
        if any(map(is_everywhere, self.places)) and settings.full_name is not None:
            # It may ask the network, and take its time.
            with ThreadPoolExecutor(1) as pool:
                name = await self._container.runtime.call_in_worker(settings.full_name, pool=pool)
            self.places = [place.with_host(name) if is_everywhere(place) else place for place in self.places]

    def _make(self, server: Server[AgentPeer], heartbeat: float | None) -> Channel:
        def lost(channel: Channel) -> None:
            server.remove(channel)
            self._container.topics.forget_peer(peer)

        peer = AgentPeer(
            self._container,
            heartbeat=heartbeat,
            connected=lambda peer: server.add(peer.channel, peer),
            lost=lost,
        )
        return peer.channel

    @property
    def peers(self) -> list[AgentPeer]:
        """The connections that are open now, oldest first."""
        return self._server.connections

    def _stop_queues(self) -> None:
        for queue in self._queues:
            queue.close()

    async def close(self, timeout: float | None) -> None:
        """Stop listening, and close the connections in order."""
        self._stop_queues()
        await self._server.close(timeout)

    def abort(self) -> None:
        """Stop listening, and end the connections at once."""
        self._stop_queues()
        self._server.abort()
