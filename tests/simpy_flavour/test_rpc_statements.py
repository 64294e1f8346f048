"""The statements about remote procedure calls from SimPy processes, S-190 to S-195, by junto's own layer."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from junto import CodecError, RemoteError, ServiceDict, expose, simpy
from junto.custom_types import CustomType

HERE = "tcp://127.0.0.1:0"
BACKENDS = ("select", "poll", "epoll", "asyncio")

Process = Generator[Any, Any, Any]


class Inner:
    @expose
    def name(self) -> str:
        return "inner"


class Service:
    def __init__(self, env: simpy.WallClockEnvironment) -> None:
        self.env = env
        self.inner = Inner()

    @expose
    def call(self, value: int) -> int:
        return value + 1

    @expose
    def process(self, value: int) -> Process:
        yield self.env.timeout(0.001)
        return value + 2

    @expose
    def passthru(self, value: int) -> Any:
        return self.env.timeout(0.001, value + 3)

    @expose
    def give(self, what: str) -> Any:
        return {"stranger": Inner(), "nonsense": object(), "own": self.inner}[what]

    @expose
    def ask(self, other: simpy.Proxy) -> Process:
        return (yield other.name())

    def hidden(self) -> None:
        """Not exposed."""


class Derived(Service):
    @expose
    def more(self) -> str:
        return "more"


@pytest.fixture(params=BACKENDS)
def env(request: pytest.FixtureRequest) -> Generator[simpy.WallClockEnvironment, None, None]:
    env = simpy.Environment(request.param)
    yield env
    env.close()


def talk(env: simpy.WallClockEnvironment, offered: Any, process: Any, **options: Any) -> None:
    """Run *process* with a peer to which *offered* is served."""

    def main() -> Process:
        server = yield simpy.serve(env, offered, HERE)
        peer = yield simpy.connect(env, server.addresses[0], **options)
        yield env.process(process(peer)) | env.timeout(10.0)
        yield peer.close()
        yield server.close()
        return "done"

    assert env.run(until=env.process(main())) == "done"


def test_s190_what_returns_a_value_a_process_or_an_event_is_called_alike(env: Any) -> None:
    results: list[Any] = []

    def process(peer: simpy.Peer) -> Process:
        for name in ("call", "process", "passthru"):
            results.append((yield peer.remote[name](1)))
        results.append((yield peer.remote.inner.name()))

    talk(env, Service(env), process)
    assert results == [2, 3, 4, "inner"]


def test_s190_a_tree_of_objects_is_a_service(env: Any) -> None:
    results: list[Any] = []

    def process(peer: simpy.Peer) -> Process:
        results.append((yield peer.remote.a.b.name()))
        results.append((yield peer.remote.service.call(1)))

    talk(env, ServiceDict({"a": ServiceDict({"b": Inner()}), "service": Service(env)}), process)
    assert results == ["inner", 2]


def test_s191_what_is_hidden_and_what_is_missing_fail_alike_and_name_the_path(env: Any) -> None:
    told: list[str] = []

    def process(peer: simpy.Peer) -> Process:
        for path in ("hidden", "missing", "inner/missing", "env"):
            with pytest.raises(RemoteError) as caught:
                yield peer.remote[path]()
            assert path in str(caught.value)
            told.append(str(caught.value).replace(path, "PATH"))

    talk(env, Service(env), process)
    assert len(told) == 4
    assert len(set(told)) == 1


def test_s192_an_exposed_object_that_is_passed_can_be_called_by_the_other_side(env: Any) -> None:
    results: list[Any] = []
    mine = Inner()

    def process(peer: simpy.Peer) -> Process:
        results.append((yield peer.remote.ask(mine)))

    talk(env, Service(env), process, service=mine)
    assert results == ["inner"]


@pytest.mark.parametrize("what", ["stranger", "nonsense"])
def test_s193_what_cannot_be_returned_is_a_failure_of_that_call_only(env: Any, what: str) -> None:
    results: list[Any] = []

    def process(peer: simpy.Peer) -> Process:
        with pytest.raises(RemoteError):
            yield peer.remote.give(what)
        own = yield peer.remote.give("own")
        results.append((yield own.name()))

    talk(env, Service(env), process)
    assert results == ["inner"]


def test_s194_a_result_of_a_type_that_the_caller_does_not_know_fails_that_call(env: Any) -> None:
    from junto.codecs import JSON

    types = [CustomType(complex, lambda value: [value.real, value.imag], lambda data: complex(*data))]
    results: list[Any] = []

    def handler(content: Any) -> Any:
        return 1j if content == "strange" else content

    def main() -> Process:
        server = yield simpy.serve_channels(env, handler, HERE, codec=JSON(types))
        channel = yield simpy.open_channel(env, server.addresses[0])
        with pytest.raises(ValueError, match="type") as caught:
            yield channel.request("strange")
        assert isinstance(caught.value, CodecError)
        results.append((yield channel.request("known")))
        yield channel.close()
        yield server.close()

    env.run(until=env.process(main()))
    assert results == ["known"]


def test_s195_what_is_exposed_is_inherited(env: Any) -> None:
    results: list[Any] = []

    def process(peer: simpy.Peer) -> Process:
        results.append((yield peer.remote.more()))
        results.append((yield peer.remote.call(1)))

    talk(env, Derived(env), process)
    assert results == ["more", 2]
