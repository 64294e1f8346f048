"""The ways in which a client is used; one more is one entry in `WORLDS`.

A scenario is ``async def scenario(w)``. Its ``w`` makes clients and a peer, sleeps, and begins operations beside
it. In a world of flows its awaits are those of the runtime. In a world that blocks nothing is ever
suspended: the awaits call the blocking client, the peer has a thread of its own, and what is begun beside it
has one too. So each scenario is told once.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import trio
import uvloop

from junto import aio, sync
from junto.connecting import sleep
from junto.instrument.client import TCP
from junto.instrument.streams import BlockStream, LineStream
from junto.instrument.system import Flavour
from junto.runtimes.asyncio import asyncio_runtime
from junto.runtimes.instruments import SocketSystem
from junto.runtimes.memory import MemoryRuntime
from junto.runtimes.simpy.futures import Task
from junto.runtimes.simpy.runtime import simpy_runtime
from junto.runtimes.threads import ThreadsRuntime
from junto.runtimes.trio.opening import QuietNursery
from junto.runtimes.trio.runtime import TrioRuntime
from junto.simpy import Environment
from junto.waiting import within

from .peer import ReferencePeer

LIMIT = 20.0  # seconds for one scenario: only a hang takes so long

Scenario = Callable[[Any], Coroutine[Any, Any, Any]]


class Flows:
    """A scenario's hands in a world of flows."""

    blocks = False
    can_cancel = True
    in_order = True  # whether what is begun first runs first
    sockets = True
    late = 0.15  # how much later than asked for something may happen on a loaded machine
    early = 0.0
    line_stream: type[LineStream] = aio.LineStream

    def __init__(self, rt: Any) -> None:
        self.rt = rt
        self._clients: list[Any] = []
        self._peers: list[ReferencePeer] = []

    def tcp(self, port: int, **options: Any) -> Any:
        client = self.make(port, **options)
        self._clients.append(client)
        return client

    def make(self, port: int, host: str = "127.0.0.1", **options: Any) -> Any:
        return aio.TCP(host, port, **options)

    async def peer(self) -> ReferencePeer:
        peer = ReferencePeer(self.rt)
        await peer.start()
        self._peers.append(peer)
        return peer

    async def at_peer(self, peer: ReferencePeer, what: str, *args: Any, **kwargs: Any) -> None:
        """Have the peer do something, in its own world."""
        await getattr(peer, what)(*args, **kwargs)

    async def at_peer_call(self, function: Callable[..., Any], *args: Any) -> None:
        function(*args)

    async def pair(self, **options: Any) -> tuple[Any, ReferencePeer]:
        peer = await self.peer()
        return self.tcp(peer.port, **options), peer

    def time(self) -> float:
        return self.rt.time()  # type: ignore[no-any-return]  # of any runtime

    async def sleep(self, seconds: float) -> None:
        await sleep(self.rt, seconds)

    def begin(self, operation: Any) -> Any:
        """Begin *operation* beside the scenario; await what this gives."""
        return self.rt.create_task(operation)

    def callback(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        return function

    def lines(self, client: Any, *args: Any, **options: Any) -> Any:
        return self.line_stream(client, *args, **options)

    def blocks_of(self, client: Any, *args: Any, **options: Any) -> Any:
        return BlockStream(client, *args, **options)

    async def until(self, is_so: Callable[[], object], seconds: float = 5.0) -> None:
        end = self.time() + seconds
        while not is_so():
            assert self.time() < end, "it never came to be"
            await self.sleep(0.001)

    async def hole(self) -> int:
        """Give a port at which connecting neither succeeds nor fails."""
        return black_hole(self)

    async def unused_port(self) -> int:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            return int(sock.getsockname()[1])

    async def clean(self) -> None:
        for client in self._clients:
            await client.close()
        for peer in self._peers:
            await self.at_peer(peer, "stop")


def black_hole(w: Any) -> int:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = int(listener.getsockname()[1])
    w.held = [listener]
    for _ in range(4):
        full = socket.socket()
        full.setblocking(False)
        full.connect_ex(("127.0.0.1", port))
        w.held.append(full)
    return port


class InMemory(Flows):
    line_stream = LineStream
    sockets = False
    late = 0.0005

    class Client(TCP):
        _flavour = Flavour(lambda: lambda: None, SocketSystem(lambda: None))  # type: ignore[arg-type, return-value]  # each is given a runtime

    def make(self, port: int, host: str = "127.0.0.1", **options: Any) -> Any:
        return self.Client(host, port, runtime=self.rt, **options)

    async def hole(self) -> int:
        self.rt.black_holes.add(9)
        return 9

    async def unused_port(self) -> int:
        return 7


class InThreads(Flows):
    """Flows in the runtime that blocking clients use."""

    line_stream = LineStream

    class Client(TCP):
        _flavour = Flavour(lambda: lambda: None, SocketSystem(lambda: None))  # type: ignore[arg-type, return-value]  # each is given a runtime

    def make(self, port: int, host: str = "127.0.0.1", **options: Any) -> Any:
        return self.Client(host, port, runtime=self.rt, **options)


class InSimpy(InThreads):
    """Flows among SimPy's events."""


class InTrio(InThreads):
    """Flows in tasks of trio, which begins them in an order of its own."""

    in_order = False

    class Client(TCP):
        _flavour = Flavour(lambda: lambda: None, SocketSystem(trio.lowlevel.current_task))  # type: ignore[arg-type, return-value]  # each is given a runtime


class Done:
    """Something that is awaited without being suspended."""

    def __init__(self, function: Callable[[], Any], future: Any = None) -> None:
        self.function = function
        self.future = future

    def __await__(self) -> Generator[Any, None, Any]:
        return self.function()
        yield

    def close(self) -> None: ...


def drive(flow: Awaitable[Any]) -> Any:
    """Run a scenario that is never suspended."""
    steps = flow.__await__()
    try:
        next(steps)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a blocking scenario was suspended")


class Adapter:
    """A blocking client with the operations of the others."""

    def __init__(self, raw: Any, futures: bool) -> None:
        self.__dict__.update(raw=raw, futures=futures)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.raw, name)
        if not inspect.ismethod(value) or name in PLAIN:
            return value
        if self.futures:
            return lambda *args, **kwargs: Begun(lambda: value(*args, **kwargs))
        return lambda *args, **kwargs: Done(lambda: value(*args, **kwargs))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.raw, name, value)

    def __repr__(self) -> str:
        return repr(self.raw)

    async def __aenter__(self) -> Adapter:
        self.raw.__enter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        self.raw.__exit__(*exc_info)

    def transaction(self, **options: Any) -> Any:
        return AdaptedManager(self.raw.transaction(**options))

    def __aiter__(self) -> Any:
        return AdaptedIterator(iter(self.raw))

    def iter_block(self, *args: Any, **options: Any) -> Any:
        return AdaptedIterator(self.raw.iter_block(*args, **options))

    def stream(self, *args: Any, **options: Any) -> Any:
        return AdaptedIterator(self.raw.stream(*args, **options))


PLAIN = {"connected", "in_waiting", "at_eof", "reset_input_buffer"}


class Begun(Done):
    """An operation that gives a future."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__(lambda: function().result(LIMIT))
        self.start = function


class AdaptedManager:
    def __init__(self, manager: Any) -> None:
        self.manager = manager

    async def __aenter__(self) -> Any:
        return Adapter(self.manager.__enter__(), False)

    async def __aexit__(self, *exc_info: Any) -> Any:
        return self.manager.__exit__(*exc_info)


class AdaptedIterator:
    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __aiter__(self) -> AdaptedIterator:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self.iterator)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        self.iterator.close()

    def batch(self) -> AdaptedIterator:
        return AdaptedIterator(self.iterator.batch())


class InThread:
    """An operation begun beside a scenario that blocks."""

    def __init__(self, operation: Any) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(operation,), daemon=True)
        self.thread.start()

    def _run(self, operation: Any) -> None:
        try:
            self.result = drive(operation)
        except BaseException as error:
            self.error = error

    def done(self) -> bool:
        return not self.thread.is_alive()

    def __await__(self) -> Generator[Any, None, Any]:
        self.thread.join(LIMIT)
        assert not self.thread.is_alive(), "it hangs"
        if self.error is not None:
            raise self.error
        return self.result
        yield


class OfFuture:
    def __init__(self, future: Any) -> None:
        self.future = future
        self.done = future.done
        self.cancel = future.cancel

    def __await__(self) -> Generator[Any, None, Any]:
        return self.future.result(LIMIT)
        yield


class Blocking(Flows):
    """A scenario's hands in a world where threads block."""

    blocks = True
    can_cancel = False
    futures = False

    def __init__(self) -> None:
        runtime = ThreadsRuntime()
        runtime.start_thread("peer")
        super().__init__(runtime)

    def make(self, port: int, host: str = "127.0.0.1", **options: Any) -> Any:
        return Adapter(sync.TCP(host, port, **options), False)

    async def peer(self) -> ReferencePeer:
        peer = ReferencePeer(self.rt)
        self.rt.call(peer.start)
        self._peers.append(peer)
        return peer

    async def at_peer(self, peer: ReferencePeer, what: str, *args: Any, **kwargs: Any) -> None:
        self.rt.call(getattr(peer, what), *args, **kwargs)

    async def at_peer_call(self, function: Callable[..., Any], *args: Any) -> None:
        self.rt.call(function, *args)

    def time(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251  # in a world that blocks, this is how one sleeps

    def begin(self, operation: Any) -> Any:
        return InThread(operation)

    def callback(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        return lambda *args: drive(function(*args))

    def lines(self, client: Any, *args: Any, **options: Any) -> Any:
        return AdaptedIterator(sync.LineStream(client.raw, *args, **options))

    def blocks_of(self, client: Any, *args: Any, **options: Any) -> Any:
        return AdaptedIterator(sync.BlockStream(client.raw, *args, **options))


class Futures(Blocking):
    can_cancel = True
    futures = True

    def make(self, port: int, host: str = "127.0.0.1", **options: Any) -> Any:
        return Adapter(sync.FuturesTCP(host, port, **options), True)

    def begin(self, operation: Any) -> Any:
        return OfFuture(operation.start()) if isinstance(operation, Begun) else InThread(operation)


async def _scenario(w: Flows, scenario: Scenario) -> Any:
    try:
        result = await scenario(w)
    finally:
        for sock in getattr(w, "held", ()):
            sock.close()
        await w.clean()
    gc.collect()
    return result


async def _in_asyncio(scenario: Scenario) -> Any:
    runtime = asyncio_runtime()
    async with asyncio.timeout(LIMIT):
        try:
            return await _scenario(Flows(runtime), scenario)
        finally:
            await runtime.stop()


def run_asyncio(scenario: Scenario) -> Any:
    return asyncio.run(_in_asyncio(scenario))


def run_uvloop(scenario: Scenario) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_in_asyncio(scenario))


def run_threads(scenario: Scenario) -> Any:
    runtime = ThreadsRuntime()
    try:
        return runtime.wait(_scenario(InThreads(runtime), scenario), timeout=LIMIT)
    finally:
        runtime.close()


def run_memory(scenario: Scenario, runtime: MemoryRuntime | None = None) -> Any:
    runtime = runtime or MemoryRuntime()

    async def bounded() -> Any:
        try:
            return await within(runtime, 1000.0, _scenario(InMemory(runtime), scenario), "the scenario")
        finally:
            await runtime.stop()

    return runtime.run(bounded())


def run_simpy(scenario: Scenario) -> Any:
    env = Environment()
    runtime = simpy_runtime(env)
    task = Task(env, _scenario(InSimpy(runtime), scenario))
    env.call_later(LIMIT, task.cancel)
    try:
        return env.run(until=task)
    finally:
        env.run(until=runtime.stop())
        env.close()


def run_trio(scenario: Scenario) -> Any:
    async def main() -> Any:
        with trio.fail_after(LIMIT):
            async with QuietNursery() as nursery:
                runtime = TrioRuntime(nursery)
                try:
                    return await _scenario(InTrio(runtime), scenario)
                finally:
                    await runtime.stop()
                    runtime.end()

    return trio.run(main)


def _run_blocking(kind: type[Blocking], scenario: Scenario) -> Any:
    w = kind()
    try:
        return drive(_scenario(w, scenario))
    finally:
        w.rt.close()


def run_blocking(scenario: Scenario) -> Any:
    return _run_blocking(Blocking, scenario)


def run_futures(scenario: Scenario) -> Any:
    return _run_blocking(Futures, scenario)


WORLDS = {
    "memory": run_memory,
    "asyncio": run_asyncio,
    "uvloop": run_uvloop,
    "threads": run_threads,
    "simpy": run_simpy,
    "trio": run_trio,
    "blocking": run_blocking,
    "futures": run_futures,
}

FLOWS = ("memory", "asyncio", "uvloop", "threads", "simpy", "trio")
SOCKETS = ("asyncio", "uvloop", "threads", "simpy", "trio", "blocking", "futures")
CANCELLING = (*FLOWS, "futures")
"""Worlds in which a pending operation can be cancelled."""
ITERATING = (*FLOWS, "blocking")
"""Worlds with context managers and transactions."""
STREAMING = (*ITERATING, "futures")
"""Worlds with streams."""
