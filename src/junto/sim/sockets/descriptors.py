"""What programs do with a socket's descriptor by other functions than those of `socket`.

The numbers only pretend to be descriptors: the system knows nothing of them, and would say that they are bad.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable
from typing import Any

from junto.sim.errors import SimEscape
from junto.sim.here import here
from junto.sim.interception.installing import replace
from junto.sim.network.internet import FIRST_NUMBER
from junto.sim.sockets.making import close, dup

__all__ = ["asking"]

_NAMES: dict[str, tuple[str, ...]] = {
    "os": (
        *("close", "dup", "dup2", "fdopen", "fstat", "read", "readv", "write", "writev", "sendfile"),
        *("get_blocking", "set_blocking", "get_inheritable", "set_inheritable"),
    ),
    "fcntl": ("fcntl", "ioctl"),
}
_DONE: dict[str, Callable[[int], object]] = {"os.close": close, "os.dup": dup}


def _pretends(descriptor: Any) -> bool:
    if not isinstance(descriptor, int):
        fileno = getattr(descriptor, "fileno", None)
        descriptor = fileno() if callable(fileno) else None
    if not isinstance(descriptor, int) or descriptor < FIRST_NUMBER:
        return False
    host = here.host
    return host is not None and host.world.net.pretends(descriptor)


def asking(title: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Make what is called instead of a function, and refuses to do with a simulated socket what it does."""
    done = _DONE.get(title)

    @functools.wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        if here.host is None or not any(_pretends(each) for each in (*args[:2], *options.values())):
            return original(*args, **options)
        if done is not None:
            return done(*args, **options)
        raise SimEscape(f"{title} with a simulated socket", "call the methods of the socket itself")

    return call


for _module, _functions in _NAMES.items():
    if _module == "os" or os.name == "posix":
        _found = vars(importlib.import_module(_module))
        for _name in _functions:
            if _name in _found:
                replace(_module, _name, asking(f"{_module}.{_name}", _found[_name]))
