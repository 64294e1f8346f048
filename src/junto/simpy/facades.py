"""The layers' classes for SimPy: what waits gives an event, what waits for nothing is done at once.

A facade is a list: each operation is the layer's own. An event of ours can be yielded, combined by ``&`` and
``|``, and given up by ``cancel()``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from junto import rpc as _rpc
from junto import server as _server
from junto.address import Address
from junto.channel import Channel as _Channel
from junto.proxies import Proxy
from junto.request import Request
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.fetching import Fetch
from junto.runtimes.simpy.futures import Future, Task
from junto.runtimes.simpy.runtime import SimpyRuntime
from junto.streaming import Stream as _Stream

__all__ = ["Channel", "EndOfStream", "Facade", "Opening", "Peer", "Server", "Stream"]

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")
D = TypeVar("D")

_RAISE: Any = object()


class EndOfStream(Exception):
    """A stream has no more items."""


def eventual(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], Future[T]]:
    """Make of a layer's operation one that gives an event."""

    @functools.wraps(method)
    def start(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return Task(self._runtime.env, method(self._inner, *args, **kwargs))

    return start


def direct(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Offer a layer's method that waits for nothing as it is."""

    @functools.wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return method(self._inner, *args, **kwargs)

    return call


class Facade:
    """Something of a layer, and the runtime in which it lives.

    Entered by ``with``, it begins to close at the end of the block, since a block cannot wait there: what was
    accepted is still answered and what was written is still sent, while the environment runs on. To
    know when that is done, yield `close`. What ends the program ends the connection at once.
    """

    def __init__(self, runtime: SimpyRuntime, inner: Any, abort: Callable[[], None]) -> None:
        self._runtime = runtime
        self._inner = inner
        self._abort = abort

    def close(self, timeout: float | None = 5.0) -> Future[None]:
        """End in order: what was accepted is answered, for *timeout* seconds at most.

        Closing twice is fine.
        """
        return Task(self._runtime.env, self._inner.close(timeout))

    def wait_closed(self) -> Future[None]:
        """Wait until it is closed, by whichever side."""
        return Task(self._runtime.env, self._inner.wait_closed())

    def abort(self) -> None:
        """End it at once; what is not sent is lost, handlers are cancelled."""
        self._abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if kind is None or issubclass(kind, Exception):
            self.close()
        else:
            self.abort()

    def __eq__(self, other: object) -> bool:
        return self._inner is other._inner if isinstance(other, Facade) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._inner)

    def __repr__(self) -> str:
        return repr(self._inner)


class Channel(Facade):
    """A channel whose operations give events."""

    _inner: _Channel

    def __init__(self, runtime: SimpyRuntime, inner: _Channel) -> None:
        super().__init__(runtime, inner, inner.abort)
        inner.make_streams_by(Stream)

    def request(self, content: Any, *, timeout: float | None = None) -> Future[Any]:
        """Send a request; the event's value is its result. Raises as `junto.aio.Channel.request` does."""
        future: Any = self._inner.request(content, timeout=timeout)
        return future  # type: ignore[no-any-return]  # of our runtime, so it is such a future

    notify = direct(_Channel.notify)
    half_close = direct(_Channel.half_close)
    get_extra_info = direct(_Channel.get_extra_info)
    is_closing = direct(_Channel.is_closing)

    def recv(self) -> Future[Request]:
        """Wait for the peer's next request; the event fails as `junto.aio.Channel.recv` does.

        The request is taken only when it is handed to who waits. An event that nobody waits for takes none
        away; it can be yielded again, or forgotten.
        """
        return Fetch(self._runtime.env, lambda: self._inner.inbox.arrival(), lambda: self._inner.inbox.take())

    @property
    def peername(self) -> Any:
        return self._inner.peername

    @property
    def extended(self) -> bool:
        """Whether the peer has shown that it is junto too."""
        return self._inner.extended

    @property
    def late_replies(self) -> int:
        """How many replies came for requests that nobody waited for any more."""
        return self._inner.late_replies


class Peer(Facade):
    """The other end of a connection; its operations give events.

    Attributes:
        remote: The proxy of the peer's service: calls give events.
        channel: The channel below, for requests of any shape.
    """

    _inner: _rpc.Peer[Future[Any]]

    def __init__(self, runtime: SimpyRuntime, inner: _rpc.Peer[Future[Any]]) -> None:
        super().__init__(runtime, inner, inner.channel.abort)
        self.remote: Proxy[Future[Any]] = inner.remote
        self.channel = Channel(runtime, inner.channel)

    @overload
    def call(
        self, path: str, *args: Any, kwargs: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Future[Any]: ...
    @overload
    def call(
        self,
        path: str,
        *args: Any,
        returns: type[T],
        kwargs: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Future[T]: ...

    def call(self, path: str, *args: Any, **options: Any) -> Future[Any]:
        """Call the function at *path*; see `junto.rpc.Peer.call`."""
        return Task(self._runtime.env, self._inner.call(path, *args, **options))

    notify = direct(_rpc.Peer.notify)
    describe = eventual(_rpc.Peer.describe)
    ping = eventual(_rpc.Peer.ping)
    is_closing = direct(_rpc.Peer.is_closing)


class Server(Facade, Generic[C]):
    """What serves at one or more addresses, while the environment runs."""

    _inner: _server.Server[Any]

    def __init__(
        self, runtime: SimpyRuntime, inner: _server.Server[Any], facade: Callable[[SimpyRuntime, Any], C]
    ) -> None:
        super().__init__(runtime, inner, inner.abort)
        self._facade = facade

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the ports that the system chose."""
        return self._inner.addresses

    @property
    def connections(self) -> list[C]:
        """The connections that are open now, oldest first: channels, or peers."""
        return [self._facade(self._runtime, connection) for connection in self._inner.connections]


class Stream(_Stream):
    """The items of a streamed result, in order, one event each.

    A stream that is not wanted any more stops its producer, at the latest when it is garbage
    collected; `close` does it at once. A handler that is a flow may use ``async for``.
    """

    @overload
    def get(self) -> Future[Any]: ...
    @overload
    def get(self, default: D) -> Future[Any | D]: ...

    def get(self, default: Any = _RAISE) -> Future[Any]:
        """Wait for the next item, or for the end, where the value is *default* if there is one.

        The event fails with `EndOfStream` when that was all, with `RemoteError` if the producer failed, and
        with `ConnectionLost`. An event that nobody waits for takes no item away.
        """

        def take() -> Any:
            try:
                return self._reader.take()
            except StopAsyncIteration:
                if default is _RAISE:
                    raise EndOfStream("the stream has no more items") from None
                return default

        runtime: Any = self._runtime
        return Fetch(runtime.env, self._reader.arrival, take)

    def close(self) -> None:
        """Want no more; the producer is told. Closing twice is fine."""
        self._reader.stop()


class Opening(Task[C]):
    """Opens something; nothing is left of it if it is opened for somebody who has just left."""

    def __init__(
        self, env: SocketEnvironment, flow: Coroutine[Any, Any, T], facade: Callable[[T], C]
    ) -> None:
        async def opened() -> C:
            return facade(await flow)

        super().__init__(env, opened())

    def give_up(self) -> None:
        if self.done() and self.ok:
            thing: Any = self.result()
            thing.abort()
        super().give_up()
