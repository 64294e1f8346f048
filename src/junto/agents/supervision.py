"""What agents do beside answering, and what becomes of it when it fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from junto.agents.invoking import is_stream, to_wait_for
from junto.connecting import sleep
from junto.errors import LocalProtocolError
from junto.runtime import Future, Runtime

if TYPE_CHECKING:
    from junto.agents.agent import Agent

__all__ = ["Failure", "Recovery", "Restart", "Supervised", "Supervisor", "require_alive"]

logger = logging.getLogger("junto")


@dataclass(frozen=True, slots=True)
class Failure:
    """Something of an agent failed, and nobody waits for it.

    Attributes:
        agent: Whose it is; ``None`` for the container's own.
        what: The task's name, or that of the function that was told something.
        error: What was raised.
        restart_in: Seconds after which it is run anew; ``None`` if it is not.
    """

    agent: Agent[Any] | None
    what: str
    error: BaseException
    restart_in: float | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """How a task that failed, or a process that crashed, is begun anew: after pauses that grow.

    Attributes:
        first: The first pause in seconds.
        factor: How much longer each further one is.
        longest: The longest.
        times: How many restarts in a row; ``None`` for any number.
        healthy_after: Seconds after which a task that failed again counts as one that had been well.
    """

    first: float = 0.1
    factor: float = 2.0
    longest: float = 30.0
    times: int | None = None
    healthy_after: float = 60.0

    def __post_init__(self) -> None:
        if not (self.first >= 0 and self.factor >= 1 and self.longest >= self.first):
            raise ValueError(
                "pauses are not negative, do not shrink, and the longest is no shorter than the first"
            )
        if not ((self.times is None or self.times >= 0) and self.healthy_after >= 0):
            raise ValueError("times and healthy_after are not negative")


class Recovery:
    """How often something failed in a row, and so how long to wait before it is begun anew."""

    def __init__(self, restart: Restart | None) -> None:
        """Wait as *restart* says; ``None`` for no second time."""
        self._restart = restart
        self._begin()

    def _begin(self) -> None:
        self._row = 0
        self._next = 0.0 if self._restart is None else self._restart.first

    def pause_after(self, lasted: float) -> float | None:
        """Take note that it failed, *lasted* seconds after it was begun.

        Returns:
            Seconds to wait; ``None`` if it is not to be begun anew.
        """
        restart = self._restart
        if restart is None:
            return None
        if lasted >= restart.healthy_after:
            self._begin()
        if restart.times is not None and self._row >= restart.times:
            return None
        pause = self._next
        self._row += 1
        self._next = min(pause * restart.factor, restart.longest)
        return pause


class Supervised:
    """A task of an agent.

    Attributes:
        name: How reports call it.
        restarts: How often it was run anew.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.restarts = 0
        self.task: Future[Any] | None = None

    def done(self) -> bool:
        """Tell whether it has ended for good."""
        return self.task is None or self.task.done()

    def cancel(self) -> None:
        """End it; what it waits for is cancelled."""
        if self.task is not None:
            self.task.cancel()

    def __repr__(self) -> str:
        return f"<Supervised {self.name}, {'done' if self.done() else 'running'}>"


def require_alive(agent: Agent[Any]) -> None:
    """See to it that *agent* is still in its container.

    Raises:
        LocalProtocolError: It has ended.
    """
    if agent.container.core.agents.get(agent.id) is not agent:
        raise LocalProtocolError(f"{agent!r} has ended, and does nothing any more")


class Supervisor:
    """Runs the tasks of a container's agents, and reports failures."""

    def __init__(self, runtime: Runtime, report: Callable[[Failure], object] | None) -> None:
        """Report to *report*; ``None`` logs what fails."""
        self._runtime = runtime
        self._report = report
        self._tasks: dict[int, dict[Supervised, None]] = {}  # by the identity of their agent

    def report(self, failure: Failure) -> None:
        """Tell of a failure; one of the callback itself is logged."""
        if self._report is not None:
            try:
                self._report(failure)
                return
            except Exception as error:
                logger.error("the callback for failures failed", exc_info=error)
        whose = "" if failure.agent is None else f" of {failure.agent!r}"
        logger.error("%s%s failed", failure.what, whose, exc_info=failure.error)

    def spawn(
        self,
        agent: Agent[Any],
        work: Callable[..., Any],
        args: tuple[Any, ...],
        restart: Restart | None,
        name: str | None,
    ) -> Supervised:
        """Run a task of *agent*; see `Agent.spawn`.

        Raises:
            LocalProtocolError: The agent has ended.
        """
        require_alive(agent)
        supervised = Supervised(name or str(getattr(work, "__qualname__", "a task")))
        key = id(agent)
        # Noted before it begins: its first step may be made at once, and end it.
        self._tasks.setdefault(key, {})[supervised] = None
        task = supervised.task = self._runtime.create_task(self._run(agent, supervised, work, args, restart))

        def ended(task: Future[Any]) -> None:
            tasks = self._tasks.get(key, {})
            tasks.pop(supervised, None)
            if not tasks:
                self._tasks.pop(key, None)
            if not task.cancelled() and task.exception() is not None:
                logger.error("a task could not be supervised", exc_info=task.exception())

        task.add_done_callback(ended)
        return supervised

    async def _run(
        self,
        agent: Agent[Any],
        supervised: Supervised,
        work: Callable[..., Any],
        args: tuple[Any, ...],
        restart: Restart | None,
    ) -> None:
        recovery = Recovery(restart)
        while True:
            began = self._runtime.time()
            try:
                await self.outcome(work, args)
                return
            except Exception as error:
                failure = error
            pause = recovery.pause_after(self._runtime.time() - began)
            self.report(Failure(agent, supervised.name, failure, pause))
            if pause is None:
                return
            await sleep(self._runtime, pause)
            supervised.restarts += 1

    async def outcome(self, work: Callable[..., Any], args: tuple[Any, ...] = ()) -> Any:
        """Call *work* and wait for what comes of it; raises what it raises."""
        result = self._runtime.adopt(work(*args))
        if is_stream(result):
            raise TypeError("a task that yields is for SimPy, and yields events only")
        if type(result) is CoroutineType:  # by far the most are, and need no task of their own
            return await result
        future = to_wait_for(self._runtime, result)
        if future is None:
            return result
        try:
            return await future
        except BaseException:
            if not future.done():
                future.cancel()
            raise

    def run_hook(self, agent: Agent[Any], hook: Callable[[], Any]) -> None:
        """Run *hook* of *agent* beside all else; a failure is reported."""
        self.spawn(agent, hook, (), None, hook.__name__)

    def cancel_tasks(self, agent: Agent[Any]) -> list[Future[Any]]:
        """Cancel what *agent* does; gives what then ends."""
        tasks = [each.task for each in self._tasks.get(id(agent), {}) if each.task is not None]
        for task in tasks:
            task.cancel()
        return tasks

    def cancel_all(self) -> list[Future[Any]]:
        """Do so for all agents."""
        tasks = [each.task for those in self._tasks.values() for each in those if each.task is not None]
        for task in tasks:
            task.cancel()
        return tasks
