"""The recorded conversations of mosaik with simulators, with us in the role of either side.

The recorded side is a script at a plain socket: it sends what was sent, byte by byte, and compares what it
gets. Of a failure, the text of the traceback is free.
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mosaik_simulators import AsyncChain, Chain

from junto import MOSAIK, ConnectionLost, RemoteError, aio, expose, mosaik, sync

pytestmark = pytest.mark.timeout(30)

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "channel.json").read_text())
SESSIONS: dict[str, list[dict[str, Any]]] = {}
for vector in VECTORS:
    if vector["session"] is not None and vector["session"].startswith("mosaik."):
        SESSIONS.setdefault(vector["session"], []).append(vector)

every_session = pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)


def test_there_are_sessions() -> None:
    assert SESSIONS.keys() >= {
        "mosaik.sim",
        "mosaik.mas",
        "mosaik.fail",
        "mosaik.event",
        "mosaik.refuse",
        "mosaik.v2",
    }


class Frames:
    """The script's end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._file = sock.makefile("rb")

    def read(self) -> Any:
        """Read a message; ``None`` at the end."""
        header = self._file.read(4)
        return json.loads(self._file.read(int.from_bytes(header, "big"))) if header else None

    def send(self, message: bytes) -> None:
        self._socket.sendall(message)

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def assert_alike(sent: Any, recorded: Any) -> None:
    """Compare two messages, of failures what is not free."""
    if recorded[0] != 2:
        assert sent == recorded
        return
    assert sent[:2] == recorded[:2]
    assert len(sent[2]) >= 2
    assert all(isinstance(part, str) for part in sent[2])
    if recorded[2][0] == "RemoteException":  # the other library's name and text for what mosaik refused
        assert sent[2][0] == "RemoteError"
        assert "tried to set an event in non-real-time mode" in sent[2][1]
    else:
        assert sent[2][:2] == recorded[2][:2]


def play(frames: Frames, session: list[dict[str, Any]], own: str) -> None:
    """Be the side that sends *own*, such as ``mosaik->simulator``."""
    for message in session:
        if message["direction"] == own:
            frames.send(bytes.fromhex(message["hex"]))
        else:
            assert_alike(frames.read(), message["decoded"])


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


def url_of(listener: socket.socket) -> str:
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def accept(listener: socket.socket) -> Frames:
    sock, _ = listener.accept()
    sock.settimeout(10)
    return Frames(sock)


class InThread:
    """Runs a function in a thread, and raises here what it raised there."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(function, *args))
        self._thread.start()

    def _run(self, function: Callable[..., Any], *args: Any) -> None:
        try:
            function(*args)
        except BaseException as error:
            self._error = error

    def end(self) -> None:
        self._thread.join(15)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error


class Recorded:
    """What a recorded simulator did at each call: the requests that it made, and how it ended."""

    def __init__(self, session: list[dict[str, Any]]) -> None:
        self.finalized = 0
        self._calls: list[tuple[Any, list[Any], Any]] = []
        for message in session:
            kind, ident, content = message["decoded"]
            if message["direction"] == "mosaik->simulator":
                if kind == 0:
                    self._calls.append((content, [], None))
            elif kind == 0:
                self._calls[-1][1].append(content)
            else:
                assert ident == len(self._calls) - 1
                self._calls[-1] = (*self._calls[-1][:2], (kind, content))

    def next_call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], Any]:
        call, requests, end = self._calls.pop(0)
        assert call == [name, list(args), kwargs]
        return requests, end


def end_as_recorded(end: Any) -> Any:
    kind, content = end
    if kind == 2:
        raise ValueError(content[1])
    return content


def blocking_simulator(session: list[dict[str, Any]]) -> Any:
    recorded = Recorded(session)

    def method(name: str) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            requests, end = recorded.next_call(name, args, kwargs)
            for request, arguments, _ in requests:
                getattr(self.mosaik, request)(*arguments)
            return end_as_recorded(end)

        return call

    def finalize(self: Any) -> None:
        recorded.finalized += 1

    names = ("init", "create", "setup_done", "step", "get_data", "example_method")
    kind = type(
        "Simulator", (mosaik.Simulator,), {**{name: method(name) for name in names}, "finalize": finalize}
    )
    return kind(), recorded


def awaiting_simulator(session: list[dict[str, Any]]) -> Any:
    recorded = Recorded(session)

    def method(name: str) -> Callable[..., Any]:
        async def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            requests, end = recorded.next_call(name, args, kwargs)
            for request, arguments, _ in requests:
                await getattr(self.mosaik, request)(*arguments)
            return end_as_recorded(end)

        return call

    async def finalize(self: Any) -> None:
        recorded.finalized += 1

    names = ("init", "create", "setup_done", "step", "get_data", "example_method")
    kind = type(
        "Simulator",
        (mosaik.AsyncSimulator,),
        {**{name: method(name) for name in names}, "finalize": finalize},
    )
    return kind(), recorded


both_kinds = pytest.mark.parametrize(
    "make_simulator", [blocking_simulator, awaiting_simulator], ids=["blocking", "awaiting"]
)


@every_session
@both_kinds
def test_we_are_the_simulator(make_simulator: Callable[..., Any], session: list[dict[str, Any]]) -> None:
    simulator, recorded = make_simulator(session)
    with listening() as listener:
        running = InThread(mosaik.run, simulator, url_of(listener))
        frames = accept(listener)
        play(frames, session, "mosaik->simulator")
        assert frames.read() is None  # the stop is not answered
        frames.close()
        running.end()
    assert recorded.finalized == 1


class EventInNonRealTimeModeError(Exception):
    """Has the name of the one that mosaik raised when the session was recorded."""


def recorded_mosaik(session: list[dict[str, Any]]) -> dict[str, Callable[..., Any]]:
    """Offer what the recorded mosaik answered, in order."""
    asked = [
        m["decoded"][2] for m in session if m["direction"] == "simulator->mosaik" and m["decoded"][0] == 0
    ]
    answers = [
        m["decoded"] for m in session if m["direction"] == "mosaik->simulator" and m["decoded"][0] != 0
    ]

    def offer(name: str) -> Callable[..., Any]:
        @expose
        def answer(*args: Any, **kwargs: Any) -> Any:
            assert asked.pop(0) == [name, list(args), kwargs]
            kind, _, content = answers.pop(0)
            if kind == 2:
                raise EventInNonRealTimeModeError(content[1])
            return content

        return answer

    return {
        name: offer(name)
        for name in ("get_progress", "get_related_entities", "get_data", "set_data", "set_event")
    }


def calls_of(session: list[dict[str, Any]]) -> Iterator[tuple[Any, Any]]:
    """Give what mosaik called, and how it ended; ``None`` for not at all."""
    replies = {
        m["decoded"][1]: m["decoded"]
        for m in session
        if m["direction"] == "simulator->mosaik" and m["decoded"][0] != 0
    }
    for message in session:
        kind, ident, content = message["decoded"]
        if message["direction"] == "mosaik->simulator" and kind == 0:
            yield content, replies.get(ident)


@contextlib.contextmanager
def recorded_simulator(session: list[dict[str, Any]]) -> Iterator[str]:
    def be_simulator() -> None:
        frames = accept(listener)
        play(frames, session, "simulator->mosaik")
        frames.close()

    with listening() as listener:
        script = InThread(be_simulator)
        yield url_of(listener)
        script.end()


@every_session
def test_we_are_mosaik_in_plain_threads(session: list[dict[str, Any]]) -> None:
    with (
        recorded_simulator(session) as url,
        sync.connect(url, service=recorded_mosaik(session), **MOSAIK) as peer,
    ):
        for (name, args, kwargs), reply in calls_of(session):
            if reply is None:
                with pytest.raises(ConnectionLost):
                    peer.call(name, *args, kwargs=kwargs, timeout=10)
            elif reply[0] == 2:
                with pytest.raises(RemoteError) as caught:
                    peer.call(name, *args, kwargs=kwargs, timeout=10)
                assert caught.value.content == reply[2]
                assert [caught.value.type_name, caught.value.message] == reply[2][:2]
            else:
                assert peer.call(name, *args, kwargs=kwargs, timeout=10) == reply[2]


@every_session
def test_we_are_mosaik_on_asyncio(session: list[dict[str, Any]]) -> None:
    async def be_mosaik() -> None:
        async with aio.connect(url, service=recorded_mosaik(session), **MOSAIK) as peer:
            for (name, args, kwargs), reply in calls_of(session):
                if reply is None:
                    with pytest.raises(ConnectionLost):
                        await peer.call(name, *args, kwargs=kwargs, timeout=10)
                elif reply[0] == 2:
                    with pytest.raises(RemoteError) as caught:
                        await peer.call(name, *args, kwargs=kwargs, timeout=10)
                    assert caught.value.content == reply[2]
                    assert [caught.value.type_name, caught.value.message] == reply[2][:2]
                else:
                    assert await peer.call(name, *args, kwargs=kwargs, timeout=10) == reply[2]

    with recorded_simulator(session) as url:
        aio.run(be_mosaik())


# What mosaik does seldom, and our simulators must bear.


@contextlib.contextmanager
def played_mosaik(simulator: Any, **service: Callable[..., Any]) -> Iterator[tuple[sync.Peer, InThread]]:
    """Let *simulator* connect to us in the role of mosaik."""
    peers: queue.SimpleQueue[sync.Peer] = queue.SimpleQueue()
    with sync.serve(service, "tcp://127.0.0.1:0", connected=peers.put, workers=2, **MOSAIK) as server:
        server.start_thread()
        running = InThread(mosaik.run, simulator, server.addresses[0])
        yield peers.get(timeout=10), running


def stop(peer: sync.Peer, running: InThread) -> None:
    with pytest.raises(ConnectionLost):
        peer.call("stop", timeout=10)
    running.end()


class Progressive(Chain):
    def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        self.values["n0"] = 1
        self.mosaik.get_progress()
        self.values["n0"] += 1
        return time + 1


class AsyncProgressive(AsyncChain):
    async def step(self, time: int, inputs: dict[str, Any], max_advance: int) -> int:
        self.chain.values["n0"] = 1
        await self.mosaik.get_progress()
        self.chain.values["n0"] += 1
        return time + 1


@pytest.mark.parametrize("kind", [Progressive, AsyncProgressive])
def test_data_are_given_while_a_step_waits_for_mosaik(kind: type) -> None:
    seen = []

    @expose
    def get_progress() -> float:
        seen.append(peer.call("get_data", {"n0": ["value"]}, timeout=10))
        return 50.0

    with played_mosaik(kind(), get_progress=get_progress) as (peer, running):
        peer.call("init", "P-0", timeout=10)
        peer.call("create", 1, "Node", timeout=10)
        for time in range(5):
            assert peer.call("step", time, {}, 10, timeout=10) == time + 1
        assert seen == [{"n0": {"value": 1}}] * 5
        assert peer.call("get_data", {"n0": ["value"]}, timeout=10) == {"n0": {"value": 2}}
        stop(peer, running)


def test_a_thread_of_the_simulator_may_ask_mosaik() -> None:
    @expose
    def set_event(time: int) -> None:
        times.put(time)

    times: queue.SimpleQueue[int] = queue.SimpleQueue()
    simulator = Chain()
    with played_mosaik(simulator, set_event=set_event) as (peer, running):
        peer.call("init", "P-0", timeout=10)
        event = InThread(simulator.mosaik.set_event, 3)
        assert times.get(timeout=10) == 3
        event.end()
        stop(peer, running)


@pytest.mark.parametrize("kind", [Chain, AsyncChain])
def test_a_simulator_ends_with_an_error_when_mosaik_vanishes(kind: type) -> None:
    simulator = kind()
    finalized = []
    simulator.finalize = lambda: finalized.append(True)
    with played_mosaik(simulator) as (peer, running):
        peer.call("init", "P-0", timeout=10)
        peer.close()
        with pytest.raises(ConnectionLost, match="before it said stop"):
            running.end()
    assert finalized == [True]


@pytest.mark.parametrize("kind", [Progressive, AsyncProgressive])
def test_a_simulator_ends_when_mosaik_vanishes_while_a_step_waits_for_it(kind: type) -> None:
    asked = threading.Event()
    vanished = threading.Event()

    @expose
    def get_progress() -> float:
        asked.set()
        vanished.wait(10)
        return 0.0

    with played_mosaik(kind(), get_progress=get_progress) as (peer, running):
        peer.start_thread()
        peer.call("init", "P-0", timeout=10)
        peer.call("create", 1, "Node", timeout=10)
        peer.futures.step(0, {}, 1)
        assert asked.wait(10)
        peer.close(timeout=0)
        with pytest.raises(ConnectionLost, match="before it said stop"):
            running.end()
        vanished.set()


@pytest.mark.parametrize("kind", [Chain, AsyncChain])
def test_a_bad_call_is_answered_with_a_failure_and_the_next_one_works(kind: type) -> None:
    with played_mosaik(kind()) as (peer, running):
        for content, name in [
            (["init", ["P-0"], {"colour": "green"}], "TypeError"),
            (["init", ["P-0"], {"step_size": "large"}], "TypeError"),
            (["finalize", [], {}], "LookupError"),
            (["__init__", [], {}], "LookupError"),
            ([7, [], {}], None),
            ("init", None),
            ({"init": 1}, None),
        ]:
            with pytest.raises(RemoteError) as caught:
                peer.channel.request(content, timeout=10)
            assert len(caught.value.content) >= 2
            assert name in (None, caught.value.type_name)
        assert peer.call("init", "P-0", timeout=10)["type"] == "time-based"
        stop(peer, running)


@pytest.mark.parametrize("kind", [Chain, AsyncChain])
def test_an_error_of_finalize_is_raised_to_who_runs_the_simulator(kind: type) -> None:
    def finalize() -> None:
        raise OSError("the disk is full")

    simulator = kind()
    simulator.finalize = finalize
    with played_mosaik(simulator) as (peer, running):
        with pytest.raises(ConnectionLost):
            peer.call("stop", timeout=10)
        with pytest.raises(OSError, match="the disk is full"):
            running.end()


@pytest.mark.parametrize("kind", [Chain, AsyncChain])
def test_a_second_connection_is_closed_and_the_first_goes_on(kind: type) -> None:
    addresses: queue.SimpleQueue[Any] = queue.SimpleQueue()
    simulator = kind()
    running = InThread(
        lambda: mosaik.run(simulator, "tcp://127.0.0.1:0", listen=True, timeout=10, listening=addresses.put)
    )
    url = addresses.get(timeout=10)
    with sync.connect(url, **MOSAIK) as first:
        first.call("init", "P-0", timeout=10)
        with sync.connect(url, **MOSAIK) as second, pytest.raises(ConnectionLost):
            second.call("init", "P-1", timeout=10)
        assert first.call("create", 1, "Node", timeout=10) == [{"eid": "n0", "type": "Node"}]
        stop(first, running)


class Old(Chain):
    """Knows nothing of the time resolution, which mosaik tells to all."""

    def init(self, sid: str, step_size: int = 1) -> dict[str, Any]:  # type: ignore[override]  # as it was
        return {**self.meta, "api_version": "2.4"}

    def step(self, time: int, inputs: dict[str, Any]) -> int:  # type: ignore[override]  # as it was
        return time + 1


def test_a_simulator_of_the_time_of_mosaik_2_is_served() -> None:
    with played_mosaik(Old()) as (peer, running):
        meta = peer.call("init", "P-0", kwargs={"time_resolution": 1.0, "step_size": 2}, timeout=10)
        assert meta["api_version"] == "2.4"
        assert peer.call("step", 4, {}, timeout=10) == 5
        stop(peer, running)
