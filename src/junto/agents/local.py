"""``local://``: connections between containers of one program, in an order that repeats itself.

What is written becomes available to its reader in the order in which it was written, whatever the connection:
each write is one entry in the queue of its reader's runtime. No clock and no thread has a part in that.
Packets are those of every other transport; only the network is missing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from junto.errors import ConnectionFailed
from junto.piping import PipeEnd
from junto.runtime import BufferedEndpoint, Runtime

__all__ = ["LocalListener", "LocalTransport", "connect", "connect_pair", "listen"]

# By the number of the process too: one that was forked, or another computer of a simulated world, is another
# program. Weakly, so that a name is free again when its container is gone without having been closed.
_listeners: WeakValueDictionary[tuple[int, str], LocalListener] = WeakValueDictionary()


class LocalListener:
    """A name under which this program's containers find one."""

    def __init__(self, name: str, runtime: Runtime, factory: Callable[[], BufferedEndpoint]) -> None:
        self.key = _key(name)
        self.runtime = runtime
        self.factory = factory

    def close(self) -> None:
        """Free the name; connections live on. Closing twice is fine."""
        if _listeners.get(self.key) is self:
            del _listeners[self.key]


def _key(name: str) -> tuple[int, str]:
    return os.getpid(), name


def listen(runtime: Runtime, name: str, factory: Callable[[], BufferedEndpoint]) -> LocalListener:
    """Be found under *name*, and make an endpoint for each connection.

    Raises:
        ConnectionFailed: Somebody else is.
    """
    if _key(name) in _listeners:
        raise ConnectionFailed(f"cannot listen at local://{name}/: somebody does")
    listener = LocalListener(name, runtime, factory)
    _listeners[listener.key] = listener
    return listener


def connect(runtime: Runtime, name: str, factory: Callable[[], BufferedEndpoint]) -> LocalTransport:
    """Connect to who listens under *name*; both ends are told before this returns, the listener's first.

    Raises:
        ConnectionFailed: Nobody does.
    """
    listener = _listeners.get(_key(name))
    if listener is None:
        refused = ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        raise ConnectionFailed(f"cannot connect to local://{name}/: {refused}") from refused
    return connect_pair(runtime, factory(), listener.runtime, listener.factory(), name)


def connect_pair(
    runtime: Runtime, endpoint: BufferedEndpoint, other_runtime: Runtime, other: BufferedEndpoint, name: str
) -> LocalTransport:
    """Connect two endpoints, *other* first; gives the transport of *endpoint*."""
    ours = LocalTransport(runtime, endpoint, name)
    theirs = LocalTransport(other_runtime, other, name)
    ours.peer, theirs.peer = theirs, ours
    if other_runtime is runtime:
        ours.tell_peer = theirs.tell_peer = runtime.call_soon
        theirs.made()
    else:  # each has a thread, or a part of a program, of its own
        ours.tell_peer = other_runtime.call_soon_threadsafe
        theirs.tell_peer = runtime.call_soon_threadsafe
        other_runtime.call_soon_threadsafe(theirs.made)
    ours.made()
    return ours


class LocalTransport(PipeEnd):
    """One end of a connection between containers."""

    __slots__ = ("_name",)

    def __init__(self, runtime: Runtime, endpoint: BufferedEndpoint, name: str) -> None:
        super().__init__(runtime, endpoint)
        self._name = name

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return f"LocalQueue({self._name!r})" if name in ("peername", "sockname") else default
