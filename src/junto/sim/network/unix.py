"""Unix sockets: each host has paths and abstract names of its own, and pairs without a name."""

from __future__ import annotations

import os
import socket
import stat
from errno import EADDRINUSE, ECONNREFUSED, ENOENT, EPROTOTYPE
from typing import TYPE_CHECKING, Any

from junto.sim.network.datagrams import DatagramEnd
from junto.sim.network.endpoints import Endpoint, os_error
from junto.sim.network.streams import StreamEnd

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["UnixNames", "pair"]


class UnixNames:
    """The unix addresses of one host: paths stay when their socket is closed, abstract names go with it."""

    def __init__(self) -> None:
        self._ends: dict[bytes, Endpoint] = {}

    def bind(self, end: Endpoint, address: Any) -> None:
        """Give an endpoint a name.

        Raises:
            OSError: EADDRINUSE.
        """
        key = os.fsencode(address)
        if key in self._ends or (b"\0" not in key and _is_regular_file(key)):
            raise os_error(EADDRINUSE)
        self._ends[key] = end
        end.bound = key if key.startswith(b"\0") else os.fsdecode(key)

    def find(self, address: Any, kind: int) -> Endpoint:
        """Find the endpoint that has a name.

        Raises:
            OSError: ENOENT, nothing has it; ECONNREFUSED, what had it is closed;
                EPROTOTYPE, it is of another type.
        """
        key = os.fsencode(address)
        end = self._ends.get(key)
        if end is None:
            raise os_error(ECONNREFUSED if key.startswith(b"\0") else ENOENT)
        if end.closed:
            raise os_error(ECONNREFUSED)
        if end.type != kind:
            raise os_error(EPROTOTYPE)
        return end

    def exists(self, address: Any) -> bool:
        """Tell whether something has or had a path and nobody has removed it."""
        return os.fsencode(address) in self._ends

    def number(self, address: Any) -> int:
        """Tell a path's number, which is that of its socket."""
        return self._ends[os.fsencode(address)].number

    def unlink(self, address: Any) -> None:
        """Remove a path; connections made by it go on.

        Raises:
            FileNotFoundError: There is none.
        """
        if self._ends.pop(os.fsencode(address), None) is None:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), address)

    def rename(self, address: Any, target: Any) -> None:
        """Give a socket another path, and take that from whatever had it."""
        self._ends[os.fsencode(target)] = self._ends.pop(os.fsencode(address))

    def release(self, end: Endpoint) -> None:
        """Forget an abstract name with its endpoint."""
        if isinstance(end.bound, bytes) and self._ends.get(end.bound) is end:
            del self._ends[end.bound]


def _is_regular_file(path: bytes) -> bool:
    """Tell whether a real file is there, which a program may have written; all else is none of this world."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def pair(host: Host, kind: int = socket.SOCK_STREAM) -> tuple[Endpoint, Endpoint]:
    """Make two connected unix endpoints of a host, without names."""
    if kind == socket.SOCK_DGRAM:
        one, other = (DatagramEnd(host, socket.AF_UNIX, kind) for _ in range(2))
        one.pair_with(other)
        return one, other
    first, second = (StreamEnd(host, socket.AF_UNIX, kind) for _ in range(2))
    first.join(second)
    return first, second
