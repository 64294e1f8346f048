"""How a client makes its calls: count what is completed in a given time, and check each result.

The clock is read once per call or per 100 calls, the same for every contestant.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Generator
from time import perf_counter
from typing import Any

from benchmarks.contestants import Client, Pipe

Counted = tuple[int, float]
"""How many calls were completed, in how many seconds."""

IN_FLIGHT = 100


def check(result: Any, expected: Any) -> None:
    if result != expected:
        raise RuntimeError(f"a call gave {result!r:.80}, not {expected!r:.80}")


def _check_ends(result: Any, expected: Any) -> None:
    # Comparing a whole MiB would cost as much as sending it does.
    if len(result) != len(expected) or result[-8:] != expected[-8:]:
        raise RuntimeError("the bytes that came back are not those that were sent")


def _checker(expected: Any) -> Callable[[Any, Any], None]:
    return _check_ends if isinstance(expected, bytes) and len(expected) > 65_536 else check


async def sequential_async(clients: list[Client], seconds: float) -> Counted:
    (client,) = clients
    call, expected, check_result = client.call, client.expected, _checker(client.expected)
    count = 0
    start = now = perf_counter()
    end = start + seconds
    while now < end:
        check_result(await call(), expected)
        count += 1
        now = perf_counter()
    return count, now - start


async def pipelined_async(clients: list[Client], seconds: float) -> Counted:
    """Await the oldest call, make a new one: 100 in flight, without a task for each."""
    (client,) = clients
    if client.pipe is not None:
        return await _pipelined_apart(client.pipe, client.expected, seconds)
    call, expected = client.call, client.expected
    count = 0
    start = now = perf_counter()
    end = start + seconds
    flying = deque([call() for _ in range(IN_FLIGHT)])
    while now < end:
        for _ in range(IN_FLIGHT):
            if (result := await flying.popleft()) != expected:
                check(result, expected)
            flying.append(call())
        count += IN_FLIGHT
        now = perf_counter()
    for last in flying:
        await last
    return count, now - start


async def _pipelined_apart(pipe: Pipe, expected: Any, seconds: float) -> Counted:
    send, receive = pipe
    count = 0
    start = now = perf_counter()
    end = start + seconds
    for _ in range(IN_FLIGHT):
        await send()
    while now < end:
        for _ in range(IN_FLIGHT):
            if (result := await receive()) != expected:
                check(result, expected)
            await send()
        count += IN_FLIGHT
        now = perf_counter()
    for _ in range(IN_FLIGHT):
        await receive()
    return count, now - start


async def connections_async(clients: list[Client], seconds: float) -> Counted:
    """Use all connections, each by a task that makes one call after the other."""
    start = perf_counter()
    end = start + seconds

    async def use(client: Client) -> int:
        call, expected = client.call, client.expected
        count = 0
        while perf_counter() < end:
            if (result := await call()) != expected:
                check(result, expected)
            count += 1
        return count

    counts = await asyncio.gather(*map(use, clients))
    return sum(counts), perf_counter() - start


async def tasks_async(clients: list[Client], seconds: float) -> Counted:
    return await connections_async(clients * IN_FLIGHT, seconds)


def sequential(clients: list[Client], seconds: float) -> Counted:
    (client,) = clients
    call, expected, check_result = client.call, client.expected, _checker(client.expected)
    count = 0
    start = now = perf_counter()
    end = start + seconds
    while now < end:
        check_result(call(), expected)
        count += 1
        now = perf_counter()
    return count, now - start


def pipelined(clients: list[Client], seconds: float) -> Counted:
    return _round_robin(clients * IN_FLIGHT, seconds)


def connections(clients: list[Client], seconds: float) -> Counted:
    return _round_robin(clients, seconds)


def _round_robin(clients: list[Client], seconds: float) -> Counted:
    """Have one request of each of *clients* in flight, which may be the same one many times."""
    pipes = [client.pipe for client in clients if client.pipe is not None]
    expected = clients[0].expected
    count = 0
    start = now = perf_counter()
    end = start + seconds
    for send, _ in pipes:
        send()
    while now < end:
        for send, receive in pipes:
            if (result := receive()) != expected:
                check(result, expected)
            send()
        count += len(pipes)
        now = perf_counter()
    for _, receive in pipes:
        receive()
    return count, now - start


def shared(clients: list[Client], seconds: float) -> Counted:
    """Let four threads use one client, each making one call after the other."""
    (client,) = clients
    start = perf_counter()
    end = start + seconds
    counts: list[int] = []

    def use() -> None:
        call, expected = client.call, client.expected
        count = 0
        while perf_counter() < end:
            if (result := call()) != expected:
                check(result, expected)
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) < len(threads):
        raise RuntimeError("a thread that shared the client failed")
    return sum(counts), perf_counter() - start


def sequential_simpy(clients: list[Client], seconds: float) -> Generator[Any, Any, Counted]:
    (client,) = clients
    call, expected, check_result = client.call, client.expected, _checker(client.expected)
    count = 0
    start = now = perf_counter()
    end = start + seconds
    while now < end:
        check_result((yield call()), expected)
        count += 1
        now = perf_counter()
    return count, now - start


def pipelined_simpy(clients: list[Client], seconds: float) -> Generator[Any, Any, Counted]:
    """Wait for the oldest call, make a new one: 100 in flight, in one process."""
    (client,) = clients
    call, expected = client.call, client.expected
    count = 0
    start = now = perf_counter()
    end = start + seconds
    flying = deque([call() for _ in range(IN_FLIGHT)])
    while now < end:
        for _ in range(IN_FLIGHT):
            if (result := (yield flying.popleft())) != expected:
                check(result, expected)
            flying.append(call())
        count += IN_FLIGHT
        now = perf_counter()
    for last in flying:
        check((yield last), expected)
    return count, now - start


_IN_LOOP = {
    "sequential": sequential_async,
    "pipelined": pipelined_async,
    "tasks": tasks_async,
    "connections": connections_async,
}
_IN_THREADS = {"sequential": sequential, "pipelined": pipelined, "connections": connections, "shared": shared}


_IN_SIMPY = {"sequential": sequential_simpy, "pipelined": pipelined_simpy}


def find_driver(name: str, *, loop: str) -> Callable[[list[Client], float], Any]:
    """Find how a client of that *loop* makes its calls; see `benchmarks.processes.Side`."""
    if loop == "simpy":
        return _IN_SIMPY[name]
    return _IN_LOOP[name] if loop else _IN_THREADS[name]
