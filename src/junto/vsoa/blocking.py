"""Facades: clients and what belongs to them, with operations that block the calling thread.

What waits for nothing may be called in callbacks too, which run in the thread that waits for something.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar

from junto.blocking import BlockingRuntime, Facade, blocking
from junto.errors import ConnectionLost
from junto.proxies import Proxy
from junto.sansio.vsoa.payloads import Data
from junto.vsoa import client as _client
from junto.vsoa import subscribing as _subscribing
from junto.vsoa import tunnels as _tunnels
from junto.vsoa.backlog import Policy
from junto.vsoa.messages import Message, Reply

__all__ = ["Client", "Subscription", "TunnelStream", "anywhere", "spawn", "while_open"]

P = ParamSpec("P")
T = TypeVar("T")


def anywhere(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Make of a layer's method that waits for nothing one for any thread, and for callbacks."""

    @functools.wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        runtime: BlockingRuntime = self._runtime
        if runtime.is_in_callback():
            return method(self._inner, *args, **kwargs)
        result: T = runtime.call(method, self._inner, *args, **kwargs)
        return result

    return call


def while_open(
    method: Callable[Concatenate[Any, P], T], *, after: Any = None
) -> Callable[Concatenate[Any, P], T]:
    """Do as `anywhere`; when all is closed, the method does nothing and gives *after*."""
    inside = anywhere(method)

    @functools.wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return inside(self, *args, **kwargs)
        except ConnectionLost:
            return after  # type: ignore[no-any-return]  # of the type that the method gives

    return call


def spawn(runtime: BlockingRuntime, flow: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run *flow* beside all else, whenever a thread waits; may be called in callbacks too."""
    if runtime.is_in_callback():
        runtime.create_task(flow())
    else:
        runtime.call(lambda: (runtime.create_task(flow()),))  # in a tuple, for `call` would wait for it


class TunnelStream(Facade, Iterator[bytes]):
    """A stream of bytes: iterate over what comes, or `receive` it piece by piece."""

    def __init__(self, runtime: BlockingRuntime, inner: _tunnels.TunnelStream) -> None:
        super().__init__(runtime, inner, owner=False)

    receive = blocking(_tunnels.TunnelStream.receive)
    send = blocking(_tunnels.TunnelStream.send)
    abort = while_open(_tunnels.TunnelStream.abort)
    send_nowait = anywhere(_tunnels.TunnelStream.send_nowait)
    keepalive = while_open(_tunnels.TunnelStream.keepalive)

    @property
    def connected(self) -> bool:
        """Whether bytes can be sent."""
        return bool(self._inner.connected)

    def __iter__(self) -> TunnelStream:
        return self

    def __next__(self) -> bytes:
        """Wait for bytes; raises as `receive`."""
        chunk = self.receive()
        if not chunk:
            raise StopIteration
        return chunk

    def __enter__(self) -> TunnelStream:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Subscription(Iterator[Message]):
    """What a client has subscribed to: iterate over the messages with ``for``."""

    def __init__(self, runtime: BlockingRuntime, inner: _subscribing.Subscription) -> None:
        self._runtime = runtime
        self._inner = inner
        self.urls = inner.urls

    @property
    def dropped(self) -> int:
        """How many messages were dropped, since nobody took them in time."""
        return self._inner.dropped

    def __iter__(self) -> Subscription:
        return self

    def __next__(self) -> Message:
        """Wait for the next message; raises as `junto.vsoa.subscribing.Subscription`."""
        return self.receive()

    def receive(self, timeout: float | None = None) -> Message:
        """Do as ``next()``, for *timeout* seconds; then it raises `RequestTimeout`."""
        try:
            message: Message = self._runtime.call(self._inner.receive, timeout)
        except StopAsyncIteration:
            raise StopIteration from None
        return message

    def wait_accepted(self) -> Subscription:
        """Wait until the server has accepted the subscription."""
        self._runtime.call(self._inner.wait_accepted)
        return self

    def close(self, timeout: float | None = 5.0) -> None:
        """Unsubscribe; what waits is forgotten. Closing twice is fine."""
        try:
            self._runtime.call(self._inner.close, timeout)
        except ConnectionLost:
            pass  # then it has ended

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Client(Facade):
    """A client of one server, whose operations block the calling thread."""

    _inner: _client.Client

    def fetch(
        self,
        url: str,
        param: Any = None,
        data: Data | None = None,
        *,
        method: _client.Method = "GET",
        timeout: float | None = None,
    ) -> Reply:
        """Ask the server for *url*, and wait for the reply; see `junto.vsoa.client.Client.fetch`."""
        reply: Reply = self._runtime.call(self._inner.fetch, url, param, data, method=method, timeout=timeout)
        return reply

    def exchange(
        self,
        url: str,
        param: bytes,
        data: bytes,
        *,
        method: _client.Method = "GET",
        timeout: float | None = None,
    ) -> Reply:
        """Do as `fetch`, with a *param* as it is on the wire; a reply with any status is a reply."""
        reply: Reply = self._runtime.call(
            self._inner.exchange, url, param, data, method=method, timeout=timeout
        )
        return reply

    ask_then = anywhere(_client.Client.ask_then)
    ping = blocking(_client.Client.ping)
    describe = blocking(_client.Client.describe)
    datagram = anywhere(_client.Client.datagram)
    noop = anywhere(_client.Client.noop)
    request_apart = anywhere(_client.Client.request_apart)
    ask_apart = anywhere(_client.Client.ask_apart)
    disconnect = while_open(_client.Client.disconnect)

    def call(
        self,
        path: str,
        *args: Any,
        returns: Any = None,
        kwargs: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Call the function at *path* of the server's service; see `junto.vsoa.client.Client.call`."""
        return self._runtime.call(
            self._inner.call, path, *args, returns=returns, kwargs=kwargs, timeout=timeout
        )

    @property
    def remote(self) -> Proxy[Any]:
        """The proxy of the server's service: ``client.remote.add(3, 4)``."""
        return Proxy(functools.partial(self._runtime.call, self._inner.call_path))

    def subscribe(
        self,
        *urls: str,
        callback: Callable[[Message], Any] | None = None,
        policy: Policy = "drop-oldest",
        limit: int = 1024,
    ) -> Subscription:
        """Subscribe; the arguments and errors are those of `junto.vsoa.client.Client.subscribe`.

        It waits until the server has accepted that, except in a callback. A *callback* is called by the
        thread that waits for something of this client: see `start_thread`.
        """
        subscribe = functools.partial(
            self._inner.subscribe, *urls, callback=callback, policy=policy, limit=limit
        )
        if self._runtime.is_in_callback():
            return Subscription(self._runtime, subscribe())

        async def subscribed() -> _subscribing.Subscription:
            subscription = subscribe()
            try:
                return await subscription
            except BaseException:
                self._inner.unsubscribe(subscription)
                raise

        return Subscription(self._runtime, self._runtime.call(subscribed))

    def open_stream(self, tunnel: int, *, timeout: float = 10.0) -> TunnelStream:
        """Connect to a stream that the server offers; see `junto.vsoa.client.Client.open_stream`."""
        stream = self._runtime.call(self._inner.open_stream, tunnel, timeout=timeout)
        return TunnelStream(self._runtime, stream)

    def open_stream_then(
        self,
        tunnel: int,
        serve: Callable[[_tunnels.TunnelStream | None], Coroutine[Any, Any, object]],
        timeout: float,
    ) -> None:
        """Open a stream, and run the flow *serve* with it, or with ``None`` if that failed; as `spawn`."""

        async def flow() -> None:
            try:
                stream = await self._inner.open_stream(tunnel, timeout=timeout)
            except ConnectionError:
                await serve(None)
            else:
                await serve(stream)

        spawn(self._runtime, flow)

    @property
    def pending(self) -> int:
        """How many requests have no reply yet."""
        return self._inner.pending

    get_extra_info = while_open(_client.Client.get_extra_info)

    def continue_after(self, before: Client) -> None:
        """Number requests as if this client were *before*, which has ended."""
        self._inner.continue_after(before._inner)

    @property
    def send_timeout(self) -> float | None:
        """Seconds that the server has to take something of what we send; see `junto.vsoa.client.Client`."""
        return self._inner.send_timeout

    @send_timeout.setter
    def send_timeout(self, timeout: float | None) -> None:
        self._inner.send_timeout = timeout

    @property
    def info(self) -> Any:
        """What the server says of itself."""
        return self._inner.info

    @property
    def connected(self) -> bool:
        """Whether there is a connection just now."""
        return self._inner.connected

    @property
    def client_id(self) -> int | None:
        """Our number at the server, from 0; ``None`` without a connection."""
        return self._inner.client_id

    @property
    def priority(self) -> int:
        """What priority the server has given us, 0 to 7."""
        return self._inner.priority

    def is_closing(self) -> bool:
        """Tell whether the client is closed, or has lost its connection for good."""
        return self._inner.is_closing()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
