"""Proxies of agents: they know where their agent is, and may be passed on to anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from junto.agents.addresses import Place
from junto.agents.agent import Agent
from junto.proxies import Proxy
from junto.runtime import Future

if TYPE_CHECKING:
    from junto.agents.home import Home

__all__ = ["AgentProxy", "Target", "target_of", "url_of"]

R = TypeVar("R", covariant=True)


class Target:
    """An agent, or a service in one, as it is reached from one container, which has but one of these for it.

    Attributes:
        container: From where.
        place: Where the agent's container is; ``None`` for this one.
        path: The agent's id, and behind that the names of services.
        id: The agent's id.
        inner: What is behind that, with a slash at its end; empty for the agent itself.
        class_name: What the agent's class is called, if that is known.
    """

    __slots__ = ("__weakref__", "class_name", "container", "id", "inner", "path", "place")

    def __init__(self, container: Home, place: Place | None, path: str, class_name: str) -> None:
        self.container = container
        self.place = place
        self.path = path
        self.class_name = class_name
        self.id, _, inner = path.partition("/")
        self.inner = f"{inner}/" if inner else ""

    def call_path(self, path: str, /, *args: Any, timeout: float | None = None, **kwargs: Any) -> Future[Any]:
        """Call the function at *path* of the agent; see `Channel.request` for what comes of it."""
        if self.place is None:
            return self.container.shortcut.call(self.id, self.inner + path, args, kwargs, timeout)
        return self.container.connections.call(
            self.place, f"agents/{self.path}/{path}", args, kwargs, timeout
        )

    call: Any = call_path
    """What its proxies do when they are called; a flavour may do it otherwise."""

    @property
    def url(self) -> str:
        """The URL of it; raises `ValueError` if its container listens nowhere."""
        return self.container.url_of(self.path) if self.place is None else f"{self.place.base}{self.path}"

    def __repr__(self) -> str:
        try:
            return repr(self.url)
        except ValueError:
            return repr(self.path)


class AgentProxy(Proxy[R]):
    """Stands for an agent; calling a member of it calls the agent's.

    It is bound to no connection: if there is none, a call opens one. Proxies made in one container are equal
    if they stand for the same.
    """

    _target: Target

    def __new__(cls, target: Target, path: str = "") -> AgentProxy[R]:
        """Make a proxy of *target*, or of its member at *path*."""
        made: Any = super().__new__(cls, target.call, path)
        made._target = target
        return made  # type: ignore[no-any-return]  # it is of this class

    def __getitem__(self, name: str) -> AgentProxy[R]:
        if not isinstance(name, str) or not name:
            raise TypeError(f"a member's name is a text, not {name!r}")
        return AgentProxy(self._target, f"{self._path}/{name}" if self._path else name)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a proxy belongs to its container: it can be neither copied nor pickled; keep "
            "url_of(proxy), of which any container makes a proxy"
        )

    def __repr__(self) -> str:
        text = f"{self._target.class_name}Proxy({self._target!r})"
        return f"<{text}.{self._path.replace('/', '.')}>" if self._path else text


def target_of(proxy: AgentProxy[Any]) -> Target:
    """Give what *proxy* stands for.

    For a member of an agent, of which nobody here knows what it is, that is a service in it.
    """
    # Not a method, for every public name of a proxy is the agent's.
    target = proxy._target  # pyright: ignore[reportPrivateUsage]
    path = proxy._path  # pyright: ignore[reportPrivateUsage]
    return target if not path else target.container.target(target.place, f"{target.path}/{path}", "")


def url_of(agent: AgentProxy[Any] | Agent[Any]) -> str:
    """Give the URL of the agent, or of the service in one, that a proxy stands for; of an agent, its own.

    Any container connects to it, or makes a proxy of it without asking: `Container.connect`,
    `Container.proxy`.

    Raises:
        ValueError: It lives in the container of the proxy, and that listens nowhere.
        TypeError: It is neither an agent nor a proxy of one.
    """
    if isinstance(agent, AgentProxy):
        return target_of(agent).url
    if isinstance(agent, Agent):
        return agent.url
    raise TypeError(f"an agent or a proxy of one has a URL, and {agent!r} is neither")
