"""The environments of SimPy in which sockets can be used."""

from __future__ import annotations

from junto.runtimes.simpy.asyncio_driven import AsyncioEnvironment
from junto.runtimes.simpy.backends import Backend, make_environment
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.environment import RealTimeEnvironment
from junto.runtimes.simpy.schedule import WallClockEnvironment

__all__ = [
    "AsyncioEnvironment",
    "Backend",
    "Environment",
    "RealTimeEnvironment",
    "SocketEnvironment",
    "WallClockEnvironment",
]

Environment = make_environment
