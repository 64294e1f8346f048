"""Services written for remote procedure calls, served over VSOA as they are."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from junto.errors import CodecError, ConnectionFailed
from junto.exposing import expose
from junto.options import Options
from junto.server import open_peer, serve_peers
from junto.vsoa import StatusError
from junto.vsoa.serving import open_server
from junto.vsoa.workqueues import WorkQueue

from .vsoa import HERE, connected
from .worlds import sleep


class Gear(enum.Enum):
    PARK = "P"
    DRIVE = "D"


@dataclass
class Place:
    x: float
    y: float


class Car:
    def __init__(self, rt: Any) -> None:
        self.rt = rt
        self.doors = Doors()

    @expose
    def move(self, place: Place, gear: Gear = Gear.PARK) -> Place:
        assert isinstance(place, Place)
        return Place(place.x + 1, place.y if gear is Gear.DRIVE else 0)

    @expose
    async def when(self, day: datetime.date, *, days: int = 0) -> datetime.date:
        await sleep(self.rt, 0)
        return day + datetime.timedelta(days)

    @expose
    def store(self, name: str, content: bytes) -> bytes:
        return name.encode() + content

    @expose
    def anything(self, *args: Any, **kwargs: Any) -> Any:
        return [list(args), kwargs]

    @expose
    def trace(self) -> Iterator[int]:
        yield 1

    def hidden(self) -> None:
        """Nobody may call this."""


class Doors:
    @expose
    def open(self, number: int) -> str:
        """Open a door."""
        return f"door {number}"


def test_arguments_and_results_keep_their_types(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = await open_server(rt, [HERE], service=Car(rt))
        async with connected(rt, server) as client:
            assert await client.remote.move(Place(1, 2), Gear.DRIVE) == {"x": 2.0, "y": 2.0}
            assert await client.call("move", Place(1, 2), returns=Place) == Place(2, 0)
            day = datetime.date(2024, 2, 28)
            assert await client.call("when", day, kwargs={"days": 2}, returns=datetime.date) == datetime.date(
                2024, 3, 1
            )
            assert await client.remote.store("a", b"\0") == b"a\0"
            assert await client.remote.doors.open(3) == "door 3"
            assert await client.remote.anything() == [[], {}]
            assert await client.remote.anything([1], None, a=2) == [[[1], None], {"a": 2}]
            with pytest.raises(CodecError):
                await client.call("doors/open", 3, returns=int)
            with pytest.raises(CodecError):
                await client.remote.doors.open(object())
        await server.close()

    scene(scenario)


def test_any_client_can_call_with_what_it_has(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = await open_server(rt, [HERE], service=Car(rt))
        async with connected(rt, server) as client:
            assert (await client.fetch("/anything", {"a": 1, "b": [2]})).param == [[], {"a": 1, "b": [2]}]
            assert (await client.fetch("/anything", [1, 2])).param == [[1, 2], {}]
            assert (await client.fetch("/anything", "text")).param == [["text"], {}]
            assert (await client.fetch("/anything", 5, method="SET")).param == [[5], {}]
            assert (await client.fetch("/store", {"": ["b"]}, b"data")).data == b"bdata"
            assert (await client.fetch("/doors/open", {"number": 1})).param == "door 1"
        await server.close()

    scene(scenario)


def test_what_cannot_be_called_says_why(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = await open_server(rt, [HERE], service=Car(rt))
        async with connected(rt, server) as client:
            for path, status in (("hidden", 3), ("nothing", 3), ("doors", 3), ("trace", 4)):
                with pytest.raises(StatusError) as caught:
                    await client.call(path)
                assert caught.value.status == status
            with pytest.raises(StatusError) as caught:
                await client.remote.doors.open("x")
            assert (caught.value.type_name, caught.value.status) == ("TypeError", 4)
            assert "number" in (caught.value.message or "")
        await server.close()

    scene(scenario)


def test_a_service_tells_what_it_offers_and_commands_go_before_it(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        queue = WorkQueue()
        server = await open_server(rt, [HERE], service=Car(rt), pool=queue)
        server.command("/doors/open")(lambda request: "by a command")
        async with connected(rt, server) as client:
            told = {one["path"]: one for one in await client.describe()}
            assert told["doors/open"]["doc"] == "Open a door."
            assert "trace" in told
            assert await client.remote.doors.open(3) == "by a command"
            assert await client.call("when", "2024-01-01") == "2024-01-01"
        await server.close()
        queue.shutdown()

    scene(scenario)


def test_a_service_is_served_at_addresses_of_several_schemes(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = await serve_peers(rt, Car(rt), ["tcp://127.0.0.1:0", HERE], Options())
        tcp, vsoa = server.urls
        assert tcp.startswith("tcp://127.0.0.1:")
        peer = await open_peer(rt, tcp, Options())
        assert await peer.remote.doors.open(1) == "door 1"
        async with connected(rt, vsoa) as client:
            assert await client.remote.doors.open(2) == "door 2"
        await peer.close()
        await server.close()
        with pytest.raises(ConnectionFailed):
            async with connected(rt, vsoa):
                pass
        alone = await serve_peers(rt, Car(rt), [HERE], Options())
        assert alone.addresses == []
        assert "vsoa://" in repr(alone)
        with pytest.raises(ConnectionFailed):
            await serve_peers(rt, Car(rt), ["tcp://127.0.0.1:0", alone.urls[0]], Options())
        await alone.close()

    scene(scenario)
