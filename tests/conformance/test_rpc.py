"""RPC on every runtime: paths, calls, conversions, workers, questions every peer answers."""

from __future__ import annotations

import datetime
import enum
import logging
import threading
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pytest

from junto.codecs import JSON, MsgPack
from junto.custom_types import CustomType
from junto.errors import CodecError, RemoteError, RequestTimeout
from junto.exposing import ServiceDict, expose
from junto.options import MOSAIK, Options
from junto.server import open_peer, serve_peers

from .layers import TCP, peers, raw_client, until
from .worlds import sleep


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: float
    y: float = 0.0


class Line(msgspec.Struct):
    points: list[Point]
    color: Color = Color.RED


class Complex:
    def __init__(self, value: complex) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Complex) and other.value == self.value


COMPLEX: CustomType[Complex] = CustomType(
    Complex, lambda c: [c.value.real, c.value.imag], lambda data: Complex(complex(*data))
)


class Deep:
    @expose
    def double(self, number: int) -> int:
        return 2 * number

    def hidden(self) -> str:
        return "secret"


class Service:
    """What the scenarios call."""

    limit = 3

    def __init__(self) -> None:
        self.math = Deep()
        self.functions = ServiceDict(
            {"triple": triple, "_private": triple, "deep": Deep(), "plain": {"t": triple}}
        )
        self.evaluated = 0
        self._private = Deep()
        self.instance_function = triple

    @expose
    def add(self, a: int, b: int = 10) -> int:
        return a + b

    @expose
    async def wait(self, result: Any) -> Any:
        return result

    @expose
    def types(
        self, i: int = 0, f: float = 0.0, s: str = "", b: bool = False, o: int | None = None, u: int | str = 0
    ) -> list[str]:
        return [type(value).__name__ for value in (i, f, s, b, o, u)]

    @expose
    def kinds(self, line: Line, when: datetime.datetime, color: Color, by_number: dict[int, Point]) -> Any:
        assert type(line) is Line
        assert all(type(point) is Point for point in (*line.points, *by_number.values()))
        assert type(when) is datetime.datetime
        assert type(color) is Color
        return [line, when, color, by_number]

    @expose
    def many(self, *points: Point, scale: float, **more: int) -> Any:
        assert all(type(point) is Point for point in points)
        assert type(scale) is float
        assert all(type(value) is int for value in more.values())
        return [len(points), scale, more]

    @expose
    def literal(self, mode: Literal["r", "w"], point: Point | None = None) -> Any:
        return [mode, None if point is None else point.x]

    @expose
    def free(self, *args, **kwargs):  # type: ignore[no-untyped-def]  # what has no annotations
        return [list(args), kwargs]

    @expose
    def positional(self, a: int, /, b: int) -> int:
        return a * b

    @expose
    def fail(self, text: str) -> None:
        raise LookupError(text)

    @expose
    def path(self, path: str, timeout: float = 0.0) -> Any:
        return [path, timeout]

    @expose
    @staticmethod
    def static(number: int) -> int:
        return number + 1

    @staticmethod
    @expose
    def other_static(number: int) -> int:
        return number + 2

    @expose
    @classmethod
    def of_class(cls) -> str:
        return cls.__name__

    @property
    def trap(self) -> Any:
        self.evaluated += 1
        return self.add

    @expose
    def _underscore(self) -> str:
        return "secret"

    def unexposed(self) -> str:
        return "secret"


@expose
def triple(number: int) -> int:
    return 3 * number


@pytest.fixture(params=["json", "msgpack"])
def codec(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_calls_give_results(scene: Any, codec: Any, place: Any) -> None:
    async def scenario(rt: Any) -> None:
        options = {"codec": codec}
        async with peers(rt, Service(), place, server_options=options, **options) as (client, _):
            remote = client.remote
            assert await remote.add(3, 4) == 7
            assert await remote.add(3) == 13
            assert await remote.add(b=1, a=2) == 3
            assert await remote.add(3, 4, timeout=5.0) == 7
            assert await remote.wait([1, {"a": None}]) == [1, {"a": None}]
            assert await remote.math.double(4) == 8
            assert await remote.functions.triple(4) == 12
            assert await remote.functions.deep.double(4) == 8
            assert await remote.functions.plain.t(4) == 12
            assert await remote.instance_function(4) == 12
            assert await remote.static(4) == 5
            assert await remote.other_static(4) == 6
            assert await remote.of_class() == "Service"
            assert await remote.positional(3, 4) == 12
            assert await remote.positional(3, b=4) == 12
            assert await remote["math"]["double"](4) == 8
            assert await client.call("math/double", 4) == 8

    scene(scenario)


UNREACHABLE = [
    "",
    "/",
    "add/",
    "/add",
    "nothing",
    "unexposed",
    "math/hidden",
    "math",
    "functions",
    "functions/plain",
    "_underscore",
    "_private/double",
    "functions/_private",
    "functions/nothing",
    "functions/keys",
    "functions/data",
    "functions/get",
    "math//double",
    "add/__call__",
    "add/__globals__",
    "__class__",
    "__init__",
    "__dict__/math/double",
    "math/__class__/double",
    "math/../add",
    "limit",
    "trap",
    "trap/double",
    "evaluated",
    "_ping/x",
    "_describe/x",
    "_nothing",
    "x" * 10_000,
    "a/" * 10_000,
]


def test_what_is_not_exposed_cannot_be_reached(scene: Any) -> None:
    service = Service()

    async def scenario(rt: Any) -> None:
        async with peers(rt, service) as (client, _):
            for path in UNREACHABLE:
                with pytest.raises(RemoteError) as caught:
                    await client.call(path, timeout=5.0)
                assert caught.value.type_name == "LookupError", path
                assert len(str(caught.value)) < 40_000
            assert await client.remote.add(1, 2) == 3

    scene(scenario)
    assert service.evaluated == 0


WRONG_CALLS = [
    None,
    3,
    "add",
    [],
    ["add"],
    ["add", [1, 2]],
    ["add", [1, 2], {}, 0],
    [3, [], {}],
    [None, [], {}],
    [["add"], [1, 2], {}],
    ["add", {"0": 1}, {}],
    ["add", "12", {}],
    ["add", [1, 2], []],
    ["add", [1, 2], None],
    ["add", None, None],
    {"path": "add"},
    ["add", [1, 2, 3], {}],
    ["add", [], {}],
    ["add", [1], {"c": 3}],
    ["add", [1], {"a": 3}],
    ["add", [1], {"": 3}],
    ["add", ["1", 2], {}],
    ["add", [[1], 2], {}],
    ["add", [1.5, 2], {}],
    ["add", [None, 2], {}],
    ["add", [True, 2], {}],
    ["positional", [1], {"a": 1, "b": 2}],
    ["many", [], {}],
    ["kinds", [1, 2, 3, 4], {}],
    ["fail", ["x"], {}],
]


def test_every_malformed_call_is_answered_by_a_failure(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        server = await serve_peers(rt, Service(), [TCP], Options())
        async with raw_client(rt, server.addresses[0]) as raw:
            raw.send(*([0, number, content] for number, content in enumerate(WRONG_CALLS)))
            raw.send([0, -1, ["add", [3, 4], {}]])
            answers = await raw.until_messages(len(WRONG_CALLS) + 1)
            assert answers[-1] == [1, -1, 7]
            assert [answer[:2] for answer in answers[:-1]] == [
                [2, number] for number in range(len(WRONG_CALLS))
            ]
        await server.close()

    scene(scenario)


def test_argument_errors_name_the_argument(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with peers(rt, Service()) as (client, _):
            remote = client.remote
            for call, name in (
                (remote.add(1, "x"), "'b'"),
                (remote.add("x", b=1), "'a'"),
                (remote.many({"y": 1}, scale=1.0), "'points'"),
                (remote.many(scale=1.0, other="x"), "'other'"),
                (remote.many({"x": 1}), "scale"),
                (remote.add(1, 2, 3), "arguments"),
                (remote.add(1, c=3), "'c'"),
                (remote.literal("x"), "'mode'"),
            ):
                with pytest.raises(RemoteError) as caught:
                    await call
                assert caught.value.type_name == "TypeError"
                assert name in str(caught.value), str(caught.value)
                assert "inspect.py" not in caught.value.text

    scene(scenario)


def test_arguments_are_converted_by_annotations_and_results_travel(scene: Any, codec: Any) -> None:
    async def scenario(rt: Any) -> None:
        options = {"codec": codec}
        async with peers(rt, Service(), server_options=options, **options) as (client, _):
            remote = client.remote
            assert await remote.types(1, 2, "x", True, None, "u") == [
                "int",
                "float",
                "str",
                "bool",
                "NoneType",
                "str",
            ]
            when = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
            line = Line([Point(1.0), Point(2.0, 3.0)], Color.BLUE)
            numbered = {1: Point(5.0), 2: Point(6.0)}
            line_, when_, color_, numbered_ = await client.call(
                "kinds",
                line,
                when,
                Color.RED,
                numbered,
                returns=tuple[Line, datetime.datetime, Color, dict[int, Point]],
            )
            assert (line_, when_, color_, numbered_) == (line, when, Color.RED, numbered)
            assert await remote.many(Point(1.0), {"x": 2}, scale=2, a=1, b=2) == [2, 2.0, {"a": 1, "b": 2}]
            assert await remote.literal("r", Point(4.0)) == ["r", 4.0]
            assert await remote.literal(mode="w", point={"x": 5}) == ["w", 5.0]
            assert await remote.free(1, "x", a=[2]) == [[1, "x"], {"a": [2]}]

    scene(scenario)


def test_a_result_that_is_not_as_expected_is_an_error_of_the_caller(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with peers(rt, Service()) as (client, _):
            assert await client.call("add", 3, 4, returns=int) == 7
            assert await client.call("add", 3, 4, returns=float) == 7.0
            with pytest.raises(CodecError):
                await client.call("add", 3, 4, returns=str)
            assert await client.call("add", kwargs={"a": 1, "b": 2}) == 3

    scene(scenario)


def test_names_that_proxies_take_for_themselves_are_called_by_the_long_form(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with peers(rt, Service()) as (client, _):
            assert await client.remote.path("p") == ["p", 0.0]
            assert await client.remote.path(path="p") == ["p", 0.0]
            assert await client.call("path", kwargs={"path": "p", "timeout": 2.5}, timeout=5.0) == ["p", 2.5]
            service = ServiceDict(
                {name: _named(name) for name in ("func", "args", "keywords", "call", "keys")}
            )
            async with peers(rt, service) as (other, _):
                for name in service:
                    assert await getattr(other.remote, name)() == name

    scene(scenario)


def _named(name: str) -> Any:
    @expose
    def tell() -> str:
        return name

    return tell


def test_custom_types_travel_and_fit_annotations(scene: Any) -> None:
    class Calculator:
        @expose
        def conjugate(self, number: Complex) -> Complex:
            return Complex(number.value.conjugate())

        @expose
        def total(self, numbers: list[Complex]) -> Complex:
            return Complex(sum(number.value for number in numbers))

    async def scenario(rt: Any) -> None:
        for make in (JSON, MsgPack):
            async with peers(
                rt, Calculator(), server_options={"codec": make([COMPLEX])}, codec=make([COMPLEX])
            ) as (
                client,
                _,
            ):
                assert await client.remote.conjugate(Complex(1 + 2j)) == Complex(1 - 2j)
                assert await client.remote.total([Complex(1j), Complex(2)]) == Complex(2 + 1j)

    scene(scenario)


def test_changes_of_a_service_are_seen_at_once(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        service = Service()
        plain: dict[str, Any] = {"f": _named("old")}
        root = ServiceDict({"service": service, "plain": plain})
        async with peers(rt, root) as (client, _):
            remote = client.remote
            assert await remote.plain.f() == "old"
            plain["f"] = _named("new")
            assert await remote.plain.f() == "new"
            del plain["f"]
            with pytest.raises(RemoteError):
                await remote.plain.f()
            root["added"] = _named("added")
            assert await remote.added() == "added"
            service.math = Service()  # type: ignore[assignment]
            assert await remote.service.math.add(1, 2) == 3
            with pytest.raises(RemoteError):
                await remote.service.math.double(1)
        service = Service()
        async with peers(rt, service) as (client, _):
            assert await client.remote.add(1, 2) == 3
            service.add = _named("mine")  # type: ignore[method-assign]
            assert await client.remote.add() == "mine"
            service.add = None  # type: ignore[method-assign, assignment]
            with pytest.raises(RemoteError):
                await client.remote.add(1, 2)
            del service.add
            assert await client.remote.add(1, 2) == 3

    scene(scenario)


def test_an_override_that_is_not_exposed_hides_what_was(scene: Any) -> None:
    class Closed(Service):
        def add(self, a: int, b: int = 10) -> int:
            return -1

    async def scenario(rt: Any) -> None:
        async with peers(rt, Closed()) as (client, _):
            with pytest.raises(RemoteError):
                await client.remote.add(1, 2)
            assert await client.remote.math.double(1) == 2
            assert await client.remote.of_class() == "Closed"

    scene(scenario)


def test_a_peer_without_a_service_answers_that_it_has_none(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with peers(rt, Service()) as (client, server):
            await client.ping()
            with pytest.raises(RemoteError) as caught:
                await server.remote.anything(timeout=5.0)
            assert "no service" in str(caught.value)
            with pytest.raises(RemoteError):
                await server.describe()
            assert await server.ping() < 5.0

    scene(scenario)


def test_both_sides_may_offer_a_service(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with peers(rt, Service(), client_service={"triple": triple}) as (client, server):
            there, back = client.remote.add(1, 2), server.remote.triple(4)
            assert (await there, await back) == (3, 12)

    scene(scenario)


def test_a_service_tells_what_it_offers(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        async with peers(rt, Service()) as (client, _):
            functions = {function["path"]: function for function in await client.describe()}
            assert functions["add"]["signature"] == "(a: int, b: int = 10) -> int"
            assert functions["add"]["stream"] is False
            assert {
                "math/double",
                "functions/triple",
                "functions/deep/double",
                "static",
                "of_class",
            } <= functions.keys()
            assert not [
                path
                for path in functions
                if "_"
                in path.replace("of_class", "").replace("other_static", "").replace("instance_function", "")
            ]
            assert "trap" not in functions

    scene(scenario)


def test_ping_works_with_every_peer(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        for options in ({}, MOSAIK):
            async with peers(rt, Service(), server_options=dict(options)) as (client, _):
                assert 0 <= await client.ping(timeout=5.0) < 5.0

    scene(scenario)


def test_notices_call_functions_too(scene: Any) -> None:
    class Log:
        def __init__(self) -> None:
            self.lines: list[str] = []

        @expose
        def write(self, line: str) -> None:
            self.lines.append(line)

    async def scenario(rt: Any) -> None:
        log = Log()
        async with peers(rt, log) as (client, _):
            await client.ping()
            client.notify("write", "a")
            client.notify("write", line="b")
            await client.ping()
            assert log.lines == ["a", "b"]

    scene(scenario)


def test_a_call_times_out_and_the_connection_lives(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        class Slow:
            @expose
            async def wait(self) -> None:
                await sleep(rt, 0.05)

            @expose
            def fine(self) -> str:
                return "fine"

        async with peers(rt, Slow()) as (client, _):
            with pytest.raises(RequestTimeout):
                await client.remote.wait(timeout=0.005)
            with pytest.raises(RequestTimeout):
                await client.call("wait", timeout=0.005)
            assert await client.remote.fine() == "fine"
            await until(rt, lambda: client.channel.late_replies == 2)

    scene(scenario)


# -- workers --


def test_plain_functions_run_in_workers_and_flows_do_not(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        here = threading.get_ident()

        class Where:
            @expose
            def plain(self) -> bool:
                return threading.get_ident() == here

            @expose
            async def flow(self) -> bool:
                return threading.get_ident() == here

        async with peers(rt, Where(), workers=2) as (client, _):
            assert await client.remote.plain() is False
            assert await client.remote.flow() is True
        async with peers(rt, Where()) as (client, _):
            assert await client.remote.plain() is True

    scene(scenario)


def test_workers_run_beside_each_other(scene: Any) -> None:
    barrier = threading.Barrier(3)

    class Meeting:
        @expose
        def meet(self) -> int:
            return barrier.wait(5.0)

    async def scenario(rt: Any) -> None:
        async with peers(rt, Meeting(), workers=3) as (client, _):
            futures = [client.remote.meet() for _ in range(3)]
            assert sorted([await future for future in futures]) == [0, 1, 2]

    scene(scenario)


def test_every_kind_of_failure_in_a_worker_is_answered(scene: Any, run: Any) -> None:
    class Failing:
        @expose
        def stop(self) -> None:
            raise StopIteration(3)

        @expose
        def value(self) -> None:
            raise ValueError("x")

        @expose
        def leave(self) -> None:
            raise SystemExit(1)

        @expose
        def cancelled(self) -> None:
            raise run.cancelled

        @expose
        def unsendable(self) -> object:
            return object()

    async def scenario(rt: Any) -> None:
        async with peers(rt, Failing(), workers=1) as (client, _):
            for name in ("stop", "value", "leave", "cancelled", "unsendable", "nothing"):
                with pytest.raises(RemoteError):
                    await client.call(name, timeout=5.0)
            with pytest.raises(RemoteError):
                await client.call("value", 1, 2, 3, timeout=5.0)

    scene(scenario)


def test_closing_while_a_worker_is_busy_is_bounded(scene: Any) -> None:
    release = threading.Event()

    class Busy:
        @expose
        def work(self) -> None:
            release.wait(10.0)

    async def scenario(rt: Any) -> None:
        async with peers(rt, Busy(), workers=1) as (client, server):
            future = client.remote.work()
            await until(rt, lambda: server.channel._answering.unanswered == 1)
            start = rt.time()
            await server.close(0.02)
            assert rt.time() - start < 2.0
            with pytest.raises((RemoteError, ConnectionError)):
                await future
            release.set()

    scene(scenario)


def test_a_negative_number_of_workers_is_refused(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        with pytest.raises(ValueError, match="workers"):
            await serve_peers(rt, Service(), [TCP], Options(), workers=-1)

    scene(scenario)


# -- connected --


def test_connected_gets_each_new_peer_and_may_call_it(scene: Any) -> None:
    async def scenario(rt: Any) -> None:
        got: list[Any] = []

        async def greet(peer: Any) -> None:
            got.append(await peer.remote.triple(len(got)))

        server = await serve_peers(rt, None, [TCP], Options(), connected=greet)
        clients = [
            await open_peer(rt, server.addresses[0], Options(), service={"triple": triple}) for _ in range(3)
        ]
        await until(rt, lambda: len(got) == 3)
        assert len(server.connections) == 3
        for client in clients:
            await client.close()
        await until(rt, lambda: not server.connections)
        await server.close()

    scene(scenario)


def test_a_connected_that_fails_is_logged_and_the_connection_lives(scene: Any, caplog: Any) -> None:
    async def scenario(rt: Any) -> None:
        def plain(peer: Any) -> None:
            raise ValueError("plain")

        async def waiting(peer: Any) -> None:
            await sleep(rt, 0)
            raise ValueError("waiting")

        for connected in (plain, waiting):
            server = await serve_peers(rt, Service(), [TCP], Options(), connected=connected)
            client = await open_peer(rt, server.addresses[0], Options(), connected=connected)
            assert await client.remote.add(1, 2) == 3
            await client.close()
            await server.close()

    with caplog.at_level(logging.ERROR):
        scene(scenario)
    assert len(caplog.records) == 4
    assert {record.name for record in caplog.records} == {"junto"}
