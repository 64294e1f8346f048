"""A container's part in a directory: who of its agents has a name or tags, is found from everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from junto.agents.proxies import AgentProxy, Target
from junto.agents.references import proxy_at
from junto.agents.supervision import Failure
from junto.connecting import pauses, sleep
from junto.errors import JuntoError

if TYPE_CHECKING:
    from junto.agents.agent import Agent
    from junto.agents.home import Home

__all__ = ["Membership"]


class Membership:
    """Of one container, in no directory or in one."""

    def __init__(self, container: Home) -> None:
        self._container = container
        self._directory: Target | None = None
        self._entries: list[str] = []  # the ids of agents to be registered
        self._removals: list[str] = []  # URLs
        self._is_busy = False

    async def join(self, directory: Target) -> None:
        """Register all agents with a name or tags, now and as they come and go.

        Raises:
            ConnectionError: The directory cannot be reached.
            RemoteError: It is no directory, or it cannot reach us.
        """
        self._directory = directory
        try:
            await self._register_all(directory)
        except BaseException:
            self._directory = None
            raise

    async def _register_all(self, directory: Target) -> None:
        self._entries = [aid for aid in self._container.agents if aid in self._container.index]
        if not self._entries:  # asked all the same, for it may be no directory
            await directory.call_path("register", [])
        await self._send()
        if directory.place is not None:
            self._container.connections.when_lost(directory.place, self._lost)

    def _lost(self) -> None:
        if self._directory is not None and not self._container.is_closing():
            self._container.run_apart(self._join_again(self._directory))

    async def _join_again(self, directory: Target) -> None:
        place = directory.place
        assert place is not None, "what is here is not lost"
        for pause in pauses():
            try:
                await self._container.connections.open(place, None)
                await self._register_all(directory)
            except (ConnectionError, JuntoError) as error:
                self._container.report(Failure(None, "the directory", error))
            else:
                return
            await sleep(self._container.runtime, pause)

    def added(self, aid: str) -> None:
        """Register one more."""
        if self._directory is not None:
            self._entries.append(aid)
            self._send_soon()

    def removed(self, aid: str) -> None:
        """Register it no more; of a container that closes, the directory learns by that."""
        if self._directory is not None and not self._container.is_closing():
            self._removals.append(self._container.url_of(aid))
            self._send_soon()

    def _send_soon(self) -> None:
        if not self._is_busy:
            self._is_busy = True
            self._container.runtime.call_soon(self._begin)

    def _begin(self) -> None:
        self._container.run_apart(self._send_apart())

    async def _send_apart(self) -> None:
        try:
            while self._entries or self._removals:
                await self._send()
        except (ConnectionError, JuntoError) as error:
            self._container.report(Failure(None, "the directory", error))
        finally:
            self._is_busy = False

    async def _send(self) -> None:
        """Tell the directory what is new."""
        container = self._container
        directory = self._directory
        assert directory is not None, "who is in none has nothing to tell"
        aids, self._entries = self._entries, []
        removals, self._removals = self._removals, []
        entries: list[Any] = []
        for aid in aids:
            agent: Agent[Any] | None = container.agents.get(aid)
            if agent is not None:
                tags = sorted(container.index.tags_of(aid))
                name = container.index.name_of(aid)
                entries.append([container.url_of(aid), name, tags, type(agent).__name__])
        if removals:
            await directory.call_path("unregister", removals)
        if entries:
            for name in await directory.call_path("register", entries):
                error = ValueError(f"the name {name!r} is taken in the directory")
                container.report(Failure(None, "the directory", error))

    async def find(self, name: str) -> Any:
        """Find the agent with that name: in the directory, or without one in this container.

        Raises:
            LookupError: There is none.
        """
        container = self._container
        found: Any
        if self._directory is not None:
            found = await self._directory.call_path("find", name)
            if found is not None:
                return proxy_at(container, *found)
        else:
            aid = container.index.find(name)
            if aid is not None and aid in container.agents:
                return AgentProxy(container.target(None, aid, type(container.agents[aid]).__name__))
        raise LookupError(f"no agent has the name {name!r}")

    async def find_all(self, tag: str) -> list[Any]:
        """Find all agents with that tag, in the order in which they came."""
        container = self._container
        if self._directory is not None:
            found: Any = await self._directory.call_path("find_all", tag)
            return [proxy_at(container, url, class_name) for url, class_name in found]
        aids = [aid for aid in container.index.find_all(tag) if aid in container.agents]
        return [AgentProxy(container.target(None, aid, type(container.agents[aid]).__name__)) for aid in aids]
