"""Facades: the layers' classes with operations that block the calling thread.

A facade is a list: each operation is the layer's own, waited for by the runtime. What the runtime is,
is not known here; `junto.sync` gives one made of plain threads.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from junto import rpc as _rpc
from junto import server as _server
from junto.address import Address
from junto.channel import Channel as _Channel
from junto.errors import ConnectionLost
from junto.proxies import Proxy
from junto.request import Request as _Request
from junto.runtime import Runtime
from junto.streaming import Stream as _Stream
from junto.streaming import StreamReader

if TYPE_CHECKING:
    import threading
    from concurrent.futures import Future

__all__ = [
    "BlockingRuntime",
    "Channel",
    "Facade",
    "Peer",
    "Request",
    "Server",
    "Stream",
    "blocking",
]

P = ParamSpec("P")
T = TypeVar("T")


class BlockingRuntime(Runtime, Protocol):
    """A runtime in which threads can wait; see `junto.runtimes.threads` for what each does."""

    def call(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any: ...
    def call_at_once(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any: ...
    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]: ...
    def is_in_callback(self) -> bool: ...
    def serve_forever(self, until: Any = None) -> None: ...
    def start_thread(self, name: str = "junto") -> threading.Thread: ...
    def close(self) -> None: ...


class Facade:
    """Something of a layer, and the runtime in which it lives."""

    def __init__(self, runtime: BlockingRuntime, inner: Any, *, owner: bool) -> None:
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

    @property
    def runtime(self) -> BlockingRuntime:
        """Where it lives, for who builds more on it."""
        return self._runtime

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
    """Make of a layer's method that waits for nothing one that any thread may call, in callbacks too."""

    @functools.wraps(method)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._runtime.call_at_once(method, self._inner, *args, **kwargs)
        return result

    return call


class Stream(Iterator[Any]):
    """The items of a streamed result, in order: consume it with ``for``.

    A loop that is left early stops the producer, at the latest when the stream is garbage
    collected and somebody waits on the connection again; `close` does it at once.
    """

    def __init__(self, runtime: BlockingRuntime, reader: StreamReader, inner_runtime: Runtime) -> None:
        self._runtime = runtime
        self._inner = _Stream(reader, inner_runtime)

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

    def __init__(self, runtime: BlockingRuntime, inner: _Request) -> None:
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


class Channel(Facade):
    """A channel whose operations block the calling thread."""

    notify = direct(_Channel.notify)
    half_close = direct(_Channel.half_close)
    abort = direct(_Channel.abort)

    def recv(self) -> Request:
        """Wait for the peer's next request; raises as `junto.aio.Channel.recv` does."""
        return Request(self._runtime, self._runtime.call(self._inner.recv))

    def __init__(self, runtime: BlockingRuntime, inner: _Channel, *, owner: bool = False) -> None:
        super().__init__(runtime, inner, owner=owner)
        inner.make_streams_by(functools.partial(Stream, runtime))

    def request(self, content: Any, *, timeout: float | None = None) -> Any:
        """Send a request and wait for its result; raises as `junto.aio.Channel.request` does."""
        return self._runtime.call(self._inner.request, content, timeout=timeout)

    def submit(self, content: Any, *, timeout: float | None = None) -> Future[Any]:
        """Send a request and return a future of its result; needs `start_thread`."""
        return self._runtime.submit(self._inner.request, content, timeout=timeout)

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


class Peer(Facade):
    """The other end of a connection; its operations block the calling thread.

    Attributes:
        remote: The proxy of the peer's service: calls give results.
        futures: The same proxy, but calls give ``concurrent.futures.Future``; it needs
            `start_thread`.
        channel: The channel below, for requests of any shape.
    """

    _inner: _rpc.Peer[Any]

    def __init__(self, runtime: BlockingRuntime, inner: _rpc.Peer[Any], *, owner: bool = False) -> None:
        super().__init__(runtime, inner, owner=owner)
        self.remote: Proxy[Any] = inner.remote
        self.channel = Channel(runtime, inner.channel, owner=False)

    @functools.cached_property
    def futures(self) -> Proxy[Future[Any]]:
        return Proxy(functools.partial(self._runtime.submit, self._inner.call_path))

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
        return self._runtime.call(self._inner.call, path, *args, **options)

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


class Server(Facade):
    """What serves at one or more addresses, while a thread is in `serve_forever`."""

    _inner: _server.Server[Any]

    abort = direct(_server.Server.abort)

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the ports that the system chose."""
        return self._inner.addresses

    @property
    def urls(self) -> list[str]:
        """The same as text, with the addresses of VSOA."""
        return self._inner.urls

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
