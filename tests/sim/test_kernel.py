"""Time, and decisions: what a world is made of."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import select
import socket
import threading
import time
from typing import Any

import pytest

from junto.sim import SimDeadlock, SimEscape, SimTimeout, World
from junto.sim.choices import Choices
from junto.sim.kernel import SECOND, Kernel


def kernel() -> Kernel:
    return Kernel(Choices(1))


def test_events_happen_in_the_order_of_their_times_and_of_their_making() -> None:  # T1
    seen: list[Any] = []
    world = kernel()
    for when, name in ((20, "c"), (10, "a"), (10, "b"), (30, "d")):
        world.at(when, lambda name=name: seen.append((world.now, name)))
    assert not world.run()
    assert seen == [(10, "a"), (10, "b"), (20, "c"), (30, "d")]


def test_time_stops_where_it_was_told_to() -> None:
    world = kernel()
    world.at(50, world.at, 150, print)
    assert world.run(100)
    assert world.now == 100
    assert world.next_event_time() == 150


def test_nothing_that_can_happen_any_more_is_told_with_what_each_task_waits_for() -> None:  # T2
    world = World(1)
    host = world.host("n1")
    host.pause()

    async def inner() -> None:
        await asyncio.Event().wait()

    async def wait_for_ever() -> None:
        await inner()

    host.run(wait_for_ever)
    world.host("n2").kill()

    async def control() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(SimDeadlock) as caught:
        world.run(control)
    first, second, third = caught.value.waiting
    assert first.startswith("world: Task-1 waits in ")
    assert ".control, " in first
    assert second.startswith("n1 (paused): Task-1 ")
    assert third == "n2 is down"

    with pytest.raises(SimDeadlock, match=r"n1: Task-1 waits in .*inner, .*, for Event\.wait"):
        world = World(1)
        world.host("n1").run(wait_for_ever)
        world.run(control)


def test_virtual_time_can_be_limited() -> None:  # T3
    world = World(1)
    with pytest.raises(SimTimeout, match=r"5 virtual seconds\n    world: Task-1 waits in World\.sleep"):
        world.run(world.sleep, 100, timeout=5)
    assert world.now == 5


def test_waiting_takes_no_real_time() -> None:
    before = time.monotonic()
    world = World(1)
    world.run(world.sleep, 10 * 365 * 86_400)
    assert time.monotonic() - before < 1


@pytest.mark.parametrize("seed", [1, 2])
def test_clocks_of_a_host_agree_and_start_where_they_should(seed: int) -> None:  # T4, T5
    world = World(seed)
    one, other = world.hosts("one", "other")

    async def read() -> tuple[float, ...]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1)
        return loop.time(), time.monotonic(), time.perf_counter(), time.monotonic_ns() / SECOND, time.time()

    async def control() -> list[tuple[float, ...]]:
        return [await program.wait() for program in [one.run(read), other.run(read)]]

    for clocks in (first := world.run(control)):
        assert max(clocks[:4]) - min(clocks[:4]) < 1e-6
        assert clocks[0] > 900
        assert clocks[4] == pytest.approx(1_800_000_001, abs=0.001)
    assert abs(first[0][0] - first[1][0]) > 1
    zero = World(seed, monotonic_start=0, epoch=5)
    assert (zero.host("n").monotonic_ns(), zero.host("n").time_ns()) == (0, 5 * SECOND)


def test_a_clock_that_runs_fast_makes_waits_short_for_the_world_and_right_for_its_host() -> None:  # T6
    world = World(1)
    host = world.host("n1")
    host.drift(2)

    async def sleep() -> float:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(10)
        return loop.time() - before

    async def control() -> float:
        result: float = await host.run(sleep).wait()
        return result

    assert world.run(control) == pytest.approx(10, abs=0.001)
    assert world.now == pytest.approx(5, abs=0.001)
    before = host.time_ns()
    host.skew(-3)
    assert host.time_ns() == before - 3 * SECOND


def test_a_loop_that_polls_a_clock_ends_because_callbacks_cost_time() -> None:  # T7
    world = World(1)
    host = world.host("n1")
    turns: list[int] = []

    async def poll() -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.001
        while loop.time() < end:
            turns.append(1)
            await asyncio.sleep(0)

    async def control() -> None:
        await host.run(poll).wait()

    world.run(control)
    assert 300 < len(turns) < 1100
    assert world.now == pytest.approx(0.001, abs=0.0001)


def test_a_slow_host_takes_longer_and_others_go_on() -> None:  # T7, H7
    world = World(1)
    slow, fast = world.hosts("slow", "fast")
    slow.slow(1000)

    async def work(log: list[float]) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        log.append(world.now)

    slow_log: list[float] = []
    fast_log: list[float] = []
    slow.run(work, slow_log)
    fast.run(work, fast_log)
    world.run(world.sleep, 1)
    assert slow_log[0] > 100 * fast_log[0]


@pytest.mark.parametrize("seed", range(5))
def test_no_timer_fires_before_its_time_on_its_own_host(seed: int) -> None:  # T8
    world = World(seed)
    host = world.host("n1")
    host.drift(1.37)
    early: list[float] = []

    async def wait() -> None:
        loop = asyncio.get_running_loop()
        for number in range(100):
            due = loop.time() + number * 0.0137
            future = loop.create_future()
            loop.call_at(due, future.set_result, None)
            await future
            early.append(loop.time() - due)

    host.run(wait)
    world.run(world.sleep, 100)
    assert len(early) == 100
    assert min(early) >= 0


def test_a_choice_depends_on_its_own_kind_thing_and_number_only() -> None:  # R2
    def draws(other: bool) -> list[float]:
        choices = Choices(7)
        found = []
        for _ in range(5):
            found.append(choices.stream("latency", "a>b").random())
            if other:
                choices.stream("latency", "a>c").random()
                choices.stream("loss", "a>b").random()
        return found

    assert draws(True) == draws(False)
    assert Choices(8).stream("latency", "a>b").random() != draws(False)[0]


def test_neutral_decisions_are_the_middle_and_the_first() -> None:  # P3
    choices = Choices(1, [("latency", "a>b"), ("tie", "*")])
    stream = choices.stream("latency", "a>b")
    assert (stream.random(), stream.uniform(1, 3), stream.below(9)) == (0.5, 2, 0)
    assert choices.stream("tie", "world").below(5) == 0
    assert choices.stream("latency", "b>a").random() != 0.5
    assert choices.used() == (("latency", "a>b"), ("tie", "world"), ("latency", "b>a"))


def test_decisions_that_are_neutral_for_a_time_leave_those_after_it_as_they_were() -> None:  # P2
    now = [0]
    free = Choices(1).stream("latency", "a>b")
    bound = Choices(1, [("latency", "*", 10, 20), ("latency", "a>b", 15, 30)], lambda: now[0]).stream(
        "latency", "a>b"
    )
    for now[0] in range(0, 40, 5):
        usual = free.random()
        assert bound.random() == (0.5 if 10 <= now[0] < 30 else usual)
    now[0] = 10
    free.below(5)
    assert bound.below(5) == 0


def test_hosts_that_are_due_at_once_run_in_an_order_that_the_seed_decides() -> None:
    def order(seed: int, **options: Any) -> str:
        world = World(seed, **options)
        log: list[str] = []

        async def write(name: str) -> None:
            log.append(name)

        for host in world.hosts("a", "b", "c"):
            host.run(write, host.name)
        world.run(world.sleep, 1)
        return "".join(log)

    assert len({order(seed) for seed in range(100)}) == 6
    assert order(3) == order(3)
    assert {order(seed, neutral=[("tie", "*")]) for seed in range(5)} == {"abc"}


def order_at_once(seed: int, *names: str, **options: Any) -> str:
    """Tell in which order hosts, made in the order of their names, have three turns at the same time."""
    world = World(seed, monotonic_start=0, **options)
    log: list[str] = []

    async def write(name: str) -> None:
        for _ in range(3):
            log.append(name)
            await asyncio.sleep(1)

    hosts = [world.host(name) for name in names]
    for host in reversed(hosts):
        host.callback_cost = 0  # what callbacks cost would part them
        host.run(write, host.name)
    world.run(world.sleep, 10)
    return "".join(log)


def test_one_more_host_does_not_change_the_order_of_others() -> None:  # R2
    for seed in range(50):
        alone, with_another = order_at_once(seed, *"abc"), order_at_once(seed, *"dabc")
        assert with_another.replace("d", "") == alone
        assert len(alone) == 9


def test_threads_that_are_due_at_once_run_in_an_order_that_others_do_not_change() -> None:  # R2, X1
    def order(seed: int, other: bool) -> str:
        world = World(seed)
        log: list[str] = []

        def work(name: str) -> None:
            for _ in range(3):
                time.sleep(1)
                log.append(name)

        async def start() -> None:
            asyncio.get_running_loop().run_in_executor(None, time.sleep, 5)  # so that each has its thread
            for name in "abc":
                threading.Thread(target=work, args=(name,)).start()

        host = world.host("n1")
        host.callback_cost = 0
        if other:
            world.host("n0").run(asyncio.to_thread, work, "")
        host.run(start)
        world.run(world.sleep, 10)
        return "".join(log)

    orders = [order(seed, False) for seed in range(20)]
    assert orders == [order(seed, True) for seed in range(20)]
    assert len(set(orders)) > 10


def test_without_decisions_hosts_run_in_the_order_of_their_making() -> None:  # P3
    assert order_at_once(1, *"abc", neutral=[("tie", "*")]) == "abcabcabc"
    late = [order_at_once(seed, *"abc", neutral=[("tie", "*", SECOND, 10**19)]) for seed in range(10)]
    assert len({order[:3] for order in late}) > 2
    assert {order[3:] for order in late} == {"abcabc"}


def test_a_loop_of_a_host_cannot_be_run_by_hand() -> None:
    world = World(1)
    with pytest.raises(SimEscape, match=r"host\.run\(\)"):
        world.host("n1").loop.run_forever()


async def slept(world: World, wait: Any) -> tuple[float, float]:
    """Tell how long something takes in the world, and on the host's own clock."""
    begin, before = world.now, time.monotonic()
    waiting = wait()
    if waiting is not None and not isinstance(waiting, bool):
        await waiting
    return round(world.now - begin, 3), round(time.monotonic() - before, 3)


async def timed_out(duration: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(duration):
            await asyncio.Event().wait()


def select_nothing() -> None:
    select.select([], [], [], 10)


def get_from_a_queue() -> None:
    with contextlib.suppress(queue.Empty):
        queue.Queue[int]().get(timeout=10)


def join_a_thread() -> None:
    thread = threading.Thread(target=lambda: time.sleep(1000))
    thread.start()
    thread.join(10)


def receive_nothing() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock, contextlib.suppress(TimeoutError):
        sock.settimeout(10)
        sock.recv(1)


BLOCKING = {
    "sleep": lambda: time.sleep(10),
    "event": lambda: threading.Event().wait(10),
    "queue": get_from_a_queue,
    "join": join_a_thread,
    "socket": receive_nothing,
    "select": select_nothing,
    "loop": lambda: asyncio.run(asyncio.sleep(10)),
}
WAITS: dict[str, Any] = {
    "asyncio.sleep": lambda: asyncio.sleep(10),
    "asyncio.timeout": lambda: timed_out(10),
    "sleep on the loop": lambda: time.sleep(10),
    **{f"{name} in a thread": lambda call=call: asyncio.to_thread(call) for name, call in BLOCKING.items()},
}


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.parametrize(
    ("first", "then", "takes"), [(2, 2, 5), (0.5, 0.5, 20), (1, 2, 7.5), (1, 0.5, 15), (4, 1, 2.5)]
)
def test_whatever_waits_waits_by_the_clock_of_its_host(
    wait: str, first: float, then: float, takes: float
) -> None:  # T6, T8
    async def control(world: World) -> Any:
        host = world.host("n1")
        host.drift(first)
        program = host.run(slept, world, WAITS[wait])
        await world.sleep(5)
        host.drift(then)
        host.skew(-1000)  # the wall clock is nobody's business here
        return await program.wait()

    world = World(1)
    assert world.run(control, world) == pytest.approx((takes, 10), abs=0.002)


@pytest.mark.parametrize("seed", range(5))
def test_time_never_goes_back_whatever_befalls_clocks(seed: int) -> None:  # T1
    seen: list[int] = []

    async def work() -> None:
        for number in range(30):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(time.sleep, 0.01 * number)

    async def control(world: World) -> None:
        for host in world.hosts("a", "b"):
            host.run(work)
        world.always("seen", lambda: seen.append(world.kernel.now) or True)
        world.swarm(10, swarm=False, crash=False)
        await world.sleep(12)

    world = World(seed)
    world.run(control, world)
    assert seen == sorted(seen)
    assert all(type(moment) is int for moment in seen)


def test_a_deadlock_tells_what_each_thread_waits_for() -> None:  # T2
    async def hang() -> None:
        threading.Thread(target=threading.Event().wait, name="worker").start()
        await asyncio.to_thread(queue.Queue[int]().get)

    async def control(world: World) -> None:
        world.host("n1").run(hang)
        await asyncio.Event().wait()

    world = World(1)
    with pytest.raises(SimDeadlock) as caught:
        world.run(control, world)
    text = str(caught.value)
    assert "n1: thread worker waits for a lock" in text
    assert "n1: thread asyncio_0 waits for a lock" in text
    assert "n1: Task-1 waits in " in text


def test_a_host_with_a_faster_cpu_does_more_in_the_same_time() -> None:  # T7, H1
    def turns(cpu: float) -> int:
        world = World(1)
        count = 0

        async def poll() -> None:
            nonlocal count
            while True:
                count += 1
                await asyncio.sleep(0)

        world.host("n1", cpu=cpu).run(poll)
        world.run(world.sleep, 0.01)
        return count

    assert 3500 < turns(1) < 7000
    assert turns(4) == pytest.approx(4 * turns(1), rel=0.05)


def test_timers_and_input_of_a_busy_host_wait_and_input_comes_first() -> None:  # T7, E2, trap 4
    log: list[tuple[str, float]] = []

    async def listen(world: World) -> None:
        class Note(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                log.append((data.decode(), round(world.now, 2)))

        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(Note, local_addr=("0.0.0.0", 9))
        loop.call_later(1, lambda: log.append(("early timer", round(world.now, 2))))
        loop.call_later(0.5, time.sleep, 2)
        loop.call_later(2, lambda: log.append(("late timer", round(world.now, 2))))
        loop.call_later(2.7, lambda: log.append(("timer after", round(world.now, 2))))

    async def talk(world: World) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            await asyncio.sleep(1.5)
            sock.sendto(b"input", ("10.0.0.1", 9))
            log.append(("sent", round(world.now, 2)))

    async def control(world: World) -> None:
        world.host("n1").run(listen, world)
        world.host("n2").run(talk, world)
        await world.sleep(5)

    world = World(1)
    world.run(control, world)
    assert log == [
        ("sent", 1.5),
        ("input", 2.5),
        ("early timer", 2.5),
        ("late timer", 2.5),
        ("timer after", 2.7),
    ]
