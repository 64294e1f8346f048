"""Services as arguments and results: proxies, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from junto.errors import CodecError, RemoteError
from junto.exposing import ServiceDict, expose
from junto.options import Options
from junto.proxies import Proxy
from junto.server import serve_peers

from .layers import TCP, marked, peers, raw_client
from .worlds import sleep


class Counter:
    def __init__(self) -> None:
        self.count = 0

    @expose
    def up(self) -> int:
        self.count += 1
        return self.count


class Client:
    def __init__(self) -> None:
        self.counter = Counter()
        self.counters = ServiceDict({"a": Counter(), "b": {"c": Counter()}})

    @expose
    def name(self) -> str:
        return "Monty"


class Server:
    def __init__(self) -> None:
        self.counter = Counter()
        self.kept: Any = None

    @expose
    async def greet(self, who: Any) -> str:
        return f"hi {await who.name()}!"

    @expose
    async def count(self, counters: list[Any]) -> list[int]:
        return [await counter.up() for counter in counters]

    @expose
    async def annotated(self, counter: Counter) -> Any:
        return [type(counter).__name__, await counter.up()]  # type: ignore[misc]  # a proxy of one

    @expose
    def is_mine(self, counter: Any) -> bool:
        return counter is self.counter

    @expose
    def is_mine_annotated(self, counter: Counter) -> bool:
        return counter is self.counter

    @expose
    def keep(self, what: Any) -> None:
        self.kept = what

    @expose
    def hand_back(self) -> Any:
        return self.kept

    @expose
    async def hand_back_later(self) -> Any:
        return [self.kept, {"x": self.kept}]

    @expose
    def get_counter(self) -> Any:
        return self.counter

    @expose
    def get_stranger(self) -> Any:
        return Counter()


def test_services_are_passed_and_called_back(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        mine = Client()
        for options in ({}, {"extensions": False}):
            async with peers(rt, Server(), client_service=mine, **options) as (client, _):
                remote = client.remote
                assert await remote.greet(mine) == "hi Monty!"
                counters = [mine.counter, mine.counters["a"], mine.counters["b"]["c"]]
                before = mine.counter.count
                assert await remote.count(counters[:1] * 2) == [before + 1, before + 2]
                assert await remote.count(counters[1:2]) == [counters[1].count]
                assert await remote.annotated(mine.counter) == ["Proxy", before + 3]
                await remote.keep({"deep": [mine.counter]})

    scene(scenario)


def test_services_come_as_results(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        service = Server()
        async with peers(rt, service) as (client, _):
            counter = await client.remote.get_counter()
            assert isinstance(counter, Proxy)
            assert await counter.up() == 1
            assert await client.remote.counter.up() == 2
            assert counter == client.remote.counter
            assert hash(counter) == hash(client.remote.counter)

    scene(scenario)


def test_a_proxy_handed_back_is_the_object_itself(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        mine = Client()
        async with peers(rt, Server(), client_service=mine) as (client, _):
            remote = client.remote
            await client.ping()
            assert await remote.is_mine(remote.counter) is True
            assert await remote.is_mine(remote) is False
            assert await remote.is_mine_annotated(remote.counter) is True
            for what in (mine.counter, mine):
                await remote.keep(what)
                assert await remote.hand_back(timeout=5.0) is what
                first, second = await remote.hand_back_later(timeout=5.0)
                assert first is what
                assert second["x"] is what

    scene(scenario)


def test_a_proxy_that_comes_later_from_a_handler_is_no_awaitable(scene: Any) -> None:
    class Later:
        kept: Any = None

        @expose
        def keep(self, what: Any) -> None:
            self.kept = what

        @expose
        async def later(self) -> Any:
            return self.kept

    async def scenario(rt: Any) -> None:
        mine = Client()
        async with peers(rt, Later(), client_service=mine) as (client, _):
            await client.remote.keep(mine.counter)
            assert await client.remote.later(timeout=5.0) is mine.counter
        async with peers(rt, Later(), client_service=mine, workers=1) as (client, _):
            await client.remote.keep(mine.counter)
            assert await client.remote.later(timeout=5.0) is mine.counter

    scene(scenario)


def test_what_has_no_form_as_a_reference_is_refused_at_the_sender(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        mine = Client()
        async with peers(rt, Server(), client_service=mine) as (client, server):
            await client.ping()
            async with peers(rt, Server()) as (other, _):
                await other.ping()
                for wrong in (Counter(), Client(), other.remote.counter, mine.name, object()):
                    with pytest.raises(CodecError):
                        client.remote.keep(wrong)
                with pytest.raises(CodecError):
                    other.remote.keep(mine)  # offers no service on that connection
            with pytest.raises(RemoteError) as caught:
                await client.remote.get_stranger()
            assert "CodecError" in (caught.value.type_name or "")
            assert await client.remote.greet(mine) == "hi Monty!"
            assert server.remote != client.remote

    scene(scenario)


def test_a_proxy_is_not_handed_back_to_a_peer_that_is_not_known_to_be_junto(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with peers(rt, Server(), extensions=False) as (client, _):
            await client.ping()
            with pytest.raises(CodecError):
                client.remote.is_mine(client.remote.counter)

    scene(scenario)


def test_references_that_mean_nothing_are_answered_by_a_failure(scene: Any) -> None:
    references = [
        [0, ["nothing"]],
        [0, ["_private"]],
        [0, ["counter/up"]],
        [0, ["counter", 1]],
        [0, [3]],
        [0, []],
        [0, {}],
        [0, None],
        [0, 5],
        [1, ""],
        [-1, ""],
        ["0", ""],
    ]

    async def scenario(rt: Any) -> None:
        server = await serve_peers(rt, Server(), [TCP], Options())
        async with raw_client(rt, server.addresses[0]) as raw:
            raw.transport.write(marked(b'[0, 0, ["_ping", [], {}]]'))
            raw.send(
                *(
                    [0, number, ["keep", [{"__type__": reference}], {}]]
                    for number, reference in enumerate(references, 1)
                )
            )
            raw.send([0, 99, ["keep", [{"__type__": [0, "any/path/is/fine"]}], {}]])
            answers = await raw.until_messages(len(references) + 2)
            assert [answer[:2] for answer in answers] == [
                [1, 0],
                *([2, number] for number in range(1, len(references) + 1)),
                [1, 99],
            ]
        await server.close()

    scene(scenario)


def test_a_proxy_outlives_its_connection_as_an_error(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        service = Server()
        mine = Client()
        async with peers(rt, service, client_service=mine) as (client, _):
            await client.remote.keep(mine.counter)
            assert await service.kept.up() == 1
        await sleep(rt, 0.005)
        with pytest.raises(ConnectionError):
            await service.kept.up()
        assert repr(service.kept) == "<Proxy of 'counter'>"

    scene(scenario)
