"""Carrying out a plan in a world, and keeping what each fault hit.

What a fault changes is taken back when it ends, unless something else has changed it since. What concerns
hosts is here; what concerns the network between them is in `network_faults`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from junto.sim.kernel import SECOND
from junto.sim.network_faults import NetworkFaults
from junto.sim.plans import Fault, Plan, PlanError

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.world import World

__all__ = ["Injected", "Injector"]

Undo: TypeAlias = Callable[[], int]
"""What ends a fault, and tells how much it has hit since it began."""


@dataclass(slots=True)
class Injected:
    """A fault that has begun.

    Attributes:
        fault: The fault.
        hits: How much it hit: hosts, connections, packets, as the kind has it.
        ended_ns: When it was over, if it is.
    """

    fault: Fault
    hits: int = 0
    ended_ns: int | None = None

    def __str__(self) -> str:
        return f"{self.fault} ({'hit nothing' if not self.hits else f'hit {self.hits}'})"


class Injector:
    """Carries out a plan.

    Attributes:
        injected: The faults that have begun, in their order.
        complete: Whether what is scheduled are all faults of a run that was made before, those included
            that its program has brought about itself; then what it asks for once more is not done.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._kernel = world.kernel
        self._network = NetworkFaults(world)
        self.injected: list[Injected] = []
        self.complete = False
        self._active: dict[int, tuple[Injected, list[Undo]]] = {}

    def schedule(self, plan: Plan) -> None:
        """Let the faults of a plan happen, each at its time; what is past happens at once."""
        for fault in plan:
            when = max(fault.at_ns, self._kernel.now)
            self._kernel.at(when, self.begin, replace(fault, at_ns=when))

    def begin(self, fault: Fault) -> None:
        """Let a fault begin now, and end by itself if it has a duration."""
        number = len(self.injected)
        injected = Injected(fault)
        self.injected.append(injected)
        self._world.record(self._world.control, "fault", str(fault))
        undo: list[Undo] = []
        for hits, end in self._carry_out(fault):
            injected.hits += hits
            if end is not None:
                undo.append(end)
        if undo or fault.duration_ns is not None:
            self._active[number] = (injected, undo)
        if fault.duration_ns is not None:
            self._kernel.at(self._kernel.now + fault.duration_ns, self._end, number)

    def finish(self) -> None:
        """Count what the faults that have no end have hit, at the end of the run."""
        for number in list(self._active):
            self._end(number, False)

    def _end(self, number: int, undone: bool = True) -> None:
        found = self._active.pop(number, None)
        if found is None:
            return
        injected, undo = found
        for end in undo:
            injected.hits += end()
        if undone:
            injected.ended_ns = self._kernel.now
            self._world.record(self._world.control, "fault_end", str(injected))

    def _carry_out(self, fault: Fault) -> Iterator[tuple[int, Undo | None]]:
        found = _ON_HOSTS.get(fault.kind)
        if found is None:
            yield self._network.begin(fault)
            return
        for host in self.hosts(fault):
            yield found(host, fault)

    def hosts(self, fault: Fault) -> list[Host]:
        """Find the hosts that a fault concerns, as far as there are any."""
        if fault.hosts == ("*",):
            return self._world.hosts()
        return [host for host in map(self._world.find, fault.hosts) if host is not None]


def _number(fault: Fault, name: str, default: float | None = None) -> float:
    value = fault.parameters.get(name, default)
    if isinstance(value, (int, float)):
        return float(value)
    raise PlanError(f"{fault.kind} needs {name}=, a number, not {value!r}")


# Each begins a fault on one host; it returns what was hit, and what ends the fault.


def _kill(host: Host, fault: Fault) -> tuple[int, Undo | None]:
    hit = int(host.alive)
    if fault.kind == "kill":
        host.kill()
    else:
        host.power_off()
    boot = host.boot

    def back() -> int:
        if host.boot == boot:
            host.restart()
        return 0

    # Who finds it down does not start it either.
    return hit, back if hit and fault.duration_ns is not None else None


def _restart(host: Host, fault: Fault) -> tuple[int, Undo | None]:
    host.restart()
    return 1, None


def _restart_loop(host: Host, fault: Fault) -> tuple[int, Undo | None]:
    every = max(round(_number(fault, "every", 1.0) * SECOND), 1)
    going = [True]

    def again() -> None:
        if going[0]:
            host.restart()
            host.kernel.at(host.kernel.now + every, again)

    def stop() -> int:
        going[0] = False
        return 0

    again()
    return 1, stop


def _pause(host: Host, fault: Fault) -> tuple[int, Undo | None]:
    hit = int(host.running)
    boot = host.boot
    host.pause()

    def go_on() -> int:
        if host.boot == boot:
            host.resume()
        return 0

    return hit, go_on if hit else None


def _slow(host: Host, fault: Fault) -> tuple[int, Undo | None]:
    clock, boot, before = host.clock, host.boot, host.slowness
    slowness = _number(fault, "factor", 10.0)
    host.slow(slowness)

    def usual() -> int:
        if host.slowness == slowness:
            host.slow(before)
        return int(host.clock != clock or host.boot != boot)

    return 0, usual


def _skew(host: Host, fault: Fault) -> tuple[int, Undo | None]:
    by = _number(fault, "by", 1.0)
    host.skew(by)

    def back() -> int:
        host.skew(-by)
        return 0

    return int(host.alive), None if fault.kind == "jump" else back


def _drift(host: Host, fault: Fault) -> tuple[int, Undo | None]:
    before, rate = host.rate, _number(fault, "rate", 1.001)
    host.drift(rate)

    def usual() -> int:
        if host.rate == rate:
            host.drift(before)
        return 0

    return int(host.alive), usual


def _signal(host: Host, fault: Fault) -> tuple[int, Undo | None]:
    name = str(fault.parameters.get("signal", "SIGTERM"))
    try:
        number = signal.Signals[name]
    except KeyError:
        raise PlanError(f"there is no signal {name!r}") from None
    hit = int(host.alive)
    host.stop(number)
    boot = host.boot

    def back() -> int:
        if not host.alive and host.boot == boot:
            host.restart()
        return 0

    return hit, back if hit and fault.duration_ns is not None else None


_ON_HOSTS: dict[str, Callable[[Host, Fault], tuple[int, Undo | None]]] = {
    "kill": _kill,
    "power_off": _kill,
    "restart": _restart,
    "restart_loop": _restart_loop,
    "pause": _pause,
    "slow": _slow,
    "skew": _skew,
    "jump": _skew,
    "drift": _drift,
    "signal": _signal,
}
