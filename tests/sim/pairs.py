"""What the tests of libraries share: a server and a client on two hosts that a partition keeps apart for a while."""

from __future__ import annotations

import inspect
import os
import pickle
import ssl
import traceback
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import trustme

from junto.sim import Host, World

SEEDS = (1, 2)
ROUNDS = 12
PAUSE = 0.05  # virtual seconds between two rounds
BEGIN, LENGTH = 0.3, 0.5  # of the partition, which lies in the middle of the rounds


class Recorder:
    """A trace that only keeps its events."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []


def start(host: Host, program: Callable[..., Any], by_trio: bool) -> Any:
    """Run a function of trio, a coroutine function, or a blocking function as a program of its own."""
    if by_trio:
        return host.run_trio(program)
    return host.run(program) if inspect.iscoroutinefunction(program) else host.program(program)


def talk(
    serve: Callable[..., Any],
    ask: Callable[..., Any],
    *,
    seeds: tuple[int, ...] = SEEDS,
    cut: bool = True,
    keeps: str = "",
    trio: tuple[str, ...] = (),
    **options: Any,
) -> Any:
    """Run a server on host ``server`` and a client on host ``client``; see that a seed decides all of it.

    Each seed is run twice. Packets take their time, streams are cut anywhere, and in the middle nothing comes
    through for half a second.

    Args:
        serve: The server's program, a coroutine function or one that blocks.
        ask: The client's.
        seeds: The seeds.
        cut: Whether there is a partition.
        keeps: What a library keeps from one run to the next, if it does: then each run is that of a process of
            its own.
        trio: Which of the two are functions of trio, "serve" and "ask".
        **options: Of the world.

    Returns:
        What the client returned, under each seed the same.
    """
    options = {"latency": (0.001, 0.01), "chunking": 0.4, **options}
    results = []
    for seed in seeds:

        def run(seed: int = seed) -> Any:
            recorder = Recorder()
            world = World(seed, trace=recorder, **options)
            result = world.run(_scenario, world, serve, ask, cut, trio, timeout=300)
            return result, world.now, world.kernel.events, recorder.events

        first, second = [in_own_process(run) if keeps else run() for _ in range(2)]
        assert first == second, difference(first, second)
        assert not cut or any(event[2] in ("hold", "drop") for event in first[3]), "the partition hit nothing"
        results.append(first[0])
        _write_digest(seed, first)
    assert all(result == results[0] for result in results), results
    return results[0]


async def _scenario(world: World, serve: Any, ask: Any, cut: bool, trio: tuple[str, ...]) -> Any:
    server, client = world.hosts("server", "client")
    start(server, serve, "serve" in trio)
    await world.sleep(0.1)
    program = start(client, ask, "ask" in trio)
    if cut:
        await world.sleep(BEGIN)
        partition = world.net.partition({client}, {server})
        await world.sleep(LENGTH)
        partition.heal()
    return await program.wait()


def _write_digest(seed: int, outcome: Any) -> None:
    """Let another process know what came out here, if that is wanted."""
    path = os.environ.get("JUNTO_SIM_DIGESTS")
    if path:
        test = os.environ["PYTEST_CURRENT_TEST"].partition(" ")[0]
        digest = blake2b(repr(outcome).encode(), digest_size=16).hexdigest()
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{test} {seed} {digest}\n")


def in_own_process(call: Callable[[], Any]) -> Any:
    """Call a function in a copy of this process, which is as it is now."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            outcome = call()
        except BaseException as error:
            outcome = "".join(traceback.format_exception(error))
        with os.fdopen(sink, "wb") as file:
            pickle.dump(outcome, file)
        os._exit(0)
    os.close(sink)
    with os.fdopen(source, "rb") as file:
        outcome = pickle.load(file)
    os.waitpid(child, 0)
    assert not isinstance(outcome, str), outcome
    return outcome


def difference(first: Any, second: Any) -> str:
    """Tell where two runs part."""
    if first[0] != second[0]:
        return f"other results: {first[0]!r} and {second[0]!r}"
    for number, (one, other) in enumerate(zip(first[3], second[3], strict=False)):
        if one != other:
            return f"event {number}: {one} and {other}"
    shorter = min(len(first[3]), len(second[3]))
    more = first[3][shorter:] or second[3][shorter:]
    return f"{len(first[3])} and {len(second[3])} events, {first[1:3]} and {second[1:3]}, then {more}"


AUTHORITY = trustme.CA(key_type=trustme.KeyType.RSA)
CERTIFICATE = AUTHORITY.issue_cert("server", key_type=trustme.KeyType.RSA)


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CERTIFICATE.configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context
