"""Who and where a process is: its number, its computer's name, address and processors.

What would be different on the next machine is the same on every host: the number of its processors decides
how many threads a pool starts.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import uuid
from hashlib import blake2b
from typing import Any

from junto.sim.here import here
from junto.sim.interception.installing import replace, replaces

__all__ = ["PROCESSORS"]

PROCESSORS = 4

_getpid, _getppid, _cpu_count = os.getpid, os.getppid, os.cpu_count
_gethostname, _getfqdn = socket.gethostname, socket.getfqdn
_node, _uname = platform.node, platform.uname
_getnode = uuid.getnode


@replaces("os", "getpid")
def getpid() -> int:
    """Return the number of the host's process, another one after each restart."""
    host = here.host
    return _getpid() if host is None else host.pid


@replaces("os", "getppid")
def getppid() -> int:
    """Return 1: nobody in the world has started the host's process."""
    return _getppid() if here.host is None else 1


@replaces("os", "cpu_count")
def cpu_count() -> int | None:
    """Return the number of processors."""
    return _cpu_count() if here.host is None else PROCESSORS


if sys.platform == "linux":
    _affinity = os.sched_getaffinity

    @replaces("os", "sched_getaffinity")
    def sched_getaffinity(pid: int, /) -> set[int]:
        """Return the processors that may be used: all."""
        return _affinity(pid) if here.host is None else set(range(PROCESSORS))


if sys.version_info >= (3, 13):
    _process_cpu_count = os.process_cpu_count

    @replaces("os", "process_cpu_count")
    def process_cpu_count() -> int | None:
        """Return the number of processors that may be used: all."""
        return _process_cpu_count() if here.host is None else PROCESSORS


if sys.platform != "win32":
    _os_uname = os.uname

    @replaces("os", "uname")
    def os_uname() -> os.uname_result:
        """Describe the system, under the host's name."""
        host = here.host
        found = _os_uname()
        if host is None:
            return found
        return os.uname_result((found.sysname, host.name, found.release, found.version, found.machine))


@replaces("socket", "gethostname")
def gethostname() -> str:
    """Return the host's name."""
    host = here.host
    return _gethostname() if host is None else host.name


@replaces("socket", "getfqdn")
def getfqdn(name: str = "") -> str:
    """Return the host's name for itself, and look others up."""
    host = here.host
    if host is not None and name.strip() in ("", "0.0.0.0", "::", host.name):
        return host.name
    return _getfqdn(name)


@replaces("platform", "node")
def node() -> str:
    """Return the host's name."""
    host = here.host
    return _node() if host is None else host.name


@replaces("platform", "uname")
def uname() -> platform.uname_result:
    """Describe the system, under the host's name."""
    host = here.host
    found = _uname()
    return found if host is None else found._replace(node=host.name)


_processor: Any = getattr(vars(platform).get("_Processor"), "from_subprocess", None)

if _processor is not None:

    def from_subprocess() -> str:
        """Ask the system for its processor's name, which costs the host nothing."""
        before, here.host = here.host, None
        try:
            return str(_processor() or "")
        finally:
            here.host = before

    replace("platform", "_Processor.from_subprocess", staticmethod(from_subprocess))


@replaces("uuid", "getnode")
def getnode() -> int:
    """Return the host's hardware address: 48 bits that follow from its name."""
    host = here.host
    if host is None:
        return _getnode()
    address = int.from_bytes(blake2b(host.name.encode(), digest_size=6).digest())
    return address & ~(1 << 40) | 1 << 41  # of one station, and given by hand
