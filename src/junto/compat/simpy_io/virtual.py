"""Sockets in simulated time."""

from __future__ import annotations

from functools import partial

from junto.compat.simpy_io.environments import make_environment
from junto.simpy.virtual import TCPSocket

__all__ = ["Environment", "TCPSocket"]

Environment = partial(make_environment, "virtual")
