"""Links between simulated hosts: what they do to packets, and that each decides for itself."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Any

import pytest

from junto.sim import Host, World
from junto.sim.network import Conditions, fixed, lognormal, pareto, uniform

from .net_scenarios import Recorder, run_world


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data, addr)


async def serve() -> None:
    await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=("0.0.0.0", 9))


def latencies(seed: int, change: Any, *names: str, count: int = 300, neutral: Any = ()) -> list[float]:
    """Measure the latencies from a to b."""
    world = World(seed, neutral=neutral)
    hosts = world.hosts("a", "b", *names)
    world.net.link("b", "a").change(latency=0)
    change(world)

    async def measure() -> list[float]:
        loop = asyncio.get_running_loop()
        times: list[float] = []

        class Note(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                times.append(loop.time() - float(data))

        transport, _ = await loop.create_datagram_endpoint(Note, remote_addr=("b", 9))
        for _ in range(count):
            transport.sendto(repr(loop.time()).encode())
            await asyncio.sleep(0.001)
        await asyncio.sleep(5)
        transport.close()
        return times

    async def main() -> list[float]:
        for host in hosts[1:]:
            await host.run(serve).wait()
        programs = [host.run(measure) for host in hosts if host.name != "b"]
        result: list[float] = await programs[0].wait()
        for program in programs[1:]:
            await program.wait()
        return result

    return world.run(main)


@pytest.mark.parametrize(
    ("latency", "low", "middle", "high"),
    [
        (0.1, 0.1, 0.1, 0.1001),
        (fixed(0.1), 0.1, 0.1, 0.1001),
        ((0.1, 0.3), 0.1, 0.2, 0.3001),
        (uniform(0.1, 0.3), 0.1, 0.2, 0.3001),
        (lognormal(0.1, 0.5), 0.01, 0.1, 2.0),
        (pareto(0.1, 2.0), 0.1, 0.141, 4.0),
        (lambda draw: 0.1 if draw < 0.9 else 0.9, 0.1, 0.1, 0.9001),
    ],
    ids=["seconds", "fixed", "pair", "uniform", "lognormal", "pareto", "function"],
)
def test_latency_follows_its_distribution(latency: Any, low: float, middle: float, high: float) -> None:  # S8
    times = latencies(1, lambda world: world.net.link("a", "b").change(latency=latency))
    assert low <= min(times)
    assert max(times) <= high
    assert median(times) == pytest.approx(middle, rel=0.15)


def test_a_neutral_link_takes_its_median() -> None:  # P3
    for latency in ((0.1, 0.3), lognormal(0.2, 0.5), pareto(0.1, 1.0)):
        times = latencies(
            1,
            lambda world, latency=latency: world.net.link("a", "b").change(latency=latency),
            neutral=[("net.latency", "a>b")],
        )
        assert max(times) - min(times) < 0.001
        assert median(times) == pytest.approx(0.2, rel=0.01)


def test_a_latency_that_makes_no_sense_is_refused() -> None:  # S8
    with pytest.raises(ValueError, match="at least 0"):
        World(1).net.change(latency=(0.3, 0.1))


def test_a_host_that_talks_to_others_shifts_no_decision_of_a_link() -> None:  # R2
    def quiet(world: World) -> None:
        world.net.change(latency=(0.01, 0.02))

    def noisy(world: World) -> None:
        quiet(world)
        world.net.link("c", "b").change(loss=0.5)

    def arrivals(change: Any, *names: str) -> Any:
        world = World(3, trace=Recorder())
        latencies_of: list[int] = []
        hosts = world.hosts("a", "b", *names)
        change(world)
        link = world.net.link("a", "b")
        draw = link.draw

        def note() -> float:
            value = draw()
            latencies_of.append(int(value * 1e9))
            return value

        link.draw = note

        async def talk() -> None:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=("b", 9)
            )
            for _ in range(50):
                transport.sendto(b"x")
                await asyncio.sleep(0.001)
            transport.close()

        async def main() -> None:
            await hosts[1].run(serve).wait()
            programs = [host.run(talk) for host in hosts if host.name != "b"]
            for program in programs:
                await program.wait()

        world.run(main)
        return latencies_of

    assert arrivals(quiet) == arrivals(noisy, "c")


def test_a_partition_of_sets_leaves_bridges_and_the_others_alone() -> None:  # S7, faults
    async def scenario(world: World, a: Host, b: Host, c: Host) -> Any:
        def open_links() -> str:
            pairs = [(x, y) for x in (a, b, c) for y in (a, b, c) if x is not y]
            return " ".join(f"{x.name}{y.name}" for x, y in pairs if not world.net.link(x, y).blocked)

        seen = [open_links()]
        first = world.net.partition({"a"}, {"b"})
        seen.append(open_links())
        second = world.net.partition("b", one_way=True)
        first.heal()
        seen.append(open_links())
        world.net.link("a", "c").block()
        second.heal()
        seen.append(open_links())
        world.net.link("a", "c").unblock()
        world.net.partition({"a", "b"}, {"c"})
        seen.append(open_links())
        world.net.heal()
        seen.append(open_links())
        return seen

    everything = "ab ac ba bc ca cb"
    assert run_world(scenario, "a", "b", "c") == [
        everything,
        "ac bc ca cb",
        "ab ac ca cb",
        "ab ba bc ca cb",
        "ab ba",
        everything,
    ]


def test_a_partition_holds_for_links_that_are_used_later() -> None:  # S7
    world = World(1)
    a, b = world.hosts("a", "b")
    world.net.partition(a)
    c = world.host("c")
    assert world.net.link(a, c).blocked
    assert not world.net.link(b, c).blocked


def test_conditions_change_for_all_links_and_are_taken_back() -> None:  # S8
    world = World(1, latency=0.01)
    world.hosts("a", "b", "c")
    link = world.net.link("a", "b")
    before = link.conditions
    assert before == Conditions(latency=0.01)
    world.net.change(loss=0.5)
    assert link.conditions.loss == world.net.link("a", "c").conditions.loss == 0.5
    link.conditions = before
    assert link.conditions.loss == 0


def test_coincidence_draws_arrivals_and_timers_into_one_turn() -> None:  # E3
    def turns_with_both(coincidence: float, seed: int) -> tuple[int, list[float]]:
        world = World(seed, coincidence=coincidence, latency=(0.001, 0.003))
        a, b = world.hosts("a", "b")
        last: list[float] = []
        both = 0

        class Note(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                last.append(asyncio.get_running_loop().time())

        async def listen() -> None:
            nonlocal both
            loop = asyncio.get_running_loop()
            await loop.create_datagram_endpoint(Note, local_addr=("0.0.0.0", 9))
            for _ in range(1000):
                await asyncio.sleep(0.001)
                both += bool(last) and loop.time() - last[-1] < 0.00002

        async def talk() -> None:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=("b", 9)
            )
            for _ in range(200):
                transport.sendto(b"x")
                await asyncio.sleep(0.005)
            transport.close()

        async def main() -> None:
            program = b.run(listen)
            await a.run(talk).wait()
            await program.wait()

        world.run(main)
        return both, last

    apart, _ = turns_with_both(0.0, 1)
    together, times = turns_with_both(1.0, 1)
    assert apart < 20
    assert together > 150
    assert (together, times) == turns_with_both(1.0, 1)
    assert len({turns_with_both(0.5, seed)[0] > 100 for seed in range(8)}) == 2
