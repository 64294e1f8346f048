"""``World(check=True)``: each run is made twice, the first time in a fork of the process.

Both begin in the same state, that in which the world is run, and so must be the same: event by event, in how
they end, and in what is returned. What is left of an earlier run in the process is the same for both; a
search with ``check=True`` compares with a process that has run nothing, and finds that too.
"""

from __future__ import annotations

import marshal
import os
import sys
import warnings
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeVar

from junto.sim.diffing import describe_difference, find_difference
from junto.sim.errors import NotDeterministic, SimError, signature
from junto.sim.stacks import StackedEvents
from junto.sim.trace import Trace

if TYPE_CHECKING:
    from junto.sim.world import World

__all__ = ["NAMES", "refuse_without_fork", "run_twice", "stack_lines", "stacked"]

T = TypeVar("T")

NAMES = ("a forked process", "this one")


def refuse_without_fork() -> None:
    """Refuse to check where there is no way to run the same world twice.

    Raises:
        SimError: This system has no `os.fork`.
    """
    if not hasattr(os, "fork"):
        raise SimError("World: check=True needs os.fork, which is not on this system")


def stacked(trace: Trace | None, seed: int) -> Trace:
    """Have a trace keep who has made each event; make one if there is none."""
    trace = trace or Trace("all", seed=seed)
    trace.events = StackedEvents(trace.events)
    return trace


def run_twice(world: World, run: Callable[[], T]) -> T:
    """Run a world in another process and then here.

    Args:
        world: The world, before it runs; what it records are `StackedEvents`.
        run: Runs it.

    Returns:
        What came of it here; likewise what is raised, if both runs raise the same.

    Raises:
        NotDeterministic: The runs differ; its cause is what was raised here.
        SimError: A program runs in a thread already, which no fork has; or the other process has died.
    """
    if world.baton.lives:
        raise SimError(
            "World: check=True: programs of hosts run in threads already, which a second process would not "
            "have; start them in the controlling program"
        )
    with _Other(world, run) as other:
        there = other.end()
        try:
            result = run()
        except BaseException as error:
            _compare(world, other, there, _end(world, None, error), error)
            raise
        _compare(world, other, there, _end(world, result, None), None)
        return result


def stack_lines(stacks: tuple[list[str], list[str]], names: tuple[str, str]) -> list[str]:
    """Tell in lines who has made an event in two runs; none if nobody has."""
    if not any(stacks):
        return []
    if stacks[0] == stacks[1]:
        return ["it was made by, in both:", *(f"  {line}" for line in stacks[0])]
    lines = []
    for name, stack in zip(names, stacks, strict=True):
        lines += [f"it was made by, in {name}:", *(f"  {line}" for line in stack or ["no program"])]
    return lines


def _end(world: World, result: Any, error: BaseException | None) -> tuple[Any, ...]:
    """Tell of a run what can be compared: its events, its time, how it ended, and what it returned."""
    assert world.trace is not None
    how = "" if error is None else signature(error)
    try:
        returned: bytes | None = marshal.dumps(result, 2)  # of a version that does not look at identity
    except ValueError:  # an object of a class, whose equality would say nothing
        returned = None
    return list(world.trace.events), world.kernel.now, how, returned


def _compare(
    world: World,
    other: _Other,
    there: tuple[Any, ...],
    ours: tuple[Any, ...],
    error: BaseException | None,
) -> None:
    assert world.trace is not None
    one, two = Trace(seed=world.seed), Trace(seed=world.seed)
    one.events, two.events = there[0], ours[0]
    difference = find_difference(one, two)
    if difference is not None:
        events = world.trace.events
        assert isinstance(events, StackedEvents)
        stacks = other.stack(difference.number), events.stack(difference.number)
        lines = [*describe_difference(one, two, NAMES), *stack_lines(stacks, NAMES)]
    elif there[1:] != ours[1:] and not _equal(there[1:], ours[1:]):
        lines = ["the events are the same; " + "; ".join(map(_ending, NAMES, (there, ours)))]
    else:
        return
    raise NotDeterministic("\n".join([f"seed {world.seed} gives two different runs:", *lines])) from error


def _equal(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Tell whether two ends are, also if their results are sets that were filled in another order."""
    if one[:2] != other[:2] or None in (one[2], other[2]):
        return one[:2] == other[:2] and one[2] is other[2]
    return bool(marshal.loads(one[2]) == marshal.loads(other[2]))


def _ending(name: str, end: tuple[Any, ...]) -> str:
    _, now, how, returned = end
    what = f"failed with {how}" if how else "ended"
    if not how and returned is not None:
        what = f"returned {marshal.loads(returned)!r:.200}"
    return f"in {name} it {what} at {now} ns"


class _Other:
    """The other process, which makes the run, tells how it ended, and is asked for one stack."""

    def __init__(self, world: World, run: Callable[[], object]) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # of threads that are no concern of the world's
            self._child = os.fork()
        if not self._child:
            os.close(ours_in)
            os.close(ours_out)
            _live(world, run, os.fdopen(theirs_in, "rb"), os.fdopen(theirs_out, "wb"))
        os.close(theirs_in)
        os.close(theirs_out)
        self._questions = os.fdopen(ours_out, "wb")
        self._answers = os.fdopen(ours_in, "rb")
        self._status: int | None = None

    def __enter__(self) -> _Other:
        return self

    def __exit__(self, *error: object) -> None:
        self._questions.close()  # it ends when there are no more
        self._answers.close()
        self._wait()

    def end(self) -> tuple[Any, ...]:
        """Wait for the end of its run.

        Raises:
            SimError: It has died.
        """
        end: tuple[Any, ...] = self._receive()
        return end

    def stack(self, number: int) -> list[str]:
        """Ask who has made an event there."""
        self._questions.write(number.to_bytes(8, "little"))
        self._questions.flush()
        stack: list[str] = self._receive()
        return stack

    def _receive(self) -> Any:
        try:
            return marshal.load(self._answers)
        except EOFError:
            code = os.waitstatus_to_exitcode(self._wait())
            raise SimError(f"World: check=True: the forked process ended with {code}") from None

    def _wait(self) -> int:
        if self._status is None:
            _, self._status = os.waitpid(self._child, 0)
        return self._status


_ballast: list[object] = []


def _live(world: World, run: Callable[[], object], questions: IO[bytes], answers: IO[bytes]) -> NoReturn:
    """Be the other process."""
    status = 1
    try:
        _be_silent()
        # A fork has the same free memory: what depends on addresses would not be found.
        for number in range(300):
            _ballast.extend((object(), float(number), *(bytes(size) for size in range(1, 480, 16))))
        result, error = None, None
        try:
            result = run()
        except BaseException as failure:
            error = failure
        marshal.dump(_end(world, result, error), answers)
        answers.flush()
        question = questions.read(8)
        if question:
            assert world.trace is not None
            events = world.trace.events
            assert isinstance(events, StackedEvents)
            marshal.dump(events.stack(int.from_bytes(question, "little")), answers)
            answers.flush()
        status = 0
    finally:
        os._exit(status)


def _be_silent() -> None:
    """Let nothing be seen of what is printed: the run here prints it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(nowhere, number)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # until it exits
