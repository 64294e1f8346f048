"""Homes: what lives in a container, what belongs to it, and how it ends.

What users call to reach agents is in `junto.agents.container`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakValueDictionary

from junto.agents.addresses import Place
from junto.agents.agent import Agent, Host
from junto.agents.connections import Connections
from junto.agents.index import Index
from junto.agents.invoking import Invoker
from junto.agents.isolation import Isolation
from junto.agents.listening import Doors
from junto.agents.loopback import Loopback
from junto.agents.mailboxes import Handling
from junto.agents.membership import Membership
from junto.agents.outbox import Outbox
from junto.agents.proxies import Target
from junto.agents.references import References
from junto.agents.settings import Settings
from junto.agents.shortcut import Shortcut
from junto.agents.supervision import Failure, Supervisor
from junto.agents.topics import Topics
from junto.clock import Clock, RuntimeClock
from junto.errors import ConnectionLost
from junto.runtime import Future, Runtime
from junto.waiting import Shared, within

if TYPE_CHECKING:
    import ssl

__all__ = ["Home"]

A = TypeVar("A", bound=Agent[Any])


class Home(Host):
    """Where agents live.

    Attributes:
        runtime: The world it lives in.
        options: The settings of its connections.
        clock: By which its agents live.
        agents: Those who live here, by their ids.
    """

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.runtime = runtime
        self.options = settings.options
        self.pool: Executor | None = settings.make_pool()
        self.client_tls: ssl.SSLContext | None = settings.client_tls
        self.clock: Clock = settings.clock or RuntimeClock()
        self.clock.attach(runtime)
        self.agents: dict[str, Agent[Any]] = {}
        self.index: Index[str] = Index()
        self.settings = settings
        self._next_id = 0
        self._closing = False
        self._cancelling = 0
        self._ending: Future[None] | None = None
        self._closed: Shared[None] = Shared(runtime)
        self._apart: dict[Future[Any], None] = {}
        self._stopping: list[Future[Any]] = []
        self._targets: WeakValueDictionary[tuple[Place | None, str], Target] = WeakValueDictionary()
        self._unstarted: list[Agent[Any]] = []
        codec = self.options.codec
        assert not isinstance(codec, str), "the settings have made one"
        isolation = Isolation(codec.with_references(References(self)))
        self.supervisor = Supervisor(runtime, settings.on_failure)
        self.report = self.supervisor.report
        self.invoker = Invoker(runtime, self.pool)
        self.handling = Handling(runtime, self.invoker, self.report)
        self.topics = Topics(self, self.handling, isolation)
        self.connections = Connections(self)
        self.isolation = isolation
        self.outbox = Outbox(self)
        self.membership = Membership(self)
        self.doors = Doors(self)
        self.loopback = Loopback(self)
        self.shortcut = Shortcut(
            runtime,
            self.agents,
            self.handling,
            isolation,
            self.options.failures,
            self.options.request_timeout,
            self.loopback.stream,
        )

    # -- agents --

    def admit(self, agent: Agent[Any], name: str | None, tags: Iterable[str]) -> str:
        if self._closing:
            raise ConnectionLost("the container is closed")
        aid = str(self._next_id)
        if name is not None or tags:
            self.index.add(aid, name, tags)
            self.membership.added(aid)
        self._next_id += 1
        self.agents[aid] = agent
        return aid

    def begin(self, agent: Agent[Any]) -> None:
        if not self._unstarted:
            self.runtime.call_soon(self._start)
        self._unstarted.append(agent)

    def _start(self) -> None:
        agents, self._unstarted = self._unstarted, []
        for agent in agents:
            if self.agents.get(agent.id) is agent:
                self.supervisor.run_hook(agent, agent.started)

    def create(self, kind: Callable[..., A], /, *args: Any, **kwargs: Any) -> A:
        """Make an agent: ``kind(container, *args, **kwargs)``, which may be called as well."""
        return kind(self, *args, **kwargs)

    async def remove(self, agent: Agent[Any]) -> None:
        """End *agent*: calls of it fail from now on, its `Agent.stopping` is run, its tasks are cancelled.

        Removing twice is fine.
        """
        if self.agents.get(agent.id) is not agent:
            return
        self._forget(agent)
        try:
            if type(agent).stopping is not Agent.stopping:
                await self.supervisor.outcome(agent.stopping)
        except Exception as error:
            self.report(Failure(agent, "stopping", error))
        finally:
            self.index.remove(agent.id)  # until now it has its name
            ended = self.supervisor.cancel_tasks(agent)
        await self._cancelled(ended)

    def withdraw(self, agent: Agent[Any]) -> None:
        if self.agents.get(agent.id) is agent:
            self._forget(agent)
            self.index.remove(agent.id)
            self.supervisor.cancel_tasks(agent)

    def _forget(self, agent: Agent[Any]) -> None:
        """Have nobody reach *agent* any more."""
        del self.agents[agent.id]
        if agent.id in self.index:
            self.membership.removed(agent.id)
        self.handling.forget(agent)
        self.topics.forget(agent)

    def class_of(self, aid: str) -> str | None:
        """Tell what the class of an agent is called; ``None`` if there is no such agent."""
        agent = self.agents.get(aid)
        return None if agent is None else type(agent).__name__

    # -- addresses --

    @property
    def urls(self) -> list[str]:
        """The base URLs under which it is reached, with the ports that the system chose."""
        return [place.base for place in self.doors.places]

    @property
    def url(self) -> str:
        """The first of `urls`; raises `ValueError` if it listens nowhere."""
        return self.url_of("")

    def url_of(self, path: str) -> str:
        """Give the URL of what is at *path* here.

        Raises:
            ValueError: The container listens nowhere.
        """
        if not self.doors.places:
            raise ValueError("a container that listens nowhere has no URL")
        return f"{self.doors.places[0].base}{path}"

    def target(self, place: Place | None, path: str, class_name: str) -> Target:
        """Give what stands for the agent at *path* of the container at *place*."""
        target = self._targets.get((place, path))
        if target is None:
            target = self._targets[place, path] = self.settings.make_target(
                self, place, path, class_name or "Agent"
            )
        elif class_name:
            target.class_name = class_name
        return target

    def is_here(self, place: Place) -> bool:
        """Tell whether what is said there is said to this container, and may take the short way."""
        return self.settings.shortcut and place in self.doors.places

    # -- the end --

    def run_apart(self, flow: Coroutine[Any, Any, Any]) -> None:
        """Run *flow* beside all else, until the container is closed; a failure is reported."""
        task = self.runtime.create_task(flow)

        def ended(task: Future[Any]) -> None:
            self._apart.pop(task, None)
            if not task.cancelled() and (error := task.exception()) is not None:
                self.report(Failure(None, "a connection", error))

        if not task.done():
            self._apart[task] = None
        task.add_done_callback(ended)

    def is_closing(self) -> bool:
        """Tell whether it is closed or about to be."""
        return self._closing

    async def wait_closed(self) -> None:
        """Wait until somebody has closed it."""
        await self._closed.wait()

    async def close(self, timeout: float | None = 5.0) -> None:
        """End in order: agents stop, what was accepted is answered, connections are closed.

        Agents have *timeout* seconds for their `Agent.stopping`, and handlers as long; then they are
        cancelled. Messages that wait for a connection have as long to be sent; those that were not are
        reported. Closing twice is fine. Who gives up waiting ends it at once; but a function of an agent
        that waits for it, and which it would wait for, is cancelled like others, and all ends in order.
        """
        if self._closing:
            await self._closed.wait()
            return
        self._closing = True
        self._ending = self.runtime.create_task(self._end_in_order(timeout))
        try:
            await self._closed.wait()
        except BaseException:
            if not self._cancelling:
                self.abort()
            raise

    async def _end_in_order(self, timeout: float | None) -> None:
        try:
            await self._end(timeout)
        except Exception as error:
            self.report(Failure(None, "closing", error))
            self.abort()
        except BaseException:
            self.abort()
            raise
        self._closed.set_result(None)

    async def _end(self, timeout: float | None) -> None:
        try:
            await within(self.runtime, timeout, self._stop_agents(), "stopping agents")
        except TimeoutError as error:
            self.report(Failure(None, "closing", error))
            await self._cancelled(self._cancel_stopping())
        await self._cancelled(self.supervisor.cancel_all())
        try:
            await within(self.runtime, timeout, self._finish_handling(), "handling")
        except TimeoutError:
            pass  # what is left is cancelled
        try:
            await within(self.runtime, timeout, self.outbox.flush(), "sending")
        except TimeoutError:
            pass  # what is left is reported
        await self._cancelled(self._cancel())
        await self.loopback.close()
        await self.connections.close(timeout)
        await self.doors.close(timeout)
        self.agents.clear()
        await self._cancelled(self._cancel())  # what the last calls of peers have begun
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)

    async def _cancelled(self, tasks: list[Future[Any]]) -> None:
        """Wait until *tasks*, which were cancelled, have ended; one of them may wait for our end."""
        self._cancelling += 1
        try:
            for task in tasks:
                await _ended(self.runtime, task)
        finally:
            self._cancelling -= 1

    async def _stop_agents(self) -> None:
        for agent in list(self.agents.values()):
            if type(agent).stopping is not Agent.stopping:
                self._stopping.append(self.runtime.create_task(self.remove(agent)))
        for task in self._stopping:
            await task

    def _cancel_stopping(self) -> list[Future[Any]]:
        left = [task for task in self._stopping if not task.done()]
        for task in left:
            task.cancel()
        return left

    async def _finish_handling(self) -> None:
        while tasks := self.handling.in_progress():
            for task in tasks:
                await _ended(self.runtime, task)

    def _cancel(self) -> list[Future[Any]]:
        tasks = self._cancel_stopping() + self.supervisor.cancel_all() + self.handling.cancel()
        for task in list(self._apart):
            task.cancel()
            tasks.append(task)
        return tasks

    def abort(self) -> None:
        """End at once; what is not sent is lost, handlers and tasks are cancelled."""
        self._closing = True
        if self._ending is not None:
            self._ending.cancel()
        self.outbox.abort()
        self._cancel()
        self.agents.clear()
        self.loopback.abort()
        self.connections.abort()
        self.doors.abort()
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)
        self._closed.set_result(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Container at {', '.join(self.urls) or 'no address'}, {len(self.agents):,} agents>"


async def _ended(runtime: Runtime, task: Future[Any]) -> None:
    """Wait until *task* has ended, however it did."""
    ended: Future[None] = runtime.create_future()

    def settle(_task: Future[Any]) -> None:
        if not ended.done():
            ended.set_result(None)

    task.add_done_callback(settle)
    await ended
