"""Containers: where agents live, and through which they find and reach one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from junto.address import Address
from junto.agents.addresses import Place, split_url
from junto.agents.agent import Agent
from junto.agents.home import Home
from junto.agents.proxies import AgentProxy, Target, target_of
from junto.agents.settings import Settings
from junto.agents.supervision import Failure, Restart, Supervised
from junto.errors import ConnectionFailed, ConnectionLost
from junto.runtime import Future, Runtime

__all__ = ["Container", "open_container"]


class Container(Home):
    """A home for agents, and their way to others.

    Attributes:
        runtime: The world it lives in.
        options: The settings of its connections.
        clock: By which its agents live.
        agents: Those who live here, by their ids.
    """

    @property
    def core(self) -> Container:
        return self

    async def connect(self, url: str, timeout: float | None = 0.0) -> Any:
        """Connect to the agent at *url*.

        Args:
            url: The agent's.
            timeout: 0 for one attempt; seconds to go on trying to reach its container; ``None`` to try for
                ever.

        Returns:
            A proxy, which may be passed on to others.

        Raises:
            ValueError: *url* is none.
            ConnectionFailed: Its container could not be reached in time, or there is no such agent.
            ConnectionLost: The connection broke meanwhile, or the container is closed.
        """
        target = self._target_at(url)
        if target.place is None:
            self._check_open()
            class_name = self.class_of(target.id)
        else:
            class_name = await self.connections.check(target.place, target.id, timeout)
        if class_name is None:
            raise ConnectionFailed(f"there is no agent at {url}")
        target.class_name = class_name
        return AgentProxy(target)

    def proxy(self, agent: Agent[Any] | str) -> Any:
        """Give a proxy of an agent of ours, or of that at a URL, of which nobody knows whether it is there.

        Raises:
            ValueError: It is no URL, or the agent lives elsewhere.
        """
        if isinstance(agent, str):
            return AgentProxy(self._target_at(agent))
        if agent.container.core is not self:
            raise ValueError(f"{agent!r} lives in another container: connect to its URL")
        return AgentProxy(self.target(None, agent.id, type(agent).__name__))

    def _target_at(self, url: str) -> Target:
        place, path = split_url(url)
        return self.target(None if self.is_here(place) else place, path, "")

    async def join(self, directory: str, timeout: float | None = 0.0) -> None:
        """Have our agents found in a directory by their names and tags, and find others there.

        Args:
            directory: The URL of a `Directory`.
            timeout: As for `connect`.

        Raises:
            ValueError: *directory* is no URL, or this container listens nowhere.
            ConnectionError: It cannot be reached.
            RemoteError: It is no directory, or it cannot reach us.
        """
        self.url_of("")  # which others need to reach our agents
        await self.membership.join(target_of(await self.connect(directory, timeout)))

    async def find(self, name: str) -> Any:
        """Find the agent with that name: in the directory, or in this container if it has joined none.

        Returns:
            Its proxy.

        Raises:
            LookupError: There is none.
        """
        return await self.membership.find(name)

    async def find_all(self, tag: str) -> list[Any]:
        """Find all agents with that tag, as `find`, in the order in which they came."""
        return await self.membership.find_all(tag)

    def tell(self, to: Any, name: str, /, *args: Any, **kwargs: Any) -> None:
        """Send a message: have the function *name* of an agent called, and want no answer.

        An agent handles its messages one after the other, in the order in which one sender sent them. Nobody
        is told if one is lost with a connection, or fails; the container of the agent reports what fails
        there.

        Args:
            to: A proxy, an agent of this container, or a URL.
            name: That of the function.
            *args: Its arguments.
            **kwargs: Likewise.

        Raises:
            CodecError: An argument has no form on the wire.
            Overloaded: As many messages wait for the agent as may, or to be sent.
            ConnectionLost: The container is closed.
        """
        kind = type(to)
        if kind is AgentProxy:
            target = target_of(to)
            if target.place is not None:
                self.outbox.tell(target.place, target.path, name, args, kwargs)
                return
            agent = self.agents.get(target.id)
            name = target.inner + name
        else:
            found = self._receiver(to)
            if isinstance(found, AgentProxy):
                self.tell(found, name, *args, **kwargs)
                return
            agent = found
        self._check_open()
        free = self.isolation.free
        for arg in args:
            if type(arg) not in free:
                args = self.isolation.args(args)
                break
        if kwargs:
            kwargs = self.isolation.kwargs(kwargs)
        if agent is None:
            self.report(Failure(None, name, LookupError(f"there is no agent {to!r}")))
            return
        try:
            self.handling.tell(agent, name, args, kwargs)
        except LookupError as error:
            self.report(Failure(agent, name, error))

    def _check_open(self) -> None:
        if self.handling.closed:
            raise ConnectionLost("the container is closed")

    def _receiver(self, to: Any) -> Agent[Any] | AgentProxy[Any]:
        if isinstance(to, str):
            return AgentProxy(self._target_at(to))
        if not isinstance(to, Agent):
            raise TypeError(f"a message goes to a proxy, to an agent or to a URL, not to {to!r}")
        if to.container.core is not self:
            return AgentProxy(self._target_at(to.url))
        return to

    def ask(
        self, to: Any, name: str, /, *args: Any, timeout: float | None = None, **kwargs: Any
    ) -> Future[Any]:
        """Send a message and wait for its answer: what the function *name* of the agent returns.

        As a call, but it waits in the mailbox of the agent for its turn; the arguments are those of `tell`.

        Returns:
            A future of the answer, which raises as a call does.

        Raises:
            CodecError: An argument has no form on the wire.
            Overloaded: As many messages wait for the agent as may.
            ConnectionLost: The container is closed.
        """
        if not isinstance(to, AgentProxy):
            found = self._receiver(to)
            to = found if isinstance(found, AgentProxy) else self.proxy(found)
        target = target_of(to)
        if target.place is None:
            return self.shortcut.ask(target.id, target.inner + name, args, kwargs, timeout)
        return self.outbox.ask(target.place, target.path, name, args, kwargs, timeout)

    def spawn(
        self,
        agent: Agent[Any],
        work: Callable[..., Any],
        args: tuple[Any, ...],
        restart: Restart | None,
        name: str | None,
    ) -> Supervised:
        return self.supervisor.spawn(agent, work, args, restart, name)

    def subscribe(self, agent: Agent[Any], topic: str, handler: Callable[[str, Any], Any]) -> None:
        self.topics.subscribe(agent, topic, handler)

    def unsubscribe(self, agent: Agent[Any], topic: str) -> None:
        self.topics.unsubscribe(agent, topic)

    def publish(self, topic: str, content: Any) -> None:
        """Give *content* to all who have subscribed to *topic* in this container, from wherever.

        Raises:
            CodecError: *content* has no form on the wire.
            ConnectionLost: The container is closed.
        """
        self._check_open()
        self.topics.publish(topic, content)

    async def publish_at(self, url: str, topic: str, content: Any) -> None:
        """Publish in the container at the base URL *url*; raises as `connect` does."""
        place = Place.parse(url)
        if self.is_here(place):
            self.publish(topic, content)
        else:
            await self.topics.publish_at(place, topic, content)

    async def subscribe_at(
        self, agent: Agent[Any], url: str, topic: str, handler: Callable[[str, Any], Any]
    ) -> None:
        """Have *handler* called with all that is published in the container at the base URL *url*.

        It gets that through the mailbox of *agent*. When the connection is lost, it is opened anew and
        subscribed again; what is published meanwhile is missed. Raises as `connect` does.
        """
        place = Place.parse(url)
        if self.is_here(place):
            self.topics.subscribe(agent, topic, handler)
        else:
            await self.topics.subscribe_at(agent, place, topic, handler)

    def unsubscribe_at(self, agent: Agent[Any], url: str, topic: str) -> None:
        """Want no more of that; doing so twice is fine."""
        place = Place.parse(url)
        if self.is_here(place):
            self.topics.unsubscribe(agent, topic)
        else:
            self.topics.unsubscribe_at(agent, place, topic)

    async def watch(self, url: Any, lost: Callable[[], object]) -> Callable[[], None]:
        """Connect to the container of an agent, and have *lost* called when that connection is lost.

        Args:
            url: A container's base URL, or an agent's, or a proxy.
            lost: Called once, and not when this container itself is closed.

        Returns:
            What is to be called by who wants no call any more.

        Raises:
            ConnectionFailed: It cannot be reached now.
            ValueError: It is none, or this container itself.
        """
        if isinstance(url, AgentProxy):
            place = target_of(url).place
        else:
            place = Place.parse(url) if url.endswith("/") else split_url(url)[0]
        if place is None or self.is_here(place):
            raise ValueError("a container is not watched by itself")
        await self.connections.open(place)
        is_wanted = True

        def call() -> None:
            if is_wanted:
                lost()

        def forget() -> None:
            nonlocal is_wanted
            is_wanted = False
            self.connections.forget(place, call)

        self.connections.when_lost(place, call)
        return forget


async def open_container(runtime: Runtime, urls: Sequence[str | Address], settings: Settings) -> Container:
    """Open a container; see the flavours' ``open_container``."""
    container = Container(runtime, settings)
    try:
        await container.doors.open(urls, settings)
    except BaseException:
        container.abort()
        raise
    return container
