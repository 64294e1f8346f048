"""junto for programs that block: scripts, notebooks, tools, programs made of threads.

    with sync.connect("tcp://127.0.0.1:5555") as peer:
        assert peer.remote.add(3, 4) == 7

No thread is started behind your back: the thread that waits for a reply reads the socket itself,
and threads that share a connection take turns in that. So nothing moves while nobody waits. A
server waits in `Server.serve_forever`; whoever wants calls of the peer answered meanwhile, says
``start_thread()``, and whoever wants several replies at once uses ``futures`` with it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from junto import rpc as _rpc
from junto import server as _server
from junto.address import Address
from junto.answering import Handler
from junto.channel import Channel as _Channel
from junto.errors import ConnectionLost
from junto.options import ChannelOptions, Options
from junto.proxies import Proxy
from junto.request import Request as _Request
from junto.runtimes.threads import ThreadsRuntime
from junto.streaming import Stream as _Stream

if TYPE_CHECKING:
    import ssl
    import threading
    from concurrent.futures import Future
    from typing import Unpack

__all__ = [
    "Channel",
    "Peer",
    "Proxy",
    "Request",
    "Server",
    "Stream",
    "connect",
    "open_channel",
    "serve",
    "serve_channels",
]

P = ParamSpec("P")
T = TypeVar("T")


class _Facade:
    """Something of a layer, and the runtime in which it lives."""

    def __init__(self, runtime: ThreadsRuntime, inner: Any, *, owner: bool) -> None:
        self._runtime = runtime
        self._inner = inner
        # Whether the runtime ends with it: a server's connections live in the server's runtime.
        self._owner = owner

    def close(self, timeout: float | None = 5.0) -> None:
        """End in order: what was accepted is answered, for *timeout* seconds at most.

        Closing twice is fine, from several threads too.
        """
        try:
            self._runtime.call(self._inner.close, timeout)
        except ConnectionLost:
            pass  # another thread was faster, and has ended the runtime
        finally:
            if self._owner:
                self._runtime.close()

    def wait_closed(self) -> None:
        """Wait until it is closed, by whichever side."""
        try:
            self._runtime.call(self._inner.wait_closed)
        except ConnectionLost:
            pass  # so it is

    def serve_forever(self) -> None:
        """Let this thread do what is to be done, until it is closed by whichever side."""
        # In a tuple, for `call` would wait for a task.
        (closed,) = self._runtime.call(lambda: (self._runtime.create_task(self._inner.wait_closed()),))
        self._runtime.serve_forever(closed)

    def start_thread(self) -> threading.Thread:
        """Start a thread that does what is to be done, until it is closed."""
        return self._runtime.start_thread()

    def __repr__(self) -> str:
        return repr(self._inner)


def blocking(method: Callable[Concatenate[Any, P], Awaitable[T]]) -> Callable[Concatenate[Any, P], T]:
    """Make of a layer's operation one that blocks the calling thread."""

    @functools.wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._runtime.call(method, self._inner, *args, **kwargs)
        return result

    return call


def direct(method: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """Make of a layer's method that waits for nothing one that any thread may call."""
    return blocking(method)  # type: ignore[arg-type]  # `call` returns what is no future as it is


class Stream(Iterator[Any]):
    """The items of a streamed result, in order: consume it with ``for``.

    A loop that is left early stops the producer, at the latest when the stream is garbage
    collected and somebody waits on the connection again; `close` does it at once.
    """

    def __init__(self, runtime: ThreadsRuntime, inner: _Stream) -> None:
        self._runtime = runtime
        self._inner = inner

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Any:
        """Wait for the next item; raises as `junto.aio.Stream` does."""
        try:
            return self._runtime.call(self._inner.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """Want no more; the producer is told. Closing twice is fine."""
        try:
            self._runtime.call(self._inner.aclose)
        except ConnectionLost:
            pass  # then it has ended


class Request:
    """A request that was received and is still to be answered, once, from any thread.

    Attributes:
        content: What the peer sent.
    """

    def __init__(self, runtime: ThreadsRuntime, inner: _Request) -> None:
        self._runtime = runtime
        self._inner = inner
        self.content = inner.content

    def reply(self, result: Any) -> None:
        """Answer with *result*; raises as `junto.aio.Request.reply` does."""
        self._answer(self._inner.reply, result)

    def fail(self, error: BaseException) -> None:
        """Answer with a failure that tells of *error*; raises as `junto.aio.Request.fail` does."""
        self._answer(self._inner.fail, error)

    def _answer(self, answer: Callable[[Any], None], content: Any) -> None:
        try:
            self._runtime.call(answer, content)
        except ConnectionLost:
            pass  # in silence, as the layer does it


class Channel(_Facade):
    """A channel whose operations block the calling thread."""

    notify = direct(_Channel.notify)
    half_close = direct(_Channel.half_close)
    abort = direct(_Channel.abort)

    def recv(self) -> Request:
        """Wait for the peer's next request; raises as `junto.aio.Channel.recv` does."""
        return Request(self._runtime, self._runtime.call(self._inner.recv))

    def request(self, content: Any, *, timeout: float | None = None) -> Any:
        """Send a request and wait for its result; raises as `junto.aio.Channel.request` does."""
        return _as_result(self._runtime, self._runtime.call(self._inner.request, content, timeout=timeout))

    def submit(self, content: Any, *, timeout: float | None = None) -> Future[Any]:
        """Send a request and return a future of its result; needs `start_thread`."""
        return _submitting(self._runtime, self._inner.request)(content, timeout=timeout)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Ask the transport: ``peername``, ``sockname``, ``peercert``, ``cipher`` and more."""
        return self._inner.get_extra_info(name, default)

    @property
    def peername(self) -> Any:
        return self._inner.peername

    @property
    def extended(self) -> bool:
        """Whether the peer has shown that it is junto too."""
        return bool(self._inner.extended)

    @property
    def late_replies(self) -> int:
        """How many replies came for requests that nobody waited for any more."""
        return int(self._inner.late_replies)

    def is_closing(self) -> bool:
        """Tell whether the channel is closed or about to be."""
        return bool(self._inner.is_closing())

    def __iter__(self) -> Iterator[Request]:
        """Give the peer's requests until the connection ends."""
        while True:
            try:
                request = self.recv()
            except ConnectionLost:
                return
            yield request

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Peer(_Facade):
    """The other end of a connection; its operations block the calling thread.

    Attributes:
        remote: The proxy of the peer's service: calls give results.
        futures: The same proxy, but calls give ``concurrent.futures.Future``; it needs
            `start_thread`.
        channel: The channel below, for requests of any shape.
    """

    _inner: _rpc.Peer[Any]

    def __init__(self, runtime: ThreadsRuntime, inner: _rpc.Peer[Any], *, owner: bool = False) -> None:
        super().__init__(runtime, inner, owner=owner)
        self.remote: Proxy[Any] = inner.remote
        self.channel = Channel(runtime, inner.channel, owner=False)

    @functools.cached_property
    def futures(self) -> Proxy[Future[Any]]:
        return Proxy(_submitting(self._runtime, self._inner.call_path))

    @overload
    def call(
        self, path: str, *args: Any, kwargs: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Any: ...
    @overload
    def call(
        self,
        path: str,
        *args: Any,
        returns: type[T],
        kwargs: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> T: ...

    def call(self, path: str, *args: Any, **options: Any) -> Any:
        """Call the function at *path* and wait for its result; see `junto.rpc.Peer.call`."""
        return _as_result(self._runtime, self._runtime.call(self._inner.call, path, *args, **options))

    notify = direct(_rpc.Peer.notify)
    describe = blocking(_rpc.Peer.describe)
    ping = blocking(_rpc.Peer.ping)

    def is_closing(self) -> bool:
        """Tell whether the connection is closed or about to be."""
        return self._inner.is_closing()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Server(_Facade):
    """What serves at one or more addresses, while a thread is in `serve_forever`."""

    _inner: _server.Server[Any]

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the ports that the system chose."""
        return self._inner.addresses

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def connect(
    url: str | Address,
    *,
    service: Any = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    workers: int = 0,
    connected: Callable[[Peer], Any] | None = None,
    **options: Unpack[ChannelOptions],
) -> Peer:
    """Connect to the service at *url*.

    The arguments and errors are those of `junto.aio.connect`. Functions of *service* are run
    by a thread that waits for something on this connection; one that itself calls the peer needs
    ``workers``.
    """
    runtime = ThreadsRuntime()
    opening = functools.partial(
        _server.open_peer,
        runtime,
        url,
        service=service,
        timeout=timeout,
        tls=tls,
        reconnect=reconnect,
        workers=workers,
        connected=_with_facade(runtime, connected),
        call=functools.partial(_blocking_call, runtime),
    )
    return Peer(runtime, _open(runtime, opening, options), owner=True)


def serve(
    service: Any,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Peer], Any] | None = None,
    workers: int = 0,
    **options: Unpack[ChannelOptions],
) -> Server:
    """Serve *service* at each of *urls*, while a thread is in `Server.serve_forever`.

    The arguments and errors are those of `junto.aio.serve`. Without ``workers``, functions run in
    the serving thread, one after the other, and cannot call the peer.
    """
    runtime = ThreadsRuntime()
    opening = functools.partial(
        _server.serve_peers,
        runtime,
        service,
        urls,
        tls=tls,
        connected=_with_facade(runtime, connected),
        workers=workers,
        call=functools.partial(_blocking_call, runtime),
    )
    return Server(runtime, _open(runtime, opening, options), owner=True)


def open_channel(
    url: str | Address,
    *,
    handler: Handler | None = None,
    timeout: float | None = 0.0,
    tls: ssl.SSLContext | None = None,
    reconnect: bool = False,
    **options: Unpack[ChannelOptions],
) -> Channel:
    """Open a channel; the arguments and errors are those of `junto.aio.open_channel`."""
    runtime = ThreadsRuntime()
    opening = functools.partial(
        _server.open_channel, runtime, url, handler=handler, timeout=timeout, tls=tls, reconnect=reconnect
    )
    return Channel(runtime, _open(runtime, opening, options), owner=True)


def serve_channels(
    handler: Handler | None,
    *urls: str | Address,
    tls: ssl.SSLContext | None = None,
    connected: Callable[[Channel], Any] | None = None,
    **options: Unpack[ChannelOptions],
) -> Server:
    """Answer requests of any shape, while a thread is in `Server.serve_forever`.

    The arguments and errors are those of `junto.aio.serve_channels`.
    """
    runtime = ThreadsRuntime()

    def connected_here(channel: _Channel) -> Any:
        return None if connected is None else connected(Channel(runtime, channel, owner=False))

    opening = functools.partial(
        _server.serve_channels, runtime, handler, urls, tls=tls, connected=connected_here
    )
    return Server(runtime, _open(runtime, opening, options), owner=True)


def _open(runtime: ThreadsRuntime, opening: Callable[..., Any], options: ChannelOptions) -> Any:
    """Run the flow *opening*; nothing is left of the runtime if it fails."""
    try:
        return runtime.call(opening, options=Options(**options))
    except BaseException:
        runtime.close()
        raise


def _with_facade(runtime: ThreadsRuntime, connected: Callable[[Peer], Any] | None) -> Any:
    return None if connected is None else lambda peer: connected(Peer(runtime, peer))


def _blocking_call(runtime: ThreadsRuntime, peer: _rpc.Peer[Any]) -> Callable[..., Any]:
    """Make what proxies do when they are called: this is the way of each call."""
    call = runtime.call
    call_path = peer.call_path

    def call_and_wait(path: str, /, *args: Any, **kwargs: Any) -> Any:
        return _as_result(runtime, call(call_path, path, *args, **kwargs))

    return call_and_wait


def _as_result(runtime: ThreadsRuntime, result: Any) -> Any:
    return Stream(runtime, result) if type(result) is _Stream else result


def _submitting(runtime: ThreadsRuntime, call: Callable[..., Awaitable[Any]]) -> Callable[..., Future[Any]]:
    """Make of *call* what gives a future of its result for any thread."""

    async def carry(*args: Any, **kwargs: Any) -> Any:
        return _as_result(runtime, await call(*args, **kwargs))

    return functools.partial(runtime.submit, carry)
