"""A simulated computer with one process on it: its lives, its clocks, and what it runs.

The kernel makes a host due; its turn runs what is ready on its loop. While its CPU is busy or it is paused,
input and timers wait. Killing it means that from this instant none of its code runs: what it was doing is
kept, unrun, until the world ends.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from math import inf
from typing import TYPE_CHECKING, Any

from junto.sim.choices import Stream
from junto.sim.clocks import HostClock
from junto.sim.errors import HostDied
from junto.sim.hosted import HostedProgram
from junto.sim.interception import install
from junto.sim.kernel import SECOND, TakesTurns
from junto.sim.loop import HostLoop
from junto.sim.programs import Program
from junto.sim.recording import make_loop
from junto.sim.signals import Signals
from junto.sim.threads.baton import Waiter

if TYPE_CHECKING:
    from junto.sim.simpy_bridge import HostEnvironment
    from junto.sim.trio_hosts import TrioProgram
    from junto.sim.world import World

__all__ = ["ControllingHost", "Host", "Program", "seconds"]

BLOCKED = SECOND // 20  # a turn that takes longer keeps all others of its host waiting
RESTLESS = 1000  # turns


class Host(HostClock, TakesTurns):
    """A simulated computer.

    Attributes:
        name: Its name, also in the world's DNS.
        number: The how-manieth host of the world it is; the controlling one is 0.
        world: The world it is in.
        ip: Its IPv4 address.
        boot: How often it has been started; 0 before.
        alive: Whether its process lives.
        running: Whether it lives and is not paused.
        powered: Whether its network answers at all.
        loop: The event loop of its present life.
        closing: Called at the end of a life, with True for an orderly end of
            the process and False for the silence of a power failure.
        resuming: What to make due when a pause ends, besides the loop.
        slowness: What `slow` was given.
        process: What the process of its present life keeps in memory, by name: its
            generator of random numbers, its counters.
        callback_cost: The least cost of a callback, in nanoseconds.
        signals: What the process does with signals.
        killed_by: The signal that has ended it, if one has.
        programs: What `run` was given.
        stack: Its side of the network.
    """

    def __init__(self, world: World, name: str, ip: str, cpu: float, number: int) -> None:
        super().__init__(world.kernel)
        self.world = world
        self.name = name
        self.ip = ip
        self.number = number
        self.boot = 0
        self.pid = 0
        self.process: dict[str, Any] = {}
        self.alive = self.running = False
        self.powered = True
        self.programs: list[Program] = []
        self.closing: list[Callable[[bool], None]] = []
        self.resuming: list[Callable[[], None]] = []
        self.killed_by = int(signal.SIGKILL)
        self.slowness = 1.0
        self.callback_cost = 1000 / cpu
        self._cpu = cpu
        self.stack = world.net.add(self)
        self._start()

    def __repr__(self) -> str:
        state = "up" if self.running else "paused" if self.alive else "down"
        return f"<host {self.name} {self.ip} {state}>"

    def choices(self, label: str) -> Stream:
        """Find this host's stream of decisions of one kind."""
        return self.world.choices.stream(label, self.name)

    # Programs

    def run(self, main: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Program:
        """Run a coroutine function on this host, now and after each restart.

        Returns:
            The program; ``await program.wait()`` gives its result to the
            controlling program.

        Raises:
            HostDied: The host is down.
        """
        if not self.alive:
            raise HostDied(f"{self.name} is down; restart() it")
        program = Program(self, main, args)
        self.programs.append(program)
        program.start()
        return program

    def program(
        self, main: Callable[[], Any] | str | os.PathLike[str], argv: Iterable[str] = ()
    ) -> HostedProgram:
        """Run a script or a blocking function in a thread of its own, now and after each restart.

        It may do all that a program of its own process may, `asyncio.run` included. Modules that it imports,
        the environment's variables and the standard streams are those of the real process; what it gets of
        its own are its arguments, its module ``__main__``, and signals.

        Args:
            main: The path of a script, with whose end the host's process ends if nothing
                else runs in it; or a function that is called without arguments.
            argv: The arguments, in ``sys.argv`` behind its name.

        Returns:
            The program; ``await program.wait()`` gives what the function returned, or the global variables
            of the script at its end, and ``program.status`` how it ended.

        Raises:
            HostDied: The host is down.
            TypeError: It is a coroutine function, which `run` runs.
        """
        if not self.alive:
            raise HostDied(f"{self.name} is down; restart() it")
        if inspect.iscoroutinefunction(main):
            raise TypeError(f"{main.__qualname__} is a coroutine function: host.run() runs it")
        program = HostedProgram(self, main, tuple(argv))
        self.programs.append(program)
        program.start()
        return program

    def run_trio(self, main: Callable[..., Awaitable[Any]], *args: Any) -> TrioProgram:
        """Run an async function of trio on this host, now and after each restart.

        Returns:
            The program; ``await program.wait()`` gives its result to the
            controlling program.

        Raises:
            HostDied: The host is down.
        """
        from junto.sim.trio_hosts import TrioProgram  # trio is an extra

        install()  # what is replaced in trio, if it was imported only now
        if not self.alive:
            raise HostDied(f"{self.name} is down; restart() it")
        program = TrioProgram(self, main, args)
        self.programs.append(program)
        program.start()
        return program

    def record_error(self, error: BaseException, message: str, program: Program | None = None) -> None:
        """Keep an error that no program took; the run fails with it in the end unless it is expected."""
        self.world.record_error(self, error, message, program)

    def simpy(self, unit: float = 1.0) -> HostEnvironment:
        """Make a SimPy environment on this host, in the world's time.

        Args:
            unit: How many seconds of the world one unit of SimPy's time takes.

        Raises:
            HostDied: The host is down.
        """
        from junto.sim.simpy_bridge import HostEnvironment  # SimPy is an extra

        if not self.alive:
            raise HostDied(f"{self.name} is down; restart() it")
        return HostEnvironment(self, unit)

    # Turns

    def want_turn(self) -> None:
        """Make this due, as early as it can run."""
        if self.running and not self._due and not self.loop.turning:
            if self.clock > self.kernel.now:
                self.wake_at(self.clock)
            else:
                self._due = True
                self.kernel.due.append(self)

    def wake(self, handle: asyncio.Handle) -> None:
        """Run a handle as input in the next turn."""
        self.loop.inputs.append(handle)
        if not self._due:
            self.want_turn()

    def standing(self) -> tuple[str, int, int]:
        return self.name, self.number, 0

    def next_strand(self) -> int:
        """Number what takes turns of its own in the process: threads, environments."""
        number: int = self.process.get("strands", 0) + 1
        self.process["strands"] = number
        return number

    def turn(self) -> int | None:
        """Run what is ready; tell when there will be more."""
        self._due = False
        if not self.running:
            return None
        now = self.kernel.now
        if self.clock > now:  # it was made due, then something blocked it
            return self.clock
        self.clock = now
        timer = self.loop.turn()
        if self.clock - now > BLOCKED:
            self.world.notes.blocked(self, self.clock - now)
        if not self.running:
            return None
        if timer is None:
            return self.clock
        if timer == inf:
            return None
        return max(self.clock, now + 1, self.world_time(timer))

    def block(self, duration: int) -> None:
        """Let the thread that calls it sleep, as ``time.sleep`` does, for nanoseconds of the host's own time.

        On the loop's own thread the loop stands still.
        """
        # Others run, if only for 0.
        Waiter(self, "time.sleep").wait_until(self.monotonic_ns() + max(1, duration))

    def skew(self, seconds: float) -> None:
        """Move the wall clock, forwards or backwards."""
        super().skew(seconds)
        self.world.record(self, "clock", f"moved by {seconds:g} s")

    def drift(self, rate: float) -> None:
        """Let both clocks run `rate` times as fast as the world's; 1 ends it."""
        super().drift(rate)
        self.world.record(self, "clock", f"goes {rate:g} times as fast")
        self.want_turn()
        for strand in self.world.baton.lives:
            if strand.host is self and strand.waiter is not None:
                strand.waiter.aim()

    def slow(self, factor: float) -> None:
        """Let each callback cost `factor` times its usual virtual time; 1 ends it."""
        self.slowness = factor
        self.callback_cost = 1000 * factor / self._cpu

    # Lives

    def kill(self, sig: int = signal.SIGKILL) -> None:
        """End the process at once: none of its code runs any more; its kernel closes its sockets.

        Nothing happens if it is down.

        Args:
            sig: The signal that ends it, for the status of its hosted programs.
        """
        self.killed_by = int(sig)
        self._end(True, "kill")

    def power_off(self) -> None:
        """Switch it off: none of its code runs any more, and its peers learn nothing."""
        self.powered = False
        self._end(False, "kill")
        self.stack.power_off()

    def exit(self) -> None:
        """End the process as a program does that returns from its main function."""
        self._end(True, "kill")

    def restart(self) -> None:
        """Run the same programs again, with an empty memory; kills the process if it lives."""
        self.kill()
        self.powered = True
        programs = self.programs
        self._start()
        for program in programs:
            program.start()

    def pause(self) -> None:
        """Let no code run; input waits in the kernel."""
        if self.running:
            self.running = False
            self.kernel.scheduled += 1  # who goes on without asking asks now
            self.world.record(self, "pause")

    def resume(self) -> None:
        """Go on after `pause`: late timers and waiting input come together."""
        if self.alive and not self.running:
            self.running = True
            self.world.record(self, "resume")
            self.clock = max(self.clock, self.kernel.now)
            resuming, self.resuming = self.resuming, []
            for want_turn in resuming:
                want_turn()
            self.want_turn()

    def stop(self, sig: int = signal.SIGTERM) -> None:
        """Send the process a signal: its handler runs; without one it does what it does to any process.

        SIGINT ends it as `asyncio.run` does, SIGSTOP and SIGCONT pause and resume it, most others kill it.
        """
        if self.alive:
            self.world.record(self, "note", f"gets {signal.Signals(sig).name}")
            self.signals.deliver(sig)

    def forget(self) -> None:
        """Let go of what its process kept in memory; at the end of the run."""
        self.process.clear()
        self.closing.clear()
        self.signals = Signals(self)

    def _start(self) -> None:
        self.boot += 1
        self.process = {}
        self.pid = 1000 + 100 * self.number + self.boot
        self.clock = max(self.clock, self.kernel.now)
        self.loop: HostLoop = make_loop(self)
        self.world.loops.append(self.loop)
        self.alive = self.running = True
        self._wake, self._due = inf, False
        self.closing = []
        self.resuming = []
        self.stack.start()
        self.signals = Signals(self)
        self.world.record(self, "start")

    def _end(self, orderly: bool, kind: str) -> None:
        if not self.alive:
            return
        self.alive = self.running = False
        self.kernel.scheduled += 1
        self.world.record(self, kind)
        self.world.bury(self.loop, self.process, self.signals)
        for close in self.closing:
            close(orderly)
        for program in self.programs:
            program.died()


class ControllingHost(Host):
    """The host of the controlling program, whose code takes no time.

    If it never waits, but looks for something again and again, time has to go on all the same: then each of
    its turns takes what a callback of another host takes.
    """

    _restless = 0  # so many turns it has had without waiting

    def turn(self) -> int | None:
        now = self.kernel.now
        again = super().turn()
        if again != self.clock:
            self._restless = 0
        elif again == now:
            self._restless += 1
            if self._restless > RESTLESS:
                self.clock = again = now + 1000
        return again


def seconds(value: float) -> int:
    """Turn seconds into the world's nanoseconds."""
    return round(value * SECOND)
