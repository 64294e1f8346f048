"""What is measured, against what, and what junto is to reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from typing import Any

from benchmarks.contestants import ADD, Work
from benchmarks.processes import Side
from benchmarks.results import Bar

MIB = 1024 * 1024
LIBRARIES = ("junto", "rpyc", "zmq", "grpc", "websockets")
LOOPS = ("asyncio", "uvloop")


@dataclass(frozen=True)
class Contestant:
    """A server and a client of it.

    Attributes:
        name: As in the tables; bars name their baselines so.
        server: What serves.
        client: What calls it.
        bars: What it is to reach.
        work: What each call does.
    """

    name: str
    server: Side
    client: Side
    bars: tuple[Bar, ...] = ()
    work: Work = ADD

    @classmethod
    def of(cls, name: str, side: Side, *bars: Bar, work: Work = ADD) -> Contestant:
        """Make one whose server and client are alike."""
        return cls(name, side, side, bars, work)

    def missing(self) -> str | None:
        """Name a library that this one needs and that is not installed."""
        library = self.client.module.partition("_")[0]
        wanted = [library] if library in LIBRARIES else []
        wanted += [
            side.loop for side in (self.server, self.client) if side.loop in ("uvloop", "trio", "simpy")
        ]
        return next((name for name in wanted if find_spec(name) is None), None)


@dataclass(frozen=True)
class Rate:
    """A workload that counts calls per second."""

    name: str
    title: str
    driver: str
    contestants: tuple[Contestant, ...]
    connections: int = 1


def bare(name: str) -> str:
    return f"bare, {name}"


def _bares(work: Work = ADD) -> Iterator[Contestant]:
    for loop in LOOPS:
        yield Contestant.of(bare(loop), Side("bare", loop), work=work)


def _juntos(
    *bars: Bar, limit: float, work: Work = ADD, codecs: tuple[str, ...] = ("json", "msgpack")
) -> Iterator[Contestant]:
    """Give junto between its own peers on each loop, beside the bare baseline there."""
    for loop, codec in product(LOOPS, codecs):
        side = Side("junto_aio", loop, {"codec": codec})
        yield Contestant.of(f"junto {codec}, {loop}", side, Bar((bare(loop),), limit), *bars, work=work)


def _plain_juntos(*bars: Bar, limit: float) -> Iterator[Contestant]:
    """Give junto as it speaks with any peer: without its extensions of the wire."""
    for loop, codec in product(LOOPS, ("json", "msgpack")):
        side = Side("junto_aio", loop, {"codec": codec, "extensions": False})
        yield Contestant.of(f"junto {codec} to any peer, {loop}", side, Bar((bare(loop),), limit), *bars)


def _in_trio(limit: float) -> Iterator[Contestant]:
    """Give junto in trio with each codec, beside a bare stream of trio."""
    yield Contestant.of(bare("trio"), Side("bare_trio", "trio"))
    for codec in ("json", "msgpack"):
        side = Side("junto_trio", "trio", {"codec": codec})
        yield Contestant.of(f"junto.trio {codec}", side, Bar((bare("trio"),), limit))


RPYC = Contestant.of("rpyc", Side("rpyc_threads"))
ZMQ = Contestant.of("pyzmq", Side("zmq_blocking"))
ZMQ_ASYNCIO = Contestant.of("pyzmq, asyncio", Side("zmq_asyncio", "asyncio"))
ZMQ_RPC = Contestant.of("pyzmq with MessagePack", Side("zmq_rpc"))
GRPC = Contestant.of("grpcio", Side("grpc_blocking"))
GRPC_ASYNCIO = Contestant.of("grpcio, asyncio", Side("grpc_asyncio", "asyncio"))
WEBSOCKETS = Contestant.of("websockets", Side("websockets_blocking"))
WEBSOCKETS_LOOPS = tuple(
    Contestant.of(f"websockets, {loop}", Side("websockets_asyncio", loop)) for loop in LOOPS
)

SOCKETS = Side("sockets")
BARE_SOCKETS = "bare sockets"
SOCKETS_TO_UVLOOP = "bare sockets to bare, uvloop"
FASTEST_ZMQ = Bar((ZMQ.name, ZMQ_ASYNCIO.name), 1.5)


def _blocking_juntos(limit: float) -> Iterator[Contestant]:
    for codec in ("json", "msgpack"):
        client = Side("junto_sync", options={"codec": codec})
        server = Side("junto_aio", "uvloop", {"codec": codec})
        yield Contestant.of(f"junto.sync {codec}", client, Bar((BARE_SOCKETS,), limit))
        yield Contestant(
            f"junto.sync {codec} to junto.aio, uvloop", server, client, (Bar((SOCKETS_TO_UVLOOP,), limit),)
        )


def _simpy_juntos(limit: float, baseline: Callable[[str], str]) -> Iterator[Contestant]:
    """Give junto in SimPy with each codec; *baseline* names its baseline."""
    for codec in ("json", "msgpack"):
        side = Side("junto_simpy", "simpy", {"codec": codec})
        yield Contestant.of(f"junto.simpy {codec}", side, Bar((baseline(codec),), limit))


def _bare_sockets(**options: Any) -> Iterator[Contestant]:
    client = Side("sockets", options=options)
    yield Contestant(BARE_SOCKETS, SOCKETS, client)
    yield Contestant(SOCKETS_TO_UVLOOP, Side("bare", "uvloop"), client)


def _echo(contestant: Contestant) -> Contestant:
    return Contestant(
        contestant.name, contestant.server, contestant.client, contestant.bars, Work("echo", MIB)
    )


def _async_handlers() -> Iterator[Contestant]:
    for loop in LOOPS:
        side = Side("junto_aio", loop, {"codec": "msgpack"})
        plain = f"junto msgpack, plain handler, {loop}"
        yield Contestant.of(plain, side)
        yield Contestant.of(
            f"junto msgpack, async def handler, {loop}", side, Bar((plain,)), work=Work("async_add")
        )


SEQUENTIAL = Rate(
    "sequential",
    "one call after the other",
    "sequential",
    (
        *_bares(),
        *_juntos(limit=0.90),
        *_in_trio(0.80),
        ZMQ,
        ZMQ_RPC,
        ZMQ_ASYNCIO,
        RPYC,
        *WEBSOCKETS_LOOPS,
        GRPC_ASYNCIO,
    ),
)
PIPELINED = Rate(
    "pipelined",
    "100 calls in flight: the oldest is awaited, a new one is made",
    "pipelined",
    (
        *_bares(),
        *_plain_juntos(FASTEST_ZMQ, limit=0.65),
        *_juntos(FASTEST_ZMQ, limit=0.85),
        *_in_trio(0.80),
        *_simpy_juntos(0.70, lambda codec: f"junto {codec}, asyncio"),
        ZMQ,
        ZMQ_RPC,
        ZMQ_ASYNCIO,
        RPYC,
        *WEBSOCKETS_LOOPS,
        GRPC_ASYNCIO,
    ),
)
TASKS = Rate(
    "tasks",
    "100 calls in flight: a task for each",
    "tasks",
    (*_bares(), *_plain_juntos(limit=0.65), *_juntos(limit=0.85)),
)
CONNECTIONS = Rate(
    "connections",
    "64 connections, one call each in flight",
    "connections",
    (*_bares(), *_juntos(limit=0.85), ZMQ, ZMQ_ASYNCIO, *WEBSOCKETS_LOOPS, GRPC_ASYNCIO),
    connections=64,
)
BLOCKING = Rate(
    "blocking",
    "a client of blocking sockets or in SimPy, one call after the other",
    "sequential",
    (
        *_bare_sockets(),
        *_blocking_juntos(0.80),
        *_simpy_juntos(0.50, lambda _codec: BARE_SOCKETS),
        ZMQ,
        RPYC,
        WEBSOCKETS,
        GRPC,
    ),
)
SHARED = Rate(
    "shared",
    "a blocking client that four threads share",
    "shared",
    (
        *_bare_sockets(locked=True),
        *_blocking_juntos(1.5),
        Contestant("pyzmq", Side("zmq_blocking"), Side("zmq_blocking", options={"locked": True})),
        RPYC,
        GRPC,
    ),
)
BLOB = Rate(
    "blob",
    "1 MiB of bytes there and back",
    "sequential",
    (
        *_bares(Work("echo", MIB)),
        *_juntos(limit=0.70, work=Work("echo", MIB), codecs=("msgpack",)),
        *map(_echo, (ZMQ, *WEBSOCKETS_LOOPS, GRPC_ASYNCIO)),
    ),
)
ASYNC_HANDLER = Rate(
    "async_handler",
    "an async def handler that does not wait, 100 calls in flight",
    "pipelined",
    tuple(_async_handlers()),
)

RATES = (SEQUENTIAL, PIPELINED, TASKS, CONNECTIONS, BLOCKING, SHARED, BLOB, ASYNC_HANDLER)
