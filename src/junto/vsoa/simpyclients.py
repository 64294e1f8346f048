"""Facades: clients and what belongs to them, with operations that give events of SimPy."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from typing import Any, TypeVar, overload

from junto.proxies import Proxy
from junto.runtimes.simpy.fetching import Fetch
from junto.runtimes.simpy.futures import Future, Task
from junto.runtimes.simpy.runtime import SimpyRuntime
from junto.runtimes.simpy.schedule import Event
from junto.sansio.vsoa.payloads import Data
from junto.simpy.facades import EndOfStream, Facade, Opening, direct, eventual
from junto.vsoa import client as _client
from junto.vsoa import subscribing as _subscribing
from junto.vsoa import tunnels as _tunnels
from junto.vsoa.backlog import Policy
from junto.vsoa.messages import Message, Reply
from junto.vsoa.serving import outcome_of

__all__ = ["Client", "Subscription", "TunnelStream", "as_callback"]

T = TypeVar("T")
D = TypeVar("D")

_RAISE: Any = object()


def as_callback(runtime: SimpyRuntime, callback: Callable[..., Any]) -> Callable[..., Any]:
    """Make a callback that layers know of one that may give events, or be a process."""

    def call(*args: Any) -> Any:
        result = callback(*args)
        return outcome_of(runtime, result) if isinstance(result, Event | Generator) else result

    return call


class TunnelStream(Facade):
    """A stream of bytes: `receive` it piece by piece."""

    _inner: _tunnels.TunnelStream

    def __init__(self, runtime: SimpyRuntime, inner: _tunnels.TunnelStream) -> None:
        super().__init__(runtime, inner, inner.abort)

    def receive(self, most: int = 256 * 1024) -> Future[bytes]:
        """Wait for bytes: at least one, and *most* at most; ``b""`` is the end of the stream.

        The event fails as `junto.vsoa.tunnels.TunnelStream.receive` does. One that nobody waits for takes
        nothing away.
        """
        return Fetch(self._runtime.env, self._inner.arrival, lambda: self._inner.take(most))

    send = eventual(_tunnels.TunnelStream.send)
    send_nowait = direct(_tunnels.TunnelStream.send_nowait)
    keepalive = direct(_tunnels.TunnelStream.keepalive)
    get_extra_info = direct(_tunnels.TunnelStream.get_extra_info)

    @property
    def connected(self) -> bool:
        """Whether bytes can be sent."""
        return self._inner.connected


class Subscription:
    """What a client has subscribed to: `get` one message after the other."""

    def __init__(self, runtime: SimpyRuntime, inner: _subscribing.Subscription) -> None:
        self._runtime = runtime
        self._inner = inner
        self.urls = inner.urls

    @property
    def dropped(self) -> int:
        """How many messages were dropped, since nobody took them in time."""
        return self._inner.dropped

    @overload
    def get(self) -> Future[Message]: ...
    @overload
    def get(self, default: D) -> Future[Message | D]: ...

    def get(self, default: Any = _RAISE) -> Future[Any]:
        """Wait for the next message, or for the end, where the value is *default* if there is one.

        The event fails with `EndOfStream` when the subscription, or the client, was closed, and else as
        `junto.vsoa.subscribing.Subscription` raises. An event that nobody waits for takes no message away.
        """

        def take() -> Any:
            try:
                return self._inner.take()
            except StopAsyncIteration:
                if default is _RAISE:
                    raise EndOfStream("the subscription was closed") from None
                return default

        return Fetch(self._runtime.env, self._inner.arrival, take)

    close = eventual(_subscribing.Subscription.close)

    def __repr__(self) -> str:
        return repr(self._inner)


class Client(Facade):
    """A client of one server, whose operations give events."""

    _inner: _client.Client

    def __init__(self, runtime: SimpyRuntime, inner: _client.Client) -> None:
        super().__init__(runtime, inner, inner.abort)

    def fetch(
        self,
        url: str,
        param: Any = None,
        data: Data | None = None,
        *,
        method: _client.Method = "GET",
        timeout: float | None = None,
    ) -> Future[Reply]:
        """Ask the server for *url*: the event's value is the reply; see `junto.vsoa.client.Client.fetch`."""
        future: Any = self._inner.fetch(url, param, data, method=method, timeout=timeout)
        return future  # type: ignore[no-any-return]  # of our runtime, so it is such a future

    def exchange(
        self,
        url: str,
        param: bytes,
        data: bytes,
        *,
        method: _client.Method = "GET",
        timeout: float | None = None,
    ) -> Future[Reply]:
        """Do as `fetch`, with a *param* as it is on the wire; a reply with any status is a reply."""
        future: Any = self._inner.exchange(url, param, data, method=method, timeout=timeout)
        return future  # type: ignore[no-any-return]  # as above

    ping = eventual(_client.Client.ping)
    describe = eventual(_client.Client.describe)
    datagram = direct(_client.Client.datagram)
    noop = direct(_client.Client.noop)
    request_apart = direct(_client.Client.request_apart)
    disconnect = direct(_client.Client.disconnect)
    get_extra_info = direct(_client.Client.get_extra_info)
    is_closing = direct(_client.Client.is_closing)

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
        """Call the function at *path* of the server's service; see `junto.vsoa.client.Client.call`."""
        return Task(self._runtime.env, self._inner.call(path, *args, **options))

    @property
    def remote(self) -> Proxy[Future[Any]]:
        """The proxy of the server's service: ``yield client.remote.add(3, 4)``."""
        return Proxy(self._call_path)

    def _call_path(self, path: str, /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Task(self._runtime.env, self._inner.call_path(path, *args, **kwargs))

    def subscribe(
        self,
        *urls: str,
        callback: Callable[[Message], Any] | None = None,
        policy: Policy = "drop-oldest",
        limit: int = 1024,
    ) -> Future[Subscription]:
        """Subscribe; the arguments are those of `junto.vsoa.client.Client.subscribe`.

        The event's value is the subscription, when the server has accepted it; who gives it up before
        unsubscribes.

        A *callback* may be a generator of events, too.

        Raises:
            ValueError: There is no URL, or one of them does not begin with a slash.
            ConnectionLost: The client is closed, or has lost its connection for good.
        """
        if callback is not None:
            callback = as_callback(self._runtime, callback)
        inner = self._inner.subscribe(*urls, callback=callback, policy=policy, limit=limit)

        async def accepted() -> Subscription:
            try:
                return Subscription(self._runtime, await inner)
            except BaseException:
                self._inner.unsubscribe(inner)
                raise

        return Task(self._runtime.env, accepted())

    def open_stream(self, tunnel: int, *, timeout: float = 10.0) -> Future[TunnelStream]:
        """Connect to a stream that the server offers; see `junto.vsoa.client.Client.open_stream`."""
        flow = self._inner.open_stream(tunnel, timeout=timeout)
        return Opening(self._runtime.env, flow, functools.partial(TunnelStream, self._runtime))

    @property
    def send_timeout(self) -> float | None:
        """Seconds that the server has to take something of what we send; see `junto.vsoa.client.Client`."""
        return self._inner.send_timeout

    @send_timeout.setter
    def send_timeout(self, timeout: float | None) -> None:
        self._inner.send_timeout = timeout

    @property
    def pending(self) -> int:
        """How many requests have no reply yet."""
        return self._inner.pending

    @property
    def late_replies(self) -> int:
        """How many replies came that nobody waited for any more."""
        return self._inner.late_replies

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
