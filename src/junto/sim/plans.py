"""Plans: the faults of a run, each with its time, as values and as text.

    1.250s partition n1|n2,n3 for 0.5s
    2s     kill n1 for 50ms
    3s     latency n1>n2 low=0.01 high=0.2 for 1s

A line has the time at which the fault begins, its kind, whom it concerns, its parameters, and how long it
lasts; without that it lasts to the end of the run, or is over at once by its nature. Hosts in a group are
separated by commas; ``a|b`` is both directions between two groups, ``a>b`` one, ``*`` every host or the whole
network. What comes after a ``#`` is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from junto.sim.errors import SimError

__all__ = ["KINDS", "Fault", "Plan", "PlanError", "Value", "duration_text", "read_duration"]

Value: TypeAlias = float | int | str | bool

UNITS = {"s": 9, "ms": 6, "us": 3, "ns": 0}

KINDS: Mapping[str, str] = {
    "kill": "host",
    "power_off": "host",
    "restart": "host",
    "restart_loop": "host",
    "pause": "host",
    "slow": "host",
    "skew": "host",
    "jump": "host",
    "drift": "host",
    "signal": "host",
    "dns": "host",
    "partition": "sides",
    "reset": "sides",
    "latency": "sides",
    "loss": "sides",
    "duplicate": "sides",
    "reorder": "sides",
    "bandwidth": "sides",
    "chunking": "sides",
    "gray": "sides",
}
"""The kinds of faults, and whether they concern hosts or what is between two sides."""


class PlanError(SimError, ValueError):
    """A text is no plan, or a fault is none."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        at_ns: When it begins, in nanoseconds of the world.
        kind: One of `KINDS`.
        targets: The groups of hosts that it concerns, each with commas between
            their names: one for what befalls hosts, the sides for what is
            between them; ``("*",)`` for all.
        parameters: What the kind needs besides; ``one_way`` if it concerns only the
            direction from the first side to the second.
        duration_ns: How long it lasts; None for what has no end of its own.
    """

    at_ns: int
    kind: str
    targets: tuple[str, ...] = ("*",)
    parameters: Mapping[str, Value] = field(default_factory=dict, hash=False)
    duration_ns: int | None = None

    def __post_init__(self) -> None:
        shape = KINDS.get(self.kind)
        if shape is None:
            raise PlanError(f"there is no fault of kind {self.kind!r}; there are {', '.join(KINDS)}")
        if self.at_ns < 0 or (self.duration_ns is not None and self.duration_ns < 0):
            raise PlanError(f"{self.kind} has a negative time")
        if not self.targets or (shape == "host" and len(self.targets) > 1):
            raise PlanError(f"{self.kind} concerns one group of hosts, not {self.targets!r}")
        if shape == "sides" and len(self.targets) == 1 and self.targets != ("*",):
            raise PlanError(f"{self.kind} needs the sides between which it is, such as a|b")
        if self.one_way and len(self.targets) != 2:
            raise PlanError(f"one direction of {self.kind} is from one side to another")

    @property
    def one_way(self) -> bool:
        """Whether it concerns only the direction from the first side to the second."""
        return bool(self.parameters.get("one_way", False))

    @property
    def end_ns(self) -> int | None:
        """When it ends, if it ends by itself."""
        return None if self.duration_ns is None else self.at_ns + self.duration_ns

    @property
    def sides(self) -> tuple[tuple[str, ...], ...]:
        """The names of the hosts in each group."""
        return tuple(tuple(group.split(",")) for group in self.targets)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names of all hosts that it concerns, each once; ``*`` stands for all."""
        return tuple(dict.fromkeys(name for side in self.sides for name in side))

    def __str__(self) -> str:
        words = [duration_text(self.at_ns), self.kind, (">" if self.one_way else "|").join(self.targets)]
        words += [f"{name}={value}" for name, value in self.parameters.items() if name != "one_way"]
        if self.duration_ns is not None:
            words += ["for", duration_text(self.duration_ns)]
        return " ".join(words)

    @classmethod
    def from_text(cls, line: str) -> Fault:
        """Read a line.

        Raises:
            PlanError: It is not one.
        """
        words = line.partition("#")[0].split()
        try:
            at, kind, *rest = words
        except ValueError:
            raise PlanError(f"{line!r} needs a time and a kind of fault") from None
        duration = None
        if len(rest) >= 2 and rest[-2] == "for":
            duration = read_duration(rest[-1])
            rest = rest[:-2]
        parameters: dict[str, Value] = {}
        targets: tuple[str, ...] = ("*",)
        for number, word in enumerate(rest):
            name, equals, value = word.partition("=")
            if equals:
                parameters[name] = _read_value(value)
            elif number:
                raise PlanError(f"{word!r} in {line.strip()!r} is neither a parameter nor a duration")
            else:
                targets = tuple(re.split(r"[|>]", word))
                if ">" in word:
                    parameters["one_way"] = True
        return cls(read_duration(at), kind, targets, parameters, duration)


class Plan(tuple[Fault, ...]):
    """The faults of a run, in the order of their times."""

    __slots__ = ()

    def __new__(cls, faults: Iterable[Fault] = ()) -> Plan:
        return super().__new__(cls, sorted(faults, key=lambda fault: fault.at_ns))

    @classmethod
    def from_text(cls, text: str) -> Plan:
        """Read lines of faults, in any order; semicolons separate them too.

        Raises:
            PlanError: A line is no fault.
        """
        return cls(Fault.from_text(line) for line in _lines(text))

    @classmethod
    def of(cls, plan: Plan | str | Iterable[Fault]) -> Plan:
        """Make a plan of a text or of faults."""
        if isinstance(plan, Plan):
            return plan
        return cls.from_text(plan) if isinstance(plan, str) else cls(plan)

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def __repr__(self) -> str:
        return f"Plan.from_text({str(self)!r})"

    def without(self, *numbers: int) -> Plan:
        """Make a plan without the faults of these numbers, counted from 0."""
        return Plan(fault for number, fault in enumerate(self) if number not in numbers)

    def only(self, numbers: Iterable[int]) -> Plan:
        """Make a plan of the faults of these numbers."""
        kept = set(numbers)
        return Plan(fault for number, fault in enumerate(self) if number in kept)

    def changed(
        self, number: int, *, at_ns: int | None = None, duration_ns: int | None = None, **parameters: Value
    ) -> Plan:
        """Make a plan in which a fault has another time, duration or parameter."""
        fault = self[number]
        changed = replace(
            fault,
            at_ns=fault.at_ns if at_ns is None else at_ns,
            duration_ns=fault.duration_ns if duration_ns is None else duration_ns,
            parameters={**fault.parameters, **parameters},
        )
        return Plan(changed if other is fault else other for other in self)

    def without_host(self, name: str) -> Plan:
        """Make a plan that leaves a host alone; faults that concern nobody else are dropped."""
        kept = []
        for fault in self:
            if name not in fault.hosts:
                kept.append(fault)
                continue
            sides = [",".join(other for other in side if other != name) for side in fault.sides]
            if all(sides):
                kept.append(replace(fault, targets=tuple(sides)))
        return Plan(kept)

    @property
    def end_ns(self) -> int:
        """When the last fault begins or ends, as far as it ends by itself."""
        return max((fault.end_ns or fault.at_ns for fault in self), default=0)


def duration_text(nanoseconds: int) -> str:
    """Write a duration in seconds, exactly, with three digits or more behind the point."""
    whole, rest = divmod(nanoseconds, 10**9)
    digits = f"{rest:09d}".rstrip("0").ljust(3, "0")
    return f"{whole}.{digits}s"


def read_duration(text: str) -> int:
    """Read a duration such as ``1.25s``, ``250ms`` or ``3``, in seconds without a unit, as nanoseconds.

    Raises:
        PlanError: It is none.
    """
    match = re.fullmatch(r"(\d+)(?:\.(\d*))?(s|ms|us|ns)?", text)
    if match is None:
        raise PlanError(f"{text!r} is no time; write 1.25s or 250ms")
    whole, fraction, unit = match.groups()
    places = UNITS[unit or "s"]
    digits = (fraction or "")[:places].ljust(places, "0")
    return int(whole + digits)


def _lines(text: str) -> Iterator[str]:
    for line in re.split(r"[\n;]", text):
        if line.partition("#")[0].strip():
            yield line


def _read_value(text: str) -> Value:
    if text in ("True", "False"):
        return text == "True"
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
