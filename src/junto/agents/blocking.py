"""Facades: containers and what belongs to them, with operations that block the calling thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from junto.agents.agent import Agent, Host
from junto.agents.container import Container as _Container
from junto.agents.launching import spawn_containers as _spawn_containers
from junto.agents.processes import ContainerProcess as _ContainerProcess
from junto.agents.processes import ProcessFacade
from junto.agents.proxies import Target as _Target
from junto.agents.supervision import Restart, Supervised
from junto.blocking import BlockingRuntime, Facade, blocking, direct
from junto.clock import Clock as _Clock
from junto.clock import ExternalClock
from junto.errors import LocalProtocolError
from junto.runtime import TimerHandle

__all__ = ["Clock", "Container", "ContainerProcess", "Target", "spawn_container", "spawn_containers"]

A = TypeVar("A", bound=Agent[Any])


class Target(_Target):
    """What stands for an agent, for calls that block."""

    __slots__ = ()

    def call(self, path: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function at *path* of the agent and wait for its result."""
        runtime: Any = self.container.runtime
        return runtime.call(self.call_path, path, *args, **kwargs)


class Clock:
    """The clock of a container; sleeping blocks the calling thread."""

    def __init__(self, runtime: BlockingRuntime, inner: _Clock) -> None:
        self._runtime = runtime
        self._inner = inner

    def time(self) -> float:
        """Tell the time in seconds, which never goes back."""
        return self._inner.time()

    def utcnow(self) -> datetime:
        """Tell the date, which is aware, in UTC."""
        return self._inner.utcnow()

    def sleep(self, seconds: float, result: Any = None) -> Any:
        """Wait for *seconds*; gives *result*."""
        return self._runtime.call(self._inner.sleep, seconds, result)

    def sleep_until(self, when: float | datetime, result: Any = None) -> Any:
        """Wait until *when*; raises `ValueError` if that is not in the future."""
        return self._runtime.call(self._inner.sleep_until, when, result)

    def call_in(self, seconds: float, function: Callable[..., object], /, *args: Any) -> TimerHandle:
        """Call *function* after *seconds*, in a thread that waits for something."""
        handle: TimerHandle = self._runtime.call_at_once(self._inner.call_in, seconds, function, *args)
        return handle

    def call_at(self, when: float | datetime, function: Callable[..., object], /, *args: Any) -> TimerHandle:
        """Do so at *when*; raises as `sleep_until`."""
        handle: TimerHandle = self._runtime.call_at_once(self._inner.call_at, when, function, *args)
        return handle

    def set_time(self, time: float) -> None:
        """Let it be *time*; see `ExternalClock.set_time`.

        Raises:
            LocalProtocolError: This clock is not set from outside.
        """
        if not isinstance(self._inner, ExternalClock):
            raise LocalProtocolError("this clock goes by itself")
        self._runtime.call_at_once(self._inner.set_time, time)


class Container(Facade, Host):
    """A home for agents, and their way to others; its operations block the calling thread.

    Attributes:
        clock: By which its agents live.
    """

    _inner: _Container

    def __init__(self, runtime: BlockingRuntime, inner: _Container, *, owner: bool = True) -> None:
        super().__init__(runtime, inner, owner=owner)
        self.clock = Clock(runtime, inner.clock)

    @property
    def core(self) -> _Container:
        return self._inner

    def admit(self, agent: Agent[Any], name: str | None, tags: Iterable[str]) -> str:
        aid: str = self._runtime.call_at_once(self._inner.admit, agent, name, tags)
        return aid

    def withdraw(self, agent: Agent[Any]) -> None:
        self._runtime.call_at_once(self._inner.withdraw, agent)

    def begin(self, agent: Agent[Any]) -> None:
        self._runtime.call_at_once(self._inner.begin, agent)

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

    def spawn(
        self,
        agent: Agent[Any],
        work: Callable[..., Any],
        args: tuple[Any, ...],
        restart: Restart | None,
        name: str | None,
    ) -> Supervised:
        task: Supervised = self._runtime.call_at_once(self._inner.spawn, agent, work, args, restart, name)
        return task

    def subscribe(self, agent: Agent[Any], topic: str, handler: Callable[[str, Any], Any]) -> None:
        self._runtime.call_at_once(self._inner.subscribe, agent, topic, handler)

    def unsubscribe(self, agent: Agent[Any], topic: str) -> None:
        self._runtime.call_at_once(self._inner.unsubscribe, agent, topic)

    remove = blocking(_Container.remove)
    connect = blocking(_Container.connect)
    join = blocking(_Container.join)
    find = blocking(_Container.find)
    find_all = blocking(_Container.find_all)
    ask = blocking(_Container.ask)
    publish_at = blocking(_Container.publish_at)
    subscribe_at = blocking(_Container.subscribe_at)
    proxy = direct(_Container.proxy)
    tell = direct(_Container.tell)
    publish = direct(_Container.publish)
    unsubscribe_at = direct(_Container.unsubscribe_at)
    abort = direct(_Container.abort)

    def watch(self, url: Any, lost: Callable[[], object]) -> Callable[[], None]:
        """Have *lost* called when the connection is lost; see `junto.agents.container.Container.watch`."""
        runtime = self._runtime
        forget: Callable[[], None] = runtime.call(self._inner.watch, url, lost)
        return lambda: runtime.call_at_once(forget)

    def is_closing(self) -> bool:
        """Tell whether it is closed or about to be."""
        return self._inner.is_closing()

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class ContainerProcess(ProcessFacade):
    """A container in a process of its own; its operations block the calling thread."""

    @property
    def manager(self) -> Any:
        """The proxy of its manager."""
        return self._runtime.call_at_once(lambda: self._inner.manager)

    spawn = blocking(_ContainerProcess.spawn)
    spawn_many = blocking(_ContainerProcess.spawn_many)
    set_time = blocking(_ContainerProcess.set_time)
    stop = blocking(_ContainerProcess.stop)
    wait = blocking(_ContainerProcess.wait)
    kill = direct(_ContainerProcess.kill)


def spawn_container(container: Container, **settings: Any) -> ContainerProcess:
    """Start a container in a process of its own; see `spawn_containers`."""
    return spawn_containers(container, 1, **settings)[0]


def spawn_containers(
    container: Container,
    count: int | None = None,
    *,
    on_crash: Callable[[ContainerProcess], object] | None = None,
    on_restart: Callable[[ContainerProcess], object] | None = None,
    **settings: Any,
) -> list[ContainerProcess]:
    """Start containers, each in a process of its own; see `junto.agents.launching.spawn_containers`.

    *on_crash* is called in a thread that waits for something; *on_restart* in one of its own, and may block.
    """
    runtime = container.runtime

    def crashed(process: _ContainerProcess) -> None:
        assert on_crash is not None, "not called else"
        on_crash(ContainerProcess(runtime, process))

    async def restarted(process: _ContainerProcess) -> None:
        assert on_restart is not None, "not called else"
        pool = ThreadPoolExecutor(1, thread_name_prefix="junto-restart")
        try:
            await runtime.call_in_worker(partial(on_restart, ContainerProcess(runtime, process)), pool=pool)
        finally:
            pool.shutdown(wait=False)  # it may wait for what this thread is to do

    started = runtime.call(
        _spawn_containers,
        container,
        count,
        on_crash=None if on_crash is None else crashed,
        on_restart=None if on_restart is None else restarted,
        **settings,
    )
    return [ContainerProcess(runtime, one) for one in started]
