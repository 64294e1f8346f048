"""Remarks on a run: what programs say themselves, and what looks suspicious though nothing has failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from junto.sim.interception.numbering import tasks_by_loop
from junto.sim.kernel import SECOND
from junto.sim.loop import in_order_of_making
from junto.sim.whereabouts import of_task

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.world import World

__all__ = ["TOLD", "Note", "Notes"]

MANY = 20  # so many remarks of a kind are kept
TOLD = frozenset({"audit", "mode"})  # kinds that belong into every report
RETRIES = 20  # so many identical attempts in a second have no backoff


@dataclass(frozen=True, slots=True)
class Note:
    """A remark.

    Attributes:
        when: The world's time in nanoseconds.
        host: The host's name.
        text: What was to be said.
        kind: Empty for what a program said itself, else what is suspicious
            (blocked, retries, task, error, connection) or one of `TOLD`.
    """

    when: int
    host: str
    text: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.when / SECOND:.6f} s {self.host}: {self.text}"


class Notes(list[Note]):
    """The remarks on one run, oldest first."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._counts: dict[str, int] = {}
        self._attempts: dict[tuple[Host, Any], list[int]] = {}

    def add(self, host: Host, text: str, kind: str = "") -> None:
        """Keep a remark; of the suspicious ones the first few of each kind."""
        if kind:
            self._counts[kind] = count = self._counts.get(kind, 0) + 1
            if count > MANY:
                return
        self._world.record(host, "note", text)
        self.append(Note(host.now(), host.name, text, kind))

    def blocked(self, host: Host, duration: int) -> None:
        """Remark that a host's loop did nothing else for a time, in nanoseconds."""
        if host is not self._world.control:
            self.add(host, f"the loop was blocked for {duration / SECOND:.3f} s", "blocked")

    def attempted(self, host: Host, what: Any) -> None:
        """Count an attempt to connect to an address; many to the same one within a second are remarked."""
        now = self._world.kernel.now
        times = self._attempts.setdefault((host, what), [])
        times.append(now)
        if len(times) > RETRIES and now - times.pop(0) < SECOND:
            self.add(
                host, f"connects to {what[0]}:{what[1]} more than {RETRIES} times within a second", "retries"
            )
            times.clear()

    def found_late(self, host: Host, text: str) -> None:
        """Keep a remark on an error that shows when the run is over, and its trace ended."""
        if host.alive:
            self.append(Note(host.now(), host.name, text, "error"))

    def at_end(self) -> None:
        """Remark what the programs have left behind; when the run has ended, and nothing is closed yet."""
        for finding in self._world.findings:
            self.add(self._world.control, f"bypasses the simulation: {finding}", "audit")
        if self._world.mode == "adversarial":
            self.add(self._world.control, "order not promised but not produced by the standard loop", "mode")
        for end in self._world.net.half_closed():
            if end.host.alive:
                with_whom = (
                    ":".join(map(str, end.remote[:2])) if isinstance(end.remote, tuple) else end.remote
                )
                text = f"the connection with {with_whom!s} is never closed on this side"
                self.add(end.host, text, "connection")
        left = tasks_by_loop()
        for host in self._world.hosts():
            if not host.alive:
                continue
            mains = {program.task for program in host.programs}
            for task in in_order_of_making(left.get(host.loop, ())):
                if task not in mains:
                    self.add(host, f"{task.get_name()} is left: it {of_task(task)}", "task")
