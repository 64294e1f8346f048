"""What may go wrong in a run; a seed makes a plan of it.

    Faults(latency=(0.001, 0.05), crash=["n1", "n2"], partition=True)

Each kind of fault has its own times, and each host decides by streams of its own whether it is the one: a
kind that is left out, or a host that is added and never chosen, changes none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import exp, log
from typing import TypeAlias

from junto.sim.choices import Choices, Stream
from junto.sim.kernel import SECOND
from junto.sim.limits import Limits
from junto.sim.plans import Fault, Plan, Value

__all__ = ["Faults", "Who"]

Who: TypeAlias = bool | Sequence[str]
"""The names of the hosts that a fault may befall; True for all."""

Parameters: TypeAlias = Callable[[Stream], Mapping[str, Value]]


def _few(value: float) -> float:
    """Keep three digits: the text of a plan is read by people."""
    return float(f"{value:.3g}")


def _between(stream: Stream, low: float, high: float) -> float:
    """Draw a number whose logarithm is spread evenly."""
    return _few(exp(stream.uniform(log(low), log(high))))


@dataclass(frozen=True, slots=True)
class Faults:
    """What may go wrong.

    Hosts, where they are asked for, are a list of names, or True for all. Faults begin and end in the first
    part of a run only, so that it can be seen whether all is well again in the end.

    Attributes:
        latency: Between which two seconds packets take, in the whole run.
        bandwidth: How many bytes per second a link carries, in the whole run.
        chunking: How likely a piece of a stream is to be cut, in the whole run.
        loss: How likely packets are to be lost, up to the end of the faults.
        duplicate: Likewise, to arrive twice.
        reorder: Likewise, to be overtaken.
        bursts: Hosts on whose links packets are slow or lost for a time.
        partition: Hosts that may be parted from each other: in two sets, in one
            direction, with one that still sees both, again and again.
        reset: Hosts whose connections may be broken.
        dns: Hosts that may not find names for a time.
        gray: Hosts that may be slow and lossy for some others only.
        crash: Hosts that may be killed, and restarted.
        power_off: Hosts that may lose power for a time.
        restart: Hosts that may restart again and again for a time.
        pause: Hosts that may be stopped for a time.
        slow: Hosts that may compute slowly for a time.
        skew: Hosts whose wall clock may go wrong for a time.
        jump: Hosts whose wall clock may be set.
        drift: Hosts whose clocks may run too fast or too slow for a time.
        signal: Hosts that may get a SIGTERM or SIGINT, and are then started again.
        duration: How long the run takes, in seconds; None for how long the
            controlling program sleeps first, or its timeout.
        every: The mean time between two faults of a kind, in seconds; None for
            a third of the run.
        lasting: Between which two seconds a fault lasts.
        until: In which part of the run there are faults.
        quiet: Times without faults: pairs of seconds.
        quorum: Of which hosts more than half stay up and together; or how many of all hosts.
        swarm: Whether each seed has only some of the kinds, more or less often.
    """

    latency: tuple[float, float] | None = None
    bandwidth: float | None = None
    chunking: float | None = None
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    bursts: Who = False
    partition: Who = False
    reset: Who = False
    dns: Who = False
    gray: Who = False
    crash: Who = False
    power_off: Who = False
    restart: Who = False
    pause: Who = False
    slow: Who = False
    skew: Who = False
    jump: Who = False
    drift: Who = False
    signal: Who = False
    duration: float | None = None
    every: float | None = None
    lasting: tuple[float, float] = (0.02, 5.0)
    until: float = 0.8
    quiet: tuple[tuple[float, float], ...] = ()
    quorum: bool | int | Sequence[str] = False
    swarm: bool = False

    def __post_init__(self) -> None:
        low, high = self.lasting
        if not 0 < low <= high:
            raise ValueError(f"lasting={self.lasting!r} needs two times above 0, in order")
        if not 0 < self.until <= 1:
            raise ValueError(f"until={self.until!r} is no part of a run")
        if self.every is not None and self.every <= 0:
            raise ValueError("every= is a time above 0")
        for name in KINDS:
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name}= takes a list of names, or True")

    @classmethod
    def swarming(cls, who: Who = True, **limits: object) -> Faults:
        """Make faults of all kinds, of which each seed has some.

        Args:
            who: The hosts that they may befall.
            **limits: The other attributes.
        """
        faults = cls(**dict.fromkeys(KINDS, who), loss=0.05, duplicate=0.05, reorder=0.1, swarm=True)  # type: ignore[arg-type]  # the names of its own attributes
        return replace(faults, **limits)  # type: ignore[arg-type]  # what is none of them is refused there

    def plan(self, choices: Choices, hosts: Sequence[str], duration: float) -> Plan:
        """Draw what goes wrong in a run.

        Args:
            choices: Its decisions.
            hosts: The names of its hosts.
            duration: How long it takes, in seconds.
        """
        end = round(duration * self.until * SECOND)
        faults = [*self._throughout(choices, end)]
        limits = Limits(self.quiet, _quorum(self.quorum, hosts), hosts)
        drawn: list[Fault] = []
        for name, kind in KINDS.items():
            who: Who = getattr(self, name)
            candidates = list(hosts) if who is True else [host for host in who or () if host in hosts]
            if len(candidates) > (kind in (_partition, _gray, _reset)):
                drawn += self._of_kind(choices, name, kind, candidates, duration, end)
        faults += limits.kept(sorted(drawn, key=lambda fault: fault.at_ns))
        return Plan(faults)

    def _throughout(self, choices: Choices, end: int) -> Iterable[Fault]:
        if self.latency is not None:
            low, high = self.latency
            yield Fault(0, "latency", parameters={"low": low, "high": high})
        if self.bandwidth is not None:
            yield Fault(0, "bandwidth", parameters={"rate": self.bandwidth})
        if self.chunking is not None:
            yield Fault(0, "chunking", parameters={"p": self.chunking})
        for kind in ("loss", "duplicate", "reorder"):
            p = getattr(self, kind)
            if p and self._intensity(choices, kind):
                yield Fault(0, kind, parameters={"p": p}, duration_ns=end)

    def _intensity(self, choices: Choices, kind: str) -> float:
        """Draw how often a kind occurs in this run, relative to others: 0 for never."""
        if not self.swarm:
            return 1.0
        stream = choices.stream("fault.swarm", kind)
        return 0.0 if stream.random() < 0.5 else _between(stream, 0.5, 4.0)

    def _of_kind(
        self,
        choices: Choices,
        name: str,
        kind: _Kind,
        hosts: Sequence[str],
        duration: float,
        end: int,
    ) -> Iterable[Fault]:
        intensity = self._intensity(choices, name)
        if not intensity:
            return
        stream = choices.stream("fault.time", name)
        gap = (self.every or duration / 3) / intensity
        now = 0.0
        while True:
            now += -log(1 - stream.random()) * gap
            at = round(now * 1000) * (SECOND // 1000)
            if at >= end:
                return
            lasting = round(_between(stream, *self.lasting) * SECOND)
            fault = kind(choices, name, hosts, at)
            if kind is not _jump and kind is not _reset:
                fault = replace(fault, duration_ns=min(lasting, end - at))
            yield fault


_Kind: TypeAlias = Callable[[Choices, str, Sequence[str], int], Fault]


def _ranked(choices: Choices, name: str, hosts: Sequence[str]) -> list[str]:
    """Put hosts in an order, to which each contributes one draw of its own."""
    draws = {host: choices.stream(f"fault.who.{name}", host).random() for host in hosts}
    return sorted(hosts, key=lambda host: -draws[host])


def _one(kind: str, parameters: Parameters = lambda _: {}) -> _Kind:
    def make(choices: Choices, name: str, hosts: Sequence[str], at: int) -> Fault:
        host = _ranked(choices, name, hosts)[0]
        return Fault(at, kind, (host,), dict(parameters(choices.stream(f"fault.how.{name}", host))))

    return make


def _jump(choices: Choices, name: str, hosts: Sequence[str], at: int) -> Fault:
    return _one("jump", lambda stream: {"by": _signed(stream, 0.01, 3600)})(choices, name, hosts, at)


def _signed(stream: Stream, low: float, high: float) -> float:
    return (1 if stream.below(2) else -1) * _between(stream, low, high)


def _partition(choices: Choices, name: str, hosts: Sequence[str], at: int) -> Fault:
    """Part hosts: the first of an order from the rest."""
    order = _ranked(choices, name, hosts)
    how = choices.stream(f"fault.how.{name}", "net")
    cut = 1 + how.below(max(len(order) - 1, 1))
    sides = [order[:cut], order[cut:]]
    parameters: dict[str, Value] = {}
    what = how.below(6)
    if what == 1:
        parameters["one_way"] = True
    elif what == 2 and len(order) > 2:
        bridge = order[0]
        sides = [list(dict.fromkeys((*sides[0], bridge))), [*sides[1], bridge]]
        if sides[0] == [bridge]:
            sides[0].insert(0, sides[1].pop(0))
    elif what == 3:
        parameters["flap"] = _between(how, 0.01, 1.0)
    return Fault(at, "partition", tuple(",".join(sorted(side)) for side in sides), parameters)


def _gray(choices: Choices, name: str, hosts: Sequence[str], at: int) -> Fault:
    order = _ranked(choices, name, hosts)
    how = choices.stream(f"fault.how.{name}", "net")
    some = sorted(order[1 : 2 + how.below(max(len(order) // 2, 1))])
    parameters = {"latency": _between(how, 0.05, 2.0), "loss": _few(how.uniform(0.05, 0.5))}
    return Fault(at, "gray", (order[0], ",".join(some)), parameters)


def _reset(choices: Choices, name: str, hosts: Sequence[str], at: int) -> Fault:
    return Fault(at, "reset", tuple(sorted(_ranked(choices, name, hosts)[:2])))


def _burst(choices: Choices, name: str, hosts: Sequence[str], at: int) -> Fault:
    host = _ranked(choices, name, hosts)[0]
    how = choices.stream(f"fault.how.{name}", host)
    if how.below(2):
        return Fault(at, "loss", (host, "*"), {"p": _few(how.uniform(0.1, 0.9))})
    high = _between(how, 0.05, 5.0)
    return Fault(at, "latency", (host, "*"), {"low": _few(high / 10), "high": high})


def _dns(stream: Stream) -> Mapping[str, Value]:
    return {"delay": _between(stream, 0.1, 20.0)} if stream.below(2) else {"fail": True}


KINDS: dict[str, _Kind] = {
    "bursts": _burst,
    "partition": _partition,
    "reset": _reset,
    "dns": _one("dns", _dns),
    "gray": _gray,
    "crash": _one("kill"),
    "power_off": _one("power_off"),
    "restart": _one("restart_loop", lambda stream: {"every": _between(stream, 0.05, 2.0)}),
    "pause": _one("pause"),
    "slow": _one("slow", lambda stream: {"factor": _between(stream, 3, 3000)}),
    "skew": _one("skew", lambda stream: {"by": _signed(stream, 0.01, 3600)}),
    "jump": _jump,
    "drift": _one("drift", lambda stream: {"rate": _few(stream.uniform(0.9, 1.1))}),
    "signal": _one("signal", lambda stream: {"signal": ("SIGTERM", "SIGINT")[stream.below(2)]}),
}
"""The kinds that have times of their own, by the names of their attributes."""


def _quorum(quorum: bool | int | Sequence[str], hosts: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Tell which hosts are limited, and how many of them may be away at a time."""
    if quorum is False:
        return (), 0
    if quorum is True:
        return tuple(hosts), (len(hosts) - 1) // 2
    if isinstance(quorum, int):
        return tuple(hosts), max(len(hosts) - quorum, 0)
    return tuple(quorum), (len(quorum) - 1) // 2


assert set(KINDS) < {field.name for field in fields(Faults)}
