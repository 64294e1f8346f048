"""One simulated universe: its hosts, its time, and the program that controls it.

    world = World(seed=7)
    server, client = world.hosts("server", "client")
    server.run(serve)
    client.run(ask, "server")
    world.run(watch)            # watch() is a coroutine function; the run ends with it

The controlling program runs on a host of its own, called "world", whose clocks are the world's and whose
callbacks cost nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Literal, TypeVar

from junto.sim.asyncgens import hand_over, hooks_restored
from junto.sim.checking import refuse_without_fork, run_twice, stacked
from junto.sim.choices import Choices, Neutral
from junto.sim.claims import Claims, Failure
from junto.sim.course import Course
from junto.sim.errors import SimDeadlock, SimTimeout
from junto.sim.faults import Faults
from junto.sim.host import ControllingHost, Host, Program, seconds
from junto.sim.injecting import Injector
from junto.sim.kernel import SECOND, Kernel
from junto.sim.loop import HostLoop, make_running
from junto.sim.network import Conditions, Network
from junto.sim.network.latency import Latency
from junto.sim.network.names import Names
from junto.sim.notes import Notes
from junto.sim.oracles import Oracle, Oracles
from junto.sim.plans import Fault, Plan
from junto.sim.threads.baton import Baton
from junto.sim.trace import Level, Trace, make_trace
from junto.sim.watchdog import watched
from junto.sim.whereabouts import of_world

__all__ = ["EPOCH", "World"]

T = TypeVar("T")

EPOCH = 1_800_000_000
DAY = 86_400
DURATION = 30.0  # seconds that a run is taken to last if nothing tells it


class World(Course):
    """One simulated universe.

    Args:
        seed: What all its decisions follow from.
        epoch: What the hosts' wall clocks show at the start, in seconds since 1970.
        monotonic_start: What their monotonic clocks show at the start, in
            seconds; None for another value on each, drawn from the seed.
        neutral: Decisions that are not taken, as `Choices` knows them.
        patience: For how many real seconds a callback may run; None for ever.
        trace: How much of what happens is recorded, or what records it.
        latency: How long a packet is under way between two hosts; see `Conditions`.
        chunking: The probability that a piece of a stream is cut.
        ipv6: Whether hosts have IPv6 addresses too.
        coincidence: The probability that this run draws arrivals together.
        mode: ``natural`` for what the standard loop can do; ``adversarial`` to
            run tasks that are ready together in any order, as other loops may.
        audit: Whether to find, at the price of time, calls that bypass the simulation.
        check: Whether `run` makes the run twice, the first time in a fork of the process.

    Attributes:
        kernel: The heap of events and the time.
        choices: Its decisions.
        net: The network between its hosts.
        control: The host of the controlling program.
        claims: What failed on hosts, and whether somebody claims it.
        oracles: The properties that must hold.
        injector: What carries out plans of faults.
        notes: Remarks, of programs and of what looks suspicious.
        findings: The calls that bypassed the simulation, if it was audited.
        reached: How often each point was reached, by name.
        begins: Called after the first step of the controlling program, as its code.
        horizon: Until when the controlling program sleeps at most, as far as
            it has said, in nanoseconds.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        epoch: float = EPOCH,
        monotonic_start: float | None = None,
        neutral: Iterable[Neutral] = (),
        patience: float | None = 10.0,
        trace: Level | Trace | None = None,
        latency: Latency = (0.0005, 0.0015),
        chunking: float = 0.0,
        ipv6: bool = False,
        coincidence: float = 0.0,
        mode: Literal["natural", "adversarial"] = "natural",
        audit: bool = False,
        check: bool = False,
    ) -> None:
        super().__init__(audit=audit, epoch=seconds(epoch), patience=patience)
        self.seed = seed
        self.choices = Choices(seed, neutral, lambda: self.kernel.now)
        self.kernel = Kernel(self.choices)
        self.trace = make_trace(trace, seed=seed) if isinstance(trace, str) else trace
        self._check = check
        if check:
            refuse_without_fork()
            self.trace = stacked(self.trace, seed)
        self.baton = Baton(self.kernel, hand_over, self._ending)
        self.mode = mode
        self.claims = Claims()
        self.notes = Notes(self)
        self.reached: dict[str, int] = {}
        self.begins: list[Callable[[], object]] = []
        conditions = Conditions(latency=latency, chunking=chunking)
        self.net = Network(self, conditions, ipv6=ipv6, coincidence=coincidence)
        self.loops: list[HostLoop] = []
        self.hosted_loops: list[asyncio.AbstractEventLoop] = []
        self.horizon = 0
        self._left: list[str] = []
        self._controlling: asyncio.Task[Any] | None = None
        self._monotonic_start = monotonic_start
        self.control = self._hosts["world"] = ControllingHost(self, "world", "10.255.255.254", 1.0, 0)
        self.control.callback_cost = 0
        self.control.set_clocks(0, self._epoch)
        self.oracles = Oracles(self)
        self.injector = Injector(self)

    # Hosts

    def host(self, name: str, ip: str | None = None, cpu: float = 1.0) -> Host:
        """Add a host, or find the one of this name.

        Args:
            name: Its name, also in DNS.
            ip: Its IPv4 address; None for the next of 10.0.0.0/8.
            cpu: How fast it computes, relative to others.
        """
        found = self._hosts.get(name)
        if found is not None:
            return found
        number = len(self._hosts)
        host = self._add(name, ip or f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", cpu)
        start = self._monotonic_start
        if start is None:  # a value that differs, so that times of two hosts cannot be compared unnoticed
            start = self.choices.once("clock", name).uniform(1000, 100 * DAY)
        host.set_clocks(seconds(start), self._epoch + self.kernel.now)
        return host

    def hosts(self, *names: str) -> list[Host]:
        """Add several hosts, or find them; without names, all there are."""
        if names:
            return [self.host(name) for name in names]
        return [host for host in self._hosts.values() if host is not self.control]

    def find(self, name: str) -> Host | None:
        """Find a host by its name, or None if there is none."""
        return self._hosts.get(name)

    def _add(self, name: str, ip: str, cpu: float) -> Host:
        host = Host(self, name, ip, cpu, len(self._hosts))
        self._hosts[name] = host
        return host

    @property
    def dns(self) -> Names:
        """What names mean, besides those of the hosts."""
        return self.net.dns

    # Time

    @property
    def now(self) -> float:
        """The world's time in seconds."""
        return self.kernel.now / SECOND

    async def sleep(self, duration: float) -> None:
        """Let the world go on for some seconds; for the controlling program."""
        self.horizon = max(self.horizon, self.kernel.now + seconds(duration))
        await asyncio.sleep(duration)

    def run(self, main: Callable[..., Coroutine[Any, Any, T]], *args: Any, timeout: float | None = None) -> T:
        """Run the controlling program, and the world until it ends.

        At the end the oracles are asked first, while all stands as it did; then what the programs have left
        is closed.

        Args:
            main: A coroutine function.
            *args: What it is given.
            timeout: How much virtual time it may take, in seconds.

        Returns:
            What it returned.

        Raises:
            SimDeadlock: Nothing could happen any more before it ended.
            SimTimeout: The time was over.
            SimStuck: A callback did not return in real time.
            OracleFailed: A property did not hold.
            UnclaimedError: A program failed on a host, and nobody waited for it or expected it.
            NotDeterministic: With ``check=True``, the run is another one when it is made again.
            BaseException: What it raised itself.
        """
        if self._check:
            self._check = False
            return run_twice(self, lambda: self.run(main, *args, timeout=timeout))
        with hooks_restored(), self._borrow(), watched(self, self._patience):
            try:
                return self._run(main, args, timeout)
            except BaseException as error:
                self.claims.annotate(error)
                raise
            finally:
                self.notes.at_end()
                make_running(None)
                self.finish()

    def _run(
        self, main: Callable[..., Coroutine[Any, Any, T]], args: tuple[Any, ...], timeout: float | None
    ) -> T:
        kernel = self.kernel
        loop = self.control.loop
        task: asyncio.Task[T] = loop.create_task(main(*args))
        self._controlling = task
        task.add_done_callback(self._stop)
        for begin in self.begins:
            loop.call_soon(begin)
        until = None if timeout is None else kernel.now + seconds(timeout)
        going = self.baton.run(until)
        if not task.done():
            if going:
                raise SimTimeout(timeout or 0, self._left)
            raise SimDeadlock(self._left)
        result = task.result()
        self._judge()
        return result

    def _ending(self) -> None:
        """Keep what everybody waits for, as long as they do, if it is of interest."""
        if self._controlling is not None and not self._controlling.done():
            self._left = self.waiting()

    def _stop(self, _: object) -> None:
        self.kernel.stopping = True

    def waiting(self) -> list[str]:
        """Tell for each task and thread of each living host what it waits for."""
        return of_world(self._hosts.values(), self.baton)

    # What must hold

    def always(self, name: str, holds: Callable[[], object], *, every: float = 0) -> Oracle:
        """Fail at the first turn after which a property does not hold.

        Args:
            name: What it is called in reports.
            holds: Tells whether it holds, and may say with an `AssertionError` why
                not; it reads the world and changes nothing.
            every: Seconds between two checks, instead of one after each turn.
        """
        return self.oracles.add("always", name, holds, every=every)

    def never(self, name: str, happens: Callable[[], object], *, every: float = 0) -> Oracle:
        """Fail at the first turn after which something is the case."""
        return self.oracles.add("never", name, happens, every=every)

    def eventually(self, name: str, holds: Callable[[], object], within: float | None = None) -> Oracle:
        """Fail unless a property holds once, within seconds from now or before the run ends."""
        return self.oracles.add("eventually", name, holds, within=within)

    def stable(self, name: str, holds: Callable[[], object], *, every: float = 0) -> Oracle:
        """Fail at the first turn after which a property that has held does not hold any more."""
        return self.oracles.add("stable", name, holds, every=every)

    # What goes wrong

    def prepare(self, faults: Faults | None, plan: Plan | None, timeout: float | None) -> None:
        """Have faults happen from the first step of the controlling program on, when its hosts are there."""

        def begin() -> None:
            if plan is not None:
                self.injector.schedule(plan)
            elif faults is not None:
                self.inject(faults, timeout)

        self.begins.append(begin)

    def inject(self, faults: Faults | Plan | str | Iterable[Fault], timeout: float | None = None) -> Plan:
        """Let faults happen, from now on.

        Args:
            faults: A plan, as it is or as text; or what may happen, from which the seed draws one for the
                hosts that there are now.
            timeout: How long the run takes, if the faults do not say it and
                the controlling program does not sleep; in seconds.

        Returns:
            The plan.
        """
        if isinstance(faults, Faults):
            duration = faults.duration or self.horizon / SECOND or timeout or DURATION
            plan = faults.plan(self.choices, [host.name for host in self.hosts()], duration)
        else:
            plan = Plan.of(faults)
        if not self.injector.complete:
            self.injector.schedule(plan)
        return plan

    def swarm(self, duration: float | None = None, **limits: Any) -> Plan:
        """Let some kinds of faults happen, as the seed has it, more or less often.

        Args:
            duration: How long the run takes, in seconds.
            **limits: The attributes of `Faults`.
        """
        return self.inject(Faults.swarming(duration=duration, **limits))

    def record_error(self, host: Host, error: BaseException, message: str, program: Program | None) -> None:
        """Keep an error that no program took."""
        self.record(host, "error", f"{type(error).__name__}: {error}")
        self.claims.add(Failure(host, self.kernel.now, error, message, program))

    def expect_error(
        self, host: Host | None, kind: type[BaseException] | tuple[type[BaseException], ...]
    ) -> None:
        """Say that programs of a host, or of any, may fail with errors of a class."""
        self.claims.expect(host, kind)

    def note(self, text: str, host: Host | None = None) -> None:
        """Write a remark into the trace and the notes of the run."""
        self.notes.add(host or self.control, text)

    def record(self, host: Host, kind: str, detail: str | None = None) -> None:
        """Add an event of a host to the trace, if there is one."""
        if self.trace is not None:
            self.trace.events.append((host.now(), host.name, kind, None, None, None, None, detail))
