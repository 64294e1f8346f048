"""What junto promises whoever uses it, as properties of worlds in which its programs run under faults.

No reply reaches the wrong request; nobody waits longer than they said; a request is carried out at most once,
and once if its reply came; what was opened is gone when it was closed.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from junto import sim
from junto.errors import JuntoError
from junto.sim.here import here
from junto.sim.host import Host
from junto.sim.world import World

QUICK = range(50)
MANY = 5000
BLOCK = 500

PATIENCE = 2.0  # seconds of its own time that a caller may wait longer than it said
LOOK = 0.5  # seconds between two looks at who waits
RECOVERY = 150.0  # seconds after the last fault in which all must work again


class Asked:
    """Something that somebody waits for."""

    def __init__(self, host: Host, what: str, timeout: float) -> None:
        self.host = host
        self.boot = host.boot
        self.what = what
        self.timeout = timeout
        self.waited = 0.0  # while its host could have noticed

    def is_lost(self) -> bool:
        """Tell whether the process that asked is no more."""
        return self.host.boot != self.boot or not self.host.alive

    def __repr__(self) -> str:
        return f"<{self.what} of {self.host.name}, for {self.timeout} s, waited {self.waited} s>"


class Promises:
    """The promises in one world, and what its programs note of how they are kept.

    Attributes:
        over: Set when all programs shall come to their end.
        done: How many requests had which outcome.
        carried: How often each request was carried out.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.over = False
        self.done: Counter[str] = Counter()
        self.carried: Counter[int] = Counter()
        self._broken: list[str] = []
        self._waiting: dict[int, Asked] = {}
        self._number = 0
        world.always("nobody waits longer than they said", self._nobody_is_overdue, every=LOOK)
        world.always("every promise is kept", self._all_is_kept, every=LOOK)

    # For programs

    async def until_over(self) -> None:
        """Wait until all programs shall come to their end."""
        while not self.over:  # noqa: ASYNC110  # an event belongs to one host's loop
            await asyncio.sleep(0.5)

    def carry_out(self, number: int) -> int:
        """Carry out a request: what it asks for is its answer."""
        self.carried[number] += 1
        if self.carried[number] > 1:
            self.broken(f"request {number} was carried out {self.carried[number]} times")
        return answer_to(number)

    async def ask(
        self, host: Host, timeout: float, request: Callable[[int], Awaitable[Any]], kind: str = "call"
    ) -> bool:
        """Make a request, and look at its answer.

        Returns:
            Whether there was one.
        """
        self._number = number = self._number + 1
        try:
            answer = await self.within(host, timeout, f"{kind} {number}", request(number))
        except JuntoError as error:
            self.done[type(error).__name__] += 1
            return False
        self.done["answered"] += 1
        if answer != answer_to(number):
            self.broken(f"request {number} got the answer {answer!r}")
        if self.carried[number] != 1:
            self.broken(f"request {number} was answered and carried out {self.carried[number]} times")
        return True

    async def within(self, host: Host, timeout: float, what: str, awaited: Awaitable[Any]) -> Any:
        """Wait for something that must end in time, well or not."""
        self._number = key = self._number + 1
        self._waiting[key] = Asked(host, what, timeout)
        try:
            return await awaited
        finally:
            del self._waiting[key]

    def broken(self, how: str) -> None:
        """Note that a promise was broken."""
        self._broken.append(how)

    # Looks at the world

    def _nobody_is_overdue(self) -> bool:
        for key, asked in list(self._waiting.items()):
            if asked.is_lost():
                del self._waiting[key]
            elif asked.host.running and asked.host.slowness == 1:
                asked.waited += LOOK
                assert asked.waited <= asked.timeout + PATIENCE, f"{asked} waits"
        return True

    def _all_is_kept(self) -> bool:
        assert not self._broken, "; ".join(self._broken)
        return True

    async def come_to_an_end(self, hosts: Iterable[Host], patience: float = 20.0) -> None:
        """Let all programs end, and see that nothing is left of them."""
        self.over = True
        left: dict[str, list[Any]] = {}
        for _ in range(int(patience * 2)):
            await asyncio.sleep(0.5)
            left = {host.name: found for host in hosts if host.alive and (found := left_on(host))}
            if not left:
                break
        assert not left, f"was left: {left}"
        assert not self._waiting, f"still wait: {list(self._waiting.values())}"


def answer_to(number: int) -> Any:
    """Tell what the right answer to a request is."""
    return [number, -number]


def left_on(host: Host) -> list[Any]:
    """List the sockets, or the timers, or the tasks that there are on a host."""
    ends = [end for end in host.stack.endpoints.values() if getattr(end, "listener", None) is None]
    if ends:  # those that only a kernel knows do not count
        return ends
    timers = [timer for _, _, timer in host.loop._timers if not timer.cancelled()]
    return timers or [task for task in asyncio.all_tasks(host.loop) if not task.done()]


def this_host() -> Host:
    """Tell which host's code this is."""
    assert here.host is not None
    return here.host


async def pause(most: float) -> None:
    """Wait for a time that the seed decides."""
    await asyncio.sleep(random.random() * most)


Scenario = Callable[[World], Coroutine[Any, Any, Any]]


def hold(scenario: Scenario, seeds: Iterable[int], faults: sim.Faults, **options: Any) -> Counter[str]:
    """Run a scenario under each of many seeds; fail with the first that breaks a promise.

    Returns:
        How often each thing happened that the runs told of.
    """
    happened: Counter[str] = Counter()
    for seed in seeds:
        outcome = sim.run(scenario, seed, faults=faults, timeout=1000, chunking=0.2, **options)
        if outcome.error is not None:
            outcome.error.add_note(f"{scenario.__name__}, seed {seed}, with the faults\n{outcome.plan}")
            raise outcome.error
        happened.update(outcome.result or {})
    return happened
