"""Worlds that are led from outside, step by step."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import threading
import time
from typing import Any

import pytest

from junto.sim import OracleFailed, SimStuck, UnclaimedError, World, interception

from .net_scenarios import Recorder


@pytest.fixture(autouse=True)
def nothing_is_left() -> Any:
    threads, state = set(threading.enumerate()), random.getstate()
    yield
    assert set(threading.enumerate()) <= threads
    assert random.getstate() == state
    assert gc.isenabled()


async def tick(world: World, log: list[float], every: float = 1.0) -> None:
    while True:
        await asyncio.sleep(every)
        log.append(round(world.now, 3))


def test_a_world_goes_on_to_the_times_it_is_told_and_no_further() -> None:  # G5
    log: list[float] = []
    with World(1) as world:
        world.host("n1").run(tick, world, log)
        for until, seen in ((0.5, []), (1.5, [1.0]), (1.6, [1.0]), (3.5, [1.0, 2.0, 3.0])):
            world.step_until(until)
            assert (world.now, log) == (until, seen)
        with pytest.raises(ValueError, match=r"over: it is 3\.5 s"):
            world.step_until(3)
    assert log == [1.0, 2.0, 3.0]


def test_the_time_of_the_next_event_leads_from_one_to_the_next() -> None:  # G5
    with World(1) as world:
        assert world.next_event_time() is None
        world.step_until(2)
        assert world.now == 2

        async def sleep() -> None:
            for pause in (1, 2.5):
                await asyncio.sleep(pause)

        world.host("n1").run(sleep)
        times = []
        while (when := world.next_event_time()) is not None:
            assert when >= world.now
            world.step_until(when)
            times.append(round(when, 3))
        assert sorted(set(times)) == [2.0, 3.0, 5.5]


def test_input_is_given_between_steps_or_at_a_time_of_its_own() -> None:  # G5
    received: list[tuple[float, bytes]] = []

    async def listen(world: World) -> None:
        class Note(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                received.append((round(world.now, 6), data))

        await asyncio.get_running_loop().create_datagram_endpoint(Note, local_addr=("0.0.0.0", 9))

    async def send(data: bytes) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.sendto(data, ("n1", 9))

    with World(1, latency=0.1) as world:
        world.net.dns.latency = 0
        one, other = world.hosts("n1", "n2")
        one.run(listen, world)
        world.step_until(1)
        other.run(send, b"between")
        world.call_at(1.25, other.run, send, b"at a time")
        world.step_until(1.25)
        assert [data for _, data in received] == [b"between"]
        world.step_until(5)
        assert [data for _, data in received] == [b"between", b"at a time"]
        assert received[1][0] == pytest.approx(1.35, abs=0.0001)


def test_what_stops_in_the_middle_of_a_step_goes_on_in_a_later_one() -> None:  # G5, X3
    log: list[Any] = []

    async def block(world: World) -> None:
        time.sleep(2)  # noqa: ASYNC251  # that is what it is about
        log.append(f"the loop at {world.now:.1f}")
        log.append(await asyncio.to_thread(work, world))

    def work(world: World) -> str:
        time.sleep(2)
        return f"a thread at {world.now:.1f}"

    with World(1) as world:
        world.host("n1").run(block, world)
        for until in range(1, 6):
            world.step_until(until)
            log.append(until)
        world.host("n2").run(block, world)
        world.step_until(6)
    assert log == [1, 2, "the loop at 2.0", 3, 4, "a thread at 4.0", 5]


def test_steps_do_not_change_a_run() -> None:  # G5, R1
    def events(*steps: float) -> list[Any]:
        async def serve() -> None:
            async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(await reader.read(100))
                writer.close()

            await asyncio.start_server(echo, "", 80)

        async def ask() -> None:
            for _ in range(20):
                reader, writer = await asyncio.open_connection("n1", 80)
                writer.write(b"%f" % random.random())
                await reader.read()
                writer.close()

        recorder = Recorder()
        with World(5, trace=recorder, chunking=0.3) as world:
            one, other = world.hosts("n1", "n2")
            one.run(serve)
            other.run(ask)
            for step in steps:
                world.step_until(step)
        return recorder.events

    assert events(2) == events(*(step / 100 for step in range(201)))


def test_what_bypasses_the_simulation_is_found_in_steps_too() -> None:  # G5, R6
    real = vars(interception.clocks)["_monotonic"]

    async def program() -> None:
        real()

    with World(1, audit=True) as world:
        world.host("n1").run(program)
        world.step_until(1)
    assert [finding.name for finding in world.findings] == ["time.monotonic"]


def test_errors_of_programs_are_told_at_the_end_and_those_of_oracles_at_once() -> None:  # G5, H9, O2
    async def fail() -> None:
        raise ValueError("broken")

    world = World(1)
    world.host("n1").run(fail)
    world.step_until(1)
    with pytest.raises(UnclaimedError, match=r"n1 at .*broken"):
        world.close()
    world.close()

    log: list[float] = []
    with pytest.raises(OracleFailed, match="two"), World(1) as world:
        world.host("n1").run(tick, world, log)
        world.always("two", lambda: len(log) < 2)
        world.step_until(1.5)
        with pytest.raises(OracleFailed, match="two"):
            world.step_until(10)
        assert log == [1.0, 2.0]


def test_a_leader_that_fails_leaves_nothing_behind() -> None:  # G5, R9
    closed: list[str] = []

    async def hold() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            closed.append("closed")

    with pytest.raises(KeyError), World(1) as world:
        world.host("n1").run(hold)
        world.step_until(1)
        raise KeyError
    assert closed == ["closed"]


def test_a_step_that_does_not_end_is_told() -> None:  # G5, T3
    async def spin() -> None:
        while True:
            pass

    world = World(1, patience=0.1)
    world.host("n1").run(spin)
    with pytest.raises(SimStuck, match=", in spin"):
        world.step_until(1)
    world.close()


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_a_step_that_waits_for_something_real_is_told(in_a_thread: bool) -> None:  # G5, T3
    before = threading.active_count()
    real = threading.Lock()  # made outside of the world
    real.acquire()

    async def wait() -> None:
        await asyncio.to_thread(real.acquire) if in_a_thread else real.acquire()

    world = World(1, patience=0.1)
    world.host("n1").run(wait)
    with pytest.raises(SimStuck, match="waits for something real"):
        world.step_until(1)
    world.close()
    real.release()
    while in_a_thread and threading.active_count() > before:  # it ends when it comes to itself
        time.sleep(0.001)


def test_a_world_stands_still_between_steps_however_long_they_are_apart() -> None:  # G5, T3
    log: list[float] = []
    with World(1, patience=0.1) as world:
        world.host("n1").run(tick, world, log)
        world.step_until(1.5)
        time.sleep(0.25)  # longer than the watchdog's patience
        world.step_until(2.5)
    assert log == [1.0, 2.0]
