"""Which classes and functions others may have called by name: importing what somebody names is running it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

__all__ = ["AllowList", "find_object"]


def find_object(name: str) -> Any:
    """Import what ``module:object.path`` names.

    Raises:
        ValueError: *name* has another form.
        ImportError: There is no such module.
        AttributeError: It has no such object.
    """
    module, found = _split(name)
    value: Any = importlib.import_module(module)
    for part in found:
        value = getattr(value, part)
    return value


def _split(name: str) -> tuple[str, list[str]]:
    module, colon, path = name.partition(":") if isinstance(name, str) else ("", "", "")
    parts = path.split(".")
    if not colon or not module or ":" in path or not all(parts):
        raise ValueError(f"a name is a module and an object in it, as 'package.module:Class', not {name!r}")
    return module, parts


class AllowList:
    """The names that may be spawned.

    A pattern is a name, ``module:Class``, or has ``*`` in place of parts of it: ``traders:*``. One with a
    star lets in what its module defines itself, and not what it has imported; a star stands for no dot.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        """Allow what one of *patterns* matches.

        Raises:
            ValueError: One of them has no colon.
        """
        if isinstance(patterns, str):
            raise ValueError(f"allow= takes a list of names, not the text {patterns!r}")
        self.patterns = tuple(patterns)
        for pattern in self.patterns:
            _split(pattern)

    def find(self, name: str) -> Any:
        """Import what *name* names; nothing is imported if that is not allowed.

        Raises:
            ValueError: *name* is malformed.
            PermissionError: It may not be spawned.
            ImportError: There is no such module.
            AttributeError: It has no such object.
        """
        module, path = _split(name)
        matching = [pattern for pattern in self.patterns if _matches(pattern, module, path)]
        if not matching:
            raise PermissionError(f"{name!r} may not be spawned here")
        value = find_object(name)
        if name not in matching and getattr(value, "__module__", None) != module:
            raise PermissionError(f"{name!r} may not be spawned here: {module} has it from elsewhere")
        return value

    def __repr__(self) -> str:
        return f"AllowList({list(self.patterns)})"


def _matches(pattern: str, module: str, path: list[str]) -> bool:
    wanted, parts = _split(pattern)
    wanted_path = [*wanted.split("."), ":", *parts]
    found = [*module.split("."), ":", *path]
    return len(wanted_path) == len(found) and all(map(fnmatchcase, found, wanted_path))
