"""Facades: containers with operations that give events of SimPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from junto.agents.agent import Agent, Host
from junto.agents.container import Container as _Container
from junto.agents.launching import spawn_containers as _spawn_containers
from junto.agents.processes import ContainerProcess as _ContainerProcess
from junto.agents.processes import ProcessFacade
from junto.agents.supervision import Restart, Supervised
from junto.clock import Clock, RuntimeClock
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.futures import Future, Task
from junto.runtimes.simpy.runtime import SimpyRuntime
from junto.simpy.facades import Facade, direct, eventual

__all__ = ["Container", "ContainerProcess", "EnvironmentClock", "spawn_container", "spawn_containers"]

A = TypeVar("A", bound=Agent[Any])


class EnvironmentClock(RuntimeClock):
    """The time of an environment."""

    def __init__(self, env: SocketEnvironment) -> None:
        self._env = env

    def time(self) -> float:
        """Tell what ``env.now`` is."""
        return self._env.now

    def utcnow(self) -> datetime:
        """Tell the same as a date."""
        return datetime.fromtimestamp(self._env.now, UTC)


class Container(Facade, Host):
    """A home for agents, and their way to others; its operations give events."""

    _inner: _Container

    def __init__(self, runtime: SimpyRuntime, inner: _Container) -> None:
        super().__init__(runtime, inner, inner.abort)

    @property
    def core(self) -> _Container:
        return self._inner

    @property
    def env(self) -> SocketEnvironment:
        """The environment in which it lives."""
        return self._runtime.env

    @property
    def clock(self) -> Clock:
        """By which its agents live."""
        return self._inner.clock

    def create(self, kind: Callable[..., A], /, *args: Any, **kwargs: Any) -> A:
        """Make an agent: ``kind(container, *args, **kwargs)``, which may be called as well."""
        return kind(self, *args, **kwargs)

    @property
    def agents(self) -> dict[str, Agent[Any]]:
        """Those who live here, by their ids."""
        return self._inner.agents

    @property
    def urls(self) -> list[str]:
        """The base URLs under which it is reached, with the ports that the system chose."""
        return self._inner.urls

    @property
    def url(self) -> str:
        """The first of `urls`; raises `ValueError` if it listens nowhere."""
        return self._inner.url

    def admit(self, agent: Agent[Any], name: str | None, tags: Iterable[str]) -> str:
        return self._inner.admit(agent, name, tags)

    def withdraw(self, agent: Agent[Any]) -> None:
        self._inner.withdraw(agent)

    def begin(self, agent: Agent[Any]) -> None:
        self._inner.begin(agent)

    def spawn(
        self,
        agent: Agent[Any],
        work: Callable[..., Any],
        args: tuple[Any, ...],
        restart: Restart | None,
        name: str | None,
    ) -> Supervised:
        return self._inner.spawn(agent, work, args, restart, name)

    def subscribe(self, agent: Agent[Any], topic: str, handler: Callable[[str, Any], Any]) -> None:
        self._inner.subscribe(agent, topic, handler)

    def unsubscribe(self, agent: Agent[Any], topic: str) -> None:
        self._inner.unsubscribe(agent, topic)

    def ask(
        self, to: Any, name: str, /, *args: Any, timeout: float | None = None, **kwargs: Any
    ) -> Future[Any]:
        """Send a message; the event's value is its answer: see `junto.agents.container.Container.ask`."""
        future: Any = self._inner.ask(to, name, *args, timeout=timeout, **kwargs)
        return future  # type: ignore[no-any-return]  # of our runtime, so it is such a future

    remove = eventual(_Container.remove)
    connect = eventual(_Container.connect)
    join = eventual(_Container.join)
    find = eventual(_Container.find)
    find_all = eventual(_Container.find_all)
    publish_at = eventual(_Container.publish_at)
    subscribe_at = eventual(_Container.subscribe_at)
    watch = eventual(_Container.watch)
    proxy = direct(_Container.proxy)
    tell = direct(_Container.tell)
    publish = direct(_Container.publish)
    unsubscribe_at = direct(_Container.unsubscribe_at)
    is_closing = direct(_Container.is_closing)


class ContainerProcess(ProcessFacade):
    """A container in a process of its own; its operations give events."""

    @property
    def manager(self) -> Any:
        """The proxy of its manager."""
        return self._inner.manager

    spawn = eventual(_ContainerProcess.spawn)
    spawn_many = eventual(_ContainerProcess.spawn_many)
    set_time = eventual(_ContainerProcess.set_time)
    stop = eventual(_ContainerProcess.stop)
    wait = eventual(_ContainerProcess.wait)
    kill = direct(_ContainerProcess.kill)


def spawn_container(container: Container, **settings: Any) -> Future[ContainerProcess]:
    """Start a container in a process of its own; see `spawn_containers`."""

    async def spawn() -> ContainerProcess:
        return (await spawn_containers(container, 1, **settings))[0]

    return Task(container.env, spawn())


def spawn_containers(
    container: Container,
    count: int | None = None,
    *,
    on_crash: Callable[[ContainerProcess], object] | None = None,
    on_restart: Callable[[ContainerProcess], object] | None = None,
    **settings: Any,
) -> Future[list[ContainerProcess]]:
    """Start containers, each in a process of its own; see `junto.agents.launching.spawn_containers`."""
    runtime: Any = container.core.runtime

    def crashed(process: _ContainerProcess) -> None:
        assert on_crash is not None, "not called else"
        on_crash(ContainerProcess(runtime, process))

    def restarted(process: _ContainerProcess) -> object:
        assert on_restart is not None, "not called else"
        return on_restart(ContainerProcess(runtime, process))

    async def spawn() -> list[ContainerProcess]:
        started = await _spawn_containers(
            container,
            count,
            on_crash=None if on_crash is None else crashed,
            on_restart=None if on_restart is None else restarted,
            **settings,
        )
        return [ContainerProcess(runtime, one) for one in started]

    return Task(container.env, spawn())
