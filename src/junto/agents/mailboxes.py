"""What is to be handled in this container: messages and calls, in the order in which they were sent.

A *call* is handled at once, whatever else its agent does. A *message*, which was told, asked or published,
waits in its agent's mailbox until the one before it was handled; that is what makes an agent with
messages alone free of races. Mailboxes have a limit, and a policy for one more.

All of them stand in one queue, of which each turn handles what is there. An agent has no queue of its
own, but while it is busy.
"""

# How many messages wait for an agent, is counted in the agent, which has nothing else of its own.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from junto.agents.invoking import VALUES, Invoker, is_stream, to_wait_for
from junto.agents.supervision import Failure
from junto.errors import ConnectionLost, Overloaded
from junto.runtime import Future, Runtime

if TYPE_CHECKING:
    from junto.agents.agent import Agent

__all__ = ["Handling", "Policy"]

Policy: TypeAlias = Literal["refuse", "wait", "drop-oldest", "drop-newest"]
"""What happens to a message for an agent with as many waiting as it may have.

- ``refuse``: who sends it gets `Overloaded`; if that is in another container and waits for no answer, the
  agent's container reports it.
- ``wait``: who asks waits until it is its turn, however many do; who tells, and so cannot wait, is refused.
- ``drop-oldest``: the one that has waited longest makes room; if somebody waits for its answer, he gets
  `Overloaded`.
- ``drop-newest``: it is dropped; likewise.
"""

_ROUND = 256
# Stands for how many messages wait for an agent that has ended, so that looking for room is all one does for
# each message.
_ENDED: Final = sys.maxsize

Answer: TypeAlias = Callable[[Any, "BaseException | None"], object]
# The agent, the path, the arguments; what takes the answer; whether it is a message.
_Entry: TypeAlias = "tuple[Agent[Any], Any, Any, dict[str, Any], Answer | None, bool]"


class Handling:
    """The queue of one container.

    Attributes:
        dropped: How many messages were dropped for want of room.
        closed: Whether what is still being handled is cancelled.
    """

    __slots__ = (
        "_busy",
        "_gone",
        "_invoker",
        "_is_due",
        "_number",
        "_queue",
        "_report",
        "_runtime",
        "_skip",
        "_tasks",
        "closed",
        "dropped",
    )

    def __init__(self, runtime: Runtime, invoker: Invoker, report: Callable[[Failure], object]) -> None:
        self._runtime = runtime
        self._invoker = invoker
        self._report = report
        self._queue: deque[_Entry] = deque()
        self._is_due = False
        # By identity: agents that handle a message just now, and the messages that wait for that.
        self._busy: dict[int, deque[_Entry]] = {}
        # How many of an agent's messages in the queue are not to be handled any more.
        self._skip: dict[int, int] = {}
        # By identity too: agents that have ended, while anything for them may be in the queue.
        self._gone: dict[int, Agent[Any]] = {}
        self._tasks: dict[int, Future[Any]] = {}
        self._number = 0
        self.dropped = 0
        self.closed = False

    def tell(
        self, agent: Agent[Any], path: Any, args: Any, kwargs: dict[str, Any], answer: Answer | None = None
    ) -> None:
        """Put a message in the mailbox of *agent*.

        Args:
            agent: Of this container.
            path: That of the function, or a function to be called with the arguments alone.
            args: By place; isolated already.
            kwargs: By name; likewise.
            answer: Called with the result, or with the error.

        Raises:
            LookupError: The agent has ended.
            Overloaded: There is no room, and the policy is to refuse, or to let wait who cannot.
        """
        if agent._waiting >= agent.mailbox_limit and not self._make_room(agent, answer):
            return
        agent._waiting += 1
        self._queue.append((agent, path, args, kwargs, answer, True))
        if not self._is_due:
            self._is_due = True
            self._runtime.call_soon(self._handle)

    def call(self, agent: Agent[Any], path: str, args: Any, kwargs: dict[str, Any], answer: Answer) -> None:
        """Call a function of *agent*; the arguments are those of `tell`."""
        self._queue.append((agent, path, args, kwargs, answer, False))
        if not self._is_due:
            self._is_due = True
            self._runtime.call_soon(self._handle)

    def _make_room(self, agent: Agent[Any], answer: Answer | None) -> bool:
        if agent._waiting == _ENDED:
            raise LookupError(f"{agent!r} has ended")
        policy = agent.mailbox_policy
        if policy == "wait" and answer is not None:
            return True
        if policy in ("refuse", "wait"):
            raise Overloaded(f"{agent.mailbox_limit:,} messages wait for {agent!r}")
        if policy == "drop-newest":
            self._drop(agent, answer)
            return False
        held = self._busy.get(id(agent))
        if held:
            self._drop(agent, held.popleft()[4])
            agent._waiting -= 1
        else:
            self._skip[id(agent)] = self._skip.get(id(agent), 0) + 1
            agent._waiting -= 1
        return True

    def _drop(self, agent: Agent[Any], answer: Answer | None) -> None:
        self.dropped += 1
        if answer is not None:
            answer(None, Overloaded(f"too many messages wait for {agent!r}: this one was dropped"))

    def _handle(self) -> None:
        """Handle what is there, and a little of what comes of it, before others get their turn."""
        queue = self._queue
        busy = self._busy
        gone = self._gone
        call = self._invoker.call
        left = max(len(queue), _ROUND)
        try:
            while queue and left:
                left -= 1
                entry = queue.popleft()
                agent, path, args, kwargs, answer, is_message = entry
                if gone and id(agent) in gone:
                    _refuse(entry)
                    continue
                if is_message:
                    if (busy or self._skip) and not self._is_its_turn(entry):
                        continue
                    agent._waiting -= 1
                try:
                    result = call(agent, path, args, kwargs) if type(path) is str else path(*args, **kwargs)
                except BaseException as error:
                    self._failed(entry, error)
                    continue
                if type(result) in VALUES:
                    if answer is not None:
                        answer(result, None)
                else:
                    self._wait_for(entry, result)
        finally:
            if queue:
                self._runtime.call_soon(self._handle)
            else:
                self._is_due = False

    def _is_its_turn(self, entry: _Entry) -> bool:
        key = id(entry[0])
        skip = self._skip.pop(key, 0)
        if skip:
            if skip > 1:
                self._skip[key] = skip - 1
            self._drop(entry[0], entry[4])
            return False
        held = self._busy.get(key)
        if held is not None:
            held.append(entry)
            return False
        return True

    def _failed(self, entry: _Entry, error: BaseException) -> None:
        agent, path, _, _, answer, _ = entry
        if answer is not None:
            answer(None, error)
        elif isinstance(error, Exception) and not self.closed:
            what = path if type(path) is str else getattr(path, "__name__", "a handler")
            self._report(Failure(agent, what, error))
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    def _wait_for(self, entry: _Entry, result: Any) -> bool:
        """Answer with what *result* will be; tells whether it is not known yet."""
        if type(result) is not CoroutineType:
            try:
                result = self._runtime.adopt(result)
                future = None if is_stream(result) else to_wait_for(self._runtime, result)
            except Exception as error:
                self._failed(entry, error)
                return False
            if future is None:
                self._answer(entry, result)
                return False
            result = _await(future)
        if entry[5]:
            self._busy.setdefault(id(entry[0]), deque())
        self._number = number = self._number + 1
        task = self._runtime.create_task(self._carry(number, entry, result))
        if not task.done():
            self._tasks[number] = task
        return True

    async def _carry(self, number: int, entry: _Entry, flow: Coroutine[Any, Any, Any]) -> None:
        """Await *flow* and answer. Not by a callback of its task, which would cost each call a turn."""
        result: Any = None
        failure: BaseException | None = None
        try:
            result = await flow
        except GeneratorExit:  # the world has ended
            raise
        except BaseException as error:
            failure = error
        self._tasks.pop(number, None)
        try:
            if failure is None:
                self._answer(entry, result)
            elif isinstance(failure, Exception):
                self._failed(entry, failure)
            else:
                self._failed(entry, ConnectionLost("the handler was cancelled"))
            if entry[5]:
                self._next(id(entry[0]))
            if failure is not None and not isinstance(failure, Exception):
                raise failure
        finally:
            del failure  # it holds this frame

    def _answer(self, entry: _Entry, result: Any) -> None:
        if entry[4] is not None:
            entry[4](result, None)
        elif is_stream(result):
            self._failed(entry, TypeError("what is told must not yield: nobody reads it"))

    def _next(self, key: int) -> None:
        """Handle the messages that waited for the one before them, until one of them must be waited for."""
        held = self._busy.get(key)
        while held:
            entry = held.popleft()
            agent, path, args, kwargs, answer, _ = entry
            agent._waiting -= 1
            try:
                result = (
                    self._invoker.call(agent, path, args, kwargs)
                    if type(path) is str
                    else path(*args, **kwargs)
                )
            except BaseException as error:
                self._failed(entry, error)
                continue
            if type(result) in VALUES:
                if answer is not None:
                    answer(result, None)
            elif self._wait_for(entry, result):
                return
        self._busy.pop(key, None)

    def forget(self, agent: Agent[Any]) -> None:
        """Handle nothing for *agent* any more; who waits for an answer is told so."""
        self._skip.pop(id(agent), None)
        agent._waiting = _ENDED
        if self._queue:
            # Not looked through, which would take long for many agents: what comes behind all that is there
            # takes the note away again. It is nobody's.
            self._gone[id(agent)] = agent
            nobody: Any = None
            self._queue.append((nobody, self._forgotten, (id(agent),), {}, None, False))
        held = self._busy.pop(id(agent), None)
        while held:
            _refuse(held.popleft())

    def _forgotten(self, key: int) -> None:
        self._gone.pop(key, None)

    def in_progress(self) -> list[Future[Any]]:
        """Give what is being handled and must be waited for."""
        return list(self._tasks.values())

    def cancel(self) -> list[Future[Any]]:
        """Cancel all that is being handled; gives what then ends."""
        self.closed = True
        left = [entry for held in self._busy.values() for entry in held] + list(self._queue)
        for held in self._busy.values():
            held.clear()
        self._queue.clear()
        for entry in left:
            if entry[4] is not None:
                entry[4](None, ConnectionLost("the container was closed"))
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        return tasks


def _refuse(entry: _Entry) -> None:
    """Tell who waits for the answer that the agent has ended."""
    if entry[4] is not None:
        entry[4](None, LookupError(f"there is no agent {entry[0].id!r} here any more"))


async def _await(future: Future[Any]) -> Any:
    return await future
