"""Remote procedure calls over a channel, both ways.

The content of a request is ``[path, args, kwargs]``: the names that lead to the function, joined
by ``/``, an array and a map. The result is what the function returned. Either side may offer a
service, and pass it, or services inside it, as arguments and results: the other side gets a
proxy, which calls back over the same connection.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Generic, TypeVar, overload

import msgspec

from junto.channel import Channel
from junto.codecs import make_codec
from junto.errors import CodecError, RemoteError
from junto.exposing import Router, describe, find_path, is_service, resolve, resolve_service
from junto.options import Options
from junto.proxies import Proxy, path_of
from junto.runtime import Future, Runtime

__all__ = ["Peer"]

T = TypeVar("T")
R = TypeVar("R")

# Names with an underscore are never a service's own, so these two cannot hide one.
DESCRIBE = "_describe"
PING = "_ping"


class Peer(Generic[R]):
    """The other end of a connection: what it offers, and what we offer to it.

    Attributes:
        channel: The channel below, for requests of any shape.
        remote: The proxy of the peer's service.
    """

    def __init__(
        self,
        runtime: Runtime,
        options: Options,
        service: Any = None,
        *,
        pool: Executor | None = None,
        call: Callable[[Peer[Any]], Callable[..., R]] | None = None,
        connected: Callable[[Peer[R]], object] | None = None,
        lost: Callable[[Channel], object] | None = None,
    ) -> None:
        """Prepare an endpoint that offers *service*.

        Args:
            runtime: The world it lives in.
            options: The channel's settings.
            service: What the peer may call; ``None`` for nothing.
            pool: Where plain functions are run; ``None`` runs them in the callback.
            call: Makes what proxies do when they are called; ``None`` gives futures.
            connected: Called when the connection is there.
            lost: Called when it has ended.
        """
        self._runtime = runtime
        self._router = None if service is None else Router(service)
        self._pool = pool
        codec = make_codec(options.codec).with_references(self)
        handle: Callable[[Any], Any] = self._handle
        if self._router is not None and pool is None:
            handle = self._router.shortcut(handle)
        self.channel = Channel(
            runtime,
            replace(options, codec=codec),
            handle,
            pool=pool,
            connected=None if connected is None else lambda _: connected(self),
            lost=lost,
        )
        self._request = self.channel.request
        self._simple = codec.simple
        self._call: Callable[..., R] = self.call_path if call is None else call(self)  # type: ignore[assignment]  # R is Future then
        self.remote: Proxy[R] = Proxy(self._call)

    def call_path(self, path: str, /, *args: Any, timeout: float | None = None, **kwargs: Any) -> Future[Any]:
        """Call the function at *path*; see `Channel.request` for what comes of it."""
        plain = not kwargs
        for arg in args:
            if type(arg) not in self._simple:
                plain = False
                break
        return self._request([path, args, kwargs], timeout=timeout, plain=plain)

    @overload
    async def call(
        self, path: str, *args: Any, kwargs: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Any: ...
    @overload
    async def call(
        self,
        path: str,
        *args: Any,
        returns: type[T],
        kwargs: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> T: ...

    async def call(
        self,
        path: str,
        *args: Any,
        returns: Any = None,
        kwargs: dict[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Call the function at *path* and wait for its result.

        The long form of ``peer.remote.path(*args)``.

        Args:
            path: Names joined by ``/``.
            *args: The positional arguments.
            returns: What type the result has: it is converted to it and checked.
            kwargs: The arguments by name, any names.
            timeout: Seconds to wait for the result.

        Raises:
            RemoteError: The function failed, or does not exist.
            CodecError: An argument cannot be sent, or the result is not what *returns* says.
        """
        result = await self.channel.request([path, args, kwargs or {}], timeout=timeout)
        if returns is None:
            return result
        try:
            return msgspec.convert(result, returns, str_keys=True)
        except msgspec.ValidationError as error:
            raise CodecError(f"the result of {path!r} is not as expected: {error}") from error

    def notify(self, path: str, *args: Any, **kwargs: Any) -> None:
        """Call the function at *path* and want no answer; see `Channel.notify`."""
        self.channel.notify([path, args, kwargs])

    async def describe(self, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """Ask the peer what it offers.

        Returns:
            For each function its ``path``, ``signature``, ``doc`` and whether it is
            a ``stream``.

        Raises:
            RemoteError: The peer does not know that question: it is no junto peer.
        """
        functions: list[dict[str, Any]] = await self.call_path(DESCRIBE, timeout=timeout)
        return functions

    async def ping(self, *, timeout: float | None = None) -> float:
        """Ask for a sign of life.

        Returns:
            Seconds from the question to the answer. A peer that only answers that
            it does not know the question lives too.
        """
        start = self._runtime.time()
        try:
            await self.call_path(PING, timeout=timeout)
        except RemoteError:
            pass
        return self._runtime.time() - start

    def _handle(self, content: Any) -> Any:
        if type(content) is not list or len(content) != 3:
            raise TypeError("a call is an array of three: path, arguments, arguments by name")
        path, args, kwargs = content
        if type(path) is not str or type(args) is not list or type(kwargs) is not dict:
            raise TypeError(
                "a call has a text as path, an array of arguments, and a map of arguments by name"
            )
        router = self._router
        if router is None:
            if path == PING:
                return None
            raise LookupError("this peer offers no service")
        if path[:1] == "_":
            # No service has such names: what every peer is asked is out of its way.
            if path == PING:
                return None
            if path == DESCRIBE:
                return describe(router.root)
        if self._pool is None:
            return router.call(path, args, kwargs)
        function, exposed = resolve(router.root, path)
        if inspect.iscoroutinefunction(function):
            return exposed.call(function, args, kwargs)

        def work() -> Any:
            try:
                return exposed.call(function, args, kwargs)
            except StopIteration as error:  # no future holds it; a flow would have become this too
                raise RuntimeError("the function raised StopIteration") from error

        return self._runtime.call_in_worker(work, pool=self._pool)

    def to_data(self, value: object) -> Any:
        """Make of a service that we offer what the peer needs for a proxy; ``None`` of others.

        Raises:
            CodecError: It is not part of what we offer, or it is a proxy of another
                connection, which has no form on the wire.
        """
        if isinstance(value, Proxy):
            path = path_of(value, self._call)
            if path is not None and self.channel.extended:
                return [path]
            raise CodecError(
                "a proxy can only be handed back over the connection it came from, to a peer that is junto"
            )
        if not is_service(value):
            return None
        path = None if self._router is None else find_path(self._router.root, value)
        if path is None:
            raise CodecError(
                f"a {type(value).__qualname__} can only be passed as a reference if it is part of the "
                "service that is offered on this connection"
            )
        return path

    def from_data(self, data: Any) -> Any:
        """Make a proxy of what the peer sent for a service, or find our own that comes back.

        Raises:
            CodecError: *data* mean nothing.
        """
        if type(data) is str:
            return Proxy(self._call, data)
        if type(data) is list and len(data) == 1 and type(data[0]) is str and self._router is not None:
            try:
                return resolve_service(self._router.root, data[0])
            except LookupError as error:
                raise CodecError(f"the peer handed back what we do not offer: {error}") from None
        raise CodecError("the peer sent a reference in no known form")

    def is_closing(self) -> bool:
        """Tell whether the connection is closed or about to be."""
        return self.channel.is_closing()

    async def close(self, timeout: float | None = 5.0) -> None:
        """End the connection in order; see `Channel.close`."""
        await self.channel.close(timeout)

    async def wait_closed(self) -> None:
        """Wait until the connection is closed, by whichever side."""
        await self.channel.wait_closed()

    async def __aenter__(self) -> Peer[R]:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Peer {self.channel.peername}>"
