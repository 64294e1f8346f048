"""Agents as arguments and results: what travels is where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from junto.agents.addresses import split_url
from junto.agents.agent import Agent
from junto.agents.proxies import AgentProxy, Target, target_of
from junto.errors import CodecError
from junto.exposing import is_service
from junto.proxies import Proxy

if TYPE_CHECKING:
    from junto.agents.home import Home

__all__ = ["References", "from_data", "proxy_at", "to_data"]

_PREFIX = "agents/"


def to_data(container: Home, value: Any, *, by_url: bool) -> Any:
    """Make of an agent, of a service in one, or of a proxy of either, what a peer needs for a proxy.

    Args:
        container: Whose connection it is.
        value: What is to be passed.
        by_url: Whether the peer knows URLs; else it knows only what is at a path of *container*.

    Raises:
        CodecError: *value* is not of this container, and the peer knows no URLs, or it has none.
    """
    target = _target_of(container, value)
    if by_url and (target.place is not None or container.urls):
        return [target.url, target.class_name]
    if target.place is None:
        return f"{_PREFIX}{target.path}"
    raise CodecError(f"the peer can be given agents of this container only, not that at {target.url}")


def _target_of(container: Home, value: Any) -> Target:
    target: Target
    if isinstance(value, AgentProxy):
        target = target_of(value)
        if target.container is not container:  # a proxy of another container of this program
            return _at_url(container, target.url, target.class_name)
        return target
    if not isinstance(value, Agent):
        return container.target(None, _path_of(container, value), type(value).__name__)
    name: str = type(value).__name__
    home: Home = value.container.core
    if home is not container:
        return _at_url(container, value.url, name)
    if container.agents.get(value.id) is not value:
        raise CodecError(f"{value!r} has ended")
    return container.target(None, value.id, name)


def _at_url(container: Home, url: str, class_name: str) -> Target:
    place, path = split_url(url)
    return container.target(None if container.is_here(place) else place, path, class_name)


def proxy_at(container: Home, url: str, class_name: str) -> AgentProxy[Any]:
    """Make a proxy of what is at *url*; raises `ValueError` if that is none."""
    return AgentProxy(_at_url(container, url, class_name))


def _path_of(container: Home, service: Any) -> str:
    """Find the agent that holds *service*; each is looked at, since services do not know where they are."""
    for aid, agent in container.agents.items():
        for name, member in getattr(agent, "__dict__", {}).items():
            if member is service:
                return f"{aid}/{name}"
    raise CodecError(
        f"a {type(service).__qualname__} can only be passed as a reference if it is an attribute of an agent "
        "of this container"
    )


def from_data(container: Home, data: Any) -> Any:
    """Make a proxy of what `to_data` made.

    Raises:
        CodecError: *data* mean nothing.
    """
    if type(data) is list and all(type(part) is str for part in data):
        if len(data) == 2:
            try:
                return proxy_at(container, *data)
            except ValueError as error:
                raise CodecError(f"the peer sent an agent with a bad URL: {error}") from None
        if len(data) == 1 and data[0].startswith(_PREFIX):  # our own, which is handed back
            return AgentProxy(container.target(None, data[0].removeprefix(_PREFIX), ""))
    raise CodecError("the peer sent a reference in no known form")


class References:
    """The references of values that stay in one container."""

    def __init__(self, container: Home) -> None:
        self._container = container

    def to_data(self, value: object) -> Any:
        if isinstance(value, Agent | AgentProxy) or (not isinstance(value, Proxy) and is_service(value)):
            target = _target_of(self._container, value)
            return [target.path] if target.place is None else [target.url, target.class_name]
        if isinstance(value, Proxy):
            raise CodecError("a proxy without a URL belongs to its connection, and cannot be passed on")
        return None

    def from_data(self, data: Any) -> Any:
        if len(data) == 1:
            return AgentProxy(self._container.target(None, data[0], ""))
        return from_data(self._container, data)
