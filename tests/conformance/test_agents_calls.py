"""Agents that call one another: by every transport, the short way and the long one, with the same outcome."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import pickle
from pathlib import Path
from typing import Any

import pytest

from junto import CustomType, expose
from junto.agents.agent import Agent
from junto.agents.directory import Directory
from junto.agents.proxies import AgentProxy, url_of
from junto.agents.supervision import Failure
from junto.errors import (
    CodecError,
    ConnectionFailed,
    ConnectionLost,
    RemoteError,
    RequestTimeout,
)

from .agents import Echo, home
from .layers import until
from .worlds import sleep


@pytest.fixture(params=["tcp", "unix", "local"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"tcp": "tcp://127.0.0.1:0", "unix": f"unix://{tmp_path}/s", "local": "local://there"}[
        request.param
    ]


def test_an_agent_is_called_by_its_url(scene: Any, url: str) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, url) as there, home(rt) as here:
            echo = Echo(there)
            assert echo.url == f"{there.url}0"
            proxy = await here.connect(echo.url)
            assert repr(proxy) == f"EchoProxy({echo.url!r})"
            assert await proxy.echo([1, {"a": None}]) == [1, {"a": None}]
            assert await proxy.add(1, b=2) == 3
            assert await proxy.inner.double(4) == 8
            assert proxy == await here.connect(echo.url)
            assert proxy.echo == here.proxy(echo.url).echo
            assert [item async for item in await proxy.count(3)] == [0, 1, 2]
            with pytest.raises(RemoteError, match="ValueError: no"):
                await proxy.fail("no")
            with pytest.raises(RemoteError, match="LookupError"):
                await proxy.seen()
            with pytest.raises(RemoteError, match="TypeError"):
                await proxy.add("x")

    scene(scenario)


@pytest.mark.parametrize("shortcut", [True, False])
def test_agents_of_one_container_call_one_another_either_way_alike(
    scene: Any, url: str, shortcut: bool
) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, url, shortcut=shortcut) as container:
            first, second = Echo(container), Echo(container)
            proxy = await container.connect(second.url)
            assert repr(proxy) == f"EchoProxy({second.url!r})"
            assert await proxy.add(1, b=2) == 3
            assert await proxy.inner.double(4) == 8
            assert await proxy.call(first, "x") == "x"
            assert repr(await proxy.itself()) == repr(proxy)
            assert await proxy.echo((1, (2,), {3: "x"})) == [1, [2], {"3": "x"}]
            assert [item async for item in await proxy.count(40)] == list(range(40))
            with pytest.raises(RemoteError, match="ValueError: no") as caught:
                await proxy.fail("no")
            assert (caught.value.type_name, caught.value.message) == ("ValueError", "no")
            assert "Traceback" in caught.value.text
            with pytest.raises(RemoteError, match="nothing is offered"):
                await proxy.nothing()
            with pytest.raises(RemoteError, match="TypeError"):
                await proxy.add("x")
            with pytest.raises(RemoteError, match="CodecError"):
                await proxy.kept()
            with pytest.raises(CodecError):
                proxy.echo(object())
            with pytest.raises(CodecError):
                proxy.echo({"__type__": 1})

    Echo.kept = expose(lambda self: object())  # type: ignore[attr-defined]  # added for this test
    try:
        scene(scenario)
    finally:
        del Echo.kept  # type: ignore[attr-defined]  # as above


def test_nobody_gets_hold_of_an_object_of_another_agent(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            echo = Echo(container)
            proxy = container.proxy(echo)
            mine = [1, [2]]
            await proxy.keep(mine)
            mine[1].append(3)  # type: ignore[attr-defined]  # that is a list
            assert echo.seen == [[1, [2]]]
            theirs = await proxy.echo(mine)
            assert theirs == mine
            assert theirs[1] is not mine[1]
            echo.seen.clear()
            await proxy.keep(echo)
            assert isinstance(echo.seen[0], AgentProxy)

    scene(scenario)


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Plane(Agent[Any]):
    @expose
    def mirror(self, point: Point) -> Point:
        return Point(point.y, point.x)


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_values_of_classes_are_as_if_they_had_travelled(scene: Any, shortcut: bool, codec: Any) -> None:
    class Money:
        def __init__(self, cents: int) -> None:
            self.cents = cents

    types = [CustomType(Money, lambda money: money.cents, Money)]
    date = datetime.datetime(2016, 1, 1, 12, tzinfo=datetime.UTC)

    async def scenario(rt: Any) -> None:
        async with home(rt, codec=codec, types=types, shortcut=shortcut) as container:
            proxy = container.proxy(Plane(container).url)
            assert await proxy.mirror(Point(1, 2)) == {"x": 2, "y": 1}
            echo = container.proxy(Echo(container).url)
            money = Money(5)
            back = await echo.echo([money, date])
            assert back[0] is not money
            assert (back[0].cents, back[1]) == (5, date)
            if codec == "msgpack":
                assert await echo.echo({1: b"x"}) == {1: b"x"}
                with pytest.raises(CodecError):
                    echo.echo(2**64)
                with pytest.raises(CodecError):
                    echo.echo("\ud800")
            else:
                assert await echo.echo(2**64) == 2**64
                with pytest.raises(CodecError):
                    echo.echo(b"x")

    scene(scenario)


def test_a_call_is_handled_later_never_inside_that_of_the_caller(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as container:
            echo = Echo(container)
            future = container.proxy(echo).keep(1)
            assert echo.seen == []
            await future
            assert echo.seen == [1]

    scene(scenario)


@pytest.mark.parametrize("shortcut", [True, False])
def test_who_waits_no_longer_leaves_no_trace(scene: Any, shortcut: bool) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt, shortcut=shortcut) as container:
            echo = Echo(container)
            echo.hold = rt.create_future()
            proxy = container.proxy(echo.url)
            assert await proxy.echo("a connection") == "a connection"
            with pytest.raises(RequestTimeout):
                await proxy.slowly(1, timeout=0.05)
            given_up = proxy.slowly(2)
            await sleep(rt, 0.01)
            given_up.cancel()
            echo.hold.set_result(None)
            await until(rt, lambda: "end 1" in echo.seen)
            assert await proxy.echo("on") == "on"

    scene(scenario)


def test_a_proxy_is_passed_on_to_third_parties(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as first, home(rt) as second, home(rt) as third:
            one, two, three = Echo(first), Echo(second), Echo(third)
            from_one = await first.connect(two.url)
            assert await from_one.call(await first.connect(three.url), "x") == "x"
            assert await from_one.call(one, "y") == "y"
            assert repr(await from_one.itself()) == repr(from_one)
            await from_one.keep(await first.connect(three.url))
            (kept,) = two.seen
            assert kept == await second.connect(three.url)
            back = await from_one.echo(one)
            assert back == first.proxy(one)
            part = await from_one.part()
            assert await part.double(3) == 6

    scene(scenario)


def test_a_proxy_tells_its_url_and_keeps_the_names_of_its_agent(scene: Any) -> None:
    class Page(Agent[Any]):
        @expose
        def target(self) -> str:
            return "its own"

        place = target

    async def scenario(rt: Any) -> None:
        async with home(rt) as there, home(rt, "") as here:
            page, echo, nowhere = Page(there), Echo(there), Echo(here)
            proxy = await here.connect(page.url)
            assert await proxy.target() == await proxy.place() == "its own"
            assert url_of(proxy) == url_of(there.proxy(page)) == url_of(page) == page.url
            part = await here.proxy(echo.url).part()
            assert url_of(part) == f"{echo.url}/inner"
            assert await here.proxy(url_of(part)).double(4) == 8
            there_too = await here.proxy(echo.url).echo(proxy)
            assert url_of(there_too) == page.url
            with pytest.raises(ValueError, match="listens nowhere"):
                url_of(here.proxy(nowhere))
            with pytest.raises(TypeError):
                url_of(page.url)  # type: ignore[arg-type]  # that is the point
            with pytest.raises(TypeError, match="url_of"):
                copy.copy(proxy)
            with pytest.raises(TypeError, match="url_of"):
                pickle.dumps(proxy)

    scene(scenario)


def test_what_lives_nowhere_is_reached_over_its_own_connection(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there:
            async with home(rt, "") as here:
                mine = Echo(here)
                with pytest.raises(ValueError, match="no URL"):
                    mine.url  # noqa: B018
                proxy = await here.connect(Echo(there).url)
                assert await proxy.call(mine, "x") == "x"

    scene(scenario)


def test_an_agent_that_is_not_there_is_no_agent(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with home(rt) as there, home(rt) as here:
            for container in (there, here):
                with pytest.raises(ConnectionFailed, match="no agent"):
                    await container.connect(f"{there.url}7")
            echo = Echo(there)
            proxy, own = await here.connect(echo.url), there.proxy(echo)
            await there.remove(echo)
            await there.remove(echo)
            for each in (proxy, own):
                with pytest.raises(RemoteError, match="LookupError"):
                    await each.echo(1)
            assert Echo(there).id == "1"
            with pytest.raises(ConnectionFailed, match="no agent"):
                await here.connect(echo.url)
            for wrong in ("http://x/0", "tcp://127.0.0.1:1", "tcp://127.0.0.1:65000/", "0", 7):
                with pytest.raises(ValueError):
                    await here.connect(wrong)  # type: ignore[arg-type]  # that is the point

    scene(scenario)


def test_an_agent_whose_constructor_fails_lives_nowhere(scene: Any) -> None:
    class Faulty(Echo):
        def __init__(self, container: Any, **options: Any) -> None:
            super().__init__(container, **options)
            self.subscribe("x", lambda topic, content: None)
            self.spawn(self.work)
            raise ValueError("no such thing")

        async def work(self) -> None:
            await self.container.core.runtime.create_future()

    async def scenario(rt: Any) -> None:
        failures: list[Failure] = []
        async with home(rt, on_failure=failures.append) as container:
            directory = Directory(container)
            await container.join(directory.url)
            with pytest.raises(ValueError, match="no such thing"):
                Faulty(container, name="ann", tags=["t"])
            assert list(container.agents) == ["0"]
            with pytest.raises(LookupError):
                await container.find("ann")
            container.publish("x", 1)
            echo = Echo(container, name="ann")
            await until(rt, lambda: directory._index.find("ann") == echo.url)
            assert failures == []

    scene(scenario)


def test_an_agent_needs_a_container_that_is_open(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        with pytest.raises(TypeError, match="lives in a container"):
            Echo("here")
        async with home(rt) as container:
            pass
        with pytest.raises(ConnectionLost):
            Echo(container)
        with pytest.raises(ConnectionLost):
            await container.connect("tcp://127.0.0.1:65000/0")
        await container.close()
        await container.wait_closed()

    scene(scenario)
