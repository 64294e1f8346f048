"""SimPy environments of simulated hosts: X7 to X11."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest
import simpy as plain

from junto import aio, expose, sim, simpy
from junto.errors import ConnectionLost
from junto.sim import HostDied, SimDeadlock, SimEscape, UnclaimedError, World
from junto.sim.trace import Trace

Process = Generator[Any, Any, Any]


def run_for(world: World, duration: float) -> None:
    world.run(lambda: world.sleep(duration))


def run_until(world: World, env: Any, event: Any) -> Any:
    """Run the world until an event of an environment."""

    async def watch() -> Any:
        return await env.host.run(waiting).wait()

    async def waiting() -> Any:
        return await env.wait(event)

    return world.run(watch)


# --- X7: a SimPy environment whose clock is the world's ------------------------------------------


def test_x7_the_environment_is_one_of_simpys_and_its_unit_is_chosen() -> None:
    world = World(1)
    seconds, minutes = world.host("a").simpy(), world.host("b").simpy(unit=60)
    times = []

    def tick(env: Any, count: int) -> Process:
        for _ in range(count):
            yield env.timeout(1)
        times.append((env.now, world.now))

    seconds.process(tick(seconds, 90))
    minutes.process(tick(minutes, 3))
    run_for(world, 1000)
    assert isinstance(seconds, plain.Environment)
    assert times == [(90, 90), (3, 180)]
    assert (seconds.now, minutes.now) == (pytest.approx(1000), pytest.approx(1000 / 60))


def test_x7_the_clock_starts_when_it_is_made() -> None:
    world = World(1)
    host = world.host("a")
    seen = []

    async def later() -> None:
        await asyncio.sleep(5)
        env = host.simpy()
        seen.append(env.now)
        await env.wait(env.timeout(2))
        seen.append(env.now)

    host.run(later)
    run_for(world, 10)
    assert seen == [0, pytest.approx(2, abs=1e-4)]


def resources(env: Any) -> list[Any]:
    """A model that uses most of SimPy; returns what will have happened."""
    log: list[Any] = []
    machine = plain.PreemptiveResource(env, capacity=1)
    tank = plain.Container(env, 100, init=10)
    belt = plain.Store(env, capacity=2)

    def user(name: str, priority: int, delay: float) -> Process:
        yield env.timeout(delay)
        with machine.request(priority=priority) as request:
            yield request
            log.append((env.now, name, "has it"))
            try:
                yield env.timeout(3)
            except plain.Interrupt as interrupt:
                log.append((env.now, name, interrupt.cause.usage_since))

    def pump() -> Process:
        for _ in range(5):
            yield env.timeout(0.7) & tank.put(5)
            yield tank.get(7) | env.timeout(0.1)
            log.append((env.now, tank.level))

    def make() -> Process:
        for number in range(6):
            yield belt.put(number)
            log.append((env.now, "put", number))

    def take() -> Process:
        for _ in range(6):
            log.append((env.now, "got", (yield belt.get())))
            yield env.timeout(0.1 + 0.2)

    def fail() -> Process:
        yield env.timeout(1)
        raise KeyError("handled")

    def handle() -> Process:
        try:
            yield env.process(fail())
        except KeyError as error:
            log.append((env.now, repr(error)))

    for args in (("a", 1, 0.0), ("b", 0, 1.5), ("c", 2, 0.2)):
        env.process(user(*args))
    for process in (pump, make, take, handle):
        env.process(process())
    return log


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_x7_x8_a_model_does_what_it_does_in_plain_simpy_to_the_last_bit(seed: int) -> None:
    env = plain.Environment()
    expected = resources(env)
    env.run()
    world = World(seed)
    log = resources(world.host("a").simpy())

    async def busy() -> None:  # others make the world go in small steps
        for _ in range(200):
            await asyncio.sleep(0.05)

    world.host("b").run(busy)
    run_for(world, 100)
    assert len(log) > 20
    assert log == expected


def test_x7_the_world_runs_it_and_nobody_else() -> None:
    env = World(1).host("a").simpy()
    for run in (env.run, env.step):
        with pytest.raises(SimEscape, match=r"world\.run"):
            run()


def test_x7_a_process_that_fails_is_an_error_of_its_host() -> None:
    def fail(env: Any) -> Process:
        yield env.timeout(1)
        raise KeyError("mine")

    world = World(1)
    env = world.host("a").simpy()
    env.process(fail(env))
    env.timeout(2).callbacks.append(lambda _event: 1 / 0)
    seen = []
    env.timeout(3).callbacks.append(lambda _event: seen.append(env.now))
    with pytest.raises(UnclaimedError, match="mine") as caught:
        run_for(world, 10)
    assert "ZeroDivisionError" in str(caught.value)
    assert seen == [3]  # it goes on nevertheless

    world = World(1)
    host = world.host("a")
    env = host.simpy()
    env.process(fail(env))
    world.expect_error(host, KeyError)
    run_for(world, 10)


def test_x7_it_ends_with_its_host_and_waits_while_that_is_paused() -> None:
    world = World(1)
    host = world.host("a")
    env = host.simpy()
    ticks: list[float] = []

    def tick() -> Process:
        while True:
            yield env.timeout(1)
            ticks.append(env.now)

    env.process(tick())

    async def control() -> None:
        await world.sleep(2.5)
        host.pause()
        await world.sleep(3)
        assert ticks == [1, 2]
        host.resume()
        await world.sleep(2)
        assert ticks == [1, 2, *map(pytest.approx, (5.5, 6.5, 7.5))]
        host.kill()
        with pytest.raises(HostDied):
            host.simpy()
        await world.sleep(10)

    world.run(control)
    assert len(ticks) == 5


def test_x7_a_long_model_is_not_taken_for_one_that_is_stuck() -> None:
    def tick(env: Any) -> Process:
        while True:
            yield env.timeout(0.001)

    world = World(1, patience=0.05)
    env = world.host("a").simpy()
    env.process(tick(env))
    run_for(world, 300)
    assert env.now == pytest.approx(300)


# --- X8: order -----------------------------------------------------------------------------------


def test_x8_inside_order_is_simpys_own() -> None:
    orders = set()
    for seed in range(10):
        world = World(seed)
        env = world.host("a").simpy()
        order: list[str] = []
        for name in "abcde":
            env.timeout(1, name).callbacks.append(lambda event, order=order: order.append(event.value))
        urgent: Any = env.event()
        urgent._ok, urgent._value = True, "!"
        urgent.callbacks.append(lambda event, order=order: order.append(event.value))
        env.schedule(urgent, 0, 1)
        run_for(world, 2)
        orders.add("".join(order))
    assert orders == {"!abcde"}


def test_x8_between_hosts_order_is_free() -> None:
    def act(env: Any, name: str, order: list[str]) -> Process:
        yield env.timeout(1)
        order.append(name)

    orders = set()
    for seed in range(20):
        world = World(seed)
        order: list[str] = []
        for name in "ab":
            env = world.host(name).simpy()
            env.process(act(env, name, order))
        run_for(world, 2)
        orders.add("".join(order))
    assert orders == {"ab", "ba"}


# --- X9: coroutines and events wait for each other -----------------------------------------------


async def answer(value: Any) -> Any:
    await asyncio.sleep(1)
    if isinstance(value, Exception):
        raise value
    return value


def test_x9_a_process_waits_for_a_coroutine() -> None:
    world = World(1)
    env = world.host("a").simpy()

    def process() -> Process:
        value = yield env.task(answer(7))
        with pytest.raises(KeyError, match="mine"):
            yield env.task(answer(KeyError("mine")))
        both = yield env.task(answer("a")) & env.timeout(3, "b")
        return value, [*both.values()]

    assert run_until(world, env, env.process(process())) == (7, ["a", "b"])
    assert world.now == pytest.approx(5, abs=1e-3)


def test_x9_interrupting_the_process_cancels_the_task() -> None:
    world = World(1)
    env = world.host("a").simpy()
    ended = []

    async def patient() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(env.now)

    def process() -> Process:
        try:
            yield env.task(patient())
        except plain.Interrupt as interrupt:
            yield env.timeout(0.5)
            return interrupt.cause

    waiting = env.process(process())
    env.timeout(2).callbacks.append(lambda _event: waiting.interrupt("enough"))
    assert run_until(world, env, waiting) == "enough"
    assert ended == [pytest.approx(2, abs=1e-3)]
    assert not asyncio.all_tasks(env.host.loop)


def test_x9_a_coroutine_waits_for_an_event_a_process_or_a_condition() -> None:
    world = World(1)
    host = world.host("a")
    env = host.simpy()

    def fail() -> Process:
        yield env.timeout(1)
        raise KeyError("taken")

    def value() -> Process:
        yield env.timeout(1)
        return "value"

    async def main() -> list[Any]:
        process = env.process(value())
        found = [await env.wait(env.timeout(1, "event")), await env.wait(process)]
        found += (await env.wait(env.timeout(1, "one") | env.timeout(9))).values()
        with pytest.raises(KeyError, match="taken"):
            await env.wait(env.process(fail()))
        found.append(await env.wait(process))  # over long ago
        return found

    async def control() -> Any:
        return await host.run(main).wait()

    assert world.run(control) == ["event", "value", "one", "value"]


def test_x9_cancelling_the_wait_leaves_nothing_with_the_event() -> None:
    world = World(1)
    host = world.host("a")
    env = host.simpy()
    event = env.timeout(100)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(env.wait(event), 1)
        assert event.callbacks == []

    async def control() -> None:
        await host.run(main).wait()

    world.run(control)


def test_x9_what_never_happens_is_a_deadlock() -> None:
    world = World(1)
    env = world.host("a").simpy()
    with pytest.raises(SimDeadlock):
        run_until(world, env, env.event())


# --- X10: sockets, channels and RPC in processes -------------------------------------------------


class Math:
    @expose
    def add(self, a: int, b: int) -> int:
        return a + b

    @expose
    async def slow(self, delay: float) -> str:
        await asyncio.sleep(delay)
        return "done"

    @expose
    def count(self, to: int) -> Any:
        yield from range(to)


class Model:
    """A service whose handlers are processes."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.machine = plain.Resource(env, capacity=1)

    @expose
    def work(self, duration: float) -> Process:
        with self.machine.request() as request:
            yield request
            yield self.env.timeout(duration)
        return self.env.now


async def serve(service: Any) -> None:
    async with aio.serve(service, "tcp://:5555"):
        await asyncio.Event().wait()


def meet(
    ask: Callable[[Any], Process], seed: int = 1, unit: float = 1.0, **options: Any
) -> tuple[Any, World]:
    """Have an asyncio program serve on one host, and a process ask on another."""
    world = World(seed, **options)
    server, client = world.hosts("server", "client")
    server.run(serve, Math())
    env = client.simpy(unit)
    return run_until(world, env, env.process(ask(env))), world


def ask(env: Any) -> Process:
    peer = yield simpy.connect(env, "tcp://server:5555", timeout=5)
    results = [(yield peer.remote.add(1, 2)), (yield peer.remote.slow(3))]
    stream = yield peer.remote.count(3)
    while (item := (yield stream.get(None))) is not None:
        results.append(item)
    late = yield peer.remote.slow(100) | env.timeout(1)
    results.append(len(late.todict()))
    yield peer.close()
    return results, env.now


def test_x10_a_process_calls_an_asyncio_program_on_another_host() -> None:
    (results, now), _ = meet(ask)
    assert results == [3, "done", 0, 1, 2, 1]
    assert 4 < now < 4.2


@pytest.mark.parametrize("seed", range(8))
def test_x10_chunks_and_seeds_change_times_and_nothing_else(seed: int) -> None:
    (results, now), _ = meet(ask, seed, chunking=0.7, latency=(0.001, 0.1))
    assert results == [3, "done", 0, 1, 2, 1]
    assert meet(ask, seed, chunking=0.7, latency=(0.001, 0.1))[0] == (results, now)


def test_x10_time_limits_of_calls_are_in_seconds_whatever_the_unit() -> None:
    def impatient(env: Any) -> Process:
        peer = yield simpy.connect(env, "tcp://server:5555", timeout=60, request_timeout=6.0)
        start = env.now
        with pytest.raises(TimeoutError):
            yield peer.remote.slow(1000)
        return env.now - start

    elapsed, _ = meet(impatient, unit=60)
    assert elapsed == pytest.approx(0.1, abs=0.02)  # six seconds, and how exactly they are counted


def test_x10_an_asyncio_program_calls_a_model_on_another_host() -> None:
    world = World(1)
    plant, office = world.hosts("plant", "office")
    env = plant.simpy()
    simpy.serve(env, Model(env), "tcp://:5555")

    async def orders() -> list[float]:
        async with aio.connect("tcp://plant:5555", timeout=5) as peer:
            return list(await asyncio.gather(*[peer.remote.work(10) for _ in range(3)]))

    async def control() -> Any:
        return await office.run(orders).wait()

    assert world.run(control) == [pytest.approx(10 * n, abs=0.1) for n in (1, 2, 3)]


def test_x10_a_host_that_dies_is_a_lost_connection_for_a_process() -> None:
    world = World(1)
    server, client = world.hosts("server", "client")
    server.run(serve, Math())
    env = client.simpy()

    def wait_in_vain() -> Process:
        peer = yield simpy.connect(env, "tcp://server:5555", timeout=5)
        try:
            yield peer.remote.slow(1000)
        except ConnectionLost:
            return env.now

    async def control() -> Any:
        process = env.process(wait_in_vain())
        await world.sleep(2)
        server.kill()
        await world.sleep(5)
        return process.value

    assert world.run(control) == pytest.approx(2, abs=0.01)


def test_x10_sockets_and_packets_of_models_on_two_hosts_talk() -> None:
    world = World(1, latency=0.5)
    one, other = (host.simpy() for host in world.hosts("one", "other"))

    def listen() -> Process:
        sock = yield simpy.TCPSocket.server(other, ("0.0.0.0", 80)).accept()
        packet = simpy.Packet(sock)
        question = yield packet.read()
        yield packet.write(question[::-1])
        with pytest.raises(ConnectionResetError):
            yield packet.read()
        return sock.address

    def talk() -> Process:
        with pytest.raises(ConnectionRefusedError):
            yield simpy.TCPSocket(one).connect(("other", 81))
        sock = simpy.TCPSocket.connection(one, ("other", 80))
        packet = simpy.Packet(sock)
        yield packet.write(b"question")
        answer = yield packet.read()
        assert sock.peer_address == (world.host("other").ip, 80)
        packet.close()
        return answer, one.now

    other.process(listen())
    answer, now = run_until(world, one, one.process(talk()))
    assert (answer, now) == (b"noitseuq", pytest.approx(3, abs=0.01))


def test_x10_closing_the_environment_closes_what_is_open_in_it() -> None:
    world = World(1)
    env = world.host("a").simpy()
    client = simpy.TCPSocket(env)
    server = simpy.TCPSocket.server(env, ("127.0.0.1", 80))
    accepting = server.accept()

    def close() -> Process:
        client.connect(server.address)
        yield accepting
        pending = client.read(1)
        env.close()
        with pytest.raises(OSError, match="Bad file"):
            yield pending
        return len(env.host.stack.endpoints)

    assert run_until(world, env, env.process(close())) == 0


# --- X11: speed ----------------------------------------------------------------------------------


def test_x11_events_in_a_row_need_no_event_of_the_world() -> None:
    def tick(env: Any) -> Process:
        for _ in range(5000):
            yield env.timeout(1)

    world = World(1)
    env = world.host("a").simpy()
    env.process(tick(env))
    run_for(world, 6000)
    assert env.now == pytest.approx(6000)
    assert world.kernel.events < 20


def test_x11_whoever_asks_among_events_in_a_row_sees_their_time() -> None:
    world = World(1, monotonic_start=0, epoch=0)
    host = world.host("a")
    env = host.simpy()
    seen: list[Any] = []

    def tick() -> Process:
        for number in range(1, 251):
            yield env.timeout(1)
            if number % 50 == 0:
                seen.append((number, env.now, world.now, time.time(), time.monotonic()))
            if number == 120:
                world.kernel.at(world.kernel.now + 500_000_000, lambda: seen.append(("later", world.now)))
            if number == 170:
                time.sleep(2.5)  # others get their turns meanwhile, and the clock goes on
                seen.append(("slept", world.now))
            if number == 220:
                host.run(fail)

    async def fail() -> None:
        seen.append(("a task", world.now))

    env.process(tick())
    run_for(world, 400)
    rest = {entry[0]: entry[1] for entry in seen if isinstance(entry[0], str)}
    assert rest == {"later": 120.5, "slept": 172.5, "a task": pytest.approx(221.5, abs=1e-4)}
    numbers = [entry for entry in seen if isinstance(entry[0], int)]
    assert [entry[1] for entry in numbers] == pytest.approx([50, 100, 150, 201.5, 251.5])
    for _, inside, *outside in numbers:
        assert outside == pytest.approx([inside] * 3)


@pytest.mark.parametrize("level", ["net", "turns", "all"])
def test_a_trace_of_all_has_the_turns_of_environments(level: Any) -> None:  # section 15
    async def scenario(world: World) -> None:
        env = world.host("a").simpy()
        env.process(wait(env))
        await world.sleep(1)  # which the environment has to wait for
        await world.sleep(2)

    def wait(env: Any) -> Any:
        yield env.timeout(2.5)

    trace = Trace(level)
    assert sim.run(scenario, trace=trace).error is None
    told = [event[-1] for event in trace.events if event[2] == "simpy"]
    assert told == (["events from 0 on", "events from 2.5 on"] if level == "all" else [])
