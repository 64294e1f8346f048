"""Attributes of a module that are imported when they are first asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["attributes_of"]


def attributes_of(source: str, module: str) -> Callable[[str], Any]:
    """Make the ``__getattr__`` of *module* for those names of its ``__all__`` that it does not define itself.

    Args:
        source: The module that defines them.
        module: The name of the module that offers them, too.
    """

    def __getattr__(name: str) -> Any:
        offering = sys.modules[module]
        if name not in offering.__all__:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(source), name)
        setattr(offering, name, value)
        return value

    return __getattr__
