"""How agents begin and end, what they do beside answering, and how they find one another."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from junto import expose
from junto.agents.agent import Agent
from junto.agents.container import open_container
from junto.agents.directory import CHANGES, Directory
from junto.agents.settings import make_settings
from junto.agents.supervision import Failure, Restart
from junto.clock import ExternalClock
from junto.errors import ConnectionLost, LocalProtocolError, RemoteError

from .agents import Echo, home
from .layers import until
from .worlds import in_real_time, sleep


class Lively(Agent[Any]):
    def __init__(self, container: Any, log: list[str]) -> None:
        super().__init__(container)
        self.log = log
        log.append("made")

    async def started(self) -> None:
        self.log.append("started")

    async def stopping(self) -> None:
        self.log.append("stopping")
        self.log.append("stopped")


def test_hooks_are_called_when_an_agent_begins_and_ends(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        log: list[str] = []
        async with home(rt) as container:
            agent = container.create(Lively, log)
            assert log == ["made"]
            await until(rt, lambda: log[-1] == "started")
            await container.remove(agent)
            assert log == ["made", "started", "stopping", "stopped"]
            log.clear()
            Lively(container, log)
            await until(rt, lambda: log[-1] == "started")
        assert log == ["made", "started", "stopping", "stopped"]

    scene(scenario)


class Broken(Agent[Any]):
    def started(self) -> None:
        raise ValueError("not today")

    async def stopping(self) -> None:
        raise ValueError("nor now")


def test_a_hook_that_fails_is_reported_and_stops_nothing(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with home(rt, on_failure=failures.append) as container:
            agent = Broken(container)
            await until(rt, lambda: failures)
        assert [(each.agent, each.what) for each in failures] == [(agent, "started"), (agent, "stopping")]
        assert container.agents == {}

    scene(scenario)


@pytest.mark.parametrize("way", ["close", "abort"])
def test_agents_that_take_too_long_to_stop_are_left_behind(scene: Any, way: str) -> None:
    class Slow(Agent[Any]):
        async def stopping(self) -> None:
            begun.append(self.id)
            try:
                await self.container.runtime.create_future()
            finally:
                ended.append(self.id)

    begun: list[str] = []
    ended: list[str] = []

    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        container = await open_container(rt, [], make_settings(on_failure=failures.append))
        for _ in range(3):
            Slow(container)
        if way == "close":
            await container.close(0.02)
            assert [each.what for each in failures] == ["closing"]
        else:
            closing = rt.create_task(container.close(None))
            await until(rt, lambda: len(begun) == 3)
            container.abort()
            await closing
            await until(rt, lambda: len(ended) == 3)
        assert sorted(ended) == ["0", "1", "2"]

    scene(scenario)


def test_tasks_of_an_agent_end_with_it(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        ended: list[str] = []

        async def work(name: str) -> None:
            try:
                await rt.create_future()
            finally:
                ended.append(name)

        async with home(rt) as container:
            first, second = Echo(container), Echo(container)
            task = first.spawn(work, "first")
            second.spawn(work, "second")
            cancelled = second.spawn(work, "cancelled", name="by hand")
            await sleep(rt, 0)
            assert (task.done(), ended) == (False, [])
            cancelled.cancel()
            await until(rt, cancelled.done)
            assert "by hand, done" in repr(cancelled)
            await container.remove(first)
            assert (task.done(), ended) == (True, ["cancelled", "first"])
            with pytest.raises(LocalProtocolError):
                first.spawn(work, "third")
        assert ended == ["cancelled", "first", "second"]

    scene(scenario)


def test_a_task_that_fails_is_reported_and_by_choice_run_anew(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        runs: list[int] = []

        async def work(limit: int) -> None:
            runs.append(limit)
            if len(runs) < limit:
                raise ValueError(len(runs))

        async with home(rt, on_failure=failures.append) as container:
            echo = Echo(container)
            echo.spawn(work, 9)
            await until(rt, lambda: failures)
            assert (len(runs), failures[0].restart_in, failures[0].agent) == (1, None, echo)
            runs.clear()
            failures.clear()
            task = echo.spawn(work, 4, restart=Restart(first=0.001, factor=2, longest=0.003))
            await until(rt, task.done)
            assert [each.restart_in for each in failures] == [0.001, 0.002, 0.003]
            assert (len(runs), task.restarts) == (4, 3)
            runs.clear()
            failures.clear()
            task = echo.spawn(work, 9, restart=Restart(first=0, times=1))
            await until(rt, task.done)
            assert [each.restart_in for each in failures] == [0, None]
            for wrong in ({"first": -1}, {"times": -1}, {"healthy_after": -1}):
                with pytest.raises(ValueError):
                    Restart(**wrong)

    scene(scenario)


def test_agents_of_one_container_are_found_by_name_and_tag(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            seller = Echo(container, name="ann", tags=["seller", "old"])
            Echo(container, tags=["seller"])
            assert (seller.name, seller.tags) == ("ann", {"seller", "old"})
            assert await container.find("ann") == container.proxy(seller)
            assert [proxy._target.id for proxy in await container.find_all("seller")] == ["0", "1"]
            with pytest.raises(ValueError, match="taken"):
                Echo(container, name="ann")
            with pytest.raises(TypeError):
                Echo(container, tags="seller")
            await container.remove(seller)
            with pytest.raises(LookupError):
                await container.find("ann")
            assert [proxy._target.id for proxy in await container.find_all("seller")] == ["1"]
            assert await container.find_all("buyer") == []
            assert (seller.name, seller.tags) == (None, frozenset())

    scene(scenario)


def test_a_directory_finds_agents_of_all_containers_that_live(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with home(rt) as center, home(rt) as here:
            directory = Directory(center)
            changes: list[Any] = []
            Echo(here)
            watcher = Echo(here)
            await here.subscribe_at(
                watcher, center.url, CHANGES, lambda topic, change: changes.append(change)
            )
            await here.join(directory.url)
            await center.join(directory.url)
            mine = Echo(center, name="center")
            async with home(rt, on_failure=failures.append) as there:
                early = Echo(there, name="early", tags=["x"])
                await there.join(directory.url)
                late = Echo(there, name="late", tags=["x", "y"])
                assert await (await here.find("early")).echo(1) == 1
                await until(rt, lambda: len(changes) == 3)
                assert changes == [
                    ["added", mine.url, "center", []],
                    ["added", early.url, "early", ["x"]],
                    ["added", late.url, "late", ["x", "y"]],
                ]
                found = await here.find_all("x")
                assert [repr(proxy) for proxy in found] == [
                    f"EchoProxy({each.url!r})" for each in (early, late)
                ]
                assert await (await there.find("center")).echo(2) == 2
                await there.remove(early)
                await until(rt, lambda: len(changes) == 4)
                assert changes[3] == ["removed", early.url, "early", ["x"]]
                Echo(there, name="center")
                await until(rt, lambda: failures)
                with pytest.raises(LookupError):
                    await here.find("early")
            await until(rt, lambda: len(changes) == 5)
            assert changes[4][:2] == ["removed", late.url]
            with pytest.raises(LookupError):
                await here.find("late")
            assert await (await here.connect(directory.url)).size() == 1

    scene(scenario)


def test_who_loses_its_directory_joins_it_again(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as here:
            async with home(rt) as center:
                url = center.url
                directory = Directory(center)
                await here.join(directory.url)
                Echo(here, name="ann")
                await until(rt, lambda: directory._index.find("ann"))
            async with home(rt, url) as center:
                directory = Directory(center)
                await until(rt, lambda: directory._index.find("ann"))
        async with home(rt, "") as nowhere:
            with pytest.raises(ValueError, match="no URL"):
                await nowhere.join(f"{url}0")

    scene(scenario)


@pytest.mark.parametrize("name", ["ann", None])
def test_who_joins_what_is_no_directory_is_told_so(scene: Any, name: str | None) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there, home(rt) as here:
            Echo(here, name=name)
            with pytest.raises(RemoteError, match="register"):
                await here.join(Echo(there).url)
            directory = Directory(there)
            await here.join(directory.url)
            assert len(directory._index) == (0 if name is None else 1)

    scene(scenario)


def test_who_cannot_join_its_directory_again_at_once_goes_on_trying(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with home(rt, on_failure=failures.append) as here:
            async with home(rt) as center:
                url = center.url
                await here.join(Directory(center).url)
                Echo(here, name="ann")
            async with home(rt, url) as center:
                Echo(center)  # which is no directory
                await until(rt, lambda: any("register" in str(each.error) for each in failures))
            async with home(rt, url) as center:
                directory = Directory(center)
                await until(rt, lambda: directory._index.find("ann"))

    scene(scenario)


def test_a_directory_forgets_agents_of_a_container_that_is_back_without_them(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as center:
            directory = Directory(center)
            async with home(rt, "local://is-back") as there:
                url = there.url
                await there.join(directory.url)
                stays, goes = Echo(there, name="stays"), Echo(there, name="goes")
                await until(rt, lambda: directory._index.find("goes") == goes.url)
                there.membership._directory = None  # as one that never joins again
                there.abort()
                async with home(rt, url) as back:  # at once, before anybody looks for it
                    assert Echo(back).url == stays.url
                    await until(rt, lambda: directory._index.find("goes") is None)
                    assert directory._index.find("stays") == stays.url
                await until(rt, lambda: directory._index.find("stays") is None)

    scene(scenario)


@pytest.mark.parametrize("way", ["task", "call", "message"])
def test_an_agent_may_have_its_container_closed(scene: Any, way: str) -> None:
    class Closer(Echo):
        @expose
        async def close(self) -> None:
            await self.container.core.close(0.2)

        async def stopping(self) -> None:
            self.seen.append("stopping")

    async def scenario(rt: Any) -> None:
        async with home(rt) as here:
            there = await open_container(rt, ["tcp://127.0.0.1:0"], make_settings())
            closer = Closer(there)
            proxy = await here.connect(closer.url)
            busy = Echo(there)
            busy.hold = rt.create_future()
            accepted = here.proxy(busy.url).slowly(1)
            await until(rt, lambda: busy.seen)
            rt.call_later(0.02, busy.hold.set_result, None)
            start = rt.time()
            if way == "task":
                closer.spawn(closer.close)
            elif way == "call":
                with pytest.raises((RemoteError, ConnectionLost)):
                    await proxy.close()
            else:
                here.tell(proxy, "close")
            assert await accepted == 1
            await there.wait_closed()
            assert rt.time() - start < 3
            assert closer.seen == ["stopping"]
            assert there.is_closing()

    scene(scenario)


def test_nothing_begins_in_a_container_that_is_closed(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            echo = Echo(container)
            echo.subscribe("x", lambda topic, content: echo.seen.append(content))
        url = f"{container.url}0"
        for begin in (
            lambda: echo.spawn(echo.slowly, 1),
            lambda: echo.subscribe("y", lambda topic, content: None),
        ):
            with pytest.raises(LocalProtocolError, match="has ended"):
                begin()
        with pytest.raises(ConnectionLost):
            container.publish("x", 1)
        with pytest.raises(ConnectionLost):
            await container.publish_at(container.url, "x", 1)
        with pytest.raises(ConnectionLost):
            await container.connect(url)
        assert echo.seen == []

    scene(scenario)


def test_a_task_that_begins_while_the_container_is_closed_ends_with_it(scene: Any) -> None:
    class Late(Echo):
        @expose
        async def begin_late(self) -> None:
            self.seen.append("called")
            await self.hold
            self.task = self.spawn(self.work)

        async def work(self) -> None:
            await self.container.core.runtime.create_future()

    async def scenario(rt: Any) -> None:
        async with home(rt) as here:
            async with home(rt) as there:
                late = Late(there)
                late.hold = rt.create_future()
                call = (await here.connect(late.url)).begin_late()
                await until(rt, lambda: late.seen)
                rt.call_later(0.02, late.hold.set_result, None)
            assert late.task.done()
            await call

    scene(scenario)


def test_who_waits_no_more_for_the_end_has_it_at_once(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        there = await open_container(rt, [], make_settings())
        echo = Echo(there)
        echo.hold = rt.create_future()
        call = there.proxy(echo).slowly(1)
        await until(rt, lambda: echo.seen)
        closing = rt.create_task(there.close(None))
        await sleep(rt, 0.01)
        assert not closing.done()
        closing.cancel()
        with pytest.raises(ConnectionLost):
            await call
        await there.wait_closed()

    scene(scenario)


def test_agents_live_by_a_clock_that_is_set_from_outside(scene: Any) -> None:
    class Sleeper(Agent[Any]):
        @expose
        async def nap(self, until: float) -> float:
            await self.container.clock.sleep_until(until)
            return self.container.clock.time()

    async def scenario(rt: Any) -> None:
        clock = ExternalClock("2016-01-01T12:00:00+02:00", init_time=-1)
        async with home(rt, clock=clock) as container:
            proxy = container.proxy(Sleeper(container))
            assert clock.utcnow() == datetime.datetime(2016, 1, 1, 9, 59, 59, tzinfo=datetime.UTC)
            naps = [proxy.nap(3), proxy.nap(2), proxy.nap(9)]
            await sleep(rt, 0.01)
            clock.set_time(0)
            clock.set_time(5)
            assert [await naps[0], await naps[1]] == [5, 5]
            assert not naps[2].done()
            with pytest.raises(ValueError, match="must be > 5"):
                clock.set_time(5)
            with pytest.raises(RemoteError, match="not in the future"):
                await proxy.nap(5)
            clock.set_time(9)
            assert await naps[2] == 9

    scene(scenario)


@in_real_time
def test_the_clock_of_the_runtime_goes_by_itself(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            clock = container.clock
            start = clock.time()
            assert await clock.sleep(0.01, "done") == "done"
            assert await clock.sleep_until(clock.utcnow() + datetime.timedelta(seconds=0.01), 1) == 1
            assert clock.time() - start >= 0.019
            called: list[int] = []
            clock.call_in(0.001, called.append, 1)
            clock.call_at(clock.time() + 0.002, called.append, 2)
            clock.call_in(0.001, called.append, 3).cancel()
            await until(rt, lambda: called == [1, 2])
            with pytest.raises(ValueError):
                clock.call_at(clock.time() - 1, called.append, 4)

    scene(scenario)
