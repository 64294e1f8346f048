"""junto's own RPC on simulated hosts."""

from __future__ import annotations

from typing import Any

from junto import aio, expose
from junto.errors import ConnectionLost, RequestTimeout
from junto.sim import Host, World

from .net_scenarios import run_world


class Counter:
    """Counts, and tells how far it has come."""

    def __init__(self) -> None:
        self.value = 0

    @expose
    def add(self, number: int) -> int:
        self.value += number
        return self.value


async def serve() -> None:
    async with aio.serve(Counter(), "tcp://0.0.0.0:5555") as server:
        await server.wait_closed()


def test_calls_are_answered() -> None:  # B1
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve)
        await world.sleep(0.1)

        async def call() -> list[int]:
            async with aio.connect("tcp://server:5555") as peer:
                return [await peer.remote.add(n) for n in range(50)]

        return await client.run(call).wait()

    assert run_world(scenario, "server", "client") == [n * (n + 1) // 2 for n in range(50)]


def test_a_call_in_a_partition_times_out_and_a_later_one_succeeds() -> None:  # B1, S7
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve)
        await world.sleep(0.1)

        async def call() -> list[Any]:
            seen: list[Any] = []
            async with aio.connect("tcp://server:5555") as peer:
                seen.append(await peer.remote.add(1))
                partition = world.net.partition({client}, {server})
                for _ in range(2):
                    try:
                        seen.append(await peer.remote.add(1, timeout=2.0))
                    except RequestTimeout:
                        seen.append("timeout")
                partition.heal()
                await world.sleep(5)
                seen.append(await peer.remote.add(1))
            return seen

        return await client.run(call).wait()

    # What the partition held back was not lost: the requests were carried out late.
    assert run_world(scenario, "server", "client") == [1, "timeout", "timeout", 4]


def test_a_call_to_a_server_that_is_killed_fails_and_a_new_connection_works() -> None:  # H4, H6
    async def scenario(world: World, server: Host, client: Host) -> Any:
        server.run(serve)
        await world.sleep(0.1)

        async def call() -> list[Any]:
            seen: list[Any] = []
            async with aio.connect("tcp://server:5555") as peer:
                seen.append(await peer.remote.add(5))
                server.kill()
                try:
                    await peer.remote.add(5)
                except ConnectionLost:
                    seen.append("lost")
            server.restart()
            await world.sleep(1)
            async with aio.connect("tcp://server:5555") as peer:
                seen.append(await peer.remote.add(5))
            return seen

        return await client.run(call).wait()

    assert run_world(scenario, "server", "client") == [5, "lost", 5]
