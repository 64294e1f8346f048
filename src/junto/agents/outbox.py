"""Messages to agents of other containers: sent in the order in which they were told and asked.

As long as there is no connection, nobody knows what kind of peer there is; what is said until then waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from junto.agents.addresses import Place
from junto.agents.supervision import Failure
from junto.errors import ConnectionLost, Overloaded, fresh
from junto.runtime import Future
from junto.waiting import Deadline, Shared, within

if TYPE_CHECKING:
    from junto.agents.home import Home
    from junto.agents.peers import AgentPeer

__all__ = ["Outbox"]

T = TypeVar("T")

_MAX_WAITING: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Message:
    """What is told or asked.

    Attributes:
        path: Of the agent, its id first.
        name: That of the function.
        args: Isolated, for who sends goes on with his own.
        kwargs: Likewise.
        sent: Of what is asked: done when that was sent, with what will be the answer.
        deadline: Of who asks.
    """

    path: str
    name: str
    args: Any
    kwargs: dict[str, Any]
    sent: Future[Future[Any]] | None = None
    deadline: Deadline | None = None


class _Waiting:
    """What waits for the connection to one place."""

    __slots__ = ("messages", "over")

    def __init__(self, over: Shared[None]) -> None:
        self.messages: list[_Message] = []
        self.over = over


class Outbox:
    """All that the agents of one container tell and ask those of others."""

    def __init__(self, container: Home) -> None:
        self._container = container
        self._connections = container.connections
        self._runtime = container.runtime
        self._waiting: dict[Place, _Waiting] = {}
        self._aborted = False

    def tell(self, place: Place, path: str, name: str, args: Any, kwargs: dict[str, Any]) -> None:
        """Send a message to an agent of the container at *place*, in the order of these calls.

        Raises:
            CodecError: An argument has no form on the wire.
            Overloaded: Too much waits to be sent.
            ConnectionLost: The container is closed.
        """
        peer = self._ready(place)
        if peer is not None:
            peer.channel.notify([f"tell/{path}/{name}", args, kwargs])
        else:
            self._wait(place, path, name, args, kwargs)

    def ask(
        self, place: Place, path: str, name: str, args: Any, kwargs: dict[str, Any], timeout: float | None
    ) -> Future[Any]:
        """Ask an agent there, as `tell`; a peer of old is called instead."""
        peer = self._ready(place)
        if peer is not None:
            return peer.call_path(f"ask/{path}/{name}", *args, timeout=timeout, **kwargs)
        sent: Future[Future[Any]] = self._runtime.create_future()
        self._wait(place, path, name, args, kwargs, sent, Deadline(self._runtime, timeout))

        async def wait_for_answer() -> Any:
            answer = await within(self._runtime, timeout, _wait_for(sent), f"connecting to {place.base}")
            return await answer

        return self._runtime.create_task(wait_for_answer())

    def _ready(self, place: Place) -> AgentPeer | None:
        """Give the peer that takes messages at once: it is junto, and nothing waits to be sent before."""
        peer = self._connections.peer(place)
        return peer if peer is not None and peer.channel.extended and place not in self._waiting else None

    def _wait(self, place: Place, path: str, name: str, args: Any, kwargs: Any, *asked: Any) -> None:
        self._connections.check_open()
        isolation = self._container.isolation
        message = _Message(path, name, isolation.args(args), isolation.kwargs(kwargs), *asked)
        waiting = self._waiting.get(place)
        if waiting is not None:
            if len(waiting.messages) >= _MAX_WAITING:
                raise Overloaded(f"{_MAX_WAITING:,} messages wait for a connection to {place.base}")
            waiting.messages.append(message)
            return
        waiting = self._waiting[place] = _Waiting(Shared(self._runtime))
        waiting.messages.append(message)
        self._container.run_apart(self._send_waiting(place, waiting))

    async def _send_waiting(self, place: Place, waiting: _Waiting) -> None:
        try:
            # The answer tells what kind of peer it is.
            await self._connections.check(place, waiting.messages[0].path.partition("/")[0], 0.0)
            peer = self._connections.peer(place)
            if peer is None:
                raise ConnectionLost("the connection was lost")
        except GeneratorExit:  # the world has ended
            raise
        except Exception as error:
            self._fail(place, waiting, error)
        except BaseException:
            self._fail(place, waiting, ConnectionLost("the container was closed"))
            raise
        else:
            for message in self._take(place, waiting):
                try:
                    self._send(peer, message)
                except Exception as error:
                    self._failed(place, message, error)

    def _take(self, place: Place, waiting: _Waiting) -> list[_Message]:
        """Take what waits; who is told of a failure may send anew, which then waits anew."""
        del self._waiting[place]
        waiting.over.set_result(None)
        return waiting.messages

    def _fail(self, place: Place, waiting: _Waiting, error: Exception) -> None:
        for message in self._take(place, waiting):
            self._failed(place, message, error)

    def _failed(self, place: Place, message: _Message, error: Exception) -> None:
        if message.sent is not None:
            if not message.sent.done():
                message.sent.set_exception(fresh(error))
        elif not self._aborted:
            what = f"telling {place.base}{message.path} {message.name!r}"
            self._container.report(Failure(None, what, error))

    def _send(self, peer: AgentPeer, message: _Message) -> None:
        path = f"{message.path}/{message.name}"
        args, kwargs = message.args, message.kwargs
        if message.sent is not None:
            if not message.sent.done():  # else nobody wants the answer any more
                head = "ask" if peer.channel.extended else "agents"
                left = None if message.deadline is None else message.deadline.remaining()
                answer = peer.call_path(f"{head}/{path}", *args, timeout=left, **kwargs)
                answer.add_done_callback(_look_away)  # who asked may give up before he awaits it
                message.sent.set_result(answer)
        elif peer.channel.extended:
            peer.channel.notify([f"tell/{path}", args, kwargs])
        else:
            # A peer of old knows calls only; nobody wants its answer.
            peer.call_path(f"agents/{path}", *args, **kwargs).add_done_callback(_look_away)

    async def flush(self) -> None:
        """Wait until all that waits for a connection was sent, or has failed."""
        while self._waiting:
            for waiting in list(self._waiting.values()):
                await waiting.over.wait()

    def abort(self) -> None:
        """Report no more what is lost."""
        self._aborted = True


async def _wait_for(future: Future[T]) -> T:
    return await future


def _look_away(future: Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
