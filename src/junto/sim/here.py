"""Whose code runs in this thread now: the one question that everything replaced in a world asks.

A thread outside every world has no host, so what is replaced falls through to the real function there, also
while a world runs in another thread.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.loop import HostLoop
    from junto.sim.threads.baton import HostThread

__all__ = ["here"]


class _Here(threading.local):
    """What this thread runs now.

    Attributes:
        host: The host whose code it runs, if any.
        thread: That host's thread, unless it is the loop's own.
        loop: What asyncio takes for the running loop: that of the last turn in this thread.
    """

    host: Host | None = None
    thread: HostThread | None = None
    loop: HostLoop | None = None


here = _Here()
