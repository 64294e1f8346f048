"""The environments of SimPy in which sockets can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from junto.runtimes.simpy.asyncio_driven import AsyncioEnvironment
from junto.runtimes.simpy.backends import Backend, make_environment
from junto.runtimes.simpy.contract import SocketEnvironment
from junto.runtimes.simpy.environment import RealTimeEnvironment
from junto.runtimes.simpy.schedule import WallClockEnvironment

if TYPE_CHECKING:
    from junto.simpy.virtual import VirtualEnvironment

__all__ = [
    "AsyncioEnvironment",
    "Backend",
    "Environment",
    "RealTimeEnvironment",
    "SocketEnvironment",
    "WallClockEnvironment",
]


@overload
def Environment(backend: Literal["virtual"], **options: Any) -> VirtualEnvironment: ...
@overload
def Environment(backend: Literal["asyncio"]) -> AsyncioEnvironment: ...
@overload
def Environment(backend: Literal["select", "poll", "epoll"] | None = None) -> RealTimeEnvironment: ...
@overload
def Environment(backend: Backend) -> RealTimeEnvironment | AsyncioEnvironment: ...
def Environment(backend: Any = None, **options: Any) -> SocketEnvironment:  # stands for a class
    """Make an environment.

    Args:
        backend: In real time, ``"select"``, ``"poll"`` or ``"epoll"``, as the system has them, where
            ``None`` takes the best of these; or ``"asyncio"``, to be driven by a loop. In simulated time
            ``"virtual"``, with a network inside.
        **options: Those of `junto.simpy.virtual.VirtualEnvironment`.

    Raises:
        ValueError: There is no such backend, or not on this system.
        TypeError: A backend in real time has no options.
    """
    if backend == "virtual":
        from junto.simpy.virtual import VirtualEnvironment  # late: few need the simulated world

        return VirtualEnvironment(**options)
    if options:
        raise TypeError(f"environments in real time have no options; there is {', '.join(options)}")
    made: SocketEnvironment = make_environment(backend)
    return made
