from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, cast

import pytest

from junto.sim.interception import NumberingLoop, task_factory
from junto.sim.interception.numbering import NumberedTask, OrderedWeakSet

from .fake_host import FakeHost, on


class Loop(NumberingLoop, asyncio.SelectorEventLoop):
    """A real loop that numbers."""


class StockLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self.set_task_factory(task_factory)


Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(params=[Loop, StockLoop])
def run(request: pytest.FixtureRequest) -> Run:
    def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        loop = request.param()
        try:
            return loop.run_until_complete(main())
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    return run


async def nothing() -> None:
    pass


def test_tasks_are_named_and_hashed_by_number_on_each_loop(run: Run) -> None:
    async def main() -> list[tuple[str, int]]:
        tasks = [asyncio.create_task(nothing()) for _ in range(3)]
        named = asyncio.create_task(nothing(), name="mine")
        await asyncio.wait([*tasks, named])
        assert named.get_name() == "mine"
        return [(task.get_name(), hash(task)) for task in tasks]

    first = run(main)
    assert [name for name, _ in first] == ["Task-2", "Task-3", "Task-4"]
    assert run(main) == first


def test_sets_of_tasks_are_walked_in_the_order_of_their_making(run: Run) -> None:
    async def main() -> None:
        kept = []
        tasks = []
        for _ in range(20):
            kept.append(bytearray(100))  # so that addresses would not be in order
            tasks.append(asyncio.create_task(nothing()))
        done, _ = await asyncio.wait(reversed(tasks))
        assert sorted(done, key=hash) == tasks
        assert list(done) in (
            sorted(done, key=hash),
            [*tasks[-k:], *tasks[:-k]] if (k := list(done).index(tasks[0])) else tasks,
        )

    run(main)


def test_a_task_is_one_of_asyncio(run: Run) -> None:
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(0, "result"))
        assert isinstance(task, asyncio.Task)
        assert isinstance(task, NumberedTask)
        assert task in asyncio.all_tasks()
        assert task in {task}
        assert "Task-2" in repr(task)
        assert await task == "result"
        with pytest.raises(TypeError):
            asyncio.get_running_loop().create_task(cast(Any, 3))

    run(main)


def test_a_user_s_task_factory_is_asked() -> None:
    made: list[asyncio.Task[Any]] = []

    def factory(loop: Any, coro: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(asyncio.Task(coro, loop=loop, **options))
        return made[-1]

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        task = asyncio.create_task(nothing())
        await task
        assert made == [task]
        asyncio.get_running_loop().set_task_factory(None)
        assert isinstance(asyncio.create_task(nothing()), NumberedTask)

    loop = Loop()
    loop.run_until_complete(main())
    loop.close()


def test_futures_hash_by_number_from_when_it_matters() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(5)]
        found = [hash(future) for future in reversed(futures)]
        assert found == [hash(future) for future in reversed(futures)]
        assert len(set(found)) == 5
        futures[0].set_result(3)
        assert await futures[0] == 3
        return found

    hashes = []
    for _ in range(2):
        loop = Loop()
        hashes.append(loop.run_until_complete(main()))
        loop.close()
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("times", range(3))
def test_as_completed_begins_in_the_order_of_its_arguments(run: Run, times: int) -> None:
    async def main() -> None:
        begun: list[int] = []

        async def one(number: int) -> int:
            begun.append(number)
            await asyncio.sleep(0)
            return number

        with on(FakeHost()):
            results = [await each for each in asyncio.as_completed([one(number) for number in range(20)])]
        assert begun == results == list(range(20))

    run(main)


def test_as_completed_is_asyncio_s_in_all_else(run: Run) -> None:
    async def main() -> None:
        waits = [asyncio.create_task(asyncio.sleep(30))]
        with on(FakeHost()):  # whose time stands still: nothing may wait in here
            completed = asyncio.as_completed(waits * 2, timeout=0.01)
            nothing_to_do: Any = asyncio.as_completed([])
            with pytest.raises(TypeError):
                list(asyncio.as_completed(cast(Any, waits[0])))
        with pytest.raises(TimeoutError):
            for each in completed:
                await each
        waits[0].cancel()
        assert not list(nothing_to_do)

    run(main)


def test_asynchronous_generators_are_closed_in_the_order_of_their_making() -> None:
    closed: list[int] = []

    async def numbers(name: int) -> AsyncIterator[int]:
        try:
            yield name
            yield name
        finally:
            closed.append(name)

    async def main() -> list[Any]:
        generators: list[Any] = [numbers(name) for name in range(20)]
        for generator in generators:
            await anext(generator)
        return generators

    loop = Loop()
    kept = loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    assert closed == list(range(20))
    assert len(kept) == 20


def test_an_ordered_weak_set_holds_nothing() -> None:
    class Thing:
        pass

    things = [Thing() for _ in range(5)]
    ordered = OrderedWeakSet()
    for thing in things:
        ordered.add(thing)
        ordered.add(thing)
    ordered.discard(things[1])
    ordered.discard(things[1])
    assert list(ordered) == [things[0], *things[2:]]
    del thing, things[2:]
    gc.collect()
    assert list(ordered) == [things[0]]
    assert len(ordered) == 1
    ordered.clear()
    assert len(ordered) == 0
