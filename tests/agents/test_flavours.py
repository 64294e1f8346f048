"""Each flavour once round: what is its own is how one waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from typing import Any

import pytest
import trio as trio_library

import junto.simpy
from junto import RemoteError, expose
from junto.agents import ExternalClock, aio, simpy, sync, trio
from junto.errors import ConnectionFailed, LocalProtocolError

HERE = "tcp://127.0.0.1:0"


class AioSeller(aio.Agent):
    @expose
    async def price(self, of: Any) -> float:
        return 2 * float(await of.cost())

    @expose
    def cost(self) -> float:
        return 1.5


async def round_trip(flavour: Any, there: Any, here: Any) -> None:
    directory = flavour.Directory(there)
    await there.join(directory.url)
    seller, other = AioSeller(there, name="ann"), AioSeller(here)
    await here.join(directory.url)
    with pytest.raises(LookupError):
        await here.find("bob")
    proxy = await here.connect(seller.url)
    assert await proxy.price(other) == 3.0
    assert await here.ask(proxy, "cost") == 1.5
    assert isinstance(proxy, flavour.AgentProxy.__origin__)
    assert flavour.url_of(proxy) == flavour.url_of(seller) == seller.url


def test_asyncio() -> None:
    async def main() -> None:
        async with aio.open_container(HERE) as there:
            here = await aio.open_container(HERE)
            await round_trip(aio, there, here)
            await here.close()
            with pytest.raises(ConnectionFailed):
                await aio.open_container(there.url)
            with pytest.raises(ValueError):
                aio.open_container(HERE, workers=-1)
            with pytest.raises(TypeError):
                aio.open_container(HERE, tls=("x", "y"))  # type: ignore[arg-type]  # that is the point

    asyncio.run(main())


def test_a_container_at_every_interface_is_told_by_the_machines_name() -> None:
    async def main() -> None:
        async with aio.open_container("tcp://0.0.0.0:0") as container:
            assert "0.0.0.0" not in container.url
            assert AioSeller(container).url.startswith(container.url)

    asyncio.run(main())


def test_functions_run_in_threads_where_there_are_workers() -> None:
    class Where(aio.Agent):
        @expose
        def thread(self) -> str:
            return threading.current_thread().name

        @expose
        async def home(self) -> str:
            return threading.current_thread().name

    async def main() -> None:
        async with aio.open_container(HERE, workers=1) as container:
            proxy = container.proxy(Where(container))
            assert (await proxy.thread()).startswith("junto-worker")
            assert await container.ask(proxy, "home") == "MainThread"

    asyncio.run(main())


def test_trio() -> None:
    async def main() -> None:
        async with trio.open_container(HERE) as there, trio.open_container(HERE) as here:
            await round_trip(trio, there, here)
        async with trio_library.open_nursery() as nursery:
            async with trio.open_container(HERE, nursery=nursery) as there:
                assert await (await there.connect(AioSeller(there).url)).cost() == 1.5

    class AioSeller(trio.Agent):
        price = globals()["AioSeller"].price
        cost = globals()["AioSeller"].cost

    trio_library.run(main)


class SyncSeller(sync.Agent):
    def __init__(self, container: sync.Container, **about: Any) -> None:
        super().__init__(container, **about)
        self.seen: list[Any] = []
        self.told = threading.Event()

    @expose
    def price(self, of: Any) -> float:
        return 2 * float(of.cost())

    @expose
    def cost(self) -> float:
        return 1.5

    @expose
    def count(self, most: int) -> Generator[int, None, None]:
        yield from range(most)

    @expose
    def keep(self, value: Any) -> None:
        self.seen.append(value)
        self.told.set()

    def started(self) -> None:
        self.seen.append("started")


def test_blocking() -> None:
    with sync.open_container(HERE, workers=2) as there, sync.open_container(HERE, workers=2) as here:
        there.start_thread()
        directory = sync.Directory(there)
        there.join(directory.url)
        here.start_thread()
        here.join(directory.url)
        seller, other = SyncSeller(there, name="ann", tags=["x"]), here.create(SyncSeller)
        proxy = here.connect(seller.url)
        assert proxy.price(other) == 3.0
        assert here.proxy(seller.url).cost() == 1.5
        assert here.ask(proxy, "cost") == 1.5
        assert sync.url_of(proxy) == sync.url_of(there.proxy(seller)) == seller.url
        assert list(proxy.count(3)) == [0, 1, 2]
        own = there.proxy(seller)
        assert own.cost() == 1.5
        assert list(own.count(3)) == [0, 1, 2]
        with pytest.raises(RemoteError, match="nothing is offered"):
            own.nothing()
        seller.tell(other.url, "keep", 1)
        assert other.told.wait(5)
        other.told.clear()
        other.subscribe("t", lambda topic, content: other.keep(content))
        here.publish("t", 2)
        assert other.told.wait(5)
        other.told.clear()
        other.unsubscribe("t")
        here.subscribe_at(other, there.url, "t", lambda topic, content: other.keep(content))
        there.publish("t", 3)
        assert other.told.wait(5)
        here.unsubscribe_at(other, there.url, "t")
        assert other.seen == ["started", 1, 2, 3]
        done = threading.Event()
        task = other.spawn(done.set)
        assert done.wait(5)
        assert "set" in task.name
        assert here.clock.sleep(0.001, "x") == "x"
        assert here.clock.time() > 0
        assert here.clock.utcnow().tzinfo is not None
        done.clear()
        here.clock.call_in(0.001, done.set)
        assert done.wait(5)
        with pytest.raises(LocalProtocolError):
            here.clock.set_time(3)
        lost = threading.Event()
        forget = here.watch(seller.url, lost.set)
        forget()
        here.watch(seller.url, lost.set)
        there.close()
        assert lost.wait(5)
        here.remove(other)
        assert list(here.agents) == []


def test_blocking_without_a_thread_moves_only_while_somebody_waits() -> None:
    clock = ExternalClock("2016-01-01T00:00:00Z")
    with sync.open_container("local://sync", clock=clock) as container:
        seller = SyncSeller(container)
        container.tell(seller, "keep", 1)
        assert container.proxy(seller).cost() == 1.5
        assert seller.seen == ["started", 1]
        called: list[float] = []
        container.clock.call_at(3, lambda: called.append(container.clock.time()))
        container.clock.set_time(4)
        assert called == [4]
        with pytest.raises(ValueError):
            container.clock.sleep_until(4)
        assert container.url == "local://sync/"
        assert "1 agents" in repr(container)
    with pytest.raises(ConnectionFailed):
        sync.open_container("unix:///there/is/no/such/folder")


def test_functions_of_blocking_agents_cannot_wait_without_workers() -> None:
    with sync.open_container(HERE) as container:
        seller = SyncSeller(container)
        with pytest.raises(RemoteError, match="LocalProtocolError"):
            container.proxy(seller).price(seller)


class SimpySeller(simpy.Agent):
    def __init__(self, container: simpy.Container, **about: Any) -> None:
        super().__init__(container, **about)
        self.seen: list[Any] = []

    @expose
    def price(self, of: Any) -> Generator[Any, Any, float]:
        yield self.container.env.timeout(0.001)
        cost = yield of.cost()
        return 2 * float(cost)

    @expose
    def cost(self) -> float:
        return 1.5

    @expose
    def keep(self, value: Any) -> Generator[Any, Any, None]:
        yield self.container.clock.sleep(0.001)
        self.seen.append(value)

    def started(self) -> Generator[Any, Any, None]:
        yield self.container.env.timeout(0)
        self.seen.append("started")

    def work(self) -> Generator[Any, Any, None]:
        yield self.container.env.timeout(0.001)
        self.seen.append("worked")


def test_simpy() -> None:
    def process(env: Any) -> Generator[Any, Any, None]:
        there = yield simpy.open_container(env, HERE)
        here = yield simpy.open_container(env, HERE)
        directory = simpy.Directory(there)
        yield there.join(directory.url)
        yield here.join(directory.url)
        seller, other = SimpySeller(there, name="ann"), here.create(SimpySeller)
        yield env.timeout(0.02)
        proxy = yield here.find("ann")
        assert (yield proxy.price(other)) == 3.0
        assert (yield here.ask(proxy, "cost")) == 1.5
        assert simpy.url_of(proxy) == simpy.url_of(seller) == seller.url
        assert (yield here.ask(other, "price", seller)) == 3.0
        here.tell(proxy, "keep", 1)
        here.tell(proxy, "keep", 2)
        seller.spawn(seller.work)
        yield env.timeout(0.05)
        assert sorted(map(str, seller.seen)) == ["1", "2", "started", "worked"]
        with pytest.raises(RemoteError):
            yield proxy.nothing()
        assert abs(here.clock.time() - env.now) < 1
        assert abs(here.clock.utcnow().timestamp() - env.now) < 1
        assert here.url == here.urls[0]
        assert list(here.agents.values()) == [other]
        other.subscribe("t", lambda topic, content: other.seen.append(content))
        here.publish("t", 3)
        other.unsubscribe("u")
        yield env.timeout(0.01)
        assert other.seen == ["started", 3]
        yield there.close()
        yield here.close()

    env = junto.simpy.Environment()
    env.run(until=env.process(process(env)))
    with pytest.raises(TypeError):
        simpy.open_container(None, HERE)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("flavour", [aio, sync, trio, simpy])
def test_a_heartbeat_takes_some_time_in_each_flavour(flavour: Any) -> None:
    env = [junto.simpy.Environment()] if flavour is simpy else []
    with pytest.raises(ValueError, match="heartbeat"):
        flavour.open_container(*env, HERE, heartbeat=0)


def test_all_flavours_have_the_same_names() -> None:
    names = {
        flavour.__name__: set(flavour.__all__) - {"EnvironmentClock"} for flavour in (aio, sync, trio, simpy)
    }
    assert len(set(map(frozenset, names.values()))) == 1, names
