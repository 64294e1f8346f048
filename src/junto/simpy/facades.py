"""The layers' classes for SimPy: what waits gives an event, what waits for nothing is done at once.

A facade is a list: each operation is the layer's own. An event of ours can be yielded, combined by ``&`` and
``|``, and given up by ``cancel()``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, overload

from junto import rpc as _rpc
from junto import server as _server
from junto.address import Address
from junto.channel import Channel as _Channel
from junto.proxies import Proxy
from junto.request import Request
from junto.runtime import Runtime
from junto.runtimes.simpy.fetching import Fetch
from junto.runtimes.simpy.futures import Future, Task
from junto.runtimes.simpy.runtime import SimpyRuntime
from junto.streaming import Stream as _Stream
from junto.streaming import StreamReader

__all__ = ["Channel", "EndOfStream", "Peer", "Server", "Stream"]

P = ParamSpec("P")
T = TypeVar("T")
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


class _Facade:
    """Something of a layer, and the runtime in which it lives.

    Entered by ``with``, it begins to close at the end of the block, since a block cannot wait there: what was
    accepted is still answered and what was written is still sent, while the environment runs on. To
    know when that is done, yield `close`. What ends the program ends the connection at once.
    """

    def __init__(self, runtime: SimpyRuntime, inner: Any) -> None:
        self._runtime = runtime
        self._inner = inner

    def abort(self) -> None:
        """End it at once; what is not sent is lost, handlers are cancelled."""
        raise NotImplementedError

    def close(self, timeout: float | None = 5.0) -> Future[None]:
        """End in order: what was accepted is answered, for *timeout* seconds at most.

        Closing twice is fine.
        """
        return Task(self._runtime.env, self._inner.close(timeout))

    def wait_closed(self) -> Future[None]:
        """Wait until it is closed, by whichever side."""
        return Task(self._runtime.env, self._inner.wait_closed())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if kind is None or issubclass(kind, Exception):
            self.close()
        else:
            self.abort()

    def __eq__(self, other: object) -> bool:
        return self._inner is other._inner if isinstance(other, _Facade) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._inner)

    def __repr__(self) -> str:
        return repr(self._inner)
