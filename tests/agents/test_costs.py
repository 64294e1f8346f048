"""What agents cost while they do nothing, and what is left of those that ended."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
import weakref

import pytest

from junto import RemoteError, expose
from junto.agents import aio


class Idle(aio.Agent):
    __slots__ = ()

    @expose
    def nothing(self) -> None:
        pass


def test_an_idle_agent_takes_less_than_a_kibibyte_even_if_it_has_worked() -> None:
    async def main() -> float:
        async with aio.open_container("local://costs") as container:
            Idle(container)
            gc.collect()
            tracemalloc.start()
            try:
                before = tracemalloc.get_traced_memory()[0]
                agents = [Idle(container) for _ in range(2000)]
                for agent in agents:
                    container.tell(agent, "nothing")
                    await container.proxy(agent).nothing()
                gc.collect()
                return (tracemalloc.get_traced_memory()[0] - before) / len(agents)
            finally:
                tracemalloc.stop()

    assert asyncio.run(main()) < 1024


def test_removing_many_agents_takes_no_longer_for_each_while_much_is_to_be_handled() -> None:
    async def remove(count: int) -> float:
        async with aio.open_container() as container:
            agents = [Idle(container) for _ in range(count)]
            for agent in agents:
                container.tell(agent, "nothing")
            asked = container.ask(agents[-1], "nothing")
            start = time.process_time()
            for agent in agents:
                await container.remove(agent)
            taken = time.process_time() - start
            with pytest.raises(RemoteError, match="no agent"):
                await asked
            assert container.handling._gone == {}
            return taken / count

    async def main() -> None:
        few = min([await remove(500) for _ in range(3)])
        assert await remove(10_000) < 8 * few

    asyncio.run(main())


def test_nothing_is_left_of_an_agent_that_ended_nor_of_a_proxy_that_nobody_holds() -> None:
    async def main() -> None:
        async with aio.open_container("local://costs", shortcut=False) as container:
            agent = Idle(container, name="x", tags=["y"])
            proxy = await container.connect(agent.url)
            await proxy.nothing()
            agent.subscribe("t", print)
            agent.spawn(asyncio.sleep, 9)
            await container.remove(agent)
            gone = weakref.ref(agent)
            del agent, proxy
            await asyncio.sleep(0.01)
            gc.collect()
            assert gone() is None
            assert dict(container._targets) == {}
            assert (len(container.index), container.topics._agents, container.supervisor._tasks) == (
                0,
                {},
                {},
            )

    asyncio.run(main())
