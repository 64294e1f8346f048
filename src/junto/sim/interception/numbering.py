"""Tasks and futures whose hash is a number, and what asyncio keeps in sets by their address.

Sets of them are then walked in the same order in each run, in the order of their making as long as the
numbers do not wrap around the table of the set. Each loop has its own numbers: what is made on one host must
not change the order on another.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import weakref
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from contextvars import Context
from itertools import count
from typing import Any, TypeVar

from junto.sim.here import here
from junto.sim.interception.installing import replaces

__all__ = [
    "NumberedFuture",
    "NumberedTask",
    "NumberingLoop",
    "OrderedWeakSet",
    "forget_tasks",
    "make_task",
    "numbers_of",
    "task_factory",
    "tasks_by_loop",
]

T = TypeVar("T")


class _Numbers:
    """The counters of one loop.

    Attributes:
        hash: Draws the next number of a task or future.
        task: Draws the next number in a task's name.
    """

    __slots__ = ("hash", "task")

    def __init__(self, host: int) -> None:
        # The tasks of all hosts are in one set of asyncio's, and must not all have the same numbers there.
        # What is above the twentieth bit has no part in the order of a set of less than a million.
        self.hash = count(host << 20).__next__
        self.task = count(1).__next__


def numbers_of(loop: asyncio.AbstractEventLoop) -> _Numbers:
    """Find the counters of a loop, of any class that is written in Python."""
    attributes: dict[str, Any] = loop.__dict__
    numbers: _Numbers | None = attributes.get("junto_numbers")
    if numbers is None:
        host = getattr(loop, "host", here.host)
        numbers = attributes["junto_numbers"] = _Numbers(0 if host is None else host.number)
    return numbers


# Where asyncio keeps all tasks of all loops, since 3.12 without those that began eagerly.
_registered: Iterable[asyncio.Task[Any]] = vars(asyncio.tasks)[
    "_all_tasks" if sys.version_info < (3, 12) else "_scheduled_tasks"
]
_eager: Iterable[asyncio.Task[Any]] = vars(asyncio.tasks).get("_eager_tasks", ())


def tasks_by_loop() -> dict[asyncio.AbstractEventLoop, set[asyncio.Task[Any]]]:
    """Find the tasks that are not done, by one walk for all loops; `asyncio.all_tasks` makes one for each."""
    found: dict[asyncio.AbstractEventLoop, set[asyncio.Task[Any]]] = {}
    for task in [*_registered, *_eager]:
        if not task.done():
            found.setdefault(task.get_loop(), set()).add(task)
    return found


def forget_tasks(loops: Iterable[asyncio.AbstractEventLoop]) -> None:
    """Have asyncio's own set of all tasks forget those of loops that are over, finished or not.

    Until the collector finds them they stood in the way of tasks of later runs, which have the same numbers.
    """
    over = set(loops)
    for task in list(_registered):
        if task.get_loop() in over:
            asyncio.tasks._unregister_task(task)


class NumberedTask(asyncio.Task[T]):
    """A task whose hash counts from the start of its loop."""

    __slots__ = ("number",)

    def __hash__(self) -> int:
        try:
            return self.number
        except AttributeError:
            self.number: int = numbers_of(self.get_loop()).hash()
            return self.number

    def set_name(self, value: object, /) -> None:
        """Take a name; none is no reason to give up the one it has, as asyncio 3.13.0 asks of it."""
        if value is not None:
            super().set_name(value)


class NumberedFuture(asyncio.Future[T]):
    """A future whose hash counts from the start of its loop, from the first time that it is asked for."""

    __slots__ = ("number",)

    def __hash__(self) -> int:
        try:
            return self.number
        except AttributeError:
            self.number: int = numbers_of(self.get_loop()).hash()
            return self.number


# What programs see of them in texts, such as "Task exception was never retrieved".
NumberedTask.__name__, NumberedFuture.__name__ = "Task", "Future"

_new_task: Any = asyncio.Task.__new__
_init_task: Any = asyncio.Task.__init__


def make_task(
    coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
    *,
    loop: asyncio.AbstractEventLoop,
    name: object = None,
    **options: Any,
) -> asyncio.Task[T]:
    """Make a task whose hash, and whose name without another one, count from the start of its loop."""
    # In two steps, and without an `__init__` in Python: asyncio asks for the hash while it is made.
    task: NumberedTask[T] = _new_task(NumberedTask)
    numbers = numbers_of(loop)
    task.number = numbers.hash()
    if name is None:
        name = f"Task-{numbers.task()}"
    _init_task(task, coro, loop=loop, name=name, **options)
    return task


def task_factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
    """Make a numbered task: for ``loop.set_task_factory`` of a loop that is no `NumberingLoop`."""
    return make_task(coro, loop=loop, **options)


class NumberingLoop(asyncio.BaseEventLoop):
    """An event loop that makes `NumberedTask` and `NumberedFuture`, and names its tasks itself.

    Its asynchronous generators are closed in the order of their making.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asyncgens: OrderedWeakSet = OrderedWeakSet()

    def create_future(self) -> asyncio.Future[Any]:
        """Make a future of this loop."""
        return NumberedFuture(loop=self)

    def create_task(
        self,
        coro: Any,
        *,
        name: object = None,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[Any]:
        """Run a coroutine in a task of this loop; a factory, if one is set, makes the task."""
        if self.get_task_factory() is not None:
            return super().create_task(coro, name=name, context=context, **options)
        self._check_closed()  # type: ignore[attr-defined]  # asyncio's
        return make_task(coro, loop=self, name=name, context=context, **options)


_create_task: Any = asyncio.BaseEventLoop.create_task
_create_future: Any = asyncio.BaseEventLoop.create_future


@replaces("asyncio.base_events", "BaseEventLoop.create_task")
def create_task(self: Any, coro: Any, **options: Any) -> asyncio.Task[Any]:
    """Run a coroutine in a task; that of a loop that a hosted program has made is numbered, too."""
    if here.host is None or self.get_task_factory() is not None:
        task: asyncio.Task[Any] = _create_task(self, coro, **options)
        return task
    self._check_closed()
    return make_task(coro, loop=self, **options)


@replaces("asyncio.base_events", "BaseEventLoop.create_future")
def create_future(self: Any) -> asyncio.Future[Any]:
    """Make a future; that of a loop that a hosted program has made is numbered, too."""
    if here.host is None:
        future: asyncio.Future[Any] = _create_future(self)
        return future
    return NumberedFuture(loop=self)


class OrderedWeakSet:
    """What a loop does with its set of asynchronous generators, in the order in which they came."""

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[Any]] = {}

    def add(self, item: Any) -> None:
        key = id(item)

        def forget(_: object) -> None:
            self._references.pop(key, None)

        if key not in self._references:
            self._references[key] = weakref.ref(item, forget)

    def discard(self, item: Any) -> None:
        self._references.pop(id(item), None)

    def clear(self) -> None:
        self._references.clear()

    def __len__(self) -> int:
        return len(self._references)

    def __iter__(self) -> Iterator[Any]:
        for reference in list(self._references.values()):
            item = reference()
            if item is not None:
                yield item


_as_completed: Callable[..., Any] = asyncio.as_completed


def _in_order(awaitables: Any, timeout: float | None) -> Any:
    loop = asyncio.get_running_loop()
    # Each once, as it does itself; but it makes the tasks in the order of the addresses of the coroutines.
    tasks = [asyncio.ensure_future(each, loop=loop) for each in dict.fromkeys(awaitables)]
    return _as_completed(tasks, timeout=timeout)


def _in_order_when_begun(awaitables: Any, timeout: float | None) -> Iterator[Any]:
    yield from _in_order(awaitables, timeout)


# Up to Python 3.12 it is a generator, which does nothing before it is asked for the first.
_begin = _in_order_when_begun if inspect.isgeneratorfunction(_as_completed) else _in_order


@replaces("asyncio.tasks", "as_completed")
def as_completed(fs: Iterable[Any], *, timeout: float | None = None) -> Any:
    """Return an iterator over awaitables as they complete; on a host, begin them in their order."""
    if here.host is None or asyncio.isfuture(fs) or asyncio.iscoroutine(fs):
        return _as_completed(fs, timeout=timeout)
    return _begin(fs, timeout)


if sys.version_info >= (3, 12):
    _stock_eager: Any = asyncio.eager_task_factory
    _numbered_eager: Any = asyncio.create_eager_task_factory(make_task)

    @replaces("asyncio.tasks", "eager_task_factory")
    def eager_task_factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        """Make a task that takes its first step at once."""
        return (_stock_eager if here.host is None else _numbered_eager)(loop, coro, **options)
