"""Random generators that modules made before there was any run, and keep: ``def f(random=Random())``.

Nobody asks a host for what they draw: they are where no replacement can reach. They were seeded by the
system, so each process has others, and what one run draws from them is missing in the next. Hence each run
finds them in a state that follows from their name. What a program has made and keeps elsewhere, as in a local
variable, is its own affair.
"""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

__all__ = ["find_older_generators"]

_HIDDEN: random.Random = vars(random)["_inst"]


def find_older_generators() -> dict[str, random.Random]:
    """Find those that are global variables, attributes of classes or default arguments, by their names."""
    gc.unfreeze()  # nobody can look at what is frozen; and to freeze again would keep what is garbage by then
    generators = [found for found in gc.get_objects() if type(found) is random.Random]
    found: dict[str, random.Random] = {"random": _HIDDEN}
    if len(generators) < 2:
        return found
    wanted = {id(generator) for generator in generators if generator is not _HIDDEN}
    containers = [holder for holder in gc.get_referrers(*generators) if type(holder) in (dict, tuple)]
    names: dict[int, tuple[str, random.Random]] = {}
    for name, value in _contents(containers):
        if id(value) in wanted:
            names[id(value)] = min(
                names.get(id(value), (name, value)), (name, value), key=lambda pair: pair[0]
            )
    return found | dict(sorted(names.values(), key=lambda pair: pair[0]))


def _contents(containers: list[Any]) -> Iterator[tuple[str, Any]]:
    """List what is in those of the containers that belong to a module, a class or a function, by its name."""
    for container in containers:
        if type(container) is dict:
            module = container.get("__name__")
            home: Any = (
                getattr(sys.modules.get(module), "__dict__", None) if isinstance(module, str) else None
            )
            if id(home) == id(container):
                yield from ((f"{module}.{key}", value) for key, value in list(container.items()))
    for holder in gc.get_referrers(*containers):
        if isinstance(holder, FunctionType):
            place = f"{holder.__module__}.{holder.__qualname__}"
            defaults = dict(enumerate(holder.__defaults__ or ())) | dict(holder.__kwdefaults__ or ())
            yield from ((f"{place}({key})", value) for key, value in defaults.items())
        elif isinstance(holder, type):
            place = f"{holder.__module__}.{holder.__qualname__}"
            yield from ((f"{place}.{key}", value) for key, value in list(vars(holder).items()))
