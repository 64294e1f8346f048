"""What a handler returned comes to the layers through `adopt`, and means the same in every world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from junto.exposing import expose
from junto.options import Options
from junto.server import open_peer, serve_peers

from .layers import peers
from .worlds import World, sleep


def test_what_layers_know_is_adopted_as_it_is(run: World) -> None:
    async def flow() -> None:
        raise AssertionError("it is not run")

    async def items() -> AsyncIterator[int]:
        yield 1

    async def scenario(rt: Any) -> None:
        coroutine = flow()
        for result in (None, 1, "text", [1], rt.create_future(), coroutine, items()):
            assert rt.adopt(result) is result
        coroutine.close()

    run(scenario)


class Plain:
    """A service as it can be written without knowing the world it runs in."""

    def __init__(self, rt: Any) -> None:
        self.rt = rt

    @expose
    def value(self) -> str:
        return "value"

    @expose
    async def flow(self) -> str:
        await sleep(self.rt, 0)
        return "flow"

    @expose
    def future(self) -> Any:
        future = self.rt.create_future()
        self.rt.call_soon(future.set_result, "future")
        return future

    @expose
    def items(self, count: int) -> Iterator[int]:
        yield from range(count)

    @expose
    async def slow_items(self, count: int) -> AsyncIterator[int]:
        for number in range(count):
            await sleep(self.rt, 0)
            yield number


def test_a_plain_service_answers_alike_in_every_world(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with peers(rt, Plain(rt)) as (client, _):
            for name in ("value", "flow", "future"):
                assert await client.remote[name]() == name
            for name in ("items", "slow_items"):
                for count in (0, 1, 100):
                    assert [item async for item in await client.remote[name](count)] == list(range(count))

    scene(scenario)


def test_what_connected_returned_is_run_in_every_world(scene: Any, caplog: Any) -> None:
    async def scenario(rt: Any) -> None:
        called: list[str] = []

        async def connected(peer: Any) -> None:
            called.append(await peer.remote.value())
            raise ValueError("in connected")

        server = await serve_peers(rt, None, ["tcp://127.0.0.1:0"], Options(), connected=connected)
        client = await open_peer(rt, server.addresses[0], Options(), service=Plain(rt))
        while "connected= failed" not in caplog.text:
            await sleep(rt, 0.001)
        assert called == ["value"]
        await client.close()
        await server.close()

    scene(scenario)
