"""What every socket of a simulated host is below its surface.

An endpoint belongs to a host's kernel: it never waits and knows neither loops nor threads. Whoever waits for
it sets `on_change` and asks again when that is called.
"""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from errno import EBADF, EINVAL, ENOTCONN
from typing import TYPE_CHECKING, Any

from junto.sim.network.addresses import ANY4, ANY6, Wire, shown

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["Endpoint", "os_error"]


def os_error(code: int) -> OSError:
    """Make the exception that an error number stands for."""
    return OSError(code, os.strerror(code))


class Endpoint(ABC):
    """One socket of a host's kernel.

    Attributes:
        host: Whose it is.
        number: What stands for its file descriptor: unique in the world, from 1,000,000 on.
        family: AF_INET, AF_INET6 or AF_UNIX.
        type: SOCK_STREAM or SOCK_DGRAM.
        proto: The protocol's number, as `socket.socket` was given it.
        bound: Its own address in the network's form, or a unix path, or None.
        remote: Its peer's, likewise.
        error: The pending error's number, as SO_ERROR tells and clears it; 0 for none.
        options: What `setsockopt` was given, by level and name.
        on_change: Called when it may have become readable, writable or hung up.
        closed: Whether its owner has closed it.
        shares: How many descriptors there are for it.
    """

    __slots__ = (
        "__weakref__",
        "bound",
        "closed",
        "error",
        "family",
        "host",
        "number",
        "on_change",
        "options",
        "proto",
        "remote",
        "shares",
        "type",
    )

    def __init__(self, host: Host, family: int, kind: int, proto: int = 0) -> None:
        self.host = host
        self.family = family
        self.type = kind
        self.proto = proto
        self.bound: Wire | str | bytes | None = None
        self.remote: Wire | str | bytes | None = None
        self.error = 0
        self.options: dict[tuple[int, int], Any] = {}
        self.on_change: Callable[[], None] | None = None
        self.closed = False
        self.shares = 1
        self.number = host.stack.register(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.number} of {self.host.name} {self.bound!r} - {self.remote!r}>"

    @property
    def local(self) -> Any:
        """Its own address, as `getsockname` tells it."""
        if isinstance(self.bound, tuple):
            return shown(self.family, *self.bound)
        if self.family == socket.AF_UNIX:
            return "" if self.bound is None else self.bound
        return shown(self.family, ANY6 if self.family == socket.AF_INET6 else ANY4, 0)

    @property
    def peer(self) -> Any:
        """Its peer's address, as `getpeername` tells it.

        Raises:
            OSError: ENOTCONN, it has none.
        """
        if not self.connected():
            raise os_error(ENOTCONN)
        if isinstance(self.remote, tuple):
            return shown(self.family, *self.remote)
        return "" if self.remote is None else self.remote

    def bind(self, address: Any) -> None:
        """Take an address: ``(host, port)`` as for a socket of its family, or a unix path.

        Raises:
            OSError: EADDRINUSE, EADDRNOTAVAIL or EINVAL (it has one); it has none then.
        """
        self.check_open()
        if self.bound is not None:
            raise os_error(EINVAL)
        self.host.stack.bind(self, address)

    def take_error(self) -> int:
        """Return the pending error's number and clear it, as SO_ERROR does."""
        error, self.error = self.error, 0
        return error

    def raise_error(self) -> None:
        """Raise the pending error, once.

        Raises:
            OSError: There was one.
        """
        if self.error:
            raise os_error(self.take_error())

    def check_open(self) -> None:
        """Make sure that it is not closed.

        Raises:
            OSError: EBADF, it is.
        """
        if self.closed:
            raise os_error(EBADF)

    def changed(self) -> None:
        """Tell who waits for it."""
        if self.on_change is not None:
            self.on_change()

    def share(self) -> int:
        """Make another descriptor for it, and return its number."""
        self.check_open()
        self.shares += 1
        return self.host.world.net.number_endpoint(self)

    def release(self, number: int) -> None:
        """Let one of its descriptors go; with the last one it is closed."""
        self.host.world.net.release(number)
        self.shares -= 1
        if self.shares <= 0:
            self.close()

    def close(self) -> None:
        """Let its owner be done with it; nothing happens if that is so."""
        if not self.closed:
            self.closed = True
            self.on_change = None
            self.host.stack.forget(self)
            self.closing()

    # What each kind does in its own way

    @abstractmethod
    def connected(self) -> bool:
        """Tell whether it has a peer."""

    @abstractmethod
    def readable(self) -> bool:
        """Tell whether reading would not have to wait, also because it fails."""

    @abstractmethod
    def writable(self) -> bool:
        """Tell whether writing would not have to wait, also because it fails."""

    @abstractmethod
    def hung_up(self) -> bool:
        """Tell whether nothing can be read or written any more."""

    @abstractmethod
    def closing(self) -> None:
        """Do what closing it means for its peer."""

    @abstractmethod
    def vanish(self) -> None:
        """Be gone without a word, as after a power failure."""
