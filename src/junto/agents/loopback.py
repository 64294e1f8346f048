"""A connection of a container with itself, for what has no short way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from junto.agents import local
from junto.agents.peers import AgentPeer
from junto.runtime import Future

if TYPE_CHECKING:
    from junto.agents.home import Home

__all__ = ["Loopback"]


class Loopback:
    """The connection, which is opened when the first stream is: the readers of streams set the pace."""

    def __init__(self, container: Home) -> None:
        self._container = container
        self._here: AgentPeer | None = None
        self._there: AgentPeer | None = None
        self._streams: dict[int, Any] = {}
        self._number = 0

    def stream(self, source: Any) -> Future[Any]:
        """Give what a reader of *source*, a generator, gets."""
        if self._here is None or self._here.is_closing():
            self._here, self._there = AgentPeer(self._container), AgentPeer(self._container)
            runtime = self._container.runtime
            local.connect_pair(runtime, self._here.channel, runtime, self._there.channel, "itself")
        self._number += 1
        self._streams[self._number] = source
        return self._here.call_path("stream", self._number)

    def take(self, peer: AgentPeer, number: int) -> Any:
        """Give the generator of that number to the peer that is this connection's other end.

        Raises:
            LookupError: It is another peer, or there is no such generator.
        """
        if peer is not self._there:
            raise LookupError("nothing is offered at 'stream'")
        return self._streams.pop(number)

    async def close(self) -> None:
        """Close it, if it is open."""
        for peer in (self._here, self._there):
            if peer is not None:
                await peer.close()

    def abort(self) -> None:
        """End it at once, if it is open."""
        for peer in (self._here, self._there):
            if peer is not None:
                peer.channel.abort()
