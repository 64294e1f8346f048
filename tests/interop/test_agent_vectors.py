"""What containers of aiomas said to each other: junto's say and hear the same, in either role."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from junto import CustomType, RemoteError, expose
from junto.agents import aio, local
from junto.agents.addresses import Place
from junto.clock import ExternalClock
from junto.codecs import JSON, Codec, MsgPack
from junto.errors import ConnectionFailed
from junto.runtimes.asyncio import asyncio_runtime
from junto.sansio.packets import PacketReader

SESSIONS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for vector in json.loads((Path(__file__).parent.parent / "vectors/channel.json").read_bytes()):
    if (vector["session"] or "").startswith("agent."):
        SESSIONS[vector["session"]].append(vector)
CODECS: dict[str, Codec] = {"JSON": JSON(), "MsgPack": MsgPack()}
DATE = datetime.datetime(2016, 1, 1, 12, tzinfo=datetime.UTC)


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


POINT = CustomType(Point, lambda point: {"x": point.x, "y": point.y}, lambda data: Point(**data))


class TestAgent(aio.Agent):
    __test__ = False

    @expose
    def service(self, value: Any) -> Any:
        return value

    @expose
    async def call_me(self, other: Any, value: int) -> int:
        return 1 + int(await other.service(value))

    @expose
    def kinds(self, values: list[Any], n: Any) -> list[str]:
        # The other library has its own class for dates.
        return [type(value).__name__.replace("datetime", "Arrow") for value in [*values, n]]


class Worker(aio.Agent):
    def __init__(self, container: aio.Container, name: str, speed: int) -> None:
        super().__init__(container, name=name)
        self.speed = speed

    @expose
    def get_speed(self) -> int:
        return self.speed


class Manager(aio.Agent):
    @expose
    def spawn(self, name: str, *args: Any, **kwargs: Any) -> Any:
        assert name == "mod_agents:Worker"
        worker = Worker(self.container, *args, **kwargs)
        return [worker, "tcp://127.0.0.1:37819/1"]  # the port of the recorded run

    @expose
    def set_time(self, time: float) -> None:
        clock = self.container.clock
        assert isinstance(clock, ExternalClock)
        clock.set_time(time)

    @expose
    def stop(self) -> None:
        pass


class Player(asyncio.Protocol):
    """The other program: says what was recorded in its role, as soon as it has heard what comes before."""

    def __init__(self, session: str, role: str) -> None:
        vectors = sorted(SESSIONS[session], key=lambda vector: vector["seq"])
        self._codec = CODECS[vectors[0]["codec"]]
        self._left = deque((vector["direction"].startswith(role), vector) for vector in vectors)
        self._reader = PacketReader(1 << 20, memoryview(bytearray(1 << 16)))
        self.heard: list[tuple[Any, Any]] = []
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._speak()

    def _speak(self) -> None:
        while self._left and self._left[0][0]:
            self.transport.write(bytes.fromhex(self._left.popleft()[1]["hex"]))
        if not self._left and not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        for payload in self._reader.receive_data(data):
            _, expected = self._left.popleft()
            self.heard.append((self._codec.load(payload), expected["decoded"]))
            self._speak()

    # What a local connection calls instead.

    def get_buffer(self, sizehint: int) -> memoryview:
        self._room = bytearray(1 << 16)
        return memoryview(self._room)

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._room[:nbytes]))

    def check(self) -> None:
        for said, recorded in self.heard:
            if recorded[0] == 2:  # texts of errors are their library's own
                assert said[:2] == recorded[:2]
                assert isinstance(said[2], str)
            else:
                assert said == recorded


def options(session: str) -> dict[str, Any]:
    if session == "agent.msgpack":
        return {"codec": "msgpack", "types": [POINT]}
    return {"clock": ExternalClock("2016-01-01T00:00:00+00:00", -1)} if session == "agent.manager" else {}


def places(session: str, folder: Path) -> str:
    return {"agent.ipc": f"ipc://[{folder}/s]/", "agent.local": "local://b"}.get(session, "tcp://127.0.0.1:0")


@pytest.mark.parametrize("session", sorted(SESSIONS))
def test_a_container_answers_as_recorded(session: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with aio.open_container(places(session, tmp_path), **options(session)) as container:
            for kind in [Manager] if session == "agent.manager" else [TestAgent, TestAgent]:
                kind(container)
            place = Place.parse(container.url)
            player = Player(session, "client")
            loop = asyncio.get_running_loop()
            if place.scheme == "local":
                local.connect(asyncio_runtime(), place.host, lambda: player)  # type: ignore[arg-type, return-value]  # it has all that is called
            elif place.scheme == "unix":
                await loop.create_unix_connection(lambda: player, place.host)
            else:
                await loop.create_connection(lambda: player, place.host, place.port)
            async with asyncio.timeout(10):
                await player.done
            player.transport.close()
            player.check()
            if session == "agent.manager":
                assert container.clock.time() == 0

    asyncio.run(main())


async def tcp(container: aio.Container, base: str) -> None:
    mine = TestAgent(container)
    one = await container.connect(f"{base}1")
    assert repr(one) == f"TestAgentProxy('{base}1')"
    assert await one.service(42) == 42
    assert await (await container.connect(f"{base}0")).service("x") == "x"
    with pytest.raises(ConnectionFailed):
        await container.connect(f"{base}7")
    assert await one.call_me(mine, 1) == 2
    assert await one.service(DATE) == DATE
    with pytest.raises(RemoteError, match="No serializer"):
        await one.service([DATE, mine])
    assert await one.kinds([DATE, mine], n=mine) == ["Arrow", "Proxy", "Proxy"]


async def msgpack(container: aio.Container, base: str) -> None:
    mine = TestAgent(container)
    agent = await container.connect(f"{base}0")
    assert await agent.call_me(mine, 41) == 42
    assert await agent.kinds([DATE, Point(1, 2), mine], n=0) == ["Arrow", "Point", "Proxy", "int"]


async def ipc(container: aio.Container, base: str) -> None:
    assert await (await container.connect(f"{base}0")).service("ipc://[b.sock]/0") == "ipc://[b.sock]/0"


async def in_queue(container: aio.Container, base: str) -> None:
    assert await (await container.connect(f"{base}0")).service([1]) == [1]


async def manager(container: aio.Container, base: str) -> None:
    proxy = await container.connect(f"{base}0")
    worker, url = await proxy.spawn("mod_agents:Worker", "w1", speed=3)
    assert url.endswith("/1")
    assert await worker.get_speed() == 3
    assert await proxy.set_time(0) is None
    with pytest.raises(RemoteError, match="Time must be > 0"):
        await proxy.set_time(0)
    assert await proxy.stop() is None


Steps = Callable[[aio.Container, str], Coroutine[Any, Any, None]]
STEPS: dict[str, Steps] = {
    "agent.tcp": tcp,
    "agent.msgpack": msgpack,
    "agent.ipc": ipc,
    "agent.local": in_queue,
    "agent.manager": manager,
}


@pytest.mark.parametrize("session", sorted(SESSIONS))
def test_a_container_asks_as_recorded(session: str, tmp_path: Path) -> None:
    async def main() -> None:
        player = Player(session, "server")
        loop = asyncio.get_running_loop()
        runtime = asyncio_runtime()
        async with aio.open_container("tcp://127.0.0.1:0", **options(session)) as container:
            listener: Any
            if session == "agent.local":
                listener, base = local.listen(runtime, "b", lambda: player), "local://b/"  # type: ignore[arg-type, return-value]  # as above
            elif session == "agent.ipc":
                listener = await loop.create_unix_server(lambda: player, f"{tmp_path}/s")
                base = f"ipc://[{tmp_path}/s]/"
            else:
                listener = await loop.create_server(lambda: player, "127.0.0.1", 0)
                base = f"tcp://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
            async with asyncio.timeout(10):
                await STEPS[session](container, base)
                await player.done
            listener.close()
        player.transport.close()
        player.check()

    asyncio.run(main())
