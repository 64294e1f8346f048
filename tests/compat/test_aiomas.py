"""Programs written for the package ``aiomas``, with only the import line changed."""

from __future__ import annotations

import asyncio
import datetime
import json
import sys
import types
import zlib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import trustme

from junto.compat import aiomas
from junto.compat.aiomas import dates, local_queue, subproc
from junto.compat.aiomas.exceptions import SerializationError

HERE = ("127.0.0.1", 0)
WAIT = 10.0


def run(flow: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(WAIT):
            await flow

    asyncio.run(bounded())


class Echo(aiomas.Agent):
    """Uses names that are its own, as agents may."""

    def __init__(self, container: Any, name: str = "echo") -> None:
        super().__init__(container)
        self.name, self.id, self.url, self.tags = name, 7, "none", ["x"]
        self.store = Store()
        self.router.add("store")

    @aiomas.expose
    def service(self, value: Any) -> Any:
        return value

    @aiomas.expose
    async def call_me(self, other: Any, value: int) -> int:
        return 1 + int(await other.service(value))

    @aiomas.expose
    def give(self, what: str) -> Any:
        return {"self": self, "store": self.store, "set": {1}}[what]

    @aiomas.expose
    def fail(self) -> None:
        raise ValueError("no")

    @aiomas.expose
    async def never(self) -> None:
        await asyncio.get_running_loop().create_future()

    @aiomas.expose
    def kinds(self, *args: Any, **kwargs: Any) -> str:
        return f"{args} {kwargs}"

    def hidden(self) -> None:
        raise AssertionError("called from outside")

    @property
    def asked(self) -> None:
        raise AssertionError("looked at from outside")


class Store:
    router = aiomas.rpc.Service()

    @router.expose
    def size(self) -> int:
        return 3


async def create(addr: Any = HERE, **options: Any) -> aiomas.Container:
    container: aiomas.Container = await aiomas.Container.create(addr, as_coro=True, **options)
    return container


def addresses(folder: Path) -> list[Any]:
    return [HERE, str(folder / "s"), aiomas.get_queue(f"q{folder.name}")]


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["tcp", "unix", "local"])
def test_agents_call_and_pass_one_another(kind: int, tmp_path: Path) -> None:
    async def main() -> None:
        there = await create(addresses(tmp_path)[kind], codec=aiomas.MsgPack)
        here = await create(codec=aiomas.MsgPack)
        echo, other = Echo(there), Echo(here)
        proxy = await here.connect(echo.addr)
        assert str(proxy) == f"EchoProxy({echo.addr!r})"
        assert str(proxy) in repr(proxy)
        assert await here.connect(echo.addr) is proxy
        assert await proxy.service([1, {"a": [b"x"]}]) == (1, {"a": (b"x",)})
        assert await proxy.kinds(1, timeout=2) == "(1,) {'timeout': 2}"
        assert await proxy.call_me(other, 41) == 42
        assert await (await proxy.give("store")).size() == 3
        assert await proxy.store.size() == 3
        again = await proxy.give("self")
        assert again == proxy
        assert isinstance(again, aiomas.rpc.Proxy)
        assert "agents/0" in str(again)
        now = there.clock.utcnow()
        assert await proxy.service(now) == now
        await here.shutdown(as_coro=True)
        await there.shutdown(as_coro=True)

    run(main())


def test_what_fails_is_told_as_before() -> None:
    async def main() -> None:
        there, here = await create(), await create()
        echo = Echo(there)
        proxy = await here.connect(echo.addr)
        with pytest.raises(aiomas.RemoteException, match="ValueError: no") as raised:
            await proxy.fail()
        assert raised.value.origin[0] == "127.0.0.1"
        assert raised.value.remote_traceback.startswith("Traceback")
        for path in ("hidden", "asked", "nothing", "store", "service/x", "store/nothing"):
            with pytest.raises(aiomas.RemoteException, match=r"LookupError|TypeError"):
                await proxy[path]()
        with pytest.raises(aiomas.RemoteException, match="set"):
            await proxy.give("set")
        for value in (proxy, {1}, Echo(there), Store()):
            with pytest.raises(SerializationError):
                proxy.service(value)
        with pytest.raises(AttributeError):
            here._outgoing[next(iter(here._outgoing))].opening.result().remote()
        with pytest.raises(ConnectionError, match="no agent"):
            await here.connect(f"{echo.addr}9")
        with pytest.raises(ValueError):
            await here.connect("tcp://nowhere")
        with pytest.raises(TypeError):
            aiomas.Agent(None)  # type: ignore[arg-type]  # that is the point
        waiting = proxy.never()
        await proxy.service(1)
        await there.shutdown(as_coro=True)
        with pytest.raises(ConnectionResetError):
            await waiting
        with pytest.raises(ConnectionResetError):
            proxy.service(1)
        with pytest.raises(ConnectionRefusedError):
            await here.connect(echo.addr)
        await here.shutdown(as_coro=True)

    run(main())


def test_a_peer_that_is_back_is_reached_again() -> None:
    async def main() -> None:
        there, here = await create(), await create()
        url = Echo(there).addr
        await here.connect(url)
        await there.shutdown(as_coro=True)
        connecting = asyncio.ensure_future(here.connect(url, timeout=WAIT))
        there = await create(("127.0.0.1", int(url.split(":")[2].split("/")[0])))
        Echo(there)
        assert await (await connecting).service(1) == 1
        await there.shutdown(as_coro=True)
        await here.shutdown(as_coro=True)

    run(main())


def test_a_container_is_closed_while_it_connects(tmp_path: Path) -> None:
    async def main() -> None:
        here = await create()
        connecting = asyncio.ensure_future(here.connect(f"ipc://[{tmp_path}/none]/0", timeout=None))
        await asyncio.sleep(0)
        await here.shutdown(as_coro=True)
        with pytest.raises(asyncio.CancelledError):
            await connecting

    run(main())


def test_containers_with_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certs = aiomas.SSLCerts(*(str(tmp_path / f"{name}.pem") for name in ("ca", "cert", "key")))
    contexts = (aiomas.make_ssl_server_context(*certs), aiomas.make_ssl_client_context(*certs))

    async def main() -> None:
        there, here = await create(ssl=certs), await create(ssl=contexts)
        echo = Echo(there)
        assert echo.addr.startswith("tcp://")
        assert await (await here.connect(echo.addr)).service(1) == 1
        with pytest.raises(TypeError):
            await create(ssl=("a", "b"))
        await here.shutdown(as_coro=True)
        await there.shutdown(as_coro=True)

    run(main())


def test_channels_without_rpc() -> None:
    received: list[Any] = []
    ended = asyncio.Event()

    async def serve(channel: aiomas.channel.Channel) -> None:
        request = await channel.recv()
        received.append(request.content)
        await request.reply({1})  # which JSON does not know
        await (await channel.recv()).fail(KeyError("x"))
        await (await channel.recv()).reply("nobody waits for it")
        with pytest.raises(ConnectionResetError):
            await channel.recv()
        await channel.close()
        with pytest.raises(ConnectionResetError):
            await request.reply(1)
        received.append("end")
        ended.set()

    async def main() -> None:
        server = await aiomas.channel.start_server(HERE, serve)
        channel = await aiomas.channel.open_connection(server.sockets[0].getsockname(), timeout=WAIT)
        with pytest.raises(aiomas.RemoteException):
            await channel.send("first")
        with pytest.raises(aiomas.RemoteException, match="KeyError"):
            await channel.send(["second"])
        assert isinstance(channel.codec, aiomas.JSON)
        assert channel.transport.get_extra_info("peername") == channel.get_extra_info("peername")
        gone = channel.send(1)
        gone.cancel()
        await channel.close()
        await channel.close()
        with pytest.raises(ConnectionResetError):
            channel.send(1)
        await ended.wait()
        assert received == ["first", "end"]
        server.close()
        await server.wait_closed()
        for wrong in (5, (), None):
            with pytest.raises(ValueError):
                await aiomas.channel.open_connection(wrong)
        with pytest.raises(FileNotFoundError):
            await aiomas.channel.open_connection("/no/such/socket")

    run(main())


def test_rpc_connections_tell_when_they_are_lost_and_services_end() -> None:
    async def main() -> None:
        clients: list[Any] = []
        store = Store()
        server = await aiomas.rpc.start_server(HERE, store, clients.append)
        addr = server.sockets[0].getsockname()
        client = await aiomas.rpc.open_connection(
            addr, rpc_service=aiomas.rpc.ServiceDict({"store": Store()})
        )
        assert await client.remote.size() == 3
        lost: list[Exception] = []
        clients[0].on_connection_reset(lost.append)
        with pytest.raises(ValueError):
            clients[0].on_connection_reset(3)
        await client.close()
        await clients[0].service
        assert [type(error) for error in lost] == [ConnectionResetError]
        plain = await aiomas.rpc.open_connection(addr)
        assert plain.service is None
        with pytest.raises(RuntimeError):
            plain.on_connection_reset(None)
        await plain.remote.size()
        clients[1].service.cancel()
        with pytest.raises(ConnectionResetError):
            await plain.remote.size()
        server.close()
        for wrong in (None, 3, object()):
            with pytest.raises(ValueError):
                await aiomas.rpc.start_server(HERE, wrong)
        with pytest.raises(ValueError):
            await aiomas.rpc.open_connection(addr, rpc_service=3)

    run(main())


def test_a_peer_without_a_service_answers_so() -> None:
    async def main() -> None:
        clients: list[Any] = []
        server = await aiomas.rpc.start_server(HERE, Store(), clients.append)
        client = await aiomas.rpc.open_connection(server.sockets[0].getsockname())
        await client.remote.size()
        with pytest.raises(aiomas.RemoteException, match="offers no service"):
            await clients[0].remote.size()
        with pytest.raises(SerializationError):
            client.remote.size(Store())
        for content in (1, [1, 2, 3], ["size", [], {}, 4]):
            with pytest.raises(aiomas.RemoteException, match="TypeError"):
                await client.channel.send(content)
        await client.close()
        server.close()

    run(main())


def test_routers() -> None:
    root = aiomas.rpc.ServiceDict({"store": Store()})
    store = root.dict["store"]
    assert store.router.path == "store"
    assert root.router.path == ""
    assert root.router.resolve("store/size")() == 3
    with pytest.raises(ValueError):
        root.router.set_sub_router(store.router, "again")
    with pytest.raises(ValueError):
        root.router.set_sub_router(None, "none")  # type: ignore[arg-type]  # that is the point
    with pytest.raises(AttributeError):
        store.router = None
    with pytest.raises(ValueError):
        aiomas.expose(3)  # type: ignore[type-var]  # that is the point
    root.dict["late"] = root.router.expose(lambda: 4)
    assert root.router.resolve("late")() == 4
    del root.dict["late"]
    with pytest.raises(LookupError):
        root.router.resolve("late")


@pytest.mark.parametrize("kind", [aiomas.JSON, aiomas.MsgPack, aiomas.MsgPackBlosc])
def test_codecs_encode_and_decode(kind: type[Any]) -> None:
    @aiomas.serializable
    class Point:
        def __init__(self, x: int, y: int) -> None:
            self.x, self.y = x, y

    codec = kind()
    codec.add_serializer(*Point.__serializer__())
    assert repr(codec.decode(codec.encode([Point(1, 2), "é"]))[0]) == "Point(x=1, y=2)"
    array = codec.decode(codec.encode([1, [2]]))
    assert array == ([1, [2]] if kind is aiomas.JSON else (1, (2,)))
    assert str(codec) == f"{kind.__name__}[Point]"
    with pytest.raises(ValueError):
        codec.add_serializer(*Point.__serializer__())
    with pytest.raises(SerializationError):
        codec.encode(object())
    assert codec.serialize_obj(Point(1, 2)) == {"__type__": (0, {"x": 1, "y": 2})}
    assert codec.deserialize_obj({"__type__": (0, {"x": 1, "y": 2})}).y == 2
    assert codec.deserialize_obj({"a": 1}) == {"a": 1}
    with pytest.raises(SerializationError):
        codec.serialize_obj({1})
    broken = Point(1, 2)
    del broken.x
    with pytest.raises(SerializationError):
        codec.serialize_obj(broken)


def test_serializable_may_leave_repr_alone() -> None:
    @aiomas.serializable(repr=False)
    class Plain:
        def __init__(self) -> None:
            pass

    assert "Plain object" in repr(Plain())


class Zipped(aiomas.codecs.Codec):
    """A codec of a program's own, as the guide shows."""

    def encode(self, data: Any) -> bytes:
        return zlib.compress(json.dumps(data, default=self.serialize_obj).encode())

    def decode(self, data: Any) -> Any:
        return json.loads(zlib.decompress(data), object_hook=self.deserialize_obj)


def test_a_codec_of_ones_own() -> None:
    async def main() -> None:
        there, here = await create(codec=Zipped), await create(codec=Zipped)
        proxy = await here.connect(Echo(there).addr)
        now = datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC)
        assert await proxy.service([1, now]) == [1, now]
        assert await proxy.call_me(Echo(here), 1) == 2
        with pytest.raises(SerializationError):
            proxy.service({1})
        with pytest.raises(aiomas.RemoteException):
            await proxy.give("set")
        await here.shutdown(as_coro=True)
        await there.shutdown(as_coro=True)
        reader, writer = await open_raw(there)
        del reader, writer

    async def open_raw(there: Any) -> tuple[Any, Any]:
        # What is no message ends the connection, and nothing else.
        server = await aiomas.rpc.start_server(HERE, Store(), codec=Zipped)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"\0\0\0\x04nope")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()
        return reader, writer

    run(main())
    with pytest.raises(NotImplementedError):
        aiomas.codecs.Codec().encode(1)
    with pytest.raises(NotImplementedError):
        aiomas.codecs.Codec().decode(b"")


def test_external_clocks() -> None:
    async def main() -> None:
        clock = aiomas.ExternalClock("2016-01-01T00:00:00+01:00", init_time=-1)
        assert clock.utcnow() == datetime.datetime(2015, 12, 31, 22, 59, 59, tzinfo=datetime.UTC)
        order: list[Any] = []
        clock.call_in(2, order.append, "b")
        clock.call_at(0, order.append, "a")
        clock.call_at(clock.utcnow() + datetime.timedelta(seconds=1), order.append, "c")
        clock.call_at(1, order.append, "never").cancel()
        sleeping = clock.sleep(1, "slept")
        until = clock.sleep_until(5)
        with pytest.raises(ValueError):
            clock.sleep_until(-1)
        clock.set_time(0)
        assert await sleeping == "slept"
        with pytest.raises(ValueError):
            clock.set_time(0)
        clock.set_time(5)
        await until
        assert order == ["a", "c", "b"]
        assert clock.time() == 5

    run(main())


def test_clocks_of_the_event_loop() -> None:
    async def main() -> None:
        clock = aiomas.AsyncioClock()
        assert await clock.sleep(0.001, 3) == 3
        assert await clock.sleep_until(clock.time() + 0.001, 4) == 4
        called = asyncio.Event()
        clock.call_in(0.001, called.set)
        await called.wait()
        assert abs((clock.utcnow() - datetime.datetime.now(datetime.UTC)).total_seconds()) < 60

    run(main())


class Arrow(datetime.datetime):
    """As much of the class of ``arrow`` as is asked of it."""

    @classmethod
    def fromdatetime(cls, date: datetime.datetime) -> Arrow:
        return cls.fromisoformat(date.isoformat())


def test_dates_are_those_of_arrow_where_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    arrow = types.ModuleType("arrow")
    arrow.Arrow = Arrow  # type: ignore[attr-defined]  # a stand-in
    monkeypatch.setitem(sys.modules, "arrow", arrow)
    import importlib

    try:
        importlib.reload(dates)
        assert dates.DATE is Arrow
        date = dates.read_date("2016-01-01T12:00:00+00:00")
        assert type(date) is Arrow
        assert dates.is_date(date)
        assert dates.from_date(types.SimpleNamespace(datetime=date)) == date
    finally:
        monkeypatch.delitem(sys.modules, "arrow")
        importlib.reload(dates)


def test_local_queues() -> None:
    class Reader(asyncio.Protocol):
        def __init__(self) -> None:
            self.got: list[Any] = []

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.got.append(data)

        def connection_lost(self, exc: Exception | None) -> None:
            self.got.append("lost")
            lost.set()

    lost = asyncio.Event()

    async def main() -> None:
        queue = aiomas.get_queue("spam")
        assert aiomas.get_queue("spam") is queue
        assert str(queue) == "LocalQueue('spam')"
        assert "LocalQueue('spam')" in repr(queue)
        for wrong in ("a/b", 3):
            with pytest.raises(ValueError):
                aiomas.get_queue(wrong)  # type: ignore[arg-type]  # that is the point
        with pytest.raises(ConnectionRefusedError):
            await local_queue.create_connection(Reader, queue)
        with pytest.raises(ConnectionRefusedError):
            await aiomas.channel.open_connection(queue)
        connecting = asyncio.ensure_future(aiomas.rpc.open_connection(queue, timeout=WAIT))
        await asyncio.sleep(0)
        readers = []
        server = await local_queue.create_server(lambda: readers.append(Reader()) or readers[-1], queue)
        assert queue.server is server
        assert server.lq is queue
        with pytest.raises(RuntimeError):
            await local_queue.create_server(Reader, queue)
        transport, _ = await local_queue.create_connection(Reader, queue)
        transport.write(b"x" * 100_000)
        readers[0].transport.write(b"y")
        transport.close()
        await lost.wait()
        assert readers[0].got == [b"x" * 100_000, "lost"]
        await (await connecting).close()
        server.close()
        assert queue.server is None
        await server.wait_closed()
        other = await local_queue.create_server(Reader, queue)
        local_queue.clear_queue_cache()
        assert aiomas.get_queue("spam") is not queue
        assert queue.server is None
        other.close()
        container = await create(aiomas.get_queue("spam"))
        with pytest.raises(RuntimeError):
            await create(aiomas.get_queue("spam"))
        await container.shutdown(as_coro=True)

    run(main())


def test_a_container_in_a_process_of_its_own_spawns_what_it_may() -> None:
    async def main() -> None:
        queue = aiomas.get_queue("subproc")
        clock = aiomas.ExternalClock("2016-01-01T00:00:00")
        process = asyncio.ensure_future(
            subproc.start(queue, allow=[f"{__name__}:Ech*", f"{__name__}:make_echo"], clock=clock)
        )
        here = await create()
        manager = await here.connect("local://subproc/0", timeout=WAIT)
        assert str(manager) == "ManagerProxy('local://subproc/0')"
        for name in (f"{__name__}:Echo", f"{__name__}:make_echo"):
            proxy, url = await manager.spawn(name, name="ann")
            assert await proxy.service(1) == 1
            assert await (await here.connect(url)).service(2) == 2
        for wrong in (f"{__name__}:Store", "os:system", "nonsense", f"{__name__}:Echo.x"):
            with pytest.raises(aiomas.RemoteException, match=r"may not be spawned|ValueError"):
                await manager.spawn(wrong)
        await manager.set_time(3)
        assert clock.time() == 3
        with pytest.raises(aiomas.RemoteException, match="ValueError"):
            await manager.set_time(3)
        await manager.stop()
        await process
        await here.shutdown(as_coro=True)

    run(main())


async def make_echo(container: Any, name: str) -> Echo:
    return Echo(container, name)


def test_running_without_an_event_loop() -> None:
    loop = aiomas.util.current_loop()
    try:
        container = aiomas.Container.create(HERE)
        assert container.loop is loop
        assert str(container).startswith("Container('tcp://127.0.0.1:")
        loop.call_soon(loop.stop)
        assert aiomas.run() is None
        assert aiomas.run(asyncio.sleep(0, 3)) == 3
        container.shutdown()
    finally:
        loop.close()
    new = aiomas.util.current_loop()
    assert not new.is_closed()
    new.close()
    asyncio.set_event_loop(None)


def test_objects_by_name() -> None:
    assert aiomas.util.obj_from_str("junto.compat.aiomas:Agent.addr") is aiomas.Agent.addr
    for wrong in ("", "a", "a:", ":b", "a:b:c", "a:b..c", 3):
        with pytest.raises(ValueError):
            aiomas.util.obj_from_str(wrong)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ImportError):
        aiomas.util.obj_from_str("no.such.module:x")
    with pytest.raises(AttributeError):
        aiomas.util.obj_from_str("json:nothing")
