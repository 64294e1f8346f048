"""Properties that must hold in a world: what is checked after every turn, and at the end.

An oracle is a function without arguments that reads the world and tells whether the property holds; it may
also say with an `AssertionError` why it does not. It runs between turns, as the controlling program would: it
is no host's code and takes no time. It must not change anything; if it schedules something, the run fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from junto.sim.errors import OracleFailed, SimError
from junto.sim.here import here
from junto.sim.kernel import SECOND

if TYPE_CHECKING:
    from junto.sim.world import World

__all__ = ["Oracle", "Oracles"]


class Oracle:
    """One property.

    Attributes:
        name: Its name.
        held: Whether it has held once; `eventually` and `stable` ask that.
    """

    def __init__(
        self, oracles: Oracles, name: str, holds: Callable[[], object], kind: str, every: int = 0
    ) -> None:
        self.name = name
        self.held = False
        self.kind = kind
        self.every = every
        self.next = 0
        self._oracles = oracles
        self._holds = holds

    def stop(self) -> None:
        """Check it no more."""
        self._oracles.forget(self)

    def check(self) -> None:
        """Fail if the property is broken now.

        Raises:
            OracleFailed: It is.
        """
        why, reason = "", None
        try:
            holds = bool(self._holds())
        except AssertionError as error:
            # Of several lines the others are pytest's, with addresses of objects in them.
            holds, why, reason = False, str(error).partition("\n")[0], error
        except Exception as error:
            raise OracleFailed(self.name, f"cannot tell: {type(error).__name__}: {error}") from error
        if self.kind == "always":
            broken = not holds
        elif self.kind == "never":
            broken = holds
        elif self.kind == "stable":
            broken = self.held and not holds
        else:
            broken = False
        if holds and not self.held:
            self.held = True
            if self.kind == "eventually":
                self.stop()
        if broken:
            raise OracleFailed(self.name, why or self._oracles.place()) from reason

    def run_out(self, within: float) -> None:
        """Fail if the property has not held yet, for its time is over."""
        if not self.held and self in self._oracles:
            self._oracles.fail(OracleFailed(self.name, f"did not hold within {within:g} s"))


class Oracles:
    """The properties of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kernel = world.kernel
        self._all: list[Oracle] = []

    def __contains__(self, oracle: Oracle) -> bool:
        return oracle in self._all

    def add(
        self,
        kind: str,
        name: str,
        holds: Callable[[], object],
        *,
        every: float = 0,
        within: float | None = None,
    ) -> Oracle:
        """Watch a property from now on.

        Args:
            kind: always, never, eventually or stable.
            name: What it is called in reports.
            holds: Tells whether it holds.
            every: Seconds between two checks, instead of one after each turn.
            within: Seconds in which it must hold once.
        """
        oracle = Oracle(self, name, holds, kind, round(every * SECOND))
        self._all.append(oracle)
        self._kernel.after_turn = self.check
        if within is not None:
            self._kernel.at(self._kernel.now + round(within * SECOND), oracle.run_out, within)
        return oracle

    def forget(self, oracle: Oracle) -> None:
        """Watch a property no more."""
        self._all = [other for other in self._all if other is not oracle]
        if not self._all:
            self._kernel.after_turn = None

    def check(self) -> None:
        """Check what is to be checked after a turn.

        Raises:
            OracleFailed: A property does not hold.
        """
        kernel = self._kernel
        now = kernel.now
        here.host = self._world.control
        before = (kernel.scheduled, len(kernel.due))
        try:
            for oracle in self._all:
                if oracle.every:
                    if now < oracle.next:
                        continue
                    oracle.next = now + oracle.every
                oracle.check()
                if before != (kernel.scheduled, len(kernel.due)):
                    raise SimError(f"the oracle {oracle.name!r} changes the world that it should only read")
        except OracleFailed as error:
            self.record(error)
            raise
        finally:
            here.host = None

    def at_end(self) -> None:
        """Check everything once more, for the run is over.

        Raises:
            OracleFailed: A property does not hold, or one has not held that was to.
        """
        if not self._all:
            return
        for oracle in self._all:
            oracle.next = 0
        self.check()
        for oracle in self._all:
            if oracle.kind == "eventually":
                self.fail(OracleFailed(oracle.name, "had not held when the run ended"))

    def fail(self, error: OracleFailed) -> None:
        """Let the run fail."""
        self.record(error)
        raise error

    def record(self, error: OracleFailed) -> None:
        """Mark the failure in the trace."""
        self._world.record(self._world.control, "oracle", str(error))

    def place(self) -> str:
        """Say when it is."""
        return f"at {self._kernel.now / SECOND:.6f} s"
