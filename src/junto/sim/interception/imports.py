"""Imports in the middle of a run are no part of it: they are done in reality, as if done before it.

Which run of a process is the first to import a module is chance, and the others find it there. So what a
module does when it is imported takes nothing of the host whose code imports it: no randomness, no time, no
socket. Afterwards its names are exchanged like those of all other modules.

What hangs on here is asked for only by an import of what is not there yet.
"""

from __future__ import annotations

import sys
from typing import Any

from junto.sim.here import here
from junto.sim.interception.borrowing import take_in
from junto.sim.interception.installing import replaces

__all__ = ["find_and_load"]

_find_and_load = vars(sys.modules["_frozen_importlib"])["_find_and_load"]


# The interpreter itself looks it up there, for the statement as for `importlib.import_module`.
@replaces("_frozen_importlib", "_find_and_load")
def find_and_load(name: str, import_: Any) -> Any:
    """Find and load a module, outside of any world."""
    host = here.host
    if host is None:
        return _find_and_load(name, import_)
    here.host = None
    try:
        try:
            return _find_and_load(name, import_)
        finally:
            take_in()
    finally:
        here.host = host
