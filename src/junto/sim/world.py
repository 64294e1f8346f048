"""One simulated universe: its hosts, its time, and the program that controls it.

    world = World(seed=7)
    server, client = world.hosts("server", "client")
    server.run(serve)
    client.run(ask, "server")
    world.run(watch)            # watch(world) is a coroutine function; the run ends with it

The controlling program runs on a host of its own, called "world", whose clocks are the world's and whose
callbacks cost nothing.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from asyncio import events
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from junto.sim.choices import Choices
from junto.sim.errors import SimDeadlock, SimTimeout, UnclaimedError
from junto.sim.host import Host, Program, seconds
from junto.sim.kernel import SECOND, Kernel
from junto.sim.loop import HostLoop, in_order_of_making
from junto.sim.threads.baton import Baton

__all__ = ["EPOCH", "World"]

T = TypeVar("T")

EPOCH = 1_800_000_000
DAY = 86_400


class World:
    """One simulated universe.

    Args:
        seed: What all its decisions follow from.
        epoch: What the hosts' wall clocks show at the start, in seconds since 1970.
        monotonic_start: What their monotonic clocks show at the start, in
            seconds; None for another value on each, drawn from the seed.
        neutral: Decisions that are not taken, as `Choices` knows them.
        trace: What records events, or None.

    Attributes:
        kernel: The heap of events and the time.
        choices: Its decisions.
        control: The host of the controlling program.
        errors: What failed on hosts and was taken by nobody.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        epoch: float = EPOCH,
        monotonic_start: float | None = None,
        neutral: Iterable[tuple[str, str]] = (),
        trace: Any = None,
    ) -> None:
        self.seed = seed
        self.choices = Choices(seed, neutral)
        self.kernel = Kernel(self.choices.stream("tie", "world"))
        self.trace = trace
        self.baton = Baton(self.kernel, self._entering, self._ending)
        self.errors: list[Failure] = []
        self.loops: list[HostLoop] = []
        self._hosts: dict[str, Host] = {}
        self._left: list[str] = []
        self._graves: list[tuple[HostLoop, set[asyncio.Task[Any]]]] = []
        self._expected: list[tuple[Host | None, type[BaseException]]] = []
        self._epoch = seconds(epoch)
        self._monotonic_start = monotonic_start
        self.control = self._add("world", "10.255.255.254", 1.0)
        self.control.callback_cost = 0
        self.control.set_clocks(0, self._epoch)

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
            start = host.choices("clock").uniform(1000, 100 * DAY)
        host.set_clocks(seconds(start), self._epoch + self.kernel.now)
        return host

    def hosts(self, *names: str) -> list[Host]:
        """Add several hosts, or find them; without names, all there are."""
        if names:
            return [self.host(name) for name in names]
        return [host for host in self._hosts.values() if host is not self.control]

    def host_number(self, host: Host) -> int:
        """Tell the how-manieth host this is; the controlling one is 0."""
        for number, name in enumerate(self._hosts):
            if name == host.name:
                return number
        return len(self._hosts)

    def _add(self, name: str, ip: str, cpu: float) -> Host:
        host = Host(self, name, ip, cpu)
        self._hosts[name] = host
        return host

    # Time

    @property
    def now(self) -> float:
        """The world's time in seconds."""
        return self.kernel.now / SECOND

    async def sleep(self, duration: float) -> None:
        """Let the world go on for some seconds; for the controlling program."""
        await asyncio.sleep(duration)

    def run(self, main: Callable[..., Coroutine[Any, Any, T]], *args: Any, timeout: float | None = None) -> T:
        """Run the controlling program, and the world until it ends.

        Args:
            main: A coroutine function.
            *args: What it is given.
            timeout: How much virtual time it may take, in seconds.

        Returns:
            What it returned.

        Raises:
            SimDeadlock: Nothing could happen any more before it ended.
            SimTimeout: The time was over.
            UnclaimedError: A program failed on a host, and nobody waited for it or expected it.
            BaseException: What it raised itself.
        """
        kernel = self.kernel
        with _no_collector():
            try:
                task: asyncio.Task[T] = self.control.loop.create_task(main(*args))
                task.add_done_callback(self._stop)
                until = None if timeout is None else kernel.now + seconds(timeout)
                going = self.baton.run(until)
                if not task.done():
                    if going:
                        raise SimTimeout(timeout or 0, self._left)
                    raise SimDeadlock(self._left)
                result = task.result()
                self._raise_unclaimed()
                return result
            finally:
                self.finish()

    def _entering(self) -> None:
        """Prepare a thread in which the kernel is about to run."""
        sys.set_asyncgen_hooks(_asyncgen_begins, _asyncgen_ends)

    def _ending(self) -> None:
        """Keep what everybody waits for, as long as they do."""
        self._left = self.waiting()

    def _stop(self, _: object) -> None:
        self.kernel.stopping = True

    def waiting(self) -> list[str]:
        """Tell for each task of each living host what it waits for."""
        tasks = [
            f"{host.name}: {task.get_name()} {_place(task)}"
            for host in self._hosts.values()
            if host.alive
            for task in in_order_of_making(asyncio.all_tasks(host.loop))
        ]
        return tasks + [
            f"{strand.host.name}: {strand.name} waits for {strand.waiter.on}"
            for strand in self.baton.lives
            if strand.waiter is not None and strand.host.alive
        ]

    def finish(self) -> None:
        """Close what the programs have left; nothing happens in this world any more."""
        level = logging.root.manager.disable
        logging.disable()  # what is broken off now complains, and nobody has to know
        try:
            self.baton.finish()
            for loop in self.loops:
                loop.finish()
        finally:
            logging.disable(level)
        self._graves.clear()

    def bury(self, loop: HostLoop) -> None:
        """Keep what a dead process was doing, so that it is not finalized before the end of the run."""
        self._graves.append((loop, asyncio.all_tasks(loop)))

    # What goes wrong

    def record_error(self, host: Host, error: BaseException, message: str, program: Program | None) -> None:
        """Keep an error that no program took."""
        self.record(host, "error", f"{type(error).__name__}: {error}")
        self.errors.append(Failure(host, self.kernel.now, error, message, program))

    def claim(self, program: Program) -> None:
        """Take a program's error as somebody's who waited for it."""
        self.errors = [failure for failure in self.errors if failure.program is not program]

    def expect_error(self, host: Host | None, kind: type[BaseException]) -> None:
        """Say that programs of a host, or of any, may fail with errors of a class."""
        self._expected.append((host, kind))

    def _raise_unclaimed(self) -> None:
        left = [
            failure
            for failure in self.errors
            if not any(
                (host is None or host is failure.host) and isinstance(failure.error, kind)
                for host, kind in self._expected
            )
        ]
        if left:
            raise UnclaimedError([str(failure) for failure in left]) from left[0].error

    def record(self, host: Host, kind: str, detail: str | None = None) -> None:
        """Add an event of a host to the trace, if there is one."""
        if self.trace is not None:
            self.trace.events.append((host.now(), host.name, kind, None, None, None, None, detail))


class Failure:
    """An error that no program took, with its place and time."""

    def __init__(
        self, host: Host, when: int, error: BaseException, message: str, program: Program | None
    ) -> None:
        self.host = host
        self.when = when
        self.error = error
        self.message = message
        self.program = program

    def __str__(self) -> str:
        return (
            f"{self.host.name} at {self.when / SECOND:.6f} s: {self.message}: "
            f"{type(self.error).__name__}: {self.error}"
        )


def _place(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack()
    if not frames:
        return "is about to run"
    frame = frames[-1]
    return f"waits in {frame.f_code.co_qualname}, {frame.f_code.co_filename}:{frame.f_lineno}"


def _asyncgen_begins(generator: AsyncGenerator[Any, Any]) -> None:
    asyncio.get_running_loop()._asyncgen_firstiter_hook(generator)  # type: ignore[attr-defined]


def _asyncgen_ends(generator: AsyncGenerator[Any, Any]) -> None:
    """Leave an abandoned generator to its loop, if it has one that still runs."""
    loop = events._get_running_loop()
    if loop is not None:
        loop._asyncgen_finalizer_hook(generator)  # type: ignore[attr-defined]


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep the garbage collector from ending what only weak references hold, in the middle of a run."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
