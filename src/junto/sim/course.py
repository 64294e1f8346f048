"""How a world begins, goes on and ends, whoever leads it: a controlling program, or somebody outside.

A co-simulation, or whatever else has a clock of its own, leads a world step by step:

    with World(seed=7) as world:
        world.host("n1").run(program)
        while (when := world.next_event_time()) is not None:
            world.step_until(when)

Between two steps the world stands still, and who leads it may do then what a controlling program could: start
programs, kill hosts, cut links.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from junto.sim.claims import Claims
from junto.sim.here import here
from junto.sim.hosted_loops import abandon
from junto.sim.interception.audit import Finding, watch
from junto.sim.interception.borrowing import borrowed, leave
from junto.sim.interception.numbering import forget_tasks, tasks_by_loop
from junto.sim.kernel import SECOND, Kernel
from junto.sim.loop import HostLoop
from junto.sim.threads.baton import Baton
from junto.sim.watchdog import watched

if TYPE_CHECKING:
    from junto.sim.host import Host
    from junto.sim.network import Network
    from junto.sim.notes import Notes
    from junto.sim.oracles import Oracles

__all__ = ["Course"]


class Course:
    """The course of one world, which has all the rest.

    Args:
        audit: Whether to find calls that bypass the simulation.
        epoch: What the hosts' wall clocks show at the start, in nanoseconds.
        patience: For how many real seconds a callback may run; None for ever.
    """

    baton: Baton
    claims: Claims
    control: Host
    hosted_loops: list[asyncio.AbstractEventLoop]
    kernel: Kernel
    loops: list[HostLoop]
    net: Network
    notes: Notes
    oracles: Oracles

    def __init__(self, *, audit: bool, epoch: int, patience: float | None) -> None:
        self.findings: list[Finding] = []
        self._audit = audit
        self._epoch = epoch
        self._patience = patience
        self._graves: list[object] = []
        self._lent: ExitStack | None = None  # while it is led by steps
        self._hosts: dict[str, Host] = {}

    # Steps

    def next_event_time(self) -> float | None:
        """Tell when something happens next at the earliest, in seconds; None if nothing will by itself."""
        when = self.kernel.next_event_time()
        return None if when is None else when / SECOND

    def call_at(self, when: float, call: Callable[..., object], *args: Any) -> None:
        """Have a function called at a time of the world, in seconds, as the controlling program would.

        Raises:
            ValueError: That time is over.
        """
        handle = asyncio.Handle(call, args, self.control.loop, None)
        self.kernel.at(self._moment(when), self.control.wake, handle)

    def step_until(self, when: float) -> None:
        """Let the world go on up to a time and through all that happens then, and stand still there.

        From the first step on the world has borrowed of the process what a run borrows, such as the collector
        of garbage and the state of the module `random`; `close` gives it back. It goes on in threads of its
        own: what is called by the code of hosts is not called in the thread that leads it.

        Args:
            when: The world's time in seconds.

        Raises:
            OracleFailed: A property did not hold; the world can only be closed.
            SimStuck: A callback did not return in real time; likewise.
            ValueError: That time is over.
        """
        until = self._moment(when)
        if self._lent is None:
            self._lent = self._borrow()
        with watched(self, self._patience):
            if not self.baton.step(until):
                self.kernel.now = until

    def close(self) -> None:
        """End a world that was led by steps, as the end of `run` does; nothing happens if none is.

        Raises:
            OracleFailed: A property does not hold, or one has not held that was to.
            UnclaimedError: A program failed on a host, and nobody waited for it or expected it.
        """
        if self._lent is not None:
            try:
                self._judge()
            except BaseException as error:
                self.claims.annotate(error)
                raise
            finally:
                self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif self._lent is not None:
            self.claims.annotate(error)
            self._end()

    def _moment(self, when: float) -> int:
        moment = round(when * SECOND)
        if moment < self.kernel.now:
            raise ValueError(f"{when:g} s is over: it is {self.kernel.now / SECOND:g} s")
        return moment

    # Begin and end

    def _borrow(self) -> ExitStack:
        """Borrow of the process what a run needs, until the block of what is returned ends."""
        stack = ExitStack()
        stack.enter_context(borrowed(self._epoch / SECOND))
        self.findings = stack.enter_context(watch() if self._audit else nullcontext(self.findings))
        return stack

    def _judge(self) -> None:
        """See whether it has ended well."""
        self.oracles.at_end()
        self.claims.check()

    def _end(self) -> None:
        lent, self._lent = self._lent, None
        with lent or nullcontext():
            self.notes.at_end()
            self.finish()

    def bury(self, loop: HostLoop, *memory: object) -> None:
        """Keep what a dead process did and had, so that nothing is finalized before the end of the run."""
        self._graves.append((loop, asyncio.all_tasks(loop), memory))

    def finish(self) -> None:
        """Close what the programs have left; nothing happens in this world any more."""
        level, hook = logging.root.manager.disable, sys.unraisablehook
        logging.disable()  # what is broken off now complains, and nobody has to know
        sys.unraisablehook = lambda _: None
        here.host = self.control  # whatever is closed now is code of this world, and changes nothing outside
        try:
            with warnings.catch_warnings():
                self.net.vanish()
                warnings.simplefilter("ignore", RuntimeWarning)  # of coroutines that were never awaited
                abandon(self.hosted_loops)
                # Of what other loops than ours have left open.
                warnings.simplefilter("ignore", ResourceWarning)
                self.baton.finish()
                left = tasks_by_loop()
                for loop in self.loops:
                    loop.finish(left.get(loop, ()))
                for host in self._hosts.values():
                    host.forget()
                self._graves.clear()
                forget_tasks([*self.loops, *self.hosted_loops])
                self.hosted_loops.clear()
                leave(self.kernel.events)
        finally:
            here.host = None
            logging.disable(level)
            sys.unraisablehook = hook
