"""Whose code runs in this thread now: the one question that everything replaced in a world asks.

A thread outside every world has no host, so what is replaced falls through to the real function there, also
while a world runs in another thread.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from junto.sim.host import Host

__all__ = ["here"]


class _Here(threading.local):
    """The host whose code this thread runs now, or None."""

    host: Host | None = None


here = _Here()
