"""Faults between hosts: what they do to the links of a world's network.

Several faults may concern the same link at a time. Of each condition the last fault that began and has not
ended counts; when none is left, the link has again what it had before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

from junto.sim.kernel import SECOND
from junto.sim.network.names import Trouble
from junto.sim.plans import Fault, PlanError

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.network.links import Conditions, Link
    from junto.sim.world import World

__all__ = ["NetworkFaults"]

Change: TypeAlias = tuple[set["Link"] | None, Mapping[str, Any]]
"""Which links, or None for all, and what they are changed to, by the names of `Conditions`."""


class NetworkFaults:
    """The faults that are in effect between hosts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._net = world.net
        self._changes: dict[int, Change] = {}
        self._count = 0
        self._usual: dict[Link | None, Conditions] = {}  # what a link had before the first change of it

    def begin(self, fault: Fault) -> tuple[int, Callable[[], int] | None]:
        """Begin a fault; return what it has hit so far, and what ends it and counts the rest.

        Raises:
            PlanError: A parameter is not as it must be.
        """
        if fault.kind == "dns":
            return self._dns(fault)
        if fault.kind == "reset":
            pairs = {frozenset((link.source, link.target)) for link in self._links(fault)}
            in_order = sorted(sorted(host.number for host in pair) for pair in pairs if len(pair) == 2)
            hosts = {host.number: host for host in self._world.hosts()}
            return sum(self._net.reset(hosts[one], hosts[other]) for one, other in in_order), None
        if fault.kind == "partition":
            return self._partition(fault)
        conditions = _conditions(fault)
        links = None if fault.targets == ("*",) else set(self._links(fault))
        return self._change(links, conditions)

    def _links(self, fault: Fault) -> list[Link]:
        """Find the links between the sides of a fault; a host on both sides is cut from none."""
        if fault.targets == ("*",):
            sides = [[host] for host in self._world.hosts()]
        else:
            named = {name for name in fault.hosts if name != "*"}
            sides = [
                [host for host in self._world.hosts() if (host.name in side or _rest(side, host, named))]
                for side in map(set, fault.sides)
            ]
        links: dict[Link, None] = {}
        for here, there in combinations(sides, 2):
            both = set(here) & set(there)
            for source in here:
                for target in there:
                    if source not in both and target not in both:
                        links[self._net.link(source, target)] = None
                        if not fault.one_way:
                            links[self._net.link(target, source)] = None
        return list(links)

    # Partitions

    def _partition(self, fault: Fault) -> tuple[int, Callable[[], int]]:
        """Let nothing pass between sides; with ``flap``, by turns of so many seconds."""
        links = self._links(fault)
        self._count += 1
        reason = ("fault", self._count)
        before = sum(link.held for link in links)
        cut = sum(bool(link.flows) for link in links)
        going = [True]
        kernel = self._world.kernel
        every = _amount(fault, "flap", 0.0)

        def block(closed: bool) -> None:
            if going[0]:
                for link in links:
                    if closed:
                        link.block(reason)
                    else:
                        link.unblock(reason)
                if every:
                    kernel.at(kernel.now + max(round(every * SECOND), 1), block, not closed)

        def end() -> int:
            going[0] = False
            for link in links:
                link.unblock(reason)
            return sum(link.held for link in links) - before

        block(True)
        return cut, end

    # Conditions

    def _change(
        self, links: set[Link] | None, conditions: Mapping[str, Any]
    ) -> tuple[int, Callable[[], int]]:
        self._count += 1
        number = self._count
        for link in self._concerned(links):
            if link not in self._usual:
                # A link that was made under a change of all links has never been as it is usually.
                of_link = self._net.conditions if link is None else link.conditions
                self._usual[link] = self._usual.get(None, of_link)
        self._changes[number] = (links, conditions)
        self._apply(links)
        counter = _Counter(links or ())

        def end() -> int:
            del self._changes[number]
            self._apply(links)
            return counter.end()

        return int(links is None), end

    def _concerned(self, links: set[Link] | None) -> list[Link | None]:
        return [*links] if links is not None else [*self._net.all_links(), None]

    def _apply(self, links: set[Link] | None) -> None:
        for link in self._concerned(links):
            conditions = self._usual.get(link) or self._usual[None]
            changed = False
            for others, change in self._changes.values():
                if others is None or link in others:
                    conditions, changed = replace(conditions, **change), True
            if link is None:
                self._net.conditions = conditions
            else:
                link.conditions = conditions
            if not changed and (link is not None or not self._changes):
                self._usual.pop(link, None)

    # Names

    def _dns(self, fault: Fault) -> tuple[int, Callable[[], int]]:
        """Let hosts not find names, or only after a time."""
        names = self._net.dns
        hosts = [host for host in self._world.hosts() if fault.hosts == ("*",) or host.name in fault.hosts]
        name, answer = fault.parameters.get("name"), fault.parameters.get("answer")
        trouble = Trouble(
            frozenset(hosts),
            name=None if name is None else str(name).lower(),
            delay=round(_amount(fault, "delay") * SECOND) if "delay" in fault.parameters else None,
            answer=None if answer is None else str(answer),
        )
        names.troubles.append(trouble)

        def end() -> int:
            names.troubles.remove(trouble)
            return trouble.hits

        return 0, end


class _Counter:
    """Counts what goes over links, by the draws of latencies: where none counts, it costs nothing."""

    def __init__(self, links: Iterable[Link]) -> None:
        self._draws = {link: link.draw for link in links}
        self._count = 0
        self._going = True
        self._counters = {link: self._counting(draw) for link, draw in self._draws.items()}
        for link, counter in self._counters.items():
            link.draw = counter

    def _counting(self, draw: Callable[[], float]) -> Callable[[], float]:
        def counting() -> float:
            self._count += self._going
            return draw()

        return counting

    def end(self) -> int:
        """Count no more; return how many there were."""
        self._going = False
        for link, counter in self._counters.items():
            if link.draw is counter:  # else another one counts on top of it
                link.draw = self._draws[link]
        return self._count


def _rest(side: set[str], host: Host, named: set[str]) -> bool:
    """Tell whether a host is meant by a ``*``: all that are not named."""
    return "*" in side and host.name not in named


def _amount(fault: Fault, name: str, default: float | None = None) -> float:
    value = fault.parameters.get(name, default)
    if isinstance(value, (int, float)) and value >= 0:
        return float(value)
    raise PlanError(f"{fault.kind} needs {name}=, a number that is not negative, not {value!r}")


def _conditions(fault: Fault) -> dict[str, Any]:
    """Read what a fault changes of the conditions of links."""
    kind = fault.kind
    if kind == "latency":
        low = _amount(fault, "low")
        return {"latency": (low, max(_amount(fault, "high", low), low))}
    if kind == "bandwidth":
        return {"bandwidth": _amount(fault, "rate")}
    if kind == "gray":
        latency = _amount(fault, "latency", 0.5)
        return {"latency": (latency / 2, latency), "loss": _amount(fault, "loss", 0.2)}
    return {kind: _amount(fault, "p")}
