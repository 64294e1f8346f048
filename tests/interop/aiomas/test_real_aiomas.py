"""Agents of the real aiomas 2.0.1, in a process of their own, and ours: each calls the other."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from junto import CodecError, CustomType, RemoteError, expose
from junto.agents import aio
from junto.cli.authority import create_authority, issue
from junto.codecs import JSON, MsgPack
from junto.compat import aiomas
from junto.custom_types import DATETIME

WAIT = 20.0
DATE = datetime.datetime(2016, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


POINT = CustomType(Point, lambda point: [point.x, point.y], lambda data: Point(*data))
SERIALIZERS = [lambda: (Point, lambda point: [point.x, point.y], lambda data: Point(*data))]


class Ours(aio.Agent):
    @expose
    def service(self, value: Any) -> Any:
        return value

    @expose
    async def call_me(self, other: Any, value: int) -> int:
        return 1 + int(await other.service(value))

    @expose
    def myself(self) -> Any:
        return self

    @expose
    def fail(self, text: str) -> None:
        raise ValueError(text)


class Migrated(aiomas.Agent):
    @aiomas.expose
    def service(self, value: Any) -> Any:
        return value

    @aiomas.expose
    async def call_me(self, other: Any, value: int) -> int:
        return 1 + int(await other.service(value))

    @aiomas.expose
    def myself(self) -> Any:
        return self

    @aiomas.expose
    def fail(self, text: str) -> None:
        raise ValueError(text)


def run(flow: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(WAIT):
            await flow

    asyncio.run(bounded())


def ours(scheme: str, folder: Path) -> str:
    return f"unix://{folder}/ours" if scheme == "unix" else f"{scheme}://127.0.0.1:0"


def as_lists(value: Any) -> Any:
    """Look at tuples and lists alike: which of them it is depends on library and codec."""
    return list(map(as_lists, value)) if isinstance(value, list | tuple) else value


WAYS = pytest.mark.parametrize(
    ("scheme", "codec"),
    [("tcp", "JSON"), ("tcp", "MsgPack"), ("unix", "JSON"), ("unix", "MsgPack")],
)
CODECS = {"JSON": JSON, "MsgPack": MsgPack}


def test_aiomas_outlives_a_heartbeat(peer: Callable[..., list[str]]) -> None:
    url, _ = peer("tcp", "JSON")

    async def main() -> None:
        failures: list[aio.Failure] = []
        async with aio.open_container(
            "tcp://127.0.0.1:0", heartbeat=0.05, on_failure=failures.append
        ) as home:
            agent = Ours(home)
            proxy = await home.connect(url)
            assert await proxy.many(agent.url, 10) == 45  # so that there is a connection each way
            await asyncio.sleep(0.3)
            assert await proxy.service(1) == 1
            assert len(home.doors.peers) == 1
            assert failures == []

    run(main())


@WAYS
def test_junto_and_aiomas_call_one_another(
    scheme: str, codec: str, peer: Callable[..., list[str]], tmp_path: Path
) -> None:
    url, other = peer(scheme, codec)

    async def main() -> None:
        types = CODECS[codec]([DATETIME, POINT])
        async with aio.open_container(ours(scheme, tmp_path), codec=types) as container:
            agent = Ours(container)
            proxy = await container.connect(url)
            assert repr(proxy) == f"PeerProxy({url!r})"
            # Ours calls theirs.
            for value in (None, True, 3, -1.5, "é", [1, [2, {"a": None}]]):
                assert as_lists(await proxy.service(value)) == value
            assert await proxy.service(DATE) == DATE
            assert await proxy.kind(DATE) == "Arrow"
            assert await proxy.date() == DATE
            assert (await proxy.service(Point(1, 2))).y == 2
            assert await proxy.store.size() == 3
            assert sum(await asyncio.gather(*[proxy.service(i) for i in range(100)])) == 4950
            # References, both ways, both as arguments and as results.
            assert await proxy.call_me(agent, 41) == 42
            assert await (await proxy.myself()).service(5) == 5
            assert await (await proxy.my_store()).size() == 3
            with pytest.raises(CodecError):
                await proxy.service(await container.connect(other))
            # Theirs calls ours.
            assert as_lists(await proxy.call_url(agent.url, "service", [[1, 2]])) == [
                "result",
                [1, 2],
                f"OursProxy({agent.url!r})",
            ]
            assert await proxy.many(agent.url, 100) == 4950
            assert await proxy.pass_me(agent.url) == 42
            assert await proxy.call_what_you_give(agent.url) == "given"
            assert await proxy.pass_on(agent.url, agent) == "SerializationError"
            # What fails.
            with pytest.raises(RemoteError, match="ValueError: no") as raised:
                await proxy.fail("no")
            assert raised.value.type_name == "ValueError"
            assert as_lists(await proxy.call_url(agent.url, "fail", ["never"])) == [
                "failed",
                "ValueError: never",
            ]
            assert "LookupError" in (await proxy.call_url(agent.url, "nothing", []))[1]
            with pytest.raises(RemoteError, match="LookupError"):
                await proxy.nothing()
            with pytest.raises(RemoteError, match="ConnectionError"):
                await proxy.call_url(agent.url[:-1] + "7", "service", [1])
            with pytest.raises(ConnectionError):
                await container.connect(url[:-1] + "7")
            # Messages are calls to a peer of old.
            assert await container.ask(proxy, "service", 6) == 6
            container.tell(proxy, "service", 7)
            assert await proxy.service(8) == 8

    run(main())


@WAYS
def test_a_program_that_changed_its_import_line_speaks_with_one_that_did_not(
    scheme: str, codec: str, peer: Callable[..., list[str]], tmp_path: Path
) -> None:
    url, _ = peer(scheme, codec)

    async def main() -> None:
        addr: Any = str(tmp_path / "ours") if scheme == "unix" else ("127.0.0.1", 0)
        container = await aiomas.Container.create(
            addr, codec=getattr(aiomas, codec), extra_serializers=SERIALIZERS, as_coro=True
        )
        agent = Migrated(container)
        proxy = await container.connect(url)
        assert str(proxy) == f"PeerProxy({url!r})"
        sent = [1, [2]]
        assert await proxy.service(sent) == (sent if codec == "JSON" else (1, (2,)))
        assert await proxy.service(DATE) == DATE
        assert (await proxy.service(Point(1, 2))).y == 2
        assert await proxy.store.size() == 3
        assert await proxy.call_me(agent, 41) == 42
        assert await (await proxy.myself()).service(5) == 5
        assert await proxy.pass_me(agent.addr) == 42
        assert await proxy.call_what_you_give(agent.addr) == "given"
        assert (await proxy.call_url(agent.addr, "service", [3]))[1] == 3
        assert (await proxy.call_url(agent.addr, "fail", ["no"]))[1] == "ValueError: no"
        with pytest.raises(aiomas.RemoteException, match="ValueError: no"):
            await proxy.fail("no")
        await container.shutdown(as_coro=True)

    run(main())


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    folder = tmp_path_factory.mktemp("certs")
    create_authority(folder)
    made = issue(folder, "node")
    return str(made.cafile), str(made.certfile), str(made.keyfile)


def test_both_check_certificates(certs: tuple[str, str, str], peer: Callable[..., list[str]]) -> None:
    url, _ = peer("tls", "JSON", *certs)
    assert url.startswith("tcp://")  # whether it is TLS is not in its URLs

    async def main() -> None:
        async with aio.open_container("tls://127.0.0.1:0", tls=certs, types=[POINT]) as container:
            agent = Ours(container)
            proxy = await container.connect(url.replace("tcp://", "tls://"))
            assert await proxy.service(1) == 1
            assert await proxy.call_me(agent, 41) == 42
            here = agent.url.replace("tls://", "tcp://")
            assert (await proxy.call_url(here, "service", [2]))[:2] == ["result", 2]
            assert await proxy.pass_me(here) == 42

    run(main())


def test_who_has_no_certificate_is_cut_off(
    certs: tuple[str, str, str], peer: Callable[..., list[str]]
) -> None:
    url, _ = peer("tls", "JSON", *certs)

    async def main() -> None:
        async with aio.open_container() as container:
            with pytest.raises(ConnectionError):
                await container.connect(url)

    run(main())
