"""The other end of a connection between containers: what it may ask of ours, and how agents are passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from junto.agents.agent import Agent
from junto.agents.heartbeat import Heartbeat
from junto.agents.proxies import AgentProxy
from junto.agents.references import from_data, to_data
from junto.agents.supervision import Failure
from junto.errors import CodecError, ConnectionLost, Overloaded
from junto.exposing import describe, is_service
from junto.proxies import Proxy, path_of
from junto.rpc import DESCRIBE, PING, Peer
from junto.runtime import Future

if TYPE_CHECKING:
    from collections.abc import Callable

    from junto.agents.home import Home
    from junto.channel import Channel

__all__ = ["AgentPeer"]

# What only containers of junto ask of one another; all else is that of aiomas.
_PUBLISH: Final = "publish"
_SUBSCRIBE: Final = "subscribe"
_UNSUBSCRIBE: Final = "unsubscribe"


class AgentPeer(Peer[Any]):
    """A container at the other end of a connection."""

    def __init__(
        self,
        container: Home,
        *,
        heartbeat: float | None = None,
        connected: Callable[[AgentPeer], object] | None = None,
        lost: Callable[[Channel], object] | None = None,
    ) -> None:
        self._container = container

        beat: Heartbeat | None = None

        def begin(peer: Peer[Any]) -> None:
            nonlocal beat
            if heartbeat is not None:
                beat = Heartbeat(container.runtime, self, heartbeat)
            if connected is not None:
                connected(self)

        def end(channel: Channel) -> None:
            if beat is not None:
                beat.stop()
            if lost is not None:
                lost(channel)

        super().__init__(
            container.runtime,
            container.options,
            pool=container.pool,
            call=container.settings.make_call,
            connected=begin,
            lost=end,
        )
        if container.settings.make_stream is not None:
            self.channel.make_streams_by(container.settings.make_stream)

    def lose(self, error: ConnectionLost) -> None:
        """Take the connection for lost, and report that; who waits for something gets *error*."""
        self._container.report(Failure(None, "a connection", error))
        self.channel.abort(error)

    def _handle(self, content: Any) -> Any:
        if type(content) is not list or len(content) != 3:
            raise TypeError("a call is an array of three: path, arguments, arguments by name")
        path, args, kwargs = content
        if type(path) is not str or type(args) is not list or type(kwargs) is not dict:
            raise TypeError(
                "a call has a text as path, an array of arguments, and a map of arguments by name"
            )
        head, _, rest = path.partition("/")
        if rest:
            aid, _, name = rest.partition("/")
            if head == "agents":
                return self._call_agent(aid, name, args, kwargs)
            agent = self._container.agents.get(aid)
            if head == "tell":
                return self._tell_agent(agent, aid, name, args, kwargs)
            if agent is not None and head == "ask":
                return self._ask_agent(agent, name, args, kwargs)
        elif path == "validate_aid":
            return self._container.class_of(*args, **kwargs)
        elif path == PING:
            return None
        elif path == DESCRIBE:
            return []
        elif path == _PUBLISH:
            return self._container.topics.publish(*args, **kwargs)
        elif path == _SUBSCRIBE:
            return self._container.topics.subscribe_peer(self, *args, **kwargs)
        elif path == _UNSUBSCRIBE:
            return self._container.topics.unsubscribe_peer(self, *args, **kwargs)
        elif path == "published":
            return self._container.topics.published(self, *args, **kwargs)
        elif path == "stream":
            return self._container.loopback.take(self, *args, **kwargs)
        raise LookupError(f"nothing is offered at {path!r}")

    def _call_agent(self, aid: str, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        agent = self._container.agents.get(aid)
        if agent is None:
            raise LookupError(f"there is no agent {aid!r} at {self._container!r}")
        if name == DESCRIBE:
            return describe(agent)
        return self._container.invoker.call(agent, name, args, kwargs)

    def _tell_agent(
        self, agent: Agent[Any] | None, aid: str, name: str, args: list[Any], kwargs: dict[str, Any]
    ) -> None:
        """Put a message in a mailbox; who sent it waits for no answer, so a failure is reported here."""
        try:
            if agent is None:
                raise LookupError(f"there is no agent {aid!r}")
            self._container.handling.tell(agent, name, args, kwargs)
        except (LookupError, Overloaded) as error:
            self._container.report(Failure(agent, name, error))

    def _ask_agent(
        self, agent: Agent[Any], name: str, args: list[Any], kwargs: dict[str, Any]
    ) -> Future[Any]:
        future: Future[Any] = self._runtime.create_future()

        def answer(result: Any, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            elif isinstance(error, Exception):
                future.set_exception(error)
            else:
                future.cancel()

        self._container.handling.tell(agent, name, args, kwargs, answer)
        return future

    def to_data(self, value: object) -> Any:
        """Make of an agent, or of a service in one, what the peer needs for a proxy; ``None`` of others.

        Between containers of junto that is the agent's URL, so that anybody can connect to it. Other peers
        can only be given agents of ours, by their path.

        Raises:
            CodecError: It is neither of this container nor, with a URL, known elsewhere.
        """
        if isinstance(value, Proxy) and not isinstance(value, AgentProxy):
            path = path_of(value, self._call)
            if path is not None and self.channel.extended:
                return [path]
            raise CodecError(
                "a proxy without a URL can only be handed back over the connection it came from, to a peer "
                "that is junto"
            )
        if not isinstance(value, Agent | AgentProxy) and not is_service(value):
            return None
        return to_data(self._container, value, by_url=self.channel.extended)

    def from_data(self, data: Any) -> Any:
        """Make a proxy of what the peer sent for an agent.

        Raises:
            CodecError: *data* mean nothing.
        """
        if type(data) is str:
            return Proxy(self._call, data)
        return from_data(self._container, data)
