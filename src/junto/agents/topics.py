"""Topics: what is published in a container goes to those who subscribed there, from wherever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from junto.agents.addresses import Place
from junto.agents.isolation import Isolation
from junto.agents.mailboxes import Handling
from junto.agents.supervision import Failure, require_alive
from junto.errors import ConnectionFailed, LocalProtocolError, Overloaded

if TYPE_CHECKING:
    from junto.agents.agent import Agent
    from junto.agents.home import Home
    from junto.agents.peers import AgentPeer

__all__ = ["Topics"]


# Seconds after which one looks whether anything is wanted yet from a container that is not there.
_PATIENCE: Final = 10.0


class Topics:
    """Who has subscribed to what in one container, and elsewhere for its agents."""

    def __init__(self, container: Home, handling: Handling, isolation: Isolation) -> None:
        self._container = container
        self._handling = handling
        self._isolation = isolation
        self._agents: dict[str, dict[Agent[Any], Callable[[str, Any], Any]]] = {}
        self._peers: dict[str, dict[AgentPeer, None]] = {}
        # By where that is published.
        self._elsewhere: dict[Place, dict[str, dict[Agent[Any], Callable[[str, Any], Any]]]] = {}

    def subscribe(self, agent: Agent[Any], topic: str, handler: Callable[[str, Any], Any]) -> None:
        """Have *handler* called, through the mailbox of *agent*, with all that is published here.

        Raises:
            LocalProtocolError: The agent has ended.
        """
        require_alive(agent)
        self._agents.setdefault(topic, {})[agent] = handler

    def unsubscribe(self, agent: Agent[Any], topic: str) -> None:
        """Take the agent out; doing so twice is fine."""
        _take_out(self._agents, topic, agent)

    def forget(self, agent: Agent[Any]) -> None:
        """Take the agent out everywhere."""
        for topic in [topic for topic, agents in self._agents.items() if agent in agents]:
            _take_out(self._agents, topic, agent)
        for place, topics in list(self._elsewhere.items()):
            for topic in [topic for topic, agents in topics.items() if agent in agents]:
                self._leave(place, topic, agent)

    def publish(self, topic: str, content: Any) -> None:
        """Give *content* to all who have subscribed to *topic* in this container.

        Raises:
            CodecError: *content* has no form on the wire.
        """
        self._give(self._agents.get(topic), topic, content)
        peers = self._peers.get(topic)
        if peers:
            for peer in list(peers):
                try:
                    peer.channel.notify(["published", [topic, content], {}])
                except (Overloaded, ConnectionError) as error:
                    self._container.report(Failure(None, f"publishing {topic!r} to {peer!r}", error))

    def _give(
        self, agents: dict[Agent[Any], Callable[[str, Any], Any]] | None, topic: str, content: Any
    ) -> None:
        for agent, handler in list((agents or {}).items()):
            try:
                self._handling.tell(agent, handler, (topic, self._isolation.value(content)), {})
            except Overloaded as error:
                self._container.report(Failure(agent, f"publishing {topic!r}", error))

    # -- across containers --

    async def subscribe_at(
        self, agent: Agent[Any], place: Place, topic: str, handler: Callable[[str, Any], Any]
    ) -> None:
        """Have *handler* called with all that is published in the container at *place*; raises likewise."""
        require_alive(agent)
        self._elsewhere.setdefault(place, {}).setdefault(topic, {})[agent] = handler
        try:
            # Each for itself, for what the first one asks may fail yet; asking twice is fine.
            peer = await self._reach(place)
            await peer.call_path("subscribe", topic)
        except BaseException:
            self._leave(place, topic, agent)
            raise

    async def _reach(self, place: Place, timeout: float | None = 0.0) -> AgentPeer:
        connections = self._container.connections
        peer = await connections.open(place, timeout)
        connections.when_lost(place, _Again(self, place))
        return peer

    async def _renew(self, place: Place) -> None:
        """Subscribe again to all that is wanted from *place*, with which the connection was lost."""
        while self._elsewhere.get(place):
            try:
                peer = await self._reach(place, _PATIENCE)
            except ConnectionFailed:
                continue
            for topic in list(self._elsewhere.get(place, {})):
                await peer.call_path("subscribe", topic)
            return

    def renew_soon(self, place: Place) -> None:
        """Do so beside all else, unless nothing is wanted."""
        if self._elsewhere.get(place) and not self._container.is_closing():
            self._container.run_apart(self._renew(place))

    def _leave(self, place: Place, topic: str, agent: Agent[Any]) -> None:
        topics = self._elsewhere.get(place, {})
        _take_out(topics, topic, agent)
        peer = self._container.connections.peer(place)
        if not topics:
            self._elsewhere.pop(place, None)
        if topic not in topics and peer is not None and peer.channel.extended:
            try:
                peer.channel.notify(["unsubscribe", [topic], {}])
            except (Overloaded, ConnectionError) as error:  # what still comes is for nobody
                self._container.report(Failure(None, f"unsubscribing {topic!r} at {place.base}", error))

    def unsubscribe_at(self, agent: Agent[Any], place: Place, topic: str) -> None:
        """Want no more of that; doing so twice is fine."""
        if agent in self._elsewhere.get(place, {}).get(topic, {}):
            self._leave(place, topic, agent)

    async def publish_at(self, place: Place, topic: str, content: Any) -> None:
        """Publish in the container at *place*."""
        peer = await self._container.connections.open(place)
        if not peer.channel.extended:
            await peer.ping()
            if not peer.channel.extended:
                raise LocalProtocolError("topics need a peer that is junto too")
        peer.channel.notify(["publish", [topic, content], {}])

    # -- what peers ask --

    def subscribe_peer(self, peer: AgentPeer, topic: str) -> None:
        """Send *peer* all that is published here."""
        if not isinstance(topic, str):
            raise TypeError("a topic is a text")
        self._peers.setdefault(topic, {})[peer] = None

    def unsubscribe_peer(self, peer: AgentPeer, topic: str) -> None:
        """Send it no more of that."""
        _take_out(self._peers, topic, peer)

    def forget_peer(self, peer: AgentPeer) -> None:
        """Send it nothing: it is gone."""
        for topic in [topic for topic, peers in self._peers.items() if peer in peers]:
            _take_out(self._peers, topic, peer)

    def published(self, peer: AgentPeer, topic: str, content: Any) -> None:
        """Take what was published in the container of *peer*."""
        for place, topics in self._elsewhere.items():
            if self._container.connections.peer(place) is peer:
                self._give(topics.get(topic), topic, content)


class _Again:
    """Renews the subscriptions at one place when its connection is lost; two of one place are equal."""

    def __init__(self, topics: Topics, place: Place) -> None:
        self._topics = topics
        self._place = place

    def __call__(self) -> None:
        self._topics.renew_soon(self._place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Again) and (other._topics, other._place) == (self._topics, self._place)

    def __hash__(self) -> int:
        return hash((id(self._topics), self._place))


def _take_out(table: dict[str, Any], topic: str, one: Any) -> None:
    members = table.get(topic)
    if members is not None:
        members.pop(one, None)
        if not members:
            del table[topic]
