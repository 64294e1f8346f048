"""A directory: an agent that knows where others are, by their names and tags.

It is a service like any other, and lives in any container; others `Membership.join` it by its URL. What a
container registers is kept as long as that container can be reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from junto.agents.addresses import split_url
from junto.agents.agent import Agent
from junto.agents.index import Index
from junto.errors import ConnectionFailed, ConnectionLost
from junto.exposing import expose

if TYPE_CHECKING:
    from junto.agents.agent import Host

__all__ = ["CHANGES", "Directory"]

CHANGES: Final = "junto.directory"
"""The topic, in the directory's container, of ``["added" or "removed", url, name, tags]``."""


class Directory(Agent[Any]):
    """Finds agents of many containers, at once however many there are.

    Its functions are flows, so that they run in the container's own thread whatever the flavour.
    """

    def __init__(self, container: Host) -> None:
        super().__init__(container)
        self._index: Index[str] = Index()
        self._classes: dict[str, str] = {}
        # By the base URL of their container.
        self._homes: dict[str, dict[str, None]] = {}

    @expose
    async def register(self, entries: list[tuple[str, str | None, list[str], str]]) -> list[str]:
        """Take in agents, each with its URL, its name, its tags and what its class is called.

        Returns:
            The names that others have; those agents were not taken in.

        Raises:
            ConnectionFailed: The agents' container cannot be reached from here.
            ValueError: Something is no URL.
        """
        refused: list[str] = []
        for url, name, tags, class_name in entries:
            base = split_url(url)[0].base
            if base not in self._homes:
                await self._watch(base)
            try:
                self._index.add(url, name, tags)
            except ValueError:
                refused.append(str(name))
                continue
            self._homes.setdefault(base, {})[url] = None
            self._classes[url] = class_name
            self._tell("added", url)
        return refused

    async def _watch(self, base: str) -> None:
        core = self.container.core
        if not core.is_here(split_url(f"{base}0")[0]):
            await core.watch(base, lambda: core.run_apart(self._look_after(base)))
        self._homes.setdefault(base, {})

    async def _look_after(self, base: str) -> None:
        """Forget all of a container whose connection was lost, but what is there on a new one."""
        urls = list(self._homes.pop(base, {}))
        try:
            await self._watch(base)
        except (ConnectionFailed, ConnectionLost):
            for url in urls:
                self._remove(url)
            return
        self._homes[base].update(dict.fromkeys(urls))
        for url in urls:
            place, aid = split_url(url)
            try:
                found = await self.container.core.connections.check(place, aid, 0.0)
            except (ConnectionFailed, ConnectionLost):  # and all begins anew
                return
            if found is None or found != self._classes.get(url):
                await self.unregister([url])

    @expose
    async def unregister(self, urls: list[str]) -> None:
        """Forget agents; those that are not there are no mistake."""
        for url in urls:
            self._homes.get(split_url(url)[0].base, {}).pop(url, None)
            self._remove(url)

    def _remove(self, url: str) -> None:
        if url in self._index:
            self._tell("removed", url)
            self._index.remove(url)
            self._classes.pop(url, None)

    def _tell(self, change: str, url: str) -> None:
        content = [change, url, self._index.name_of(url), sorted(self._index.tags_of(url))]
        self.container.core.topics.publish(CHANGES, content)

    @expose
    async def find(self, name: str) -> tuple[str, str] | None:
        """Give the URL of the agent with that name, and its class's name; ``None`` if there is none."""
        url = self._index.find(name)
        return None if url is None else (url, self._classes[url])

    @expose
    async def find_all(self, tag: str) -> list[tuple[str, str]]:
        """Give those of all agents with that tag, in the order in which they came."""
        return [(url, self._classes[url]) for url in self._index.find_all(tag)]

    @expose
    async def size(self) -> int:
        """Tell how many agents are known."""
        return len(self._index)
